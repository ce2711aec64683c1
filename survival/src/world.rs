//! An installation of its own for one test, and the verdict on it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::check::{Expected, followers, violations};
use crate::collect::{self, JetStreamReader};
use crate::evidence::Evidence;
use crate::history::History;
use crate::load::{Client, Load, People};
use crate::servers::{Nats, Parlance, Postgres, Proxy, Settings};

/// How long it may take, once nothing is asked and nothing is broken, until nothing is left to do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Violations that are printed.
const PRINTED_MAX: usize = 20;

/// Every role in one process.
pub const ALL_ROLES: &str = "api,relay,projectors,policies";

/// PostgreSQL, NATS if there is to be one, and any number of Parlances.
pub struct World {
    pub postgres: Postgres,
    pub nats: Option<Nats>,
    pub parlances: Vec<Parlance>,
    folder: Option<TempDir>,
}

impl World {
    /// The servers, migrated, and `parlances` processes on them.
    pub async fn start(with_nats: bool, parlances: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        // PostgreSQL may run as somebody else, and has to get through to its own.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let postgres = Postgres::start(folder.path()).await;
        let nats = if with_nats { Some(Nats::start(folder.path()).await) } else { None };
        let mut world = Self { postgres, nats, parlances: vec![], folder: Some(folder) };
        world.cli_ok(&["migrate"]);
        for _ in 0..parlances {
            world.add_parlance(ALL_ROLES).await;
        }
        world
    }

    /// Starts one more process.
    pub async fn add_parlance(&mut self, roles: &str) {
        let log = self.path().join(format!("parlance-{}.log", self.parlances.len()));
        self.parlances.push(Parlance::start(self.settings(), roles, log).await);
    }

    /// Starts one more process, which reaches PostgreSQL and NATS by ways that can be cut.
    pub async fn add_parlance_apart(&mut self, roles: &str) -> [Proxy; 2] {
        let nats = self.nats.as_ref().expect("this world has NATS");
        let ways = [Proxy::start(self.postgres.addr()).await, Proxy::start(nats.addr()).await];
        let settings = Settings {
            database_url: self.postgres.url_by(ways[0].addr()),
            nats_url: Some(format!("nats://{}", ways[1].addr())),
            ..self.settings()
        };
        let log = self.path().join(format!("parlance-{}.log", self.parlances.len()));
        self.parlances.push(Parlance::start(settings, roles, log).await);
        ways
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.parlances.iter().map(Parlance::addr).collect()
    }

    pub fn nats(&mut self) -> &mut Nats {
        self.nats.as_mut().expect("this world has NATS")
    }

    /// Gathers people and lets them chat.
    pub async fn load(&self, duration: Duration, seed: u64) -> Load {
        eprintln!("seed {seed}, for {duration:?}");
        let addresses = self.addresses();
        let (people, history) = People::gather(&mut Client::new(addresses.clone(), 0)).await;
        Load::start(people, history, &addresses, duration, seed)
    }

    /// Runs an operator's command.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        crate::servers::run(&self.settings(), arguments)
    }

    /// As [`cli`](Self::cli), which must succeed; returns what it printed.
    pub fn cli_ok(&self, arguments: &[&str]) -> String {
        let output = self.cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "parlance {arguments:?}: {said}{printed}");
        printed
    }

    /// Waits until every checkpoint, and the stream, is at the log's end.
    pub async fn idle(&self) {
        let begun = Instant::now();
        loop {
            let standing = self.standing().await;
            if standing.is_idle {
                return;
            }
            assert!(begun.elapsed() < IDLE_TIMEOUT, "not idle: {}", standing.description);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the stream holds what the log holds now, while both grow on.
    pub async fn stream_catches_up(&self) {
        let addr = self.nats.as_ref().expect("this world has NATS").addr();
        let mut db = self.postgres.owner().await;
        let head = collect::head(&mut db).await.expect("a head");
        let begun = Instant::now();
        while stream_end(addr).await < head {
            assert!(begun.elapsed() < IDLE_TIMEOUT, "the stream does not reach {head}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Compares everything with everything, once nothing is left to do. Fails with what is wrong.
    pub async fn verdict(&self, people: &People, history: &History, expected: &Expected) {
        self.idle().await;
        let evidence = self.collect(people).await;
        let found = violations(history, &evidence, expected);
        let mut report = String::new();
        for violation in found.iter().take(PRINTED_MAX) {
            let _ = writeln!(report, "{violation}");
        }
        let unknown = history.commands.iter().filter(|it| !it.is_acknowledged()).count();
        eprintln!(
            "{} commands ({unknown} not acknowledged), {} own reads, {} events",
            history.commands.len(),
            history.reads.len(),
            evidence.head
        );
        assert!(found.is_empty(), "{} violations:\n{report}", found.len());
        self.cli_ok(&["verify"]);
    }

    async fn collect(&self, people: &People) -> Evidence {
        let mut db = self.postgres.owner().await;
        let mut evidence = collect::read_log(&mut db).await.expect("the log is read");
        if let Some(nats) = &self.nats {
            let mut reader = JetStreamReader::connect(nats.addr()).await.expect("NATS answers");
            evidence.jetstream = reader.read().await.expect("the stream is read");
        }
        let mut client = Client::new(self.addresses(), 0);
        evidence.chats = collect::chats(&mut client, people, evidence.head).await;
        evidence.lists = collect::lists(&mut client, people, evidence.head).await;
        evidence
    }

    async fn standing(&self) -> Standing {
        let mut db = self.postgres.owner().await;
        let head = collect::head(&mut db).await.expect("a head");
        let mut ends = collect::checkpoints(&mut db).await.expect("checkpoints");
        if let Some(nats) = &self.nats {
            ends.insert("stream".to_owned(), stream_end(nats.addr()).await);
            ends.entry("relay".to_owned()).or_insert(-1);
        }
        for follower in followers() {
            ends.entry(follower.to_owned()).or_insert(-1);
        }
        let is_idle = ends.values().all(|it| *it == head);
        Standing { is_idle, description: format!("the log ends at {head}, the others {ends:?}") }
    }

    fn settings(&self) -> Settings {
        Settings {
            database_url: self.postgres.url(),
            nats_url: self.nats.as_ref().map(Nats::url),
            files: self.path().join("files"),
        }
    }

    fn path(&self) -> &Path {
        self.folder.as_ref().expect("it is there until the end").path()
    }
}

/// The stream's last sequence; -1 when nobody says.
async fn stream_end(nats: SocketAddr) -> i64 {
    match JetStreamReader::connect(nats).await {
        Ok(mut reader) => reader.ends().await.ok().flatten().map_or(-1, |it| it.1),
        Err(_) => -1,
    }
}

struct Standing {
    is_idle: bool,
    description: String,
}

impl Drop for World {
    /// Keeps the logs of a test that failed, and says where.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for parlance in &self.parlances {
            let log = parlance.log().display();
            eprintln!("--- {log}\n{}", crate::servers::last_words(parlance.log()));
        }
        if let Some(folder) = self.folder.take() {
            eprintln!("kept: {}", folder.keep().display());
        }
    }
}
