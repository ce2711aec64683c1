//! What tests of several crates need: real servers, one for each test to itself.
//!
//! `make test` starts PostgreSQL and says where everything is. A test that cannot have what it
//! needs fails, and says which variable is missing: it is never skipped. Only [`Clamd`] and Google's
//! emulator of Firestore may be missing, where they cannot be installed: their tests then say that they
//! were not run.

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "only tests use this, and a test that cannot be set up has failed"
)]

mod clamd;
mod database;
mod firestore;
mod nats_server;
mod push;
mod seaweed;
mod service_account;

pub use clamd::Clamd;
pub use database::TestDatabase;
pub use firestore::{
    FirestoreCode, FirestoreDouble, FirestoreEmulator, FirestoreValue, FirestoreValueType,
};
pub use nats_server::NatsServer;
pub use push::{Behaviour, PushDouble, Received};
pub use seaweed::SeaweedFs;
pub use service_account::{SERVICE_ACCOUNT, ServiceAccount};

use std::net::TcpListener;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A master key for tests: no secret.
#[must_use]
pub fn master_key() -> eventlog::MasterKey {
    eventlog::MasterKey::from_base64(&master_key_base64()).expect("it is 32 bytes")
}

/// The same, as a setting.
#[must_use]
pub fn master_key_base64() -> SecretString {
    SecretString::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").port()
}

/// Waits until somebody listens on `port`.
async fn until_it_answers(port: u16, patience: Duration) {
    let up = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(patience, up).await.expect("the server answers");
}

/// What `make test` says about where something is.
#[must_use]
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
}
