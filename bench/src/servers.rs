//! The processes of a run: NATS and Parlance, with folders and ports of their own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Outcome;
use crate::database::Database;
use crate::http::{Connection, request};

/// How long a server may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

const GLANCE: Duration = Duration::from_millis(20);

/// A master key for measurements: no secret.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Where the programs are.
pub(crate) struct Programs {
    pub(crate) parlance: PathBuf,
    pub(crate) nats_server: PathBuf,
    pub(crate) pgbench: PathBuf,
}

/// What a run needs besides the database.
pub(crate) struct Servers {
    pub(crate) programs: Programs,
    /// Logs and stores. Gone with the run, unless it fails.
    folder: TempDir,
    nats: Child,
    nats_port: u16,
    addr: SocketAddr,
    /// Settings of Parlance besides those of every run.
    pub(crate) settings: Vec<(&'static str, String)>,
}

/// A running `parlance serve`.
pub(crate) struct Parlance {
    process: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
}

impl Servers {
    /// Starts NATS with an empty store.
    pub(crate) async fn start(programs: Programs) -> Outcome<Self> {
        let folder = TempDir::with_prefix("parlance-bench-")?;
        let nats_port = free_port()?;
        let nats = Command::new(&programs.nats_server)
            .args(["--jetstream", "--addr", "127.0.0.1", "--port", &nats_port.to_string()])
            .arg("--store_dir")
            .arg(folder.path().join("nats"))
            .stdout(Stdio::null())
            .stderr(log(folder.path(), "nats")?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", programs.nats_server.display()))?;
        let up = async {
            while TcpStream::connect(("127.0.0.1", nats_port)).await.is_err() {
                sleep(GLANCE).await;
            }
        };
        timeout(PATIENCE, up).await.map_err(|_| "NATS does not answer")?;
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        Ok(Self { programs, folder, nats, nats_port, addr, settings: vec![] })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process of NATS.
    pub(crate) fn nats_pid(&self) -> Option<u32> {
        self.nats.id()
    }

    /// Starts `parlance serve` in these roles, and waits until it is ready.
    pub(crate) async fn serve(&self, database: &Database, roles: &str) -> Outcome<Parlance> {
        self.serve_at(self.addr, database, roles).await
    }

    /// Starts another beside it.
    pub(crate) async fn serve_beside(&self, database: &Database, roles: &str) -> Outcome<Parlance> {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        self.serve_at(addr, database, roles).await
    }

    async fn serve_at(
        &self,
        addr: SocketAddr,
        database: &Database,
        roles: &str,
    ) -> Outcome<Parlance> {
        let mut command = self.parlance(database);
        let mut process = command
            .env("PARLANCE_ADDR", addr.to_string())
            .args(["serve", "--roles", roles])
            .stdout(log(self.folder(), "parlance")?)
            .stderr(log(self.folder(), "parlance")?)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.programs.parlance.display()))?;
        let since = Instant::now();
        while !is_ready(addr).await {
            let ended = process.try_wait()?;
            if ended.is_some() || since.elapsed() > PATIENCE {
                return Err(format!("parlance is not ready: {}", self.log_end()?).into());
            }
            sleep(GLANCE).await;
        }
        let pid = process.id().ok_or("parlance has ended")?;
        Ok(Parlance { process, addr, pid })
    }

    /// `parlance` with the settings of this run and nothing else from the environment.
    pub(crate) fn parlance(&self, database: &Database) -> Command {
        let mut command = Command::new(&self.programs.parlance);
        command
            .env_clear()
            .env("DATABASE_URL", database.url.expose_secret())
            .env("NATS_URL", format!("nats://127.0.0.1:{}", self.nats_port))
            .env("PARLANCE_ISSUER", "http://bench") // tokens of one process are good in the other
            .env("PARLANCE_FILES_DIR", self.folder().join("files"))
            .env("PARLANCE_MASTER_KEY", MASTER_KEY)
            .env("PARLANCE_MESSAGE_INTERVAL_MS", "0") // what is measured is not a limit
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn log_end(&self) -> Outcome<String> {
        let text = std::fs::read_to_string(self.folder().join("parlance.log"))?;
        let lines: Vec<_> = text.lines().rev().take(5).collect();
        Ok(lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Parlance {
    /// Stops it in order.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        let told = Command::new("kill").arg(self.pid.to_string()).status().await?;
        if !told.success() {
            return Err("parlance cannot be told to stop".into());
        }
        timeout(PATIENCE, self.process.wait()).await.map_err(|_| "parlance does not stop")??;
        Ok(())
    }
}

async fn is_ready(addr: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(addr).await else {
        return false;
    };
    let answer = connection.call(&request("GET", "/health/ready", None, "", "")).await;
    answer.is_ok_and(|it| it.status == 200)
}

fn log(folder: &Path, name: &str) -> std::io::Result<std::fs::File> {
    let path = folder.join(name).with_extension("log");
    std::fs::OpenOptions::new().create(true).append(true).open(path)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
