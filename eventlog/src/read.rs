//! Reading the log in order.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::recorded::{Position, StoredEvent};

/// Events in a page: enough that a round trip costs little, few enough that a page of the largest
/// texts stays under 30 MB.
pub const PAGE: i64 = 1_000;

/// The events after `after`, in order, at most `limit`.
///
/// # Errors
///
/// When the database fails.
pub async fn page(
    db: impl PgExecutor<'_>,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        r#"SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload::text AS "payload!", metadata::text AS "metadata!", event_id, recorded_at
           FROM events
           WHERE position > $1
           ORDER BY position
           LIMIT $2"#,
        after.0,
        limit
    )
    .fetch_all(db)
    .await
}

/// The events of one stream after version `after`, in order, at most `limit`.
///
/// # Errors
///
/// When the database fails.
pub async fn stream_page(
    db: impl PgExecutor<'_>,
    aggregate_type: &str,
    aggregate_id: &str,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        r#"SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload::text AS "payload!", metadata::text AS "metadata!", event_id, recorded_at
           FROM events
           WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3
           ORDER BY sequence
           LIMIT $4"#,
        aggregate_type,
        aggregate_id,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// The last position of the log.
///
/// # Errors
///
/// When the database fails.
pub async fn head(db: impl PgExecutor<'_>) -> sqlx::Result<Position> {
    sqlx::query_scalar!("SELECT position FROM log_head").fetch_one(db).await.map(Position)
}

/// The last position that was recorded by `time`; the start of the log when none was.
///
/// Times never go back as positions grow, so this looks at as many events as the number of events
/// has binary digits, whatever there is between them.
///
/// # Errors
///
/// When the database fails.
pub async fn position_at(db: impl PgExecutor<'_>, time: DateTime<Utc>) -> sqlx::Result<Position> {
    sqlx::query_scalar!(
        r#"WITH RECURSIVE search (low, high) AS (
               SELECT 0::bigint, position FROM log_head
               UNION ALL
               SELECT CASE WHEN e.recorded_at <= $1 THEN e.position ELSE s.low END,
                      CASE WHEN e.recorded_at <= $1 THEN s.high ELSE e.position - 1 END
               FROM search s
               JOIN events e ON e.position = (s.low + s.high + 1) / 2
               WHERE s.low < s.high
           )
           SELECT low AS "low!" FROM search WHERE low = high"#,
        time
    )
    .fetch_one(db)
    .await
    .map(Position)
}

/// How far the subscriber `name` has come; the start of the log when it never ran.
///
/// # Errors
///
/// When the database fails.
pub async fn checkpoint(db: &PgPool, name: &str) -> sqlx::Result<Position> {
    let position = sqlx::query_scalar!("SELECT position FROM checkpoints WHERE name = $1", name)
        .fetch_optional(db)
        .await?;
    Ok(Position(position.unwrap_or_default()))
}
