//! Events in shapes that are no longer recorded: stored before, and read for ever.

use cqrs_es::persist::PersistedEventRepository;
use cqrs_es::{Aggregate, DomainEvent};
use domain::chat::{Chat, ChatEvent};
use domain::{Event, MessageId};
use eventlog::append::NewEvent;
use eventlog::{Append, Position, audit, load, read};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::log::{ALICE, BOB, Log, chat, opened, sent};

const SECRET: &str = "meet me at the old lighthouse";

/// An event as an older Parlance recorded it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Retired(Value);

impl DomainEvent for Retired {
    fn event_type(&self) -> String {
        self.0["type"].as_str().expect("it has a type").to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

fn text_sent(number: u64, text: &str) -> Retired {
    Retired(json!({
        "type": "text_sent",
        "chat_id": chat(1),
        "message_id": Uuid::from_u128(u128::from(number)),
        "number": number,
        "sender": ALICE,
        "recipient": BOB,
        "text": { "$personal": { "subject": ALICE, "value": text } },
        "sent_at": chrono::DateTime::UNIX_EPOCH,
    }))
}

fn messages_read(up_to: u64) -> Retired {
    Retired(json!({
        "type": "messages_read",
        "chat_id": chat(1),
        "reader": BOB,
        "up_to": up_to,
        "unread": 0,
        "read_at": chrono::DateTime::UNIX_EPOCH,
    }))
}

/// A chat that an older Parlance began and this one went on with.
async fn begun_before(log: &Log) -> String {
    log.append(log.real(chat(1), 0, &[opened(chat(1))]).await).await.expect("appended");
    let old = [text_sent(1, SECRET), messages_read(1), text_sent(2, "and bring the map")];
    let encoded = log.codec.encode(&old).await.expect("they encode");
    let new = |encoded| NewEvent { event_id: log.ids.next(), encoded, event: None };
    let events = encoded.into_iter().map(new).collect();
    log.append(Append { events, ..log.plain(chat(1), 1, 0) }).await.expect("appended");
    log.append(log.real(chat(1), 4, &[sent(chat(1), 3, "coming")]).await).await.expect("appended");
    chat(1).to_string()
}

/// The same, as this Parlance would have recorded it.
fn as_of_today() -> [ChatEvent; 5] {
    let reading = ChatEvent::MessagesRead {
        chat_id: chat(1),
        reader: BOB,
        up_to: 1,
        unread: 0,
        withheld: false,
        read_at: chrono::DateTime::UNIX_EPOCH,
    };
    let [first, second] = [(1, SECRET), (2, "and bring the map")];
    [
        opened(chat(1)),
        sent(chat(1), first.0, first.1),
        reading,
        sent(chat(1), second.0, second.1),
        sent(chat(1), 3, "coming"),
    ]
}

#[tokio::test]
async fn what_was_stored_before_reads_as_if_it_were_recorded_today() {
    let log = Log::create().await;
    begun_before(&log).await;
    let stored = read::page(&log.db, Position::START, 10).await.expect("read");
    let types: Vec<_> = stored.iter().map(|it| it.event_type.as_str()).collect();
    assert_eq!(types, ["opened", "text_sent", "messages_read", "text_sent", "message_sent"]);
    assert!(!stored[1].payload.contains("lighthouse"), "{}", stored[1].payload);

    let opened = log.codec.open(&stored[1]).await.expect("keys").expect("it opens");
    assert_eq!(opened["type"], "message_sent");
    assert_eq!(opened["content"]["text"]["$personal"]["value"], SECRET);

    let decoded = log.codec.decode(stored).await.expect("keys");
    let events: Vec<_> = decoded.into_iter().map(|it| it.event).collect();
    assert_eq!(events, as_of_today().map(|it| Ok(Event::from(it))));
}

#[tokio::test]
async fn an_aggregate_of_old_and_new_events_loads_and_the_second_reader_agrees() {
    let log = Log::create().await;
    let id = begun_before(&log).await;
    let mut folded = Chat::default();
    for event in as_of_today() {
        folded.apply(event);
    }
    let loaded = load::load::<Chat>(&log.db, &log.codec, &id).await.expect("it loads");
    assert_eq!((loaded.version, &loaded.state), (5, &folded));
    assert_eq!(loaded.state.number_of(MessageId(Uuid::from_u128(2))), Some(2));

    let repository = PostgresEventRepository::new(log.db.clone());
    let stock = repository.get_events::<Chat>(&id).await.expect("postgres-es reads them");
    assert_eq!(stock.len(), 5);
    let differences = audit::compare(&log.db, &log.codec, 10).await.expect("compared");
    assert_eq!(differences, Vec::<String>::new());
}
