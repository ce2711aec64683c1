//! The invariants of the log itself.

use std::fmt::Display;

use sqlx::PgConnection;

use super::{Difference, Findings};

/// Rows that each check reports.
const LIMIT: i64 = 100;

pub(super) async fn check(db: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    positions(db, findings).await?;
    sequences(db, findings).await?;
    versions(db, findings).await?;
    head(db, findings).await
}

fn wrong(
    key: String,
    field: &'static str,
    expected: &dyn Display,
    found: &dyn Display,
) -> Difference {
    let (expected, found) = (expected.to_string(), found.to_string());
    Difference { place: "log", key, field, expected, found }
}

/// Positions are 1, 2, 3, …, and time does not go back as they grow.
async fn positions(db: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"SELECT position, previous AS "previous!", recorded_at, previous_at
           FROM (
               SELECT position,
                      recorded_at,
                      lag(position, 1, 0::bigint) OVER log AS previous,
                      lag(recorded_at) OVER log AS previous_at
               FROM events
               WINDOW log AS (ORDER BY position)
           ) e
           WHERE position <> previous + 1 OR recorded_at < previous_at
           LIMIT $1"#,
        LIMIT
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let key = format!("event {}", row.position);
        if row.position != row.previous + 1 {
            findings.add(wrong(key.clone(), "position", &(row.previous + 1), &row.position));
        }
        if let Some(previous) = row.previous_at.filter(|it| row.recorded_at < *it) {
            findings.add(wrong(
                key,
                "recorded_at",
                &format!("not before {previous}"),
                &row.recorded_at,
            ));
        }
    }
    Ok(())
}

/// Within a stream sequences are 1, 2, 3, …, and grow with position.
async fn sequences(db: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"SELECT position, sequence, previous AS "previous!", previous_position AS "previous_position!"
           FROM (
               SELECT position,
                      sequence,
                      lag(sequence, 1, 0::bigint) OVER stream AS previous,
                      lag(position, 1, 0::bigint) OVER stream AS previous_position
               FROM events
               WINDOW stream AS (PARTITION BY aggregate_type, aggregate_id ORDER BY sequence)
           ) e
           WHERE sequence <> previous + 1 OR position < previous_position
           LIMIT $1"#,
        LIMIT
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let key = format!("event {}", row.position);
        if row.sequence != row.previous + 1 {
            findings.add(wrong(key.clone(), "sequence", &(row.previous + 1), &row.sequence));
        }
        if row.position < row.previous_position {
            let expected = format!("after {}", row.previous_position);
            findings.add(wrong(key, "position", &expected, &row.position));
        }
    }
    Ok(())
}

/// The version of a stream is the sequence of its last event.
async fn versions(db: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"SELECT aggregate_type AS "aggregate_type!",
                  aggregate_id AS "aggregate_id!",
                  coalesce(s.version, 0) AS "version!",
                  coalesce(e.last, 0) AS "last!"
           FROM streams s
           FULL JOIN (
               SELECT aggregate_type, aggregate_id, max(sequence) AS last
               FROM events
               GROUP BY aggregate_type, aggregate_id
           ) e USING (aggregate_type, aggregate_id)
           WHERE s.version IS DISTINCT FROM e.last
           LIMIT $1"#,
        LIMIT
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let key = format!("{} {}", row.aggregate_type, row.aggregate_id);
        findings.add(wrong(key, "version", &row.last, &row.version));
    }
    Ok(())
}

/// The head is the last event.
async fn head(db: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"SELECT h.position,
                  h.recorded_at,
                  coalesce(e.position, 0) AS "last!",
                  coalesce(e.recorded_at, h.recorded_at) AS "last_at!"
           FROM log_head h
           LEFT JOIN (
               SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
           ) e ON true"#
    )
    .fetch_one(db)
    .await?;
    if row.position != row.last {
        findings.add(wrong("head".to_owned(), "position", &row.last, &row.position));
    }
    if row.recorded_at != row.last_at {
        findings.add(wrong("head".to_owned(), "recorded_at", &row.last_at, &row.recorded_at));
    }
    Ok(())
}
