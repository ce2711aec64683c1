//! One step of a projector: all of a run, or nothing.

use projections::ReadModel;
use projections::runner::{Failure, Outcome, Projector};
use sqlx::Acquire;

use crate::world::World;

async fn two_talk(world: &mut World) {
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let chat = world.open(alice, bob).await;
    for text in ["one", "two", "three"] {
        world.send(chat, alice, text).await;
    }
}

fn applied(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Applied { position, .. } => position.0,
        Outcome::Elsewhere(position) => panic!("nothing was applied at {position}"),
    }
}

#[tokio::test]
async fn a_redelivered_run_is_applied_once() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    let events = world.events(0, 100).await;
    for model in ReadModel::ALL {
        assert_eq!(applied(world.apply(model, &events).await), 6);
    }
    let once = world.all_rows().await;
    for model in ReadModel::ALL {
        let again = world.apply(model, &events).await;
        assert!(matches!(again, Outcome::Elsewhere(position) if position.0 == 6));
    }
    assert_eq!(world.all_rows().await, once);
    assert_eq!(once.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 3, 0, 0, 0]);
    world.check().await;
}

#[tokio::test]
async fn what_was_applied_before_is_dropped_from_a_run() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    let events = world.events(0, 100).await;
    for model in ReadModel::ALL {
        assert_eq!(applied(world.apply(model, &events[..4]).await), 4);
        assert_eq!(applied(world.apply(model, &events[2..]).await), 6);
    }
    world.check().await;
}

#[tokio::test]
async fn a_hole_moves_nothing() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    let events = world.events(0, 100).await;
    for model in ReadModel::ALL {
        applied(world.apply(model, &events[..2]).await);
        let before = world.rows(model).await;
        let hole = world.apply(model, &events[3..]).await;
        assert!(matches!(hole, Outcome::Elsewhere(position) if position.0 == 2));
        assert_eq!(world.rows(model).await, before);
        assert_eq!(world.checkpoint(model).await, 2);
    }
}

#[tokio::test]
async fn a_run_ends_at_a_hole_within_it() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    let mut events = world.events(0, 100).await;
    events.remove(4);
    for model in ReadModel::ALL {
        assert_eq!(applied(world.apply(model, &events).await), 4);
    }
    world.check().await;
}

#[tokio::test]
async fn a_projector_whose_checkpoint_was_moved_meanwhile_writes_nothing() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    let events = world.events(0, 100).await;
    // Another process has the checkpoint locked, and has applied everything.
    let mut connection = world.db.acquire().await.expect("a connection");
    let mut other = connection.begin().await.expect("a transaction");
    Projector::of(ReadModel::Messages).apply(&mut other, &events).await.expect("it applies");
    let db = world.db.clone();
    let stale = tokio::spawn(async move {
        let mut connection = db.acquire().await.expect("a connection");
        Projector::of(ReadModel::Messages).apply(&mut connection, &events).await
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&world.db).await.expect("a count") == 0 {}
    other.commit().await.expect("committed");
    let stale = stale.await.expect("it ends");
    assert!(matches!(stale, Ok(Outcome::Elsewhere(position)) if position.0 == 6), "{stale:?}");
    assert_eq!(world.rows(ReadModel::Messages).await.len(), 3);
}

#[tokio::test]
async fn a_checkpoint_that_slips_away_takes_the_transaction_with_it() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    world.create_checkpoints().await;
    // A trigger stands for whoever moves the checkpoint between lock and write.
    world
        .execute(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        )
        .await;
    world
        .execute(
            "CREATE TRIGGER lose BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION lose()",
        )
        .await;
    let events = world.events(0, 100).await;
    let mut connection = world.db.acquire().await.expect("a connection");
    let lost = Projector::of(ReadModel::Messages).apply(&mut connection, &events).await;
    assert!(matches!(lost, Err(Failure::Moved(position)) if position.0 == 0), "{lost:?}");
    assert_eq!(world.rows(ReadModel::Messages).await, Vec::<String>::new());
    assert_eq!(world.checkpoint(ReadModel::Messages).await, 0);
}

#[tokio::test]
async fn a_run_from_memory_goes_on_where_the_last_one_ended() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    let events = world.events(0, 100).await;
    let mut db = world.db.acquire().await.expect("a connection");
    for model in ReadModel::ALL {
        let projector = Projector::of(model);
        let mut standing = projector.look(&mut db).await.expect("a checkpoint");
        for (taken, end) in (1..=6).zip(1_i64..) {
            let outcome = projector.apply_from(&mut db, &mut standing, &events[..taken]).await;
            assert_eq!(applied(outcome.expect("it applies")), end);
            assert_eq!(world.checkpoint(model).await, standing.position().0);
            assert_eq!(standing.is_ahead(), standing.position().0 < end);
        }
        projector.save(&mut db, &mut standing).await.expect("a checkpoint");
        assert_eq!(world.checkpoint(model).await, 6);
        let again = projector.apply_from(&mut db, &mut standing, &events).await;
        assert!(matches!(again, Ok(Outcome::Elsewhere(position)) if position.0 == 6), "{again:?}");
    }
    world.check().await;
}

#[tokio::test]
async fn whoever_remembers_an_earlier_checkpoint_writes_nothing() {
    let mut world = World::create().await;
    two_talk(&mut world).await;
    let events = world.events(0, 100).await;
    let mut db = world.db.acquire().await.expect("a connection");
    for model in ReadModel::ALL {
        let projector = Projector::of(model);
        let mut zombie = projector.look(&mut db).await.expect("a checkpoint");
        assert_eq!(applied(world.apply(model, &events[..5]).await), 5);
        let rows = world.rows(model).await;
        for run in [&events[..1], &events[..5], &events] {
            let late = match projector.apply_from(&mut db, &mut zombie, run).await {
                Ok(_) => projector.save(&mut db, &mut zombie).await, // nothing to write
                Err(late) => Err(late),
            };
            assert!(matches!(late, Err(Failure::Moved(position)) if position.0 == 0), "{late:?}");
        }
        assert_eq!(world.rows(model).await, rows);
        assert_eq!(world.checkpoint(model).await, 5);
    }
}
