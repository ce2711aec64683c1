//! A log of one test, written by real decisions, and the read models over it.

mod running;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use domain::account::{Account, AccountCommand};
use domain::chat::{Chat, ChatCommand, ChatEvent, Content, Limits, Outgoing};
use domain::library::{Library, LibraryCommand};
use domain::{AccountId, ChatId, Decider, MessageId, Personal};
use eventlog::append::{Lineage, NewEvent, Ticket};
use eventlog::database::{self, Role};
use eventlog::{Append, Appender, Codec, Position, RecordedEvent, read};
use projections::runner::{Outcome, Projector};
use projections::{ReadModel, live_options};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use testing::TestDatabase;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use running::PROJECTORS;

const CONNECTIONS: u32 = 8;

/// People here send as fast as they like.
pub const LIMITS: Limits = Limits { text_max: 10_000, burst: 60, interval_ms: 0 };

pub struct World {
    /// The owner's rights, the live read models.
    pub db: PgPool,
    pub codec: Arc<Codec>,
    pub appender: Appender,
    accounts: HashMap<AccountId, Stream<Account>>,
    chats: HashMap<ChatId, Stream<Chat>>,
    libraries: HashMap<AccountId, Stream<Library>>,
    ids: u128,
    ticket: Option<Ticket>,
    database: TestDatabase,
}

#[derive(Default)]
struct Stream<A> {
    state: A,
    version: i64,
}

fn app(options: PgConnectOptions) -> PgPool {
    database::pool(database::serving(live_options(options)), Role::App, CONNECTIONS)
}

impl World {
    pub async fn create() -> Self {
        let database = TestDatabase::create().await;
        let options = database::options(&database.url()).expect("it is a URL");
        let db = database::pool(live_options(options.clone()), Role::Owner, CONNECTIONS);
        Self {
            codec: Arc::new(Codec::new(app(options.clone()), testing::master_key())),
            appender: Appender::start(options, &TaskTracker::new()),
            db,
            accounts: HashMap::new(),
            chats: HashMap::new(),
            libraries: HashMap::new(),
            ids: 0,
            ticket: None,
            database,
        }
    }

    /// The rights and the search path that `serve` has.
    pub fn app(&self) -> PgPool {
        app(self.options())
    }

    pub fn options(&self) -> PgConnectOptions {
        database::options(&self.database.url()).expect("it is a URL")
    }

    /// Forgets the keys in memory, as another process has never had them.
    pub fn forget_keys(&mut self) {
        self.codec = Arc::new(Codec::new(self.app(), testing::master_key()));
    }

    pub async fn register(&mut self, username: &str) -> AccountId {
        let account_id = AccountId(self.id());
        let command = AccountCommand::Register {
            account_id,
            username: username.to_owned(),
            display_name: format!("The {username}"),
            email: format!("{username}@example.org"),
            now: self.now(),
        };
        self.on_account(account_id, command).await;
        account_id
    }

    pub async fn rename(&mut self, account: AccountId, display_name: &str) {
        let display_name = Some(display_name.to_owned());
        let now = self.now();
        self.on_account(
            account,
            AccountCommand::ChangeProfile { username: None, display_name, now },
        )
        .await;
    }

    pub async fn open(&mut self, by: AccountId, with: AccountId) -> ChatId {
        let chat = ChatId::between(by, with);
        let now = self.now();
        self.on_chat(chat, ChatCommand::Open { by, with, now }).await;
        chat
    }

    pub async fn send(&mut self, chat: ChatId, sender: AccountId, text: &str) -> MessageId {
        let message = Outgoing::text(MessageId(self.id()), sender, text.to_owned());
        let message_id = message.message_id;
        let (limits, now) = (LIMITS, self.now());
        self.on_chat(chat, ChatCommand::Send { message: Box::new(message), limits, now }).await;
        message_id
    }

