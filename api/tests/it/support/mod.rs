//! A server of one's own, people who use it, and a client that trusts nothing it is told.

mod client;
mod database;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use api::serve::{self, ServeRole, Server};
use api::settings::{Environment, ServeSettings};
use chrono::TimeDelta;
use clap::ValueEnum;
use eventlog::{Clock, Ids};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use testing::NatsServer;

pub(crate) use client::{Answer, Ask};
pub(crate) use database::Database;

pub(crate) const PASSWORD: &str = "a quiet river under stars";

/// An id that belongs to nothing.
pub(crate) const NOBODY: &str = "0190f6f4-7c1e-7b1a-8f7e-0123456789ab";

/// A running Parlance, and its database.
pub(crate) struct World {
    pub(crate) addr: SocketAddr,
    server: Server,
    pub(crate) database: Database,
    ahead: Arc<AtomicI64>,
}

/// One more process on the database of a world.
pub(crate) struct Another {
    pub(crate) addr: SocketAddr,
    server: Server,
}

impl Another {
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

/// Somebody who has registered.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    /// Of the registration.
    pub(crate) position: i64,
}

impl World {
    /// Everything in one process, without NATS.
    pub(crate) async fn new() -> Self {
        Self::start(Database::fresh().await, ServeRole::value_variants(), None).await
    }

    /// As [`new`](Self::new), with settings of its own.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh().await;
        Self::start_with(database, ServeRole::value_variants(), None, settings).await
    }

    pub(crate) async fn start(
        database: Database,
        roles: &[ServeRole],
        nats: Option<&NatsServer>,
    ) -> Self {
        Self::start_with(database, roles, nats, &[]).await
    }

    async fn start_with(
        database: Database,
        roles: &[ServeRole],
        nats: Option<&NatsServer>,
        own: &[(&str, &str)],
    ) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&ahead);
        let system = Clock::system();
        let clock = Clock::from_fn(move || {
            system.now() + TimeDelta::seconds(seconds.load(Ordering::Relaxed))
        });
        let roles: BTreeSet<_> = roles.iter().copied().collect();
        let settings = settings(&database, nats.map(NatsServer::url).as_ref(), own);
        let server = Box::pin(serve::start(settings, &roles, clock, Ids::random())).await.unwrap();
        Self { addr: server.addr(), server, database, ahead }
    }

    /// Another process on the same database: both hear each other by `nats`, if there is any.
    pub(crate) async fn another(&self, nats: Option<&NatsServer>) -> Another {
        let roles: BTreeSet<_> = ServeRole::value_variants().iter().copied().collect();
        let settings = settings(&self.database, nats.map(NatsServer::url).as_ref(), &[]);
        let issuer = format!("http://{}", "127.0.0.1:0");
        assert_eq!(settings.issuer, issuer, "tokens of one are good in the other");
        let server =
            Box::pin(serve::start(settings, &roles, Clock::system(), Ids::random())).await.unwrap();
        Another { addr: server.addr(), server }
    }

    /// Stops the process and keeps its database.
    pub(crate) async fn stop(self) -> Database {
        self.server.stop().await;
        self.database
    }

    /// Lets the time of the server jump.
    pub(crate) fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        Ask::new(self.addr, "GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask {
        Ask::new(self.addr, "POST", path).json(body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Ask {
        Ask::new(self.addr, "PUT", path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Ask {
        Ask::new(self.addr, "PATCH", path).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Ask {
        Ask::new(self.addr, "DELETE", path)
    }

    /// Registers somebody with names made from `name`.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let answer = self.post("/v1/auth/email/register", &registration(name)).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Person {
            id: answer.text("account_id"),
            username: answer.text("username"),
            email: format!("{name}@example.org"),
            token: answer.text("access_token"),
            refresh_token: answer.text("refresh_token"),
            position: answer.position(),
        }
    }

    /// Two people, and the chat they have opened.
    pub(crate) async fn pair(&self) -> (Person, Person, String) {
        let (ada, ben) = (self.person("ada").await, self.person("ben").await);
        let chat = self.open(&ada, &ben).await.text("chat_id");
        (ada, ben, chat)
    }

    pub(crate) async fn open(&self, by: &Person, with: &Person) -> Answer {
        self.post("/v1/chats", &json!({ "member_id": with.id })).by(by).send().await
    }

    /// Sends, and returns the answer, which must be a message.
    pub(crate) async fn say(&self, by: &Person, chat: &str, text: &str) -> Answer {
        let path = format!("/v1/chats/{chat}/messages");
        let answer = self.post(&path, &json!({ "text": text })).by(by).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    /// The same person, signed in anew: access tokens last for minutes.
    pub(crate) async fn again(&self, person: &Person) -> Person {
        let body = json!({ "email": person.email, "password": PASSWORD });
        let answer = self.post("/v1/auth/email/login", &body).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let (token, refresh_token) = (answer.text("access_token"), answer.text("refresh_token"));
        Person { token, refresh_token, ..person.clone() }
    }

    /// Waits until the projector of this name has applied `position`.
    pub(crate) async fn until_applied(&self, projector: &str, position: i64) {
        self.database.until_applied(projector, position).await;
    }

    /// Executes a command that answers nothing but its position, which is returned.
    pub(crate) async fn done(&self, by: &Person, ask: Ask) -> i64 {
        let answer = ask.by(by).send().await;
        assert_eq!((answer.status, answer.bytes.len()), (204, 0), "{answer:?}");
        answer.position()
    }

    /// Without a body.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.addr, method, path)
    }

    /// Reads as of `position`; must succeed.
    pub(crate) async fn read(&self, by: &Person, path: &str, position: i64) -> Value {
        let answer = self.get(path).by(by).at(position).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.position() >= position, "{answer:?}");
        answer.body
    }
}

pub(crate) fn registration(name: &str) -> Value {
    json!({
        "email": format!("{name}@example.org"),
        "password": PASSWORD,
        "username": name,
        "display_name": format!("The {name}"),
    })
}

pub(crate) fn master_key() -> String {
    testing::master_key_base64().expose_secret().to_owned()
}

fn settings(
    database: &Database,
    nats_url: Option<&SecretString>,
    own: &[(&str, &str)],
) -> ServeSettings {
    let read = |name: &str| match name {
        "DATABASE_URL" => Some(database.url.clone()),
        "NATS_URL" => nats_url.map(|it| it.expose_secret().to_owned()),
        "PARLANCE_ADDR" => Some("127.0.0.1:0".to_owned()),
        "PARLANCE_FILES_DIR" => Some(database.files.path().display().to_string()),
        "PARLANCE_MASTER_KEY" => Some(master_key()),
        other => own.iter().find(|(name, _)| *name == other).map(|(_, value)| (*value).to_owned()),
    };
    Environment::new(&read).serve().unwrap()
}
