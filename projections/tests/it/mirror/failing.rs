//! Firestore fails: nothing else is held up, nothing is lost, and what it refuses for good is shown.

use projections::firestore::parked::{self as documents, ParkedDocuments};
use projections::firestore::{self, MirrorError};
use projections::parked::{self, ParkedError};
use projections::{ReadModel, status};
use testing::{FirestoreCode, FirestoreDouble};
use tokio::net::TcpListener;

use super::{assert_sound, count, number, pending, settled, start, until};
use crate::world::World;

#[tokio::test]
async fn a_storm_passes_and_nothing_is_lost() {
    for code in [
        FirestoreCode::Unavailable,
        FirestoreCode::ResourceExhausted,
        FirestoreCode::DeadlineExceeded,
        FirestoreCode::Internal,
        FirestoreCode::Aborted,
    ] {
        let mut world = World::create().await;
        let double = FirestoreDouble::start().await;
        let [alice, bob] = [world.register("alice").await, world.register("bob").await];
        let chat = world.open(alice, bob).await;
        world.send(chat, alice, "through the storm").await;
        double.storm(code, 5);
        let mirror = start(&world, double.host());
        settled(&mut world).await;
        assert_eq!(double.faults_left(), 0, "{code:?}");
        assert_eq!(number(&double, &format!("chats/{chat}"), "total_messages_count"), 1);
        assert_eq!(parked::list(&world.db).await.expect("a list"), vec![]);
        assert_sound(&world, double.host()).await;
        mirror.stop().await;
    }
}

#[tokio::test]
async fn while_firestore_is_away_everything_else_goes_on() {
    let mut world = World::create().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = nobody.local_addr().expect("an address").to_string();
    drop(nobody);
    let mirror = start(&world, host);
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    for number in 0..200 {
        world.send(chat, alice, &format!("message {number}")).await;
    }
    let head = world.head().await;
    until("the read models follow", async || {
        world.checkpoint(ReadModel::Chats).await >= head.0
            && world.checkpoint(ReadModel::Messages).await >= head.0
    })
    .await;
    until("the log is read", async || {
        eventlog::read::checkpoint(&world.db, "firestore").await.expect("it is there") >= head
    })
    .await;
    // Two names, two of what is unread, the chat, and the pair: however much happens.
    assert_eq!(pending(&world).await, 6);
    let standing = status::status(&world.db).await.expect("a status").mirror.expect("a mirror");
    assert_eq!((standing.pending, standing.parked), (6, 0));
    assert!(standing.pending_seconds > 0.0);
    mirror.stop().await;

    let double = FirestoreDouble::start().await;
    let again = start(&world, double.host());
    settled(&mut world).await;
    assert_eq!(double.all_writes(), 6);
    assert_sound(&world, double.host()).await;
    again.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_good_is_parked_alone_and_written_after_a_retry() {
    for code in [FirestoreCode::InvalidArgument, FirestoreCode::PermissionDenied] {
        let mut world = World::create().await;
        let double = FirestoreDouble::start().await;
        let [alice, bob] = [world.register("alice").await, world.register("bob").await];
        let chat = world.open(alice, bob).await;
        let path = format!("chats/{chat}");
        double.poison(&path, code);
        let mirror = start(&world, double.host());
        settled(&mut world).await;
        assert_eq!(double.paths().len(), 5, "all but one: {:?}", double.paths());
        let listed = parked::list(&world.db).await.expect("a list");
        let [parked] = listed.as_slice() else { panic!("one is parked: {listed:?}") };
        assert_eq!(parked.projector, "firestore");
        assert_eq!(
            (parked.aggregate_type.as_str(), &parked.aggregate_id),
            ("chat", &chat.to_string())
        );
        // At first with others, and then alone; or alone at once.
        assert!((1..=2).contains(&parked.attempts), "{parked:?}");
        assert!(parked.error.starts_with(&format!("{path}: {code:?}")), "{}", parked.error);
        let checked = super::check(&world, double.host()).await;
        assert_eq!(checked.differences.len(), 1, "what is parked is not as it should be");

        let of = ParkedDocuments { aggregate_type: "chat", aggregate_id: &chat.to_string() };
        let app = world.app();
        assert_eq!(documents::retry(&app, of).await.expect("it is due"), 1);
        settled(&mut world).await;
        assert_eq!(parked::list(&world.db).await.expect("a list").len(), 1, "it is poison still");
        double.cure();
        assert_eq!(documents::retry(&app, of).await.expect("it is due"), 1);
        settled(&mut world).await;
        assert_eq!(parked::list(&world.db).await.expect("a list"), vec![]);
        assert!(matches!(documents::retry(&app, of).await, Err(ParkedError::NotParked)));
        assert_sound(&world, double.host()).await;
        mirror.stop().await;
    }
}

#[tokio::test]
async fn what_is_parked_is_tried_again_with_the_next_change_and_let_go_by_a_skip() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    double.poison(&format!("chats/{chat}"), FirestoreCode::InvalidArgument);
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    let of = ParkedDocuments { aggregate_type: "chat", aggregate_id: &chat.to_string() };
    assert_eq!(documents::skip(&world.app(), of).await.expect("it is let go"), 1);
    assert_eq!(parked::list(&world.db).await.expect("a list"), vec![]);
    world.send(chat, alice, "one").await;
    settled(&mut world).await;
    assert_eq!(parked::list(&world.db).await.expect("a list").len(), 1);
    double.cure();
    world.send(chat, alice, "two").await;
    settled(&mut world).await;
    assert_eq!(number(&double, &format!("chats/{chat}"), "total_messages_count"), 2);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

/// What goes on failing though it need not is given up in the end, and holds nobody up until then.
#[tokio::test]
async fn a_failure_without_end_has_one() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    double.poison(&format!("chats/{chat}"), FirestoreCode::Internal);
    let mirror = start(&world, double.host());
    until("the others are there", async || double.paths().len() == 5).await;
    // Its waits add up to more than half an hour: they are cut short here.
    until("it is given up", async || {
        let waiting = "UPDATE firestore_documents SET due_at = now() WHERE due_at > now()";
        world.execute(waiting).await;
        count(&world, "SELECT count(*) FROM firestore_documents WHERE parked_at IS NOT NULL").await
            == 1
    })
    .await;
    let listed = parked::list(&world.db).await.expect("a list");
    assert_eq!(listed.first().map(|it| it.attempts), Some(16));
    mirror.stop().await;
}

