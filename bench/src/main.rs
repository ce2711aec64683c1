//! Measures Parlance against what PostgreSQL does by itself, all in one run on one server.
//!
//! `docs/performance.md` says what is measured, how, and what came out. `make bench` sets up the
//! servers and runs this.
//!
//! - [`servers`]: the database, NATS and Parlance of a run
//! - [`sends`], [`paced`], [`kinds`]: the load over HTTP; [`pgbench`]: what it is compared with
//! - [`history`], [`append`]: fills the log through the library; [`rows`]: what that is compared with
//! - [`live`]: people who are connected; [`mirror`]: Firestore under that load
//! - [`relay`], [`rebuild`], [`cold`], [`reads`], [`pushes`], [`processes`]: the other parts
//! - [`report`]: the table

mod append;
mod cold;
mod database;
mod history;
mod http;
mod kinds;
mod live;
mod mirror;
mod paced;
mod people;
mod pgbench;
mod processes;
mod pushes;
mod reads;
mod rebuild;
mod relay;
mod report;
mod rows;
mod run;
mod scale;
mod sends;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::scale::Scale;

/// What went wrong, in words: a run that fails is looked at, not handled.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Measures Parlance against bare PostgreSQL.
#[derive(Debug, Parser)]
struct Arguments {
    /// About a minute, to see that everything works. Its numbers say little.
    #[arg(long)]
    quick: bool,

    /// A PostgreSQL superuser's URL. The database `parlance_bench` is made there, and dropped.
    #[arg(long, env = "BENCH_DATABASE_URL", hide_env_values = true)]
    database_url: String,

    /// The program `nats-server`.
    #[arg(long, env = "BENCH_NATS_SERVER", default_value = "nats-server")]
    nats_server: PathBuf,

    /// The program `parlance`. Default: the one beside this program.
    #[arg(long, env = "BENCH_PARLANCE")]
    parlance: Option<PathBuf>,

    /// The program `pgbench`.
    #[arg(long, env = "BENCH_PGBENCH", default_value = "pgbench")]
    pgbench: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let programs = servers::Programs {
        parlance: arguments.parlance.unwrap_or_else(|| beside_this("parlance")),
        nats_server: arguments.nats_server,
        pgbench: arguments.pgbench,
    };
    let scale = if arguments.quick { Scale::quick() } else { Scale::full() };
    match run::run(&arguments.database_url, programs, scale).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn beside_this(program: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.with_file_name(program)
}
