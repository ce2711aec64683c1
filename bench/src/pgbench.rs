//! What sends are compared with: `pgbench` inserting the same event, one row a transaction.
//!
//! The row has the bytes that Parlance stored for a message, in a table of the same shape and with
//! the same indexes. The event does not have to be decided, gated, sealed, ordered, relayed or
//! projected.

use std::path::Path;

use hdrhistogram::Histogram;
use sqlx::FromRow;
use tokio::process::Command;

use crate::Outcome;
use crate::database::Database;
use crate::people::{CHATS, SENDERS};
use crate::scale::Scale;
use crate::sends::histogram;
use crate::servers::Servers;

/// Threads of pgbench: one would be its own bottleneck.
const THREADS: usize = 2;

/// The part of transactions whose time is written down: enough for a 99th percentile, little work.
const SAMPLED: f64 = 0.05;

/// The streams take turns by chance, as the chats of the load do; the sequence serves as version.
const SCRIPT: &str = r"\set stream random(1, :streams)
INSERT INTO bare.events (
    position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, event_id, recorded_at
) VALUES (
    nextval('bare.position'), 'chat', '00000000-0000-5000-8000-' || lpad(:stream, 12, '0'),
    currval('bare.position'), :event_type, :event_version, :payload, :metadata, :event_id, now()
);
";

/// A message as Parlance stored it.
#[derive(FromRow)]
struct Stored {
    event_type: String,
    event_version: String,
    payload: String,
    metadata: String,
    event_id: String,
}

/// What a run of pgbench came to.
pub(crate) struct Inserts {
    pub(crate) rate: f64,
    /// Microseconds, of a sample.
    pub(crate) latency: Histogram<u64>,
}

/// Inserts the newest message of the log again and again.
pub(crate) async fn single_rows(
    database: &Database,
    servers: &Servers,
    scale: Scale,
) -> Outcome<Inserts> {
    let stored: Stored = sqlx::query_as(
        "SELECT event_type, event_version, payload::text, metadata::text, event_id::text
         FROM events
         WHERE event_type = 'message_sent'
         ORDER BY position DESC
         LIMIT 1",
    )
    .fetch_one(&database.pool)
    .await?;
    let folder = tempfile::tempdir_in(servers.folder())?;
    let script = folder.path().join("insert.sql");
    std::fs::write(&script, SCRIPT)?;
    let (url, password) = database.plain_url_and_password();
    let variables = [
        ("streams", CHATS.to_string()),
        ("event_type", stored.event_type),
        ("event_version", stored.event_version),
        ("payload", stored.payload),
        ("metadata", stored.metadata),
        ("event_id", stored.event_id),
    ];
    let output = Command::new(&servers.programs.pgbench)
        .current_dir(folder.path())
        .env("PGPASSWORD", password)
        .args(["--no-vacuum", "--protocol=prepared"])
        .args([format!("--client={SENDERS}"), format!("--jobs={THREADS}")])
        .args([format!("--time={}", scale.round.as_secs()), format!("--sampling-rate={SAMPLED}")])
        .args(["--log", "--log-prefix=times"])
        .args(variables.map(|(name, value)| format!("--define={name}={value}")))
        .arg("--file")
        .arg(script)
        .arg(url)
        .output()
        .await
        .map_err(|error| format!("{}: {error}", servers.programs.pgbench.display()))?;
    if !output.status.success() {
        return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let rate =
        text.lines().find_map(|it| it.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    Ok(Inserts { rate: rate.ok_or("pgbench told no rate")?, latency: times(folder.path())? })
}

/// The times that pgbench wrote down: the third field of each line.
fn times(folder: &Path) -> Outcome<Histogram<u64>> {
    let mut latency = histogram()?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|it| it.to_string_lossy().starts_with("times.")) {
            for line in std::fs::read_to_string(path)?.lines() {
                let time = line.split(' ').nth(2).ok_or("pgbench wrote a line without a time")?;
                latency.record(time.parse()?)?;
            }
        }
    }
    Ok(latency)
}
