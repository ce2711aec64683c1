//! Events that a projector gave up on: to be looked at, tried again, or gone on without.
//!
//! An event that cannot be applied is parked, and so is every later event of its stream, behind it;
//! other streams flow on. A *retry* applies a stream's parked events in order, as far as they can
//! be. A *skip* marks the first of them as skipped, for good, and retries the others. A skipped
//! event stays in the list as the record of that decision: no rebuild applies it again, and
//! [`verify`](crate::verify) leaves its stream out.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use eventlog::codec::{CodecError, DecodeError};
use eventlog::{Codec, Position, RecordedEvent, StoredEvent, database};
use serde::Serialize;
use sqlx::{Acquire, PgConnection, PgPool};
use thiserror::Error;

use crate::changes::Changes;
use crate::error::ProjectionError;
use crate::rebuild::is_rebuilding;
use crate::runner::lock;
use crate::{ReadModel, firestore};

/// Events read and decoded at once in a retry.
const PAGE: usize = 1_000;

/// An event that a projector gave up on, or one behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedEvent {
    pub projector: String,
    pub position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// 0: it was never tried, it waits behind an earlier one.
    pub attempts: i32,
    pub error: String,
    pub parked_at: DateTime<Utc>,
    pub skipped_at: Option<DateTime<Utc>>,
}

/// What came of a retry or a skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// The event that is now skipped.
    pub skipped: Option<i64>,
    pub applied: usize,
    /// How many are parked still.
    pub left: usize,
}

/// Why parked events were not tried again.
#[derive(Debug, Error)]
pub enum ParkedError {
    #[error("nothing of this stream is parked")]
    NotParked,
    #[error("{0} is being rebuilt: try again afterwards")]
    Rebuilding(ReadModel),
    /// Nothing was changed.
    #[error("event {position} cannot be read")]
    TooNew {
        position: i64,
        #[source]
        error: DecodeError,
    },
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// A stream of which events are parked.
#[derive(Debug, Clone, Copy)]
pub struct ParkedStream<'a> {
    pub projector: ReadModel,
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
}

/// Everything that is parked or was skipped, by projector and position; documents of the mirror at
/// last, at most 1,000.
///
/// # Errors
///
/// When the database fails.
pub async fn list(db: &PgPool) -> sqlx::Result<Vec<ParkedEvent>> {
    let mut parked = sqlx::query_as!(
        ParkedEvent,
        "SELECT projector, position, aggregate_type, aggregate_id, attempts, error, parked_at,
                skipped_at
         FROM parked_events
         ORDER BY projector, position"
    )
    .fetch_all(db)
    .await?;
    parked.extend(firestore::parked::list(db).await?);
    Ok(parked)
}

/// Applies the parked events of `stream` in order, up to the first that cannot be applied still.
///
/// # Errors
///
/// See [`ParkedError`]; nothing was changed then.
pub async fn retry(
    db: &PgPool,
    codec: &Codec,
    stream: ParkedStream<'_>,
) -> Result<Retried, ParkedError> {
    again(db, codec, stream, false).await
}

/// Goes on without the first parked event of `stream`, for good, and applies the others in order,
/// up to the first that cannot be applied.
///
/// # Errors
///
/// See [`ParkedError`]; nothing was changed then.
pub async fn skip(
    db: &PgPool,
    codec: &Codec,
    stream: ParkedStream<'_>,
) -> Result<Retried, ParkedError> {
    again(db, codec, stream, true).await
}

