//! Reading one's own writes.

use std::time::Duration;

use eventlog::Position;
use projections::{ReadModel, Reads, ReadsError};
use tokio::time::Instant;

use crate::world::World;

#[tokio::test]
async fn a_read_waits_for_the_position_it_is_told_to_reflect() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let running = world.start();
    for number in 0..20 {
        world.rename(alice, &format!("Alice {number}")).await;
        let head = world.head().await;
        let reached =
            running.reads.wait(Some(head), &[ReadModel::Accounts]).await.expect("in time");
        assert!(reached >= head);
        let seen = projections::accounts::by_id(&world.db, alice).await.expect("a row");
        assert_eq!(seen.and_then(|it| it.display_name), Some(format!("Alice {number}")));
    }
    running.stop().await;
}

#[tokio::test]
async fn another_process_finds_the_progress_by_the_checkpoints() {
    let mut world = World::create().await;
    let elsewhere = Reads::new(world.app(), World::bus());
    let reached = elsewhere.wait(None, &ReadModel::ALL).await.expect("at once");
    assert_eq!(reached, Position::START, "nothing ever ran");
    world.register("alice").await;
    let head = world.head().await;
    let waiting = tokio::spawn({
        let elsewhere = elsewhere.clone();
        async move { elsewhere.wait(Some(head), &ReadModel::ALL).await }
    });
    world.project().await;
    assert_eq!(waiting.await.expect("it ends").expect("in time"), head);
    assert_eq!(elsewhere.wait(None, &[]).await.expect("at once"), Position::START);
}

#[tokio::test]
async fn a_read_model_that_does_not_come_in_time_is_never_silently_stale() {
    let mut world = World::create().await;
    world.register("alice").await;
    world.project().await;
    let head = world.head().await;
    let reads = Reads::new(world.app(), World::bus());
    let wanted = Position(head.0 + 1);
    let began = Instant::now();
    match reads.wait(Some(wanted), &[ReadModel::Chats]).await {
        Err(ReadsError::Behind { wanted: said, reached }) => {
            assert_eq!((said, reached), (wanted, head));
        }
        other => panic!("{other:?}"),
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
}
