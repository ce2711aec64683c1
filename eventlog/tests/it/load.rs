//! Loading: with a snapshot or without, the same state.

use cqrs_es::persist::PersistedEventRepository;
use domain::chat::{Chat, ChatEvent};
use domain::{Decider, MessageId};
use eventlog::load::{Loaded, load};
use eventlog::{Position, snapshot};
use postgres_es::PostgresEventRepository;
use uuid::Uuid;

use crate::log::{Log, chat, opened, sent};

/// A chat of 2,500 events: more than two pages.
async fn long_chat(log: &Log) -> Vec<ChatEvent> {
    let texts = (1..2_500).map(|it| sent(chat(1), it, "text"));
    let events: Vec<ChatEvent> = std::iter::once(opened(chat(1))).chain(texts).collect();
    for (index, part) in events.chunks(400).enumerate() {
        let append = log.real(chat(1), index as i64 * 400, part).await;
        log.append(append).await.expect("appended");
    }
    events
}

async fn loaded(log: &Log) -> Loaded<Chat> {
    load::<Chat>(&log.db, &log.codec, &chat(1).to_string()).await.expect("it loads")
}

#[tokio::test]
async fn a_stream_is_loaded_whole_and_as_the_stock_reader_sees_it() {
    let log = Log::create().await;
    long_chat(&log).await;
    let ours = loaded(&log).await;
    assert_eq!((ours.version, ours.position, ours.snapshot), (2_500, Position(2_500), 0));

    // postgres-es reads the same tables and shares no code with us.
    let repository = PostgresEventRepository::new(log.db.clone());
    let stock = repository.get_events::<Chat>(&chat(1).to_string()).await.expect("it reads");
    assert_eq!(stock.len(), 2_500);
    for (event, sequence) in stock.iter().zip(1..) {
        assert_eq!(event.sequence, sequence);
        assert_eq!(event.payload["type"], event.event_type);
    }
}

#[tokio::test]
async fn a_snapshot_and_its_tail_give_the_same_state() {
    let log = Log::create().await;
    long_chat(&log).await;
    let whole = loaded(&log).await;
    let id = chat(1).to_string();
    let mut part = Chat::default();
    for event in long_chat_prefix(2_000) {
        cqrs_es::Aggregate::apply(&mut part, event);
    }
    snapshot::save(&log.db, &log.codec, &id, &part, 2_000, Position(2_000)).await.expect("saved");
    let from_snapshot = loaded(&log).await;
    assert_eq!(from_snapshot.snapshot, 2_000);
    assert_eq!(from_snapshot.state, whole.state);
    assert_eq!(from_snapshot.version, whole.version);
    let last = MessageId(Uuid::from_u128(2_499));
    assert_eq!(from_snapshot.state.number_of(last), Some(2_499));

    // An older one never replaces it, an unreadable one is passed over.
    snapshot::save(&log.db, &log.codec, &id, &Chat::Absent, 1, Position(1)).await.expect("ignored");
    assert_eq!(loaded(&log).await.snapshot, 2_000);
    sqlx::query("UPDATE snapshots SET payload = 'broken'").execute(&log.db).await.expect("broken");
    let without = loaded(&log).await;
    assert_eq!((without.snapshot, without.state == whole.state), (0, true));
}

fn long_chat_prefix(count: u64) -> impl Iterator<Item = ChatEvent> {
    std::iter::once(opened(chat(1))).chain((1..count).map(|it| sent(chat(1), it, "text")))
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_not_read() {
    let log = Log::create().await;
    long_chat(&log).await;
    let id = chat(1).to_string();
    snapshot::save(&log.db, &log.codec, &id, &Chat::Absent, 2_500, Position(2_500))
        .await
        .expect("saved");
    sqlx::query("UPDATE snapshots SET state_schema = 'chat-0'")
        .execute(&log.db)
        .await
        .expect("old");
    assert_ne!(Chat::STATE_SCHEMA, "chat-0");
    assert_eq!(loaded(&log).await.snapshot, 0);
}

#[test]
fn snapshots_are_due_every_100_events_then_every_hundredth_of_the_stream() {
    assert!(!snapshot::is_due(99, 0));
    assert!(snapshot::is_due(100, 0));
    assert!(!snapshot::is_due(100_500, 100_000));
    assert!(snapshot::is_due(101_100, 100_000));
}
