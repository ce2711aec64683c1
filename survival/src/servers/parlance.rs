//! The program under test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::process::Process;
use super::{Signal, free_port};
use crate::load::{Ask, Client};

/// How long it may take to be ready for requests.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// No secret.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What every process of an installation shares.
#[derive(Debug, Clone)]
pub struct Settings {
    pub database_url: String,
    pub nats_url: Option<String>,
    /// Where files are.
    pub files: PathBuf,
}

/// One `parlance serve`.
pub struct Parlance {
    settings: Settings,
    roles: String,
    port: u16,
    log: PathBuf,
    process: Option<Process>,
}

impl Parlance {
    /// Starts one with these roles, and waits until it is ready.
    pub async fn start(settings: Settings, roles: &str, log: PathBuf) -> Self {
        let port = free_port();
        let mut parlance = Self { settings, roles: roles.to_owned(), port, log, process: None };
        parlance.resume().await;
        parlance
    }

    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::Kill).await;
        }
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        let process = self.process.take().expect("it runs");
        process.end(Signal::Terminate).await
    }

    /// Starts it, or starts it again on the same port.
    pub async fn resume(&mut self) {
        let mut command = command(&self.settings);
        command.env("PARLANCE_ADDR", self.addr().to_string());
        command.args(["serve", "--roles", &self.roles]);
        let mut process = Process::start(&mut command, Signal::Kill, &self.log);
        let begun = Instant::now();
        let mut client = Client::new(vec![self.addr()], 0);
        loop {
            process.assert_runs();
            let ready = client.ask(&Ask::get("/health/ready"), "").await;
            if ready.is_ok_and(|it| it.answer.is_success()) {
                self.process = Some(process);
                return;
            }
            assert!(begun.elapsed() < START_TIMEOUT, "parlance is not ready: see its log");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Holds it where it is: it neither works nor notices that time passes.
    pub fn pause(&self) {
        self.process.as_ref().expect("it runs").signal(Signal::Stop);
    }

    pub fn wake(&self) {
        self.process.as_ref().expect("it runs").signal(Signal::Continue);
    }

    pub fn assert_runs(&mut self) {
        self.process.as_mut().expect("it runs").assert_runs();
    }

    /// What it has said.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

/// Runs an operator's command to its end.
pub(crate) fn run(settings: &Settings, arguments: &[&str]) -> Output {
    command(settings).args(arguments).output().expect("parlance runs")
}

/// The program with these settings and no others.
fn command(settings: &Settings) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("DATABASE_URL", &settings.database_url)
        .env("PARLANCE_MASTER_KEY", MASTER_KEY)
        .env("PARLANCE_FILES_DIR", &settings.files)
        .env("PARLANCE_LOG", std::env::var("PARLANCE_LOG").unwrap_or_else(|_| "info".to_owned()))
        // The hot chat is hotter than people are.
        .env("PARLANCE_MESSAGE_INTERVAL_MS", "0")
        // Tokens of one process are good in another.
        .env("PARLANCE_ISSUER", "http://parlance.test");
    if let Some(url) = &settings.nats_url {
        command.env("NATS_URL", url);
    }
    command
}

/// `target/<profile>/parlance`, beside the folder of this test program.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is in target/<profile>/deps");
    let binary = profile.join("parlance");
    assert!(binary.is_file(), "{} is missing: run `cargo build -p api` first", binary.display());
    binary
}
