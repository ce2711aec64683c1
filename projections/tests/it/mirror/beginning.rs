//! How a mirror begins, with a log that is there already.

use projections::firestore::{self, MirrorError};
use testing::FirestoreDouble;

use super::{assert_sound, check, count, number, settled, start};
use crate::world::World;

#[tokio::test]
async fn what_is_there_already_is_mirrored_without_the_log() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send(chat, alice, "before").await;
    world.project().await;
    assert_eq!(count(&world, "SELECT count(*) FROM firestore_documents").await, 0);
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    assert_eq!(number(&double, &format!("chats/{chat}"), "total_messages_count"), 1);
    world.send(chat, bob, "after").await;
    settled(&mut world).await;
    assert_eq!(number(&double, &format!("chats/{chat}"), "total_messages_count"), 2);
    assert_eq!(double.paths().len(), 6);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn without_a_mirror_nothing_is_marked_and_nothing_to_compare() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.open(alice, bob).await;
    world.project().await;
    assert_eq!(count(&world, "SELECT count(*) FROM firestore_documents").await, 0);
    let status = projections::status::status(&world.app()).await.expect("a status");
    assert_eq!(status.mirror, None);
    assert!(status.subscribers.iter().all(|it| it.name != "firestore"));
    let double = FirestoreDouble::start().await;
    let app = world.app();
    let checked = firestore::check(&app, super::settings(double.host()), |_| {}).await;
    assert!(matches!(checked, Err(MirrorError::NeverOn)), "{checked:?}");
    // What is there is somebody else's.
    double.plant("users/theirs", std::collections::HashMap::new());
    let holder = eventlog::Ids::random().next();
    let repaired = firestore::repair(&app, super::settings(double.host()), holder, |_| {}).await;
    assert!(matches!(repaired, Err(MirrorError::NeverOn)), "{repaired:?}");
    assert_eq!(double.paths(), ["users/theirs"]);
}

#[tokio::test]
async fn a_mirror_stops_before_an_event_of_a_newer_version() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let alice = world.register("alice").await;
    settled(&mut world).await;
    let head = world.head().await;
    world.plant_version("account", &alice.to_string(), "registered", "2", "{}").await;
    world.register("bob").await;
    world.head().await;
    super::until("it reads up to there", async || {
        eventlog::read::checkpoint(&world.db, "firestore").await.ok() == Some(head)
    })
    .await;
    let status = projections::status::status(&world.db).await.expect("a status");
    let mirrored = status.subscribers.iter().find(|it| it.name == "firestore").expect("there");
    assert_eq!(mirrored.position, head.0);
    assert!(mirrored.stopped.as_deref().is_some_and(|it| it.contains("version 2")));
    let checked = check(&world, double.host()).await;
    assert_eq!((checked.differences, checked.pending), (vec![], 0));
    mirror.stop().await;
}