    /// A text that the log takes and PostgreSQL's `text` does not.
    pub async fn send_poison(&mut self, chat: ChatId, sender: AccountId) {
        let message = Box::new(Outgoing::text(MessageId(self.id()), sender, "poison".to_owned()));
        let command = ChatCommand::Send { message, limits: LIMITS, now: self.now() };
        let stream = self.chats.entry(chat).or_default();
        let mut events = stream.state.decide(command).expect("the rules allow it");
        for event in &mut events {
            if let ChatEvent::MessageSent { content, .. } = event {
                *content = Content::Text { text: Personal::new(sender, "a\0b".to_owned()) };
            }
            stream.state.apply(event.clone());
        }
        let expected = stream.version;
        stream.version += 1;
        self.append::<Chat>(chat.to_string(), expected, &events).await;
    }

    pub async fn read(&mut self, chat: ChatId, reader: AccountId, up_to: u64) {
        let now = self.now();
        self.on_chat(chat, ChatCommand::MarkRead { reader, up_to, now }).await;
    }

    pub async fn delete_for_me(&mut self, chat: ChatId, by: AccountId, message_id: MessageId) {
        let now = self.now();
        self.on_chat(chat, ChatCommand::DeleteForMe { message_id, by, now }).await;
    }

    pub async fn delete_for_everyone(
        &mut self,
        chat: ChatId,
        by: AccountId,
        message_id: MessageId,
    ) {
        let now = self.now();
        self.on_chat(chat, ChatCommand::DeleteForEveryone { message_id, by, now }).await;
    }

    pub async fn on_account(&mut self, account: AccountId, command: AccountCommand) {
        let stream = self.accounts.entry(account).or_default();
        let events = stream.state.decide(command).expect("the rules allow it");
        let expected = stream.version;
        for event in events.clone() {
            stream.state.apply(event);
            stream.version += 1;
        }
        self.append::<Account>(account.to_string(), expected, &events).await;
    }

    /// The events, and nothing when the rules refuse.
    pub async fn on_chat(&mut self, chat: ChatId, command: ChatCommand) -> Vec<ChatEvent> {
        let stream = self.chats.entry(chat).or_default();
        let events = stream.state.decide(command).unwrap_or_default();
        let expected = stream.version;
        for event in events.clone() {
            stream.state.apply(event);
            stream.version += 1;
        }
        self.append::<Chat>(chat.to_string(), expected, &events).await;
        events
    }

    pub async fn on_library(&mut self, owner: AccountId, command: LibraryCommand) {
        let stream = self.libraries.entry(owner).or_default();
        let events = stream.state.decide(command).expect("the rules allow it");
        let expected = stream.version;
        for event in events.clone() {
            stream.state.apply(event);
            stream.version += 1;
        }
        self.append::<Library>(owner.to_string(), expected, &events).await;
    }

    async fn append<A: Decider>(
        &mut self,
        aggregate_id: String,
        expected: i64,
        events: &[A::Event],
    ) {
        let encoded = self.codec.encode(events).await.expect("the events encode");
        let events = encoded.into_iter().map(|encoded| NewEvent {
            event_id: self.id(),
            encoded,
            event: None,
        });
        let append = Append {
            aggregate_type: A::TYPE,
            aggregate_id,
            expected,
            lineage: Lineage::default(),
            events: events.collect(),
            metadata: "{}".to_owned(),
            claims: vec![],
            key: None,
        };
        if append.events.is_empty() {
            return;
        }
        loop {
            match self.appender.enqueue(append.clone()) {
                Ok(ticket) => {
                    self.ticket = Some(ticket);
                    return;
                }
                Err(_) => self.settle().await,
            }
        }
    }

