//! `parlance status`: how far everybody has come.

use std::process::ExitCode;

use clap::ValueEnum;
use eventlog::database::PgPool;
use projections::firestore::MirrorStatus;
use projections::status::{Status, Subscriber};

use super::{Failure, say};

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

pub(super) async fn run(db: &PgPool, format: Format) -> Result<ExitCode, Failure> {
    let status = projections::status::status(db).await?;
    match format {
        Format::Text => say(table(&status))?,
        Format::Json => say(serde_json::to_string(&status)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(status: &Status) -> String {
    let mut rows =
        vec![["", "position", "lag", "seconds", "parked", "skipped", "runs in"].map(str::to_owned)];
    let head = ["head", &status.head.to_string(), "", "", "", "", ""].map(str::to_owned);
    rows.push(head);
    rows.extend(status.subscribers.iter().map(|it| row(status, it)));
    let widths = columns(&rows);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                0 | 6 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    for subscriber in &status.subscribers {
        if let Some(stopped) = &subscriber.stopped {
            lines.push(format!("{} is stopped: {stopped}", subscriber.name));
        }
    }
    if let Some(MirrorStatus { pending, pending_seconds, parked }) = status.mirror {
        lines.push(format!(
            "Firestore: {pending} documents to be written, due for {pending_seconds:.1} seconds; \
             {parked} parked"
        ));
    }
    lines.join("\n")
}

fn row(status: &Status, it: &Subscriber) -> [String; 7] {
    let lease = status.leases.iter().find(|lease| {
        lease.is_held && lease.name.strip_prefix("projector:").unwrap_or(&lease.name) == it.name
    });
    [
        it.name.clone(),
        it.position.to_string(),
        it.lag_events.to_string(),
        format!("{:.1}", it.lag_seconds),
        it.parked.to_string(),
        it.skipped.to_string(),
        lease.map_or_else(|| "no process".to_owned(), |lease| lease.holder.to_string()),
    ]
}

fn columns(rows: &[[String; 7]]) -> [usize; 7] {
    std::array::from_fn(|column| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default()
    })
}
