//! Poison: it holds up its own stream, and no other.

use eventlog::Position;
use projections::parked::{self, ParkedError, ParkedStream, Retried};
use projections::runner::{Failure, Projector};
use projections::{ReadModel, chats, messages};

use crate::world::World;

#[tokio::test]
async fn poison_parks_its_stream_and_all_others_flow() {
    let mut world = World::create().await;
    let [alice, bob, carol] =
        [world.register("alice").await, world.register("bob").await, world.register("carol").await];
    let ill = world.open(alice, bob).await;
    let well = world.open(alice, carol).await;
    world.send(ill, alice, "fine").await;
    let before = world.head().await;
    world.send_poison(ill, alice).await;
    for number in 0..20 {
        world.send(well, carol, &format!("message {number}")).await;
        world.send(ill, alice, &format!("later {number}")).await;
    }
    world.project().await;

    let list = parked::list(&world.db).await.expect("a list");
    let of = |model: ReadModel| -> Vec<_> {
        list.iter().filter(|it| it.projector == model.name()).collect()
    };
    assert_eq!(of(ReadModel::Accounts).len(), 0);
    assert_eq!(of(ReadModel::Chats).len(), 0, "a text does not concern the chat list");
    let parked = of(ReadModel::Messages);
    assert_eq!(parked.len(), 21);
    assert_eq!((parked[0].position, parked[0].attempts), (before.0 + 1, 3));
    assert!(parked[1..].iter().all(|it| it.attempts == 0), "those behind it only wait");
    assert!(parked.iter().all(|it| it.aggregate_id == ill.to_string()));
    let flowing =
        messages::page(&world.db, alice, well, projections::Range::Latest, 100, world.now()).await;
    assert_eq!(flowing.expect("a page").expect("a chat").items.len(), 20);
    world.check().await;

    // What comes later waits too, and survives a restart of the projector.
    world.send(ill, alice, "much later").await;
    world.project().await;
    assert_eq!(parked::list(&world.db).await.expect("a list").len(), 22);
}

#[tokio::test]
async fn a_malformed_event_is_parked_by_whoever_meets_it() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.plant("chat", &chat.to_string(), "text_sent", r#"{"type": "text_sent"}"#).await;
    let carol = world.register("carol").await;
    world.project().await;
    let list = parked::list(&world.db).await.expect("a list");
    let projectors: Vec<_> = list.iter().map(|it| it.projector.as_str()).collect();
    assert_eq!(projectors, ["accounts", "blocks", "chats", "files", "messages", "reports"]);
    assert!(list.iter().all(|it| it.error.contains("malformed")), "{list:?}");
    let found = projections::accounts::by_id(&world.db, carol).await.expect("a row");
    assert!(found.is_some(), "who came after is there");
    world.check().await;
}

#[tokio::test]
async fn a_retry_applies_what_waited_once_the_cause_is_gone() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 10)").await;
    let long = world.send(chat, alice, "longer than that").await;
    world.send(chat, alice, "short").await;
    world.delete_for_me(chat, bob, long).await;
    world.project().await;
    let stream = ParkedStream {
        projector: ReadModel::Messages,
        aggregate_type: "chat",
        aggregate_id: &chat.to_string(),
    };

    let still = parked::retry(&world.db, &world.codec, stream).await.expect("tried");
    assert_eq!(still, Retried { skipped: None, applied: 0, left: 3 });
    let list = parked::list(&world.db).await.expect("a list");
    assert_eq!(list.iter().map(|it| it.attempts).collect::<Vec<_>>(), [4, 0, 0]);

    world.execute("ALTER TABLE messages DROP CONSTRAINT short").await;
    let retried = parked::retry(&world.db, &world.codec, stream).await.expect("tried");
    assert_eq!(retried, Retried { skipped: None, applied: 3, left: 0 });
    assert_eq!(parked::list(&world.db).await.expect("a list"), vec![]);
    let again = parked::retry(&world.db, &world.codec, stream).await;
    assert!(matches!(again, Err(ParkedError::NotParked)), "{again:?}");
    world.send(chat, bob, "it flows").await;
    world.project().await;
    world.check().await;
    let seen =
        chats::by_id(&world.db, alice, chat, world.now()).await.expect("a row").expect("a chat");
    assert_eq!(seen.total_messages, 3);
}

#[tokio::test]
async fn a_retry_goes_as_far_as_it_can() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 4)").await;
    world.send(chat, alice, "four").await;
    for _ in 0..10 {
        world.send(chat, alice, "ok").await;
    }
    world.send(chat, alice, "longest").await;
    world.send(chat, alice, "ok").await;
    world.project().await;
    world.execute("ALTER TABLE messages DROP CONSTRAINT short").await;
    world.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 6)").await;
    let stream = ParkedStream {
        projector: ReadModel::Messages,
        aggregate_type: "chat",
        aggregate_id: &chat.to_string(),
    };
    let retried = parked::retry(&world.db, &world.codec, stream).await.expect("tried");
    assert_eq!(retried, Retried { skipped: None, applied: 11, left: 2 });
    let list = parked::list(&world.db).await.expect("a list");
    assert_eq!(list.iter().map(|it| it.attempts).collect::<Vec<_>>(), [1, 0]);
    world.check().await;
}

