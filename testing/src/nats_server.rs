//! A `nats-server` for one test, which it may kill and whose store it may delete.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::variable;

/// How long a server may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A server with JetStream on a port of its own. It dies with the test.
pub struct NatsServer {
    port: u16,
    store: TempDir,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server with an empty store.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_NATS_SERVER` is missing or does not start.
    pub async fn start() -> Self {
        let store = TempDir::new().expect("a folder");
        let mut server = Self { port: crate::free_port(), store, process: None };
        server.restart().await;
        server
    }

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> SecretString {
        SecretString::from(format!("nats://127.0.0.1:{}", self.port))
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Panics
    ///
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("the server is killed");
        }
    }

    /// Deletes everything it has stored. Its memory of it stays until it is restarted.
    ///
    /// # Panics
    ///
    /// When the store cannot be deleted.
    pub fn delete_store(&self) {
        let store = self.jetstream();
        if store.exists() {
            std::fs::remove_dir_all(store).expect("the store is deleted");
        }
    }

    /// Starts it again on the same port and store.
    ///
    /// # Panics
    ///
    /// When it does not answer in time.
    pub async fn restart(&mut self) {
        self.kill().await;
        let process = Command::new(variable("PARLANCE_TEST_NATS_SERVER"))
            .args(["--jetstream", "--addr", "127.0.0.1"])
            .args(["--port", &self.port.to_string()])
            .arg("--store_dir")
            .arg(self.store.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("PARLANCE_TEST_NATS_SERVER is a nats-server");
        self.process = Some(process);
        crate::until_it_answers(self.port, START_TIMEOUT).await;
    }

    fn jetstream(&self) -> PathBuf {
        self.store.path().join("jetstream")
    }
}
