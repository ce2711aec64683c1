//! The log and what stands beside it, by plain queries.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row};

use crate::evidence::{Evidence, LoggedEvent};

/// The last position given out.
///
/// # Errors
///
/// When the database fails.
pub async fn head(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT position FROM log_head").fetch_one(db).await
}

/// How far each subscriber has come.
///
/// # Errors
///
/// When the database fails.
pub async fn checkpoints(db: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, position FROM checkpoints").fetch_all(db).await?;
    Ok(rows.into_iter().collect())
}

/// Who holds which lease.
///
/// # Errors
///
/// When the database fails.
pub async fn holders(db: &mut PgConnection) -> sqlx::Result<BTreeMap<String, String>> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, holder::text FROM leases").fetch_all(db).await?;
    Ok(rows.into_iter().collect())
}

/// Everything that the database knows of the log.
///
/// # Errors
///
/// When the database fails.
pub async fn read_log(db: &mut PgConnection) -> sqlx::Result<Evidence> {
    let (head, head_recorded_at) =
        sqlx::query_as("SELECT position, recorded_at FROM log_head").fetch_one(&mut *db).await?;
    let streams = "SELECT aggregate_type, aggregate_id, version FROM streams";
    let parked = "SELECT projector, position FROM parked_events WHERE skipped_at IS NULL";
    Ok(Evidence {
        log: events(&mut *db).await?,
        head,
        head_recorded_at,
        streams: sqlx::query_as(streams).fetch_all(&mut *db).await?,
        checkpoints: checkpoints(&mut *db).await?,
        parked: sqlx::query_as(parked).fetch_all(&mut *db).await?,
        ..Evidence::default()
    })
}

async fn events(db: &mut PgConnection) -> sqlx::Result<Vec<LoggedEvent>> {
    let rows = sqlx::query(
        "SELECT position,
                aggregate_type,
                aggregate_id,
                sequence,
                event_id,
                event_type,
                recorded_at,
                payload::text AS payload,
                metadata ->> 'request_id' AS request_id
         FROM events
         ORDER BY position",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LoggedEvent {
                position: row.try_get("position")?,
                aggregate_type: row.try_get("aggregate_type")?,
                aggregate_id: row.try_get("aggregate_id")?,
                sequence: row.try_get("sequence")?,
                event_id: row.try_get("event_id")?,
                event_type: row.try_get("event_type")?,
                recorded_at: row.try_get("recorded_at")?,
                payload: row.try_get("payload")?,
                request_id: row.try_get::<Option<_>, _>("request_id")?.unwrap_or_default(),
            })
        })
        .collect()
}
