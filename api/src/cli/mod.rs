//! The command line: one file a subcommand.

mod chat;
mod parked;
mod rebuild;
mod replay;
mod reports;
mod status;
mod verify;

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use commands::Gateway;
use eventlog::database::{self, PgPool, Role};
use eventlog::{Appender, Clock, Codec, Ids, MasterKey};
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

use crate::http::error::chain;
use crate::serve::ServeRole;
use crate::settings::{DatabaseSettings, Environment, LogFormat, LogSettings};

/// The backend of a social app, as one event-sourced system. Settings come from the environment:
/// see .env.example.
#[derive(Debug, Parser)]
#[command(name = "parlance", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Brings the database to the schema of this version
    Migrate,
    /// Answers requests and keeps everything moving, until SIGTERM or SIGINT
    Serve {
        /// What this process does; several, with commas
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = ServeRole::value_variants().to_vec())]
        roles: Vec<ServeRole>,
    },
    /// Shows how far the log, the relay, each projector and each policy are
    Status {
        #[arg(long, value_enum, default_value_t)]
        format: status::Format,
    },
    /// Recounts the read models from the log, and reports differences
    Verify,
    /// Builds read models again from the log, while the present ones are read on
    Rebuild {
        /// accounts, chats, messages, blocks, reports, files or all
        #[arg(value_parser = rebuild::which)]
        read_model: rebuild::Which,
    },
    /// Events that a projector or a policy gave up on
    #[command(subcommand)]
    Parked(parked::Command),
    /// Writes the log to standard output, personal values opened
    Replay(replay::Filter),
    /// Closes and opens chats
    #[command(subcommand)]
    Chat(chat::Command),
    /// Messages that members have reported, as they saw them
    #[command(subcommand)]
    Reports(reports::Command),
}

/// Whatever ends a command early; told once, at the end.
type Failure = Box<dyn Error + Send + Sync>;

/// Runs what the arguments ask for.
pub async fn run() -> ExitCode {
    let command = Cli::parse().command;
    match Box::pin(execute(command)).await {
        Ok(code) => code,
        // Whoever reads the output has enough, as `head` does.
        Err(failure) if is_broken_pipe(&failure) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("parlance: {}", chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<ExitCode, Failure> {
    let read = |name: &str| std::env::var(name).ok();
    let environment = Environment::new(&read);
    log(&environment.log()?)?;
    match command {
        Command::Migrate => {
            database::migrate(&environment.database()?.url).await?;
            tracing::info!("the database has the schema of this version");
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve { roles } => {
            let roles: BTreeSet<_> = roles.into_iter().collect();
            crate::serve::run(environment.serve()?, &roles).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status { format } => {
            status::run(&open(&environment, Role::App).await?, format).await
        }
        Command::Verify => verify::run(&environment).await,
        Command::Rebuild { read_model } => rebuild::run(&environment, &read_model).await,
        Command::Parked(command) => parked::run(&environment, command).await,
        Command::Replay(filter) => replay::run(&environment, &filter).await,
        Command::Chat(command) => chat::run(&environment, command).await,
        Command::Reports(command) => reports::run(&environment, command).await,
    }
}

/// Log lines go to standard error: standard output is for what a command was asked for.
fn log(settings: &LogSettings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| format!("PARLANCE_LOG is not a filter: {error}"))?;
    // What PostgreSQL notes in passing ("does not exist, skipping") is of no use to anybody.
    let filter = filter.add_directive("sqlx::postgres::notice=warn".parse()?);
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr);
    match settings.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
}

/// A pool for one command's work.
const CONNECTIONS: u32 = 2;

/// The database, with the rights of `role`, whose queries mean the live read models.
async fn open(environment: &Environment<'_>, role: Role) -> Result<PgPool, Failure> {
    let DatabaseSettings { url, .. } = environment.database()?;
    database::check_migrated(&url).await?;
    Ok(database::pool(projections::live_options(database::options(&url)?), role, CONNECTIONS))
}

/// The database, and a codec that opens what is sealed in it.
async fn open_log(environment: &Environment<'_>) -> Result<(PgPool, Arc<Codec>), Failure> {
    let master_key: MasterKey = environment.master_key()?;
    let db = open(environment, Role::App).await?;
    let codec = Arc::new(Codec::new(db.clone(), master_key));
    Ok((db, codec))
}

/// What executes commands, outside of any server.
async fn open_gateway(environment: &Environment<'_>) -> Result<Gateway, Failure> {
    let (db, codec) = open_log(environment).await?;
    gateway_on(environment, db, codec)
}

fn gateway_on(
    environment: &Environment<'_>,
    db: PgPool,
    codec: Arc<Codec>,
) -> Result<Gateway, Failure> {
    let options = database::options(&environment.database()?.url)?;
    let appender = Appender::start(options, &TaskTracker::new());
    let (clock, ids) = (Clock::system(), Ids::random());
    Ok(Gateway::new(db, codec, appender, &environment.master_key()?, clock, ids))
}

fn is_broken_pipe(failure: &Failure) -> bool {
    failure.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe)
}

/// Writes a line to standard output.
fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
