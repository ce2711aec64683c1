//! A PostgreSQL cluster of its own, with the durability that PostgreSQL has by itself.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::time::sleep;

use super::process::{Process, last_words};
use super::{Signal, free_port, program};

/// How it is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// `immediate`: it drops everything, as in a crash, and recovers at its next start.
    Immediate,
    /// `fast`: it ends every session and writes everything down.
    Fast,
}

pub struct Postgres {
    port: u16,
    data: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

impl Postgres {
    /// Makes a cluster in `folder`, with a database `parlance` and its owner, who is no superuser.
    pub async fn start(folder: &Path) -> Self {
        let home = folder.join("postgres");
        std::fs::create_dir(&home).expect("a folder");
        if let Some((user, group)) = owner() {
            chown(&home, Some(user), Some(group)).expect("the server's user gets its folder");
        }
        let (data, log) = (home.join("data"), folder.join("postgres.log"));
        let made = run_as_owner("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .arg("--no-sync") // the machine will not crash
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = Self { port: free_port(), data, log, process: None };
        postgres.resume().await;
        let mut admin = postgres.connect("postgres", "postgres").await.expect("it answers");
        for statement in
            ["CREATE ROLE parlance LOGIN CREATEROLE", "CREATE DATABASE parlance OWNER parlance"]
        {
            admin.execute(statement).await.expect("the database is made");
        }
        postgres
    }

    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// As the owner of the database.
    pub fn url(&self) -> String {
        self.url_of("parlance", "parlance")
    }

    /// The same, by another way.
    pub fn url_by(&self, way: SocketAddr) -> String {
        self.url().replace(&self.addr().to_string(), &way.to_string())
    }

    pub async fn owner(&self) -> PgConnection {
        self.connect("parlance", "parlance").await.expect("PostgreSQL answers")
    }

    pub async fn stop(&mut self, how: Stop) {
        if let Some(process) = self.process.take() {
            let signal = match how {
                Stop::Immediate => Signal::Quit,
                Stop::Fast => Signal::Interrupt,
            };
            process.end(signal).await;
        }
    }

    /// Starts it again; returns when it has recovered.
    pub async fn resume(&mut self) {
        let mut command = run_as_owner("postgres");
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=64MB",
            "max_connections=100",
        ] {
            command.args(["-c", setting]);
        }
        let mut process = Process::start(&mut command, Signal::Quit, &self.log);
        for _ in 0..3_000 {
            process.assert_runs();
            if self.connect("postgres", "postgres").await.is_ok() {
                self.process = Some(process);
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("PostgreSQL does not answer: {}", last_words(&self.log));
    }

    fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    async fn connect(&self, user: &str, database: &str) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.url_of(user, database)).await
    }
}

/// A program of PostgreSQL, as the user who may run it, without settings of ours.
fn run_as_owner(name: &str) -> Command {
    let mut command = Command::new(program("PARLANCE_TEST_PG_BIN", name));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

/// PostgreSQL refuses to run as root: then `PARLANCE_TEST_PG_USER` says who is to run it.
fn owner() -> Option<(u32, u32)> {
    let user = std::env::var("PARLANCE_TEST_PG_USER").ok().filter(|it| !it.is_empty())?;
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, &user]).output().expect("`id` runs");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse().unwrap_or_else(|_| panic!("PARLANCE_TEST_PG_USER: there is no user {user}"))
    };
    Some((id("-u"), id("-g")))
}
