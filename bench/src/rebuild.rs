//! Rebuilds of all read models, and what they are compared with: the same events out of PostgreSQL,
//! in order, by `COPY`.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;
use tokio::time::Instant;

use crate::Outcome;
use crate::database::Database;
use crate::servers::Servers;

const COPY: &str = "COPY (
    SELECT position, aggregate_type, aggregate_id, sequence,
           event_type, event_version, payload, metadata, event_id, recorded_at
    FROM events
    ORDER BY position
) TO STDOUT";

/// Runs `parlance rebuild all`, from the start of the program to its end.
pub(crate) async fn of_everything(database: &Database, servers: &Servers) -> Outcome<Duration> {
    let since = Instant::now();
    let output = servers.parlance(database).args(["rebuild", "all"]).output().await?;
    let elapsed = since.elapsed();
    if output.status.success() {
        Ok(elapsed)
    } else {
        Err(format!("rebuild: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Copies the log out and throws it away.
pub(crate) async fn copy_out(database: &Database) -> Outcome<Duration> {
    let since = Instant::now();
    let mut rows = database.pool.copy_out_raw(COPY).await?;
    while rows.try_next().await?.is_some() {}
    Ok(since.elapsed())
}
