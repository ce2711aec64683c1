//! Where a projector stands, and the rows that say so.

use std::collections::HashSet;

use eventlog::{Position, RecordedEvent};
use sqlx::PgConnection;

/// Where a projector was when it last looked: its checkpoint, and what it has given up on.
#[derive(Debug, Default)]
pub struct Standing {
    pub(crate) position: Position,
    /// How far it has applied: between its checkpoint and here was nothing to write.
    pub(crate) reached: Position,
    /// How often what is parked has changed: another count, another `parked`.
    pub(crate) changes: i64,
    pub(crate) parked: Parked,
}

impl Standing {
    /// The checkpoint.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Whether its checkpoint is still to be moved to where it is.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.reached > self.position
    }
}

/// What a projector must not apply.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    /// Streams of which an event is parked: what follows must wait behind it.
    streams: HashSet<String>,
    /// Events that an operator chose to go on without.
    skipped: HashSet<i64>,
}

impl Parked {
    pub(crate) fn is_held(&self, event: &RecordedEvent) -> bool {
        !self.streams.is_empty() && self.streams.contains(&stream(event))
    }

    pub(crate) fn is_skipped(&self, event: &RecordedEvent) -> bool {
        self.skipped.contains(&event.position.0)
    }

    pub(crate) fn hold(&mut self, event: &RecordedEvent) {
        self.streams.insert(stream(event));
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }
}

fn stream(event: &RecordedEvent) -> String {
    key(&event.aggregate_type, &event.aggregate_id)
}

fn key(aggregate_type: &str, aggregate_id: &str) -> String {
    format!("{aggregate_type}/{aggregate_id}")
}

/// Locks the checkpoint `name` and reads it. What is parked is read by a statement of its own, so
/// that it is seen as of the lock.
pub(crate) async fn lock(db: &mut PgConnection, name: &str) -> sqlx::Result<Standing> {
    let checkpoint = sqlx::query!(
        "SELECT position, parked_changes FROM checkpoints WHERE name = $1 FOR UPDATE",
        name
    )
    .fetch_one(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT position, aggregate_type, aggregate_id, skipped_at IS NOT NULL AS "skipped!"
           FROM parked_events
           WHERE projector = $1"#,
        name
    )
    .fetch_all(db)
    .await?;
    let mut parked = Parked::default();
    for row in rows {
        if row.skipped {
            parked.skipped.insert(row.position);
        } else {
            parked.streams.insert(key(&row.aggregate_type, &row.aggregate_id));
        }
    }
    let (position, changes) = (Position(checkpoint.position), checkpoint.parked_changes);
    Ok(Standing { position, reached: position, changes, parked })
}

/// Moves the checkpoint `name` from where `standing` says to `to`, and locks it until the caller's
/// transaction ends. False when `standing` no longer holds: somebody else has moved the checkpoint,
/// or changed what is parked.
pub(crate) async fn move_on(
    db: &mut PgConnection,
    name: &str,
    standing: &Standing,
    to: Position,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE checkpoints
         SET position = $4, applied_at = clock_timestamp()
         WHERE name = $1 AND position = $2 AND parked_changes = $3",
        name,
        standing.position.0,
        standing.changes,
        to.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Events to be parked, as arrays.
#[derive(Default)]
pub(crate) struct NewlyParked {
    positions: Vec<i64>,
    aggregate_types: Vec<String>,
    aggregate_ids: Vec<String>,
    attempts: Vec<i32>,
    errors: Vec<String>,
}

impl NewlyParked {
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    pub(crate) fn push(&mut self, event: &RecordedEvent, attempts: i32, error: String) {
        self.positions.push(event.position.0);
        self.aggregate_types.push(event.aggregate_type.clone());
        self.aggregate_ids.push(event.aggregate_id.clone());
        self.attempts.push(attempts);
        self.errors.push(error);
    }

    pub(crate) async fn write(self, db: &mut PgConnection, name: &str) -> sqlx::Result<()> {
        if self.positions.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO parked_events
                 (projector, position, aggregate_type, aggregate_id, attempts, error)
             SELECT $1, p.*
             FROM unnest($2::bigint[], $3::text[], $4::text[], $5::int[], $6::text[]) AS p",
            name,
            &self.positions,
            &self.aggregate_types,
            &self.aggregate_ids,
            &self.attempts,
            &self.errors
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
