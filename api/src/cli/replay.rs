//! `parlance replay`: the log, for auditors.

use std::io::{BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use eventlog::{Codec, Position, StoredEvent, read};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Failure, open_log};
use crate::settings::Environment;

/// Which events, and in which form.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// The first position
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    from: i64,
    /// The last position; without it, the head of the log when the replay begins
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Only events of this aggregate
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,
    /// Only events of this type, like `message_sent`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// One JSON object a line
    #[default]
    Jsonl,
}

/// A line of the output.
#[derive(Serialize)]
struct Line<'a> {
    position: i64,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: i64,
    event_type: &'a str,
    event_version: &'a str,
    event_id: Uuid,
    recorded_at: DateTime<Utc>,
    metadata: &'a RawValue,
    payload: Value,
}

pub(super) async fn run(
    environment: &Environment<'_>,
    filter: &Filter,
) -> Result<ExitCode, Failure> {
    let Format::Jsonl = filter.format;
    let (db, codec) = open_log(environment).await?;
    let head = read::head(&db).await?;
    let last = filter.to.map_or(head, |to| head.min(Position(to)));
    let mut position = Position(filter.from - 1).min(last);
    let (first, mut written) = (position.next(), 0_u64);
    let mut out = BufWriter::new(std::io::stdout().lock());
    while position < last {
        let limit = read::PAGE.min(last.0 - position.0);
        let page = read::page(&db, position, limit).await?;
        for event in &page {
            if event.position != position.next().0 {
                return Err(gap(position, head));
            }
            position = Position(event.position);
            if filter.matches(event) {
                written += 1;
                write(&mut out, &codec, event).await?;
            }
        }
        if page.is_empty() {
            return Err(gap(position, head));
        }
    }
    out.flush()?;
    tracing::info!(%first, %last, %head, read = last.0 - first.0 + 1, written, "replayed");
    Ok(ExitCode::SUCCESS)
}

/// The head says that there is an event, and the log has none.
fn gap(position: Position, head: Position) -> Failure {
    format!("the log has no event {}, and its head is {head}", position.next()).into()
}

impl Filter {
    fn matches(&self, event: &StoredEvent) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        is(&self.aggregate, &event.aggregate_id) && is(&self.event_type, &event.event_type)
    }
}

async fn write(
    out: &mut BufWriter<StdoutLock<'_>>,
    codec: &Codec,
    event: &StoredEvent,
) -> Result<(), Failure> {
    let payload = codec.open(event).await?;
    let payload = payload.map_err(|error| format!("event {}: {error}", event.position))?;
    let line = Line {
        position: event.position,
        aggregate_type: &event.aggregate_type,
        aggregate_id: &event.aggregate_id,
        sequence: event.sequence,
        event_type: &event.event_type,
        event_version: &event.event_version,
        event_id: event.event_id,
        recorded_at: event.recorded_at,
        metadata: serde_json::from_str(&event.metadata)?,
        payload,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    out.write_all(&text)?;
    Ok(())
}
