//! A `nats-server` with JetStream, its store in a folder that may be deleted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::process::Process;
use super::{Signal, free_port, variable};

pub struct Nats {
    port: u16,
    store: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

impl Nats {
    /// Starts one with an empty store, in `folder`.
    pub async fn start(folder: &Path) -> Self {
        let store = folder.join("nats");
        let log = folder.join("nats.log");
        let mut nats = Self { port: free_port(), store, log, process: None };
        nats.resume().await;
        nats
    }

    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.addr())
    }

    /// Ends it at once.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::Kill).await;
        }
    }

    /// Deletes all that it has stored, whether it runs or not.
    pub fn delete_store(&self) {
        let deleted = std::fs::remove_dir_all(self.store.join("jetstream"));
        deleted.expect("there is a store, and it is deleted");
    }

    /// Starts it again on what is in its store.
    pub async fn resume(&mut self) {
        let mut command = Command::new(variable("PARLANCE_TEST_NATS_SERVER"));
        command.args(["--jetstream", "--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        command.arg("--store_dir").arg(&self.store);
        let mut process = Process::start(&mut command, Signal::Kill, &self.log);
        for _ in 0..1_000 {
            process.assert_runs();
            if TcpStream::connect(self.addr()).await.is_ok() {
                self.process = Some(process);
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nats-server does not answer");
    }
}
