//! A log of one test, and what is appended to it.

use std::sync::Arc;

use cqrs_es::DomainEvent;
use domain::chat::{ChatEvent, Content};
use domain::{AccountId, ChatId, Event, MessageId, Personal};
use eventlog::append::{ClaimRow, KeyRow, Lineage, NewEvent, Ticket};
use eventlog::codec::EncodedEvent;
use eventlog::{Append, AppendError, Appended, Appender, Codec, Ids, database};
use sqlx::PgPool;
use testing::TestDatabase;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub(crate) const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
pub(crate) const BOB: AccountId = AccountId(Uuid::from_u128(0xB0));

pub(crate) struct Log {
    pub(crate) database: TestDatabase,
    pub(crate) db: PgPool,
    pub(crate) appender: Appender,
    pub(crate) codec: Arc<Codec>,
    pub(crate) ids: Ids,
}

impl Log {
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create().await;
        let db = database.app();
        let appender = start(&database);
        let codec = Arc::new(Codec::new(db.clone(), testing::master_key()));
        Self { database, db, appender, codec, ids: Ids::random() }
    }

    /// An append of `count` events to `chat` at version `expected`. The payload says which.
    pub(crate) fn plain(&self, chat: ChatId, expected: i64, count: usize) -> Append {
        let events = (0..count).map(|index| NewEvent {
            event_id: self.ids.next(),
            encoded: EncodedEvent {
                event_type: "message_sent".to_owned(),
                event_version: "1".to_owned(),
                payload: format!(r#"{{"number": {}}}"#, expected + 1 + index as i64),
            },
            event: None,
        });
        Append {
            aggregate_type: "chat",
            aggregate_id: chat.to_string(),
            expected,
            lineage: Lineage::default(),
            events: events.collect(),
            metadata: "{}".to_owned(),
            claims: vec![],
            key: None,
        }
    }

    /// An append of real events.
    pub(crate) async fn real<E: DomainEvent + Into<Event>>(
        &self,
        chat: ChatId,
        expected: i64,
        events: &[E],
    ) -> Append {
        let encoded = self.codec.encode(events).await.expect("the events encode");
        let new = |(encoded, event): (_, &E)| {
            let event = Some(event.clone().into());
            NewEvent { event_id: self.ids.next(), encoded, event }
        };
        let events = encoded.into_iter().zip(events).map(new).collect();
        Append { events, ..self.plain(chat, expected, 0) }
    }

    pub(crate) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.enqueue(append).done().await
    }

    pub(crate) fn enqueue(&self, append: Append) -> Ticket {
        self.appender.enqueue(append).expect("the queue has room")
    }

    /// Everything there is, checked: dense positions, dense streams, times that never go back.
    pub(crate) async fn check(&self) -> i64 {
        crate::invariants::check(&self.database.owner()).await
    }
}

pub(crate) fn start(database: &TestDatabase) -> Appender {
    let options = database::options(&database.url()).expect("it is a URL");
    Appender::start(options, &TaskTracker::new())
}

pub(crate) fn chat(number: u128) -> ChatId {
    ChatId(Uuid::from_u128(0xC0_0000 + number))
}

pub(crate) fn opened(chat_id: ChatId) -> ChatEvent {
    ChatEvent::Opened {
        chat_id,
        members: [ALICE, BOB],
        opened_by: ALICE,
        opened_at: chrono::DateTime::UNIX_EPOCH,
        withheld: false,
    }
}

pub(crate) fn sent(chat_id: ChatId, number: u64, text: &str) -> ChatEvent {
    ChatEvent::MessageSent {
        chat_id,
        message_id: MessageId(Uuid::from_u128(u128::from(number))),
        number,
        sender: ALICE,
        recipient: BOB,
        content: Content::Text { text: Personal::new(ALICE, text.to_owned()) },
        reply_to: None,
        reference: None,
        tags: None,
        forwarded: None,
        expires_at: None,
        withheld: false,
        spent_ms: 0,
        sent_at: chrono::DateTime::UNIX_EPOCH,
    }
}

pub(crate) fn taken(scope: &'static str, value: &str) -> ClaimRow {
    ClaimRow { scope, value: value.as_bytes().to_vec(), take: true }
}

pub(crate) fn key(name: &str) -> KeyRow {
    KeyRow { caller: ALICE.0, key: name.to_owned(), fingerprint: vec![1; 32] }
}
