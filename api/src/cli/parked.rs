//! `parlance parked`: events that a projector gave up on.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use eventlog::database::Role;
use projections::ReadModel;
use projections::parked::{self, ParkedEvent, ParkedStream};

use super::{Failure, open, open_log, say};
use crate::settings::Environment;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows them all
    List,
    /// Applies those of one stream again, in order, as far as they can be
    Retry(Stream),
    /// Goes on without the first of one stream, for good, and applies the others
    Skip(Stream),
}

#[derive(Debug, Args)]
pub(super) struct Stream {
    /// accounts, chats or messages
    projector: ReadModel,
    /// account or chat
    aggregate_type: String,
    aggregate_id: String,
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
    let (db, codec) = open_log(environment).await?;
    let stream = ParkedStream {
        projector: stream.projector,
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
