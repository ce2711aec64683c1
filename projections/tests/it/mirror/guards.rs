//! A document never goes back, whoever writes late or twice, and nothing is lost, whoever dies when.

use std::time::Duration;

use domain::{AccountId, ChatId};
use testing::{FirestoreCode, FirestoreDouble, FirestoreValue};
use tokio::time::timeout;

use super::{
    assert_sound, check, count, integer, number, pending, repair, seen, settled, start, start_as,
    text, until,
};
use crate::world::World;

const TOTAL: &str = "total_messages_count";

struct Scene {
    world: World,
    double: FirestoreDouble,
    alice: AccountId,
    bob: AccountId,
    chat: ChatId,
    path: String,
}

/// A chat that nobody has mirrored yet.
async fn scene() -> Scene {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let path = format!("chats/{chat}");
    Scene { world, double, alice, bob, chat, path }
}

impl Scene {
    async fn send(&mut self, times: usize) {
        for number in 0..times {
            self.world.send(self.chat, self.alice, &format!("message {number}")).await;
        }
    }

    fn total(&self) -> i64 {
        number(&self.double, &self.path, TOTAL)
    }

    /// The lease of whoever holds it ends, as if they were stopped.
    async fn end_lease(&self) {
        let end = "UPDATE leases SET expires_at = now() - interval '1 second', epoch = epoch + 1,
                          holder = gen_random_uuid()
                   WHERE name = 'projector:firestore'";
        assert_eq!(self.world.execute(end).await, 1);
    }

    async fn sound(&self) {
        assert_sound(&self.world, self.double.host()).await;
    }
}

/// A is held in the middle of a write, B takes over and writes what is newer, and then A's write
/// arrives.
#[tokio::test]
async fn a_writer_that_wakes_up_late_moves_nothing_back() {
    let mut scene = scene().await;
    let first = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 0);
    let (held, go_on) = scene.double.hold();
    scene.send(1).await;
    timeout(Duration::from_secs(10), held.notified()).await.expect("A writes");

    scene.end_lease().await;
    let second = start(&scene.world, scene.double.host());
    scene.send(2).await;
    until("B writes", async || scene.total() == 3).await;
    go_on.notify_one();
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 3);
    scene.sound().await;
    first.stop().await;
    scene.send(1).await;
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 4);
    scene.sound().await;
    second.stop().await;
}

/// The same, when what B has to write is what Firestore had before A: it writes nevertheless, because
/// A's write may still come.
#[tokio::test]
async fn a_write_that_may_still_come_is_not_relied_on_not_to() {
    let mut scene = scene().await;
    let first = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let (held, go_on) = scene.double.hold();
    let sent = scene.world.send(scene.chat, scene.alice, "taken back at once").await;
    timeout(Duration::from_secs(10), held.notified()).await.expect("A writes");

    scene.end_lease().await;
    scene.world.delete_for_everyone(scene.chat, scene.alice, sent).await;
    let second = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    go_on.notify_one();
    // It is the other document of the two that A was to write in which B had nothing new to say.
    let events = format!("users-external-event/{}", scene.bob);
    for _ in 0..20 {
        assert_eq!(number(&scene.double, &events, "unread_messages_count"), 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.sound().await;
    first.stop().await;
    second.stop().await;
}

/// Whoever comes first to write a document may be late as well.
#[tokio::test]
async fn a_late_first_write_finds_the_place_taken() {
    let mut scene = scene().await;
    let (held, go_on) = scene.double.hold();
    let first = start(&scene.world, scene.double.host());
    timeout(Duration::from_secs(10), held.notified()).await.expect("A writes");
    scene.end_lease().await;
    scene.send(2).await;
    let second = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let before = (scene.double.all_writes(), scene.total());
    go_on.notify_one();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((scene.double.all_writes(), scene.total()), before);
    scene.sound().await;
    first.stop().await;
    second.stop().await;
}

/// The process dies between the write and the note of it.
#[tokio::test]
async fn a_write_whose_end_was_not_noted_is_done_again_and_changes_nothing() {
    let mut scene = scene().await;
    let mirror = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let (held, go_on) = scene.double.hold();
    scene.send(1).await;
    timeout(Duration::from_secs(10), held.notified()).await.expect("it writes");
    mirror.stop().await;
    go_on.notify_one();
    until("the write arrives", async || scene.total() == 1).await;
    assert!(pending(&scene.world).await > 0, "nobody has noted it");
    let unsure = "SELECT count(*) FROM firestore_documents WHERE unsure";
    assert!(count(&scene.world, unsure).await > 0);

    let again = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    assert_eq!(scene.double.writes(&scene.path).len(), 2, "once at the opening, once now");
    assert_eq!(count(&scene.world, unsure).await, 0);
    scene.sound().await;
    again.stop().await;
}

#[tokio::test]
async fn a_lost_answer_costs_no_second_write() {
    let mut scene = scene().await;
    let mirror = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let before = scene.double.writes(&scene.path).len();
    scene.double.lose();
    scene.send(1).await;
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 1);
    assert_eq!(scene.double.writes(&scene.path).len(), before + 1);
    scene.sound().await;
    mirror.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let mut scene = scene().await;
    let mirror = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    mirror.stop().await;
    let writes = scene.double.all_writes();
    scene.send(3).await;
    scene.world.project().await;
    let again = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 3);
    assert_eq!(scene.double.all_writes(), writes + 2, "the chat, and whom it was sent to");
    scene.sound().await;
    again.stop().await;
}