/// An event that was parked is applied later: the mirror has passed it, and hears of it all the same.
#[tokio::test]
async fn what_is_applied_late_is_mirrored_late() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    world.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 9)").await;
    world.send(chat, alice, "much too long").await;
    settled(&mut world).await;
    let path = format!("chats/{chat}");
    assert_eq!(number(&double, &path, "total_messages_count"), 0);
    world.execute("ALTER TABLE messages DROP CONSTRAINT short").await;
    let stream = parked::ParkedStream {
        projector: ReadModel::Messages,
        aggregate_type: "chat",
        aggregate_id: &chat.to_string(),
    };
    let retried = parked::retry(&world.app(), &world.codec, stream).await.expect("it is applied");
    assert_eq!((retried.applied, retried.left), (1, 0));
    settled(&mut world).await;
    assert_eq!(number(&double, &path, "total_messages_count"), 1);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_and_is_made_again() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    let (held, _never) = double.hold();
    world.send(chat, alice, "hello").await;
    held.notified().await;
    let carol = format!("users/{}", world.register("carol").await);
    until("others are written meanwhile", async || super::seen(&double, &carol).is_some()).await;
    let path = format!("chats/{chat}");
    assert_eq!(number(&double, &path, "total_messages_count"), 0);
    settled(&mut world).await;
    assert_eq!(number(&double, &path, "total_messages_count"), 1);
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn a_server_that_says_nothing_at_all_is_not_waited_for_for_ever() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    world.register("alice").await;
    settled(&mut world).await;
    mirror.stop().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = silent.local_addr().expect("an address").to_string();
    let app = world.app();
    let checking = firestore::check(&app, super::settings(host), |_| {});
    let checked = tokio::time::timeout(super::PATIENCE, checking).await.expect("it ends");
    assert!(matches!(checked, Err(MirrorError::Firestore(_))), "{checked:?}");
}
