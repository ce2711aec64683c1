//! `parlance parked`: events that a projector or a policy gave up on, and documents that Firestore
//! refuses.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use commands::policies::parked::{self as effects, ParkedWork};
use eventlog::Clock;
use eventlog::database::Role;
use projections::firestore::parked::ParkedDocuments;
use projections::parked::{self, ParkedEvent, ParkedStream};
use projections::{ReadModel, UnknownReadModel, firestore};

use super::{Failure, open, open_log, say};
use crate::settings::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows them all
    List,
    /// Applies those of one stream again, in order, as far as they can be; of a policy, all at once
    Retry(Stream),
    /// Goes on without the first of one stream, for good, and applies the others; of a policy,
    /// without all
    Skip(Stream),
}

#[derive(Debug, Args)]
pub(super) struct Stream {
    /// accounts, chats, messages, blocks, reports or files; or policy: and the name of one; or
    /// firestore, for the documents of an account or a chat
    #[arg(value_parser = subscriber)]
    projector: Subscriber,
    /// account, chat or library
    aggregate_type: String,
    aggregate_id: String,
}

#[derive(Debug, Clone)]
enum Subscriber {
    Projector(ReadModel),
    /// `policy:` and its name.
    Policy(String),
    Mirror,
}

fn subscriber(name: &str) -> Result<Subscriber, UnknownReadModel> {
    if name.starts_with("policy:") {
        return Ok(Subscriber::Policy(name.to_owned()));
    }
    if name == firestore::NAME {
        return Ok(Subscriber::Mirror);
    }
    name.parse().map(Subscriber::Projector)
}

pub(super) async fn run(
    environment: &Environment<'_>,
    command: Command,
) -> Result<ExitCode, Failure> {
    let (stream, skip) = match &command {
        Command::List => return list(environment).await,
        Command::Retry(stream) => (stream, false),
        Command::Skip(stream) => (stream, true),
    };
    let projector = match &stream.projector {
        Subscriber::Projector(model) => *model,
        Subscriber::Policy(policy) => return run_policy(environment, policy, stream, skip).await,
        Subscriber::Mirror => return run_mirror(environment, stream, skip).await,
    };
    let (db, codec) = open_log(environment).await?;
    let stream = ParkedStream {
        projector,
        aggregate_type: &stream.aggregate_type,
        aggregate_id: &stream.aggregate_id,
    };
    let retried = if skip {
        parked::skip(&db, &codec, stream).await?
    } else {
        parked::retry(&db, &codec, stream).await?
    };
    if let Some(position) = retried.skipped {
        say(format_args!("event {position} is skipped"))?;
    }
    say(format_args!("{} applied, {} still parked", retried.applied, retried.left))?;
    Ok(if retried.left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_policy(
    environment: &Environment<'_>,
    policy: &str,
    stream: &Stream,
    skip: bool,
) -> Result<ExitCode, Failure> {
    let db = open(environment, Role::App).await?;
    let (aggregate_type, aggregate_id) = (&stream.aggregate_type, &stream.aggregate_id);
    let work = ParkedWork { policy, aggregate_type, aggregate_id };
    if skip {
        let skipped = effects::skip(&db, work).await?;
        say(format_args!("{skipped} skipped"))?;
    } else {
        let woken = effects::retry(&db, work, Clock::system().now()).await?;
        say(format_args!("{woken} will be tried again"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_mirror(
    environment: &Environment<'_>,
    stream: &Stream,
    skip: bool,
) -> Result<ExitCode, Failure> {
    let db = open(environment, Role::App).await?;
    let (aggregate_type, aggregate_id) = (&stream.aggregate_type, &stream.aggregate_id);
    let of = ParkedDocuments { aggregate_type, aggregate_id };
    if skip {
        let skipped = firestore::parked::skip(&db, of).await?;
        say(format_args!("{skipped} skipped"))?;
    } else {
        let woken = firestore::parked::retry(&db, of).await?;
        say(format_args!("{woken} will be tried again"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(environment: &Environment<'_>) -> Result<ExitCode, Failure> {
    let db = open(environment, Role::App).await?;
    let events = parked::list(&db).await?;
    if events.is_empty() {
        say("nothing is parked")?;
    }
    for event in &events {
        say(line(event))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(it: &ParkedEvent) -> String {
    let state = match (it.skipped_at, it.attempts) {
        (Some(at), _) => format!("skipped {at}"),
        (None, 0) => "waits".to_owned(),
        (None, attempts) => format!("{attempts} attempts"),
    };
    format!(
        "{} {} {} {} [{state}] {}",
        it.projector, it.position, it.aggregate_type, it.aggregate_id, it.error
    )
}
