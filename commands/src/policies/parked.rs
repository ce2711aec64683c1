//! What policies gave up on: shown with the parked events of projectors, and tried again or let go.

use chrono::{DateTime, Utc};
use eventlog::{RecordedEvent, database};
use sqlx::{PgConnection, PgPool};
use thiserror::Error;

use super::work::Work;
use super::{
    ExpireMessages, PREFIX, Policy, ProcessFiles, PushNews, ReleaseFiles, SweepFiles, full_name,
};

/// Every policy, by its name.
const NAMES: [&str; 5] = [
    ProcessFiles::NAME,
    ReleaseFiles::NAME,
    SweepFiles::NAME,
    ExpireMessages::NAME,
    PushNews::NAME,
];

/// The stream of which events are parked, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct ParkedWork<'a> {
    /// As `parlance parked` shows it: `policy:` and the name.
    pub policy: &'a str,
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
}

/// Why parked work was not touched.
#[derive(Debug, Error)]
pub enum ParkedWorkError {
    #[error("there is no such policy: {}", NAMES.map(full_name).join(", "))]
    UnknownPolicy,
    #[error("nothing of this stream is parked")]
    NotParked,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Makes all parked work of a stream due at `now`. Returns how many effects are tried again.
///
/// # Errors
///
/// See [`ParkedWorkError`]; nothing was changed then.
pub async fn retry(
    db: &PgPool,
    parked: ParkedWork<'_>,
    now: DateTime<Utc>,
) -> Result<u64, ParkedWorkError> {
    let policy = known(parked.policy)?;
    let mut tx = database::begin(db).await?;
    let woken = sqlx::query!(
        "UPDATE policy_work SET parked = false, attempts = 0, due_at = $4
         WHERE policy = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND parked
         RETURNING position",
        policy,
        parked.aggregate_type,
        parked.aggregate_id,
        now
    );
    let woken = woken.fetch_all(&mut *tx).await?;
    if woken.is_empty() {
        return Err(ParkedWorkError::NotParked);
    }
    // What could not be read stays: a retry does not help it.
    let positions: Vec<_> = woken.iter().map(|it| it.position).collect();
    sqlx::query!(
        "DELETE FROM parked_events
         WHERE projector = $1 AND position = ANY ($2) AND skipped_at IS NULL",
        parked.policy,
        &positions
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(positions.len() as u64)
}

/// Lets all parked work of a stream go, for good. Returns how many events that were.
///
/// # Errors
///
/// See [`ParkedWorkError`]; nothing was changed then.
pub async fn skip(db: &PgPool, parked: ParkedWork<'_>) -> Result<u64, ParkedWorkError> {
    let policy = known(parked.policy)?;
    let mut tx = database::begin(db).await?;
    sqlx::query!(
        "DELETE FROM policy_work
         WHERE policy = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND parked",
        policy,
        parked.aggregate_type,
        parked.aggregate_id
    )
    .execute(&mut *tx)
    .await?;
    let skipped = sqlx::query!(
        "UPDATE parked_events SET skipped_at = clock_timestamp()
         WHERE projector = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND skipped_at IS NULL",
        parked.policy,
        parked.aggregate_type,
        parked.aggregate_id
    );
    let skipped = skipped.execute(&mut *tx).await?.rows_affected();
    if skipped == 0 {
        return Err(ParkedWorkError::NotParked);
    }
    tx.commit().await?;
    Ok(skipped)
}

fn known(policy: &str) -> Result<&'static str, ParkedWorkError> {
    let name = policy.strip_prefix(PREFIX).unwrap_or_default();
    NAMES.into_iter().find(|it| *it == name).ok_or(ParkedWorkError::UnknownPolicy)
}

/// Sets `work` aside, beside the event that asked for it.
pub(super) async fn park(
    db: &PgPool,
    policy: &str,
    work: &Work,
    attempts: i32,
    error: &str,
) -> sqlx::Result<()> {
    let mut tx = database::begin(db).await?;
    let set_aside = sqlx::query!(
        "UPDATE policy_work SET parked = true, attempts = $5, due_at = NULL
         WHERE policy = $1 AND key = $2 AND position = $3 AND due_at = $4",
        policy,
        work.key,
        work.position,
        work.due_at,
        attempts
    );
    if set_aside.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(()); // an event has asked for it anew
    }
    // One event may ask for several things, and more than one of them fail.
    sqlx::query!(
        "INSERT INTO parked_events
             (projector, position, aggregate_type, aggregate_id, attempts, error)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (projector, position) DO UPDATE
         SET attempts = excluded.attempts, error = excluded.error, skipped_at = NULL",
        full_name(policy),
        work.position,
        work.aggregate_type,
        work.aggregate_id,
        attempts,
        error
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Work that is asked for anew, or not at all any more, is no longer given up: of its event nothing is
/// left to be seen, unless other work of that event is parked as well.
pub(super) async fn unpark(
    db: &mut PgConnection,
    policy: &str,
    keys: &[String],
) -> sqlx::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    // Locked first: what is being parked just now is parked then, or will find that it was asked anew.
    let asked = sqlx::query!(
        "SELECT position, parked FROM policy_work
         WHERE policy = $1 AND key = ANY ($2)
         ORDER BY key
         FOR UPDATE",
        policy,
        keys
    );
    let asked = asked.fetch_all(&mut *db).await?;
    let positions: Vec<_> = asked.iter().filter(|it| it.parked).map(|it| it.position).collect();
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM parked_events e
         WHERE e.projector = $1
           AND e.position = ANY ($2)
           AND e.skipped_at IS NULL
           AND NOT EXISTS (
               SELECT FROM policy_work w
               WHERE w.policy = $3
                 AND w.position = e.position
                 AND w.parked
                 AND NOT (w.key = ANY ($4))
           )",
        full_name(policy),
        &positions,
        policy,
        keys
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets an event aside that cannot be read. What it asks for nobody knows, so a retry does not help:
/// skip it once it is understood.
pub(super) async fn add(
    db: &mut PgConnection,
    name: &str,
    event: &RecordedEvent,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO parked_events
             (projector, position, aggregate_type, aggregate_id, attempts, error)
         VALUES ($1, $2, $3, $4, 1, $5)
         ON CONFLICT DO NOTHING",
        name,
        event.position.0,
        event.aggregate_type,
        event.aggregate_id,
        error
    )
    .execute(db)
    .await?;
    Ok(())
}