#[tokio::test]
async fn a_skip_goes_on_without_the_first_and_is_never_forgotten() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send(chat, alice, "one").await;
    let before = world.head().await;
    world.plant("chat", &chat.to_string(), "text_sent", r#"{"type": "nonsense"}"#).await;
    world.send(chat, alice, "two").await;
    world.project().await;
    for projector in ReadModel::ALL {
        let stream =
            ParkedStream { projector, aggregate_type: "chat", aggregate_id: &chat.to_string() };
        let skipped = parked::skip(&world.db, &world.codec, stream).await.expect("skipped");
        assert_eq!(skipped, Retried { skipped: Some(before.0 + 1), applied: 1, left: 0 });
    }
    world.send(chat, alice, "three").await;
    world.project().await;
    let rows = world.all_rows().await;
    assert_eq!(rows[2].len(), 3);
    let list = parked::list(&world.db).await.expect("a list");
    assert_eq!(list.len(), 6);
    assert!(list.iter().all(|it| it.skipped_at.is_some() && it.position == before.0 + 1));

    // A rebuild abides by the decision.
    let rebuilt = crate::rebuild::all(&world).await;
    assert!(rebuilt.iter().all(|it| !it.had_drifted() && it.held_streams == 0), "{rebuilt:?}");
    assert_eq!(world.all_rows().await, rows);
    assert_eq!(parked::list(&world.db).await.expect("a list").len(), 6);
    let verified = projections::verify::verify(&world.db, &world.codec).await.expect("verified");
    assert_eq!((verified.differences.len(), verified.streams_left_out), (0, 6));
}

#[tokio::test]
async fn a_rebuild_gives_parked_events_a_new_chance_and_parks_what_is_poison_still() {
    let mut world = World::create().await;
    let [alice, bob, carol] =
        [world.register("alice").await, world.register("bob").await, world.register("carol").await];
    let ill = world.open(alice, bob).await;
    let cured = world.open(alice, carol).await;
    world.execute("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 10)").await;
    world.send(cured, alice, "longer than that").await;
    world.send(cured, alice, "short").await;
    world.send_poison(ill, alice).await;
    world.send(ill, alice, "behind").await;
    world.project().await;
    assert_eq!(parked::list(&world.db).await.expect("a list").len(), 4);
    world.execute("ALTER TABLE messages DROP CONSTRAINT short").await;
    let rebuilt = crate::rebuild::all(&world).await;
    let messages = rebuilt.iter().find(|it| it.model == ReadModel::Messages).expect("it is there");
    assert!(messages.had_drifted(), "two messages were missing");
    assert_eq!(messages.held_streams, 1);
    let list = parked::list(&world.db).await.expect("a list");
    assert_eq!(list.iter().map(|it| it.attempts).collect::<Vec<_>>(), [3, 0]);
    assert!(list.iter().all(|it| it.aggregate_id == ill.to_string()));
    assert_eq!(world.checkpoint(ReadModel::Messages).await, world.head().await.0);
    assert_eq!(
        eventlog::read::checkpoint(&world.db, "rebuild:messages").await.ok(),
        Some(Position(0))
    );
    world.check().await;
}

#[tokio::test]
async fn a_projector_at_work_hears_of_a_retry_and_of_a_skip() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    let stream = ParkedStream {
        projector: ReadModel::Messages,
        aggregate_type: "chat",
        aggregate_id: &chat.to_string(),
    };
    let running = world.start();
    for round in 0..3 {
        world.send_poison(chat, alice).await;
        world.send(chat, alice, &format!("behind {round}")).await;
        running.until(world.head().await).await;
        assert_eq!(parked::list(&world.db).await.expect("a list").len(), round + 2);
        let skipped = parked::skip(&world.db, &world.codec, stream).await.expect("skipped");
        assert_eq!((skipped.applied, skipped.left), (1, 0));
        world.send(chat, bob, &format!("it flows {round}")).await;
        running.until(world.head().await).await;
        let list = parked::list(&world.db).await.expect("a list");
        assert!(list.iter().all(|it| it.skipped_at.is_some()), "{list:?}");
        assert_eq!(list.len(), round + 1);
    }
    running.stop().await;
    assert_eq!(world.rows(ReadModel::Messages).await.len(), 6);
}

#[tokio::test]
async fn whoever_remembers_what_was_parked_before_writes_nothing() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send_poison(chat, alice).await;
    world.project().await;
    let before = world.head().await;
    let mut db = world.db.acquire().await.expect("a connection");
    let projector = Projector::of(ReadModel::Messages);
    let mut standing = projector.look(&mut db).await.expect("a checkpoint");
    let stream = ParkedStream {
        projector: ReadModel::Messages,
        aggregate_type: "chat",
        aggregate_id: &chat.to_string(),
    };
    parked::skip(&world.db, &world.codec, stream).await.expect("skipped");
    world.send(chat, alice, "it flows").await;
    let events = world.events(before.0, 100).await;
    let stale = projector.apply_from(&mut db, &mut standing, &events).await;
    assert!(matches!(stale, Err(Failure::Moved(position)) if position == before), "{stale:?}");
    let mut standing = projector.look(&mut db).await.expect("a checkpoint");
    projector.apply_from(&mut db, &mut standing, &events).await.expect("it applies");
    assert_eq!(world.rows(ReadModel::Messages).await.len(), 1);
    assert_eq!(parked::list(&world.db).await.expect("a list").len(), 1);
}