/// An app of somebody who had more rights than they should have, or a hand in the console.
#[tokio::test]
async fn what_somebody_else_wrote_is_written_over_with_the_next_change() {
    let mut scene = scene().await;
    let mirror = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let planted = [("user1".to_owned(), text("mallory"))].into_iter().collect();
    scene.double.plant(&scene.path, planted);
    scene.send(1).await;
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 1);
    scene.sound().await;
    mirror.stop().await;
}

/// PostgreSQL was restored from a backup, and Firestore is of a future that did not happen.
#[tokio::test]
async fn a_document_of_another_history_is_parked_until_it_is_repaired() {
    let mut scene = scene().await;
    let mirror = start(&scene.world, scene.double.host());
    settled(&mut scene.world).await;
    let guards: [(&str, FirestoreValue); 2] =
        [("_pos", integer(1_000_000)), ("_epoch", integer(1))];
    let planted = guards.map(|(name, value)| (name.to_owned(), value));
    scene.double.plant(&scene.path, planted.into_iter().collect());
    scene.send(1).await;
    until("it is parked", async || {
        count(&scene.world, "SELECT count(*) FROM firestore_documents WHERE parked_at IS NOT NULL")
            .await
            == 1
    })
    .await;
    assert_eq!(number(&scene.double, &scene.path, "_pos"), 1_000_000);
    let listed = projections::parked::list(&scene.world.db).await.expect("a list");
    let [parked] = listed.as_slice() else { panic!("one is parked: {listed:?}") };
    assert!(parked.error.contains("rebuild firestore"), "{parked:?}");
    assert_eq!(
        (parked.projector.as_str(), &parked.aggregate_id),
        ("firestore", &scene.chat.to_string())
    );

    scene.send(1).await;
    settled(&mut scene.world).await;
    assert_eq!(number(&scene.double, &scene.path, "_pos"), 1_000_000, "it is parked again");

    let repaired = repair(&scene.world, scene.double.host()).await;
    assert_eq!((repaired.written, repaired.parked), (1, 0));
    assert_eq!(scene.total(), 2);
    assert!(number(&scene.double, &scene.path, "_pos") < 1_000_000);
    settled(&mut scene.world).await;
    scene.sound().await;
    mirror.stop().await;
}

/// Two mirrors take turns, and Firestore is away now and then: in the end all is as it should be, and
/// at no time has a document gone back.
#[tokio::test]
async fn under_storms_and_changes_of_hands_a_document_only_goes_forward() {
    let mut scene = scene().await;
    let ids = [1_u128, 2].map(uuid::Uuid::from_u128);
    let mirrors = ids.map(|it| start_as(&scene.world, scene.double.host(), it));
    let mut seen_total = 0;
    for round in 0..12 {
        scene.send(5).await;
        match round % 4 {
            0 => scene.double.storm(FirestoreCode::Unavailable, 3),
            1 => scene.end_lease().await,
            2 => scene.double.lose(),
            _ => scene.double.storm(FirestoreCode::Aborted, 2),
        }
        for _ in 0..15 {
            if seen(&scene.double, &scene.path).is_some() {
                let total = scene.total();
                assert!(total >= seen_total, "{total} after {seen_total}");
                seen_total = total;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    settled(&mut scene.world).await;
    assert_eq!(scene.total(), 60);
    let checked = check(&scene.world, scene.double.host()).await;
    assert_eq!(checked.differences, vec![]);
    for mirror in mirrors {
        mirror.stop().await;
    }
}
