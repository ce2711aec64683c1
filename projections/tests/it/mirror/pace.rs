//! How often a document is written, and how many at once.

use std::time::{Duration, Instant};

use testing::FirestoreDouble;
use tokio::time::{sleep, timeout};

use super::presence::come;
use super::{PATIENCE, assert_sound, number, seen, settled, start, start_on, until};
use crate::world::World;

#[tokio::test]
async fn many_changes_are_one_write_a_second_and_a_lone_one_goes_at_once() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let path = format!("chats/{chat}");
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    sleep(Duration::from_millis(1_100)).await; // the document has rested
    let before = double.writes(&path).len();

    let begun = Instant::now();
    world.send(chat, alice, "a lone one").await;
    until("it is written", async || double.writes(&path).len() > before).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");

    let mut sent = 1;
    while begun.elapsed() < Duration::from_secs(4) {
        for _ in 0..10 {
            world.send(chat, alice, "one of many").await;
            sent += 1;
        }
        sleep(Duration::from_millis(20)).await;
    }
    settled(&mut world).await;
    let writes = double.writes(&path).split_off(before);
    assert!(sent > 100, "{sent} is no load");
    assert!((4..=7).contains(&writes.len()), "{} writes of {sent} changes", writes.len());
    for pair in writes.windows(2) {
        let [one, next] = pair else { continue };
        // Measured where they arrive: a write may take some milliseconds longer than the one before.
        assert!(*next - *one >= Duration::from_millis(900), "{:?}", *next - *one);
    }
    assert_eq!(number(&double, &path, "total_messages_count"), sent);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn documents_go_twenty_at_a_time_and_not_at_all_when_they_say_the_same() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mut people = vec![];
    for number in 0..100 {
        people.push(world.register(&format!("person{number}")).await);
    }
    world.project().await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    assert_eq!(double.all_writes(), 200, "a name, and what is unread, of each");
    assert!((10..=14).contains(&double.commits()), "{} commits", double.commits());
    for person in &people {
        world.rename(*person, "Somebody Else").await; // which is no part of any document
    }
    settled(&mut world).await;
    assert_eq!(double.all_writes(), 200);
    mirror.stop().await;
}

/// Of calls there are more than connections, and Firestore answers all of them at once: none may hold a
/// connection and stand still, while somebody waits for one.
#[tokio::test]
async fn a_backlog_is_written_without_a_stop() {
    const PEOPLE: usize = 300;
    const CALLS: usize = 10;
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    for number in 0..PEOPLE {
        world.register(&format!("person{number}")).await;
    }
    world.project().await;
    let calls: Vec<_> = (0..CALLS).map(|_| double.hold()).collect();
    let mirror = start(&world, double.host());
    for (held, _) in &calls {
        timeout(PATIENCE, held.notified()).await.expect("a call");
    }
    for (_, go_on) in &calls {
        go_on.notify_one();
    }
    let (mut written, mut since, mut longest) = (0, Instant::now(), Duration::ZERO);
    while written < 2 * PEOPLE {
        longest = longest.max(since.elapsed());
        assert!(longest < Duration::from_millis(2_500), "nothing since {written} documents");
        if double.all_writes() > written {
            (written, since) = (double.all_writes(), Instant::now());
        }
        sleep(Duration::from_millis(10)).await;
    }
    settled(&mut world).await;
    mirror.stop().await;
}

#[tokio::test]
async fn documents_need_no_connection_that_people_are_served_with() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let alice = world.register("alice").await;
    let db = world.app();
    let mirror = start_on(&world, db.clone(), double.host(), uuid::Uuid::from_u128(1));
    settled(&mut world).await;
    let mut taken = vec![];
    while taken.len() < db.options().get_max_connections() as usize {
        taken.push(db.acquire().await.expect("a connection"));
    }
    come(&world, alice, true).await;
    until("it is written", async || seen(&double, &format!("presence/{alice}")).is_some()).await;
    drop(taken);
    mirror.stop().await;
}
