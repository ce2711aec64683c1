//! A check finds what has drifted, and a repair puts it right, while the mirror goes on or not at all.

use testing::{FirestoreCode, FirestoreDouble};

use super::{assert_sound, check, integer, repair, seen, settled, start, text};
use crate::world::World;

#[tokio::test]
async fn planted_drift_is_found_and_repaired() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send(chat, alice, "hello").await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    assert_sound(&world, double.host()).await;

    let (changed, missing) = (format!("users/{alice}"), format!("chats/{chat}"));
    let planted = [("username", text("mallory")), ("admin", text("yes")), ("_pos", integer(1))];
    let planted = planted.map(|(name, value)| (name.to_owned(), value));
    double.plant(&changed, planted.into_iter().collect());
    double.remove(&missing);
    for stray in ["users/nobody", "pairs/x_y", "chats/zzz", "presence/1"] {
        double.plant(stray, [("online".to_owned(), text("?"))].into_iter().collect());
    }
    double.plant("orders/17", [("not".to_owned(), text("ours"))].into_iter().collect());

    let checked = check(&world, double.host()).await;
    let mut found: Vec<_> =
        checked.differences.iter().map(|it| (it.document.as_str(), it.field.as_str())).collect();
    found.sort_unstable();
    let mut expected = [
        (changed.as_str(), "admin"),
        (changed.as_str(), "username"),
        (missing.as_str(), "document"),
        ("chats/zzz", "document"),
        ("pairs/x_y", "document"),
        ("presence/1", "document"),
        ("users/nobody", "document"),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(!format!("{checked:?}").contains("mallory"), "a name is not printed");
    assert_eq!(check(&world, double.host()).await, checked, "a check changes nothing");

    let repaired = repair(&world, double.host()).await;
    assert_eq!((repaired.written, repaired.deleted, repaired.parked), (6, 4, 0));
    assert_eq!(seen(&double, "users/nobody"), None);
    assert!(seen(&double, "orders/17").is_some(), "it is not ours");
    assert_sound(&world, double.host()).await;
    assert_eq!(super::count(&world, "SELECT count(*) FROM firestore_documents").await, 6);
    let again = repair(&world, double.host()).await;
    assert_eq!((again.written, again.deleted), (0, 0));
    mirror.stop().await;
}

#[tokio::test]
async fn a_repair_writes_by_itself_where_no_mirror_runs() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.open(alice, bob).await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    mirror.stop().await;
    let gone = double.paths();
    for path in &gone {
        double.remove(path);
    }
    let checked = check(&world, double.host()).await;
    assert_eq!(checked.differences.len(), gone.len());
    let repaired = repair(&world, double.host()).await;
    assert_eq!(repaired.written, 6);
    assert_eq!(double.paths(), gone);
    assert_sound(&world, double.host()).await;
}

#[tokio::test]
async fn what_the_mirror_has_still_to_do_is_no_drift() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    // While it is busy, as it always is.
    for number in 0..40 {
        world.send(chat, alice, &format!("message {number}")).await;
        if number % 10 == 0 {
            let checked = check(&world, double.host()).await;
            assert_eq!((checked.differences, checked.pending), (vec![], 0));
        }
    }
    settled(&mut world).await;
    mirror.stop().await;
    // And while it does not run.
    world.send(chat, alice, "not mirrored").await;
    world.project().await;
    let checked = check(&world, double.host()).await;
    assert_eq!((checked.differences, checked.pending), (vec![], 2));
}

#[tokio::test]
async fn more_documents_than_a_page_are_compared() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mut people = vec![];
    for number in 0..350 {
        people.push(world.register(&format!("person{number}")).await);
    }
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    let checked = check(&world, double.host()).await;
    assert_eq!((checked.documents, checked.differences), (700, vec![]));
    for person in people.iter().step_by(2) {
        double.remove(&format!("users/{person}"));
        double.plant(&format!("users/{person}~"), std::collections::HashMap::new());
    }
    let checked = check(&world, double.host()).await;
    assert_eq!((checked.documents, checked.differences.len()), (875, 350));
    let repaired = repair(&world, double.host()).await;
    assert_eq!((repaired.written, repaired.deleted), (350, 175));
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

/// As when Firestore was away for a minute: what was marked by force stays so.
#[tokio::test]
async fn a_repair_counts_what_one_before_could_not_write() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, _] = [world.register("alice").await, world.register("bob").await];
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    mirror.stop().await;
    let left = "UPDATE firestore_documents
                SET forced = true, unsure = true, due_at = clock_timestamp()
                WHERE collection = 'users'";
    assert_eq!(world.execute(left).await, 2);
    double.poison(&format!("users/{alice}"), FirestoreCode::PermissionDenied);
    let repaired = repair(&world, double.host()).await;
    assert_eq!((repaired.written, repaired.parked), (1, 1));
    double.cure();
    let repaired = repair(&world, double.host()).await;
    assert_eq!((repaired.written, repaired.parked), (1, 0));
    assert_sound(&world, double.host()).await;
}
