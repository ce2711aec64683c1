//! The command side of one process.

use std::sync::Arc;

use commands::{Context, Executed, Gateway, IdempotencyKey, SignIn, SignInSettings, fingerprint};
use domain::account::{Account, AccountCommand, AccountEvent};
use domain::chat::{Chat, ChatCommand, ChatError, ChatEvent, Limits, Outgoing};
use domain::{AccountId, ChatId, MessageId};
use eventlog::{Appender, Bus, Clock, Codec, Ids, database};
use sqlx::PgPool;
use testing::TestDatabase;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub(crate) const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
pub(crate) const BOB: AccountId = AccountId(Uuid::from_u128(0xB0));
pub(crate) const MALLORY: AccountId = AccountId(Uuid::from_u128(0xBAD));

pub(crate) type CommandError = commands::CommandError<ChatError>;

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) db: PgPool,
    pub(crate) gateway: Gateway,
    pub(crate) clock: Clock,
}

impl Node {
    /// Another process on the same database.
    pub(crate) fn start(database: &TestDatabase) -> Self {
        Self::with_clock(database, Clock::system())
    }

    pub(crate) fn with_clock(database: &TestDatabase, clock: Clock) -> Self {
        let db = database.app();
        let options = database::options(&database.url()).expect("it is a URL");
        let appender = Appender::start(options, &TaskTracker::new());
        let codec = Arc::new(Codec::new(db.clone(), testing::master_key()));
        let (master, ids) = (testing::master_key(), Ids::random());
        let gateway = Gateway::new(db.clone(), codec, appender, &master, clock.clone(), ids);
        Self { db, gateway, clock }
    }

    pub(crate) async fn sign_in(&self) -> SignIn {
        self.sign_in_over(Bus::new(None, CancellationToken::new()).0).await
    }

    /// As one of the processes that hear each other by `bus`.
    pub(crate) async fn sign_in_over(&self, bus: Bus) -> SignIn {
        let settings = SignInSettings { issuer: "https://parlance.example".to_owned() };
        let gateway = self.gateway.clone();
        SignIn::new(gateway, &testing::master_key(), settings, bus).await.expect("keys")
    }

    pub(crate) async fn register(
        &self,
        account_id: AccountId,
        username: &str,
        email: &str,
    ) -> Result<Executed<AccountEvent>, commands::CommandError<domain::account::AccountError>> {
        let command = AccountCommand::Register {
            account_id,
            username: username.to_owned(),
            display_name: "Somebody".to_owned(),
            email: email.to_owned(),
            now: self.clock.now(),
        };
        let context = Context::default();
        self.gateway.execute::<Account>(&account_id.to_string(), command, &context).await
    }

    pub(crate) async fn open(&self) -> Executed<ChatEvent> {
        self.chat(ChatCommand::Open { by: ALICE, with: BOB, now: self.clock.now() })
            .await
            .expect("the chat opens")
    }

    pub(crate) async fn send(
        &self,
        sender: AccountId,
        message_id: MessageId,
        text: &str,
        key: Option<&str>,
    ) -> Result<Executed<ChatEvent>, CommandError> {
        let context = Context {
            actor: Some(sender),
            request_id: "test".to_owned(),
            key: key.map(|key| IdempotencyKey {
                caller: sender,
                key: key.to_owned(),
                fingerprint: fingerprint("POST", "/messages", text.as_bytes()),
            }),
        };
        let message = Box::new(Outgoing::text(message_id, sender, text.to_owned()));
        let limits = Limits { interval_ms: 0, ..Limits::default() };
        let command = ChatCommand::Send { message, limits, now: self.clock.now() };
        self.gateway.execute::<Chat>(&chat_id(), command, &context).await
    }

    pub(crate) async fn chat(
        &self,
        command: ChatCommand,
    ) -> Result<Executed<ChatEvent>, CommandError> {
        self.gateway.execute::<Chat>(&chat_id(), command, &Context::default()).await
    }

    pub(crate) async fn events(&self) -> i64 {
        let count = "SELECT count(*) FROM events";
        sqlx::query_scalar(count).fetch_one(&self.db).await.expect("a count")
    }
}

pub(crate) fn chat_id() -> String {
    ChatId::between(ALICE, BOB).to_string()
}

pub(crate) fn message(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

pub(crate) fn number(executed: &Executed<ChatEvent>) -> u64 {
    match executed.events[..] {
        [ChatEvent::MessageSent { number, .. }] => number,
        ref other => panic!("{other:?}"),
    }
}