    /// Waits until everything asked for is in the log.
    async fn settle(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.done().await.expect("it is recorded");
        }
    }

    /// Inserts an event past all rules, as one that nothing here would write.
    pub async fn plant(
        &mut self,
        aggregate_type: &str,
        aggregate_id: &str,
        event_type: &str,
        payload: &str,
    ) {
        self.plant_version(aggregate_type, aggregate_id, event_type, "1", payload).await;
    }

    pub async fn plant_version(
        &mut self,
        aggregate_type: &str,
        aggregate_id: &str,
        event_type: &str,
        event_version: &str,
        payload: &str,
    ) {
        self.settle().await;
        let id = self.id();
        sqlx::query(
            "WITH head AS (
                 UPDATE log_head SET position = position + 1 RETURNING position, recorded_at
             ), stream AS (
                 INSERT INTO streams AS s VALUES ($1, $2, 1)
                 ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET version = s.version + 1
                 RETURNING version
             )
             INSERT INTO events
             SELECT head.position, $1, $2, stream.version, $3, $4, $5::json, '{}', $6,
                    head.recorded_at
             FROM head, stream",
        )
        .bind(aggregate_type)
        .bind(aggregate_id)
        .bind(event_type)
        .bind(event_version)
        .bind(payload)
        .bind(id)
        .execute(&self.db)
        .await
        .expect("the event is planted");
        if let Ok(chat) = aggregate_id.parse::<Uuid>()
            && let Some(stream) = self.chats.get_mut(&ChatId(chat))
        {
            stream.version += 1;
        }
    }

    /// The last position of the log, with everything asked for in it.
    pub async fn head(&mut self) -> Position {
        self.settle().await;
        read::head(&self.db).await.expect("the head")
    }

    /// Runs the projectors until they have applied everything, and their checkpoints say so.
    pub async fn project(&mut self) {
        let head = self.head().await;
        let running = self.start();
        running.until(head).await;
        self.until_saved(head).await;
        running.stop().await;
    }

    /// The decoded events after `after`.
    pub async fn events(&mut self, after: i64, limit: i64) -> Vec<Arc<RecordedEvent>> {
        self.settle().await;
        let page = read::page(&self.db, Position(after), limit).await.expect("a page");
        let events = self.codec.decode(page).await.expect("keys");
        events.into_iter().map(Arc::new).collect()
    }

    /// Hands `events` to one projector.
    pub async fn apply(&self, model: ReadModel, events: &[Arc<RecordedEvent>]) -> Outcome {
        let mut connection = self.db.acquire().await.expect("a connection");
        Projector::of(model).apply(&mut connection, events).await.expect("it applies")
    }

    /// Makes the checkpoints, as a runner that starts does.
    pub async fn create_checkpoints(&self) {
        for model in ReadModel::ALL {
            sqlx::query("INSERT INTO checkpoints (name) VALUES ($1)")
                .bind(model.name())
                .execute(&self.db)
                .await
                .expect("a checkpoint");
        }
    }

    /// Waits until every checkpoint is at `position`: it may follow what was applied a little later.
    pub async fn until_saved(&self, position: Position) {
        let saved = async {
            for model in ReadModel::ALL {
                while self.checkpoint(model).await < position.0 {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        };
        timeout(Duration::from_secs(10), saved).await.expect("the checkpoints follow");
    }

    pub async fn checkpoint(&self, model: ReadModel) -> i64 {
        read::checkpoint(&self.db, model.name()).await.expect("a checkpoint").0
    }

    /// A read model, row by row, each table in an order of its own.
    pub async fn rows(&self, model: ReadModel) -> Vec<String> {
        let mut rows: Vec<String> = vec![];
        for table in model.tables() {
            let select = format!("SELECT '{table} ' || t::text FROM {table} t ORDER BY 1");
            rows.extend(
                sqlx::query_scalar::<_, String>(&select).fetch_all(&self.db).await.expect("rows"),
            );
        }
        rows
    }

    pub async fn all_rows(&self) -> Vec<Vec<String>> {
        let mut all = vec![];
        for model in ReadModel::ALL {
            all.push(self.rows(model).await);
        }
        all
    }

    /// Nothing that `verify` knows is wrong.
    pub async fn check(&self) {
        let verified = projections::verify::verify(&self.db, &self.codec).await.expect("verified");
        assert_eq!(verified.differences, vec![]);
    }

    pub async fn execute(&self, sql: &str) -> u64 {
        sqlx::query(sql).execute(&self.db).await.expect("it runs").rows_affected()
    }

    pub fn now(&self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.ids).expect("a small number");
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }
}