async fn again(
    db: &PgPool,
    codec: &Codec,
    stream: ParkedStream<'_>,
    skip: bool,
) -> Result<Retried, ParkedError> {
    let mut tx = database::begin(db).await?;
    if is_rebuilding(&mut tx, stream.projector).await? {
        return Err(ParkedError::Rebuilding(stream.projector));
    }
    let name = stream.projector.name();
    lock(&mut tx, name).await?; // the projector waits, and then sees what is left
    let mut positions = positions(&mut tx, stream).await?;
    let mut retried = Retried { skipped: None, applied: 0, left: 0 };
    if positions.is_empty() {
        return Err(ParkedError::NotParked);
    }
    if skip {
        retried.skipped = positions.pop_front();
        mark_skipped(&mut tx, name, retried.skipped.unwrap_or_default()).await?;
    }
    let parked: Vec<i64> = positions.into();
    for page in parked.chunks(PAGE) {
        let events = codec.decode(events(&mut tx, page).await?).await?;
        let (applied, failure) = apply(&mut tx, stream.projector, &events).await?;
        firestore::mark_again(&mut tx, events.get(..applied).unwrap_or_default()).await?;
        release(&mut tx, name, page.get(..applied).unwrap_or_default()).await?;
        retried.applied += applied;
        if let (Some(error), Some(position)) = (failure, page.get(applied)) {
            mark_failed(&mut tx, name, *position, &error).await?;
            break;
        }
    }
    retried.left = parked.len() - retried.applied;
    tx.commit().await?;
    Ok(retried)
}

/// Applies `events` in runs as long as they can be, up to the first that cannot be applied. Returns
/// how many were, and what is wrong with the next one.
async fn apply(
    db: &mut PgConnection,
    model: ReadModel,
    events: &[RecordedEvent],
) -> Result<(usize, Option<String>), ParkedError> {
    let (mut applied, mut length) = (0, events.len());
    while applied < events.len() {
        let run = events.get(applied..(applied + length)).unwrap_or_default();
        let mut savepoint = db.begin().await?;
        match apply_run(&mut savepoint, model, run).await? {
            Ok(()) => {
                savepoint.commit().await?;
                applied += run.len();
                length = events.len() - applied;
            }
            Err(error) => {
                savepoint.rollback().await?;
                if run.len() <= 1 {
                    return Ok((applied, Some(error)));
                }
                length = run.len() / 2;
            }
        }
    }
    Ok((applied, None))
}

/// The inner error says what is wrong with one of the events.
async fn apply_run(
    db: &mut PgConnection,
    model: ReadModel,
    events: &[RecordedEvent],
) -> Result<Result<(), String>, ParkedError> {
    let mut changes = Changes::new(model);
    for recorded in events {
        let folded = match &recorded.event {
            Ok(event) => changes.fold(recorded.position, event).map_err(|error| error.to_string()),
            Err(error @ DecodeError::Malformed(_)) => Err(error.to_string()),
            Err(error @ DecodeError::TooNew { .. }) => {
                let Position(position) = recorded.position;
                return Err(ParkedError::TooNew { position, error: error.clone() });
            }
        };
        if folded.is_err() {
            return Ok(folded);
        }
    }
    match changes.write(db).await {
        Ok(()) => Ok(Ok(())),
        Err(ProjectionError::Poison(error)) => Ok(Err(error)),
        Err(ProjectionError::Transient(error)) => Err(error.into()),
    }
}

async fn positions(db: &mut PgConnection, stream: ParkedStream<'_>) -> sqlx::Result<VecDeque<i64>> {
    let positions = sqlx::query_scalar!(
        "SELECT position
         FROM parked_events
         WHERE projector = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND skipped_at IS NULL
         ORDER BY position",
        stream.projector.name(),
        stream.aggregate_type,
        stream.aggregate_id
    )
    .fetch_all(db)
    .await?;
    Ok(positions.into())
}

async fn events(db: &mut PgConnection, positions: &[i64]) -> sqlx::Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        r#"SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload::text AS "payload!", metadata::text AS "metadata!", event_id, recorded_at
           FROM events
           WHERE position = ANY ($1)
           ORDER BY position"#,
        positions
    )
    .fetch_all(db)
    .await
}

async fn mark_skipped(db: &mut PgConnection, projector: &str, position: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE parked_events SET skipped_at = clock_timestamp()
         WHERE projector = $1 AND position = $2",
        projector,
        position
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn mark_failed(
    db: &mut PgConnection,
    projector: &str,
    position: i64,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE parked_events SET attempts = attempts + 1, error = $3
         WHERE projector = $1 AND position = $2",
        projector,
        position,
        error
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn release(db: &mut PgConnection, projector: &str, positions: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM parked_events WHERE projector = $1 AND position = ANY ($2)",
        projector,
        positions
    )
    .execute(db)
    .await?;
    Ok(())
}
