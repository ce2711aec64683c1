//! Presence: a table and no event.

use domain::AccountId;
use serde_json::json;
use testing::{FirestoreCode, FirestoreDouble};

use super::{assert_sound, count, seen, start, until};
use crate::world::World;

const PARKED: &str = "SELECT count(*) FROM firestore_documents WHERE parked_at IS NOT NULL";

pub async fn come(world: &World, account: AccountId, online: bool) {
    let upsert = format!(
        "INSERT INTO presence (account_id, online, since)
         VALUES ('{account}', {online}, clock_timestamp())
         ON CONFLICT (account_id) DO UPDATE
         SET online = excluded.online, since = excluded.since, mirrored = false"
    );
    assert_eq!(world.execute(&upsert).await, 1);
}

async fn told(world: &World) -> bool {
    count(world, "SELECT count(*) FROM presence WHERE NOT mirrored").await == 0
        && super::pending(world).await == 0
}

#[tokio::test]
async fn who_comes_and_goes_is_mirrored() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let alice = world.register("alice").await;
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    let path = format!("presence/{alice}");
    for online in [true, false, true] {
        come(&world, alice, online).await;
        until("Firestore is told", async || told(&world).await).await;
        assert_eq!(seen(&double, &path), Some(json!({ "online": online })));
    }
    // Who went and came back between two looks.
    let writes = double.writes(&path).len();
    come(&world, alice, true).await;
    until("it is noted", async || told(&world).await).await;
    assert_eq!(double.writes(&path).len(), writes);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn who_goes_while_it_is_written_that_they_came_is_written_again() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let alice = world.register("alice").await;
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    let (held, go_on) = double.hold();
    come(&world, alice, true).await;
    held.notified().await;
    come(&world, alice, false).await;
    go_on.notify_one();
    until("Firestore is told", async || told(&world).await).await;
    assert_eq!(seen(&double, &format!("presence/{alice}")), Some(json!({ "online": false })));
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn whose_presence_is_refused_is_not_tried_for_ever() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    double.poison(&format!("presence/{alice}"), FirestoreCode::InvalidArgument);
    come(&world, alice, true).await;
    until("it is parked", async || count(&world, PARKED).await == 1).await;
    let commits = double.commits();
    come(&world, bob, true).await;
    until("the other is told", async || seen(&double, &format!("presence/{bob}")).is_some()).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(double.commits(), commits + 1);
    double.cure();
    super::repair(&world, double.host()).await;
    until("Firestore is told", async || told(&world).await).await;
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn whose_presence_was_refused_is_tried_again_when_they_come_or_go() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let alice = world.register("alice").await;
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    let path = format!("presence/{alice}");
    double.poison(&path, FirestoreCode::InvalidArgument);
    come(&world, alice, true).await;
    until("it is parked", async || count(&world, PARKED).await == 1).await;
    double.cure();
    come(&world, alice, false).await;
    until("Firestore is told", async || told(&world).await).await;
    assert_eq!(seen(&double, &path), Some(json!({ "online": false })));
    assert_eq!(count(&world, PARKED).await, 0);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn who_goes_while_it_is_refused_that_they_came_is_tried_once_more() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let alice = world.register("alice").await;
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    double.poison(&format!("presence/{alice}"), FirestoreCode::InvalidArgument);
    let commits = double.commits();
    let (held, go_on) = double.hold();
    come(&world, alice, true).await;
    held.notified().await;
    come(&world, alice, false).await;
    go_on.notify_one();
    until("it is parked", async || told(&world).await && count(&world, PARKED).await == 1).await;
    assert_eq!(double.commits(), commits + 2);
    mirror.stop().await;
}

/// Whoever had no app open but one in the background.
#[tokio::test]
async fn who_was_never_there_is_mirrored_as_away() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let before = format!(
        "INSERT INTO presence (account_id, online, since, mirrored)
         VALUES ('{alice}', false, clock_timestamp(), true)"
    );
    assert_eq!(world.execute(&before).await, 1);
    let mirror = start(&world, double.host());
    super::settled(&mut world).await;
    come(&world, bob, false).await;
    until("Firestore is told", async || told(&world).await).await;
    for account in [alice, bob] {
        let path = format!("presence/{account}");
        assert_eq!(seen(&double, &path), Some(json!({ "online": false })));
    }
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}
