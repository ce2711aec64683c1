//! What became of each push: written down before the push service is called, and after.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::AGE_MAX;

/// An attempt of which nothing was heard for so long has died with its process: it is one call, which
/// ends after 10 s at most. What the call takes was there before the attempt was written down.
const UNKNOWN_AFTER: TimeDelta = TimeDelta::seconds(30);

/// A row is kept for as long as what it is about could be pushed, and an hour for clocks and retries.
const KEPT: TimeDelta = TimeDelta::hours(AGE_MAX.num_hours() + 1);

/// Rows that are too old and go with each one that comes: so the table shrinks faster than it grows.
const SWEPT_EACH: i64 = 2;

/// A push that is about to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) effect_id: Uuid,
    pub(super) device_id: Uuid,
}

/// Whether it is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// Now, by us; it is the how manieth attempt, from 1.
    Attempt(i32),
    /// It, or another push to this device, waits until then.
    Later(DateTime<Utc>),
    /// It was made before, or given up.
    Over,
    /// A process died over it. It has most likely arrived: it is not made again.
    Unknown,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Accepted,
    Failed,
    Waiting(DateTime<Utc>),
}

struct Row {
    effect_id: Uuid,
    device_id: Uuid,
    state: String,
    due_at: Option<DateTime<Utc>>,
    attempted_at: DateTime<Utc>,
}

/// Writes down which of `wanted` are attempted now. What becomes of each, by effect.
pub(super) async fn begin(
    db: &mut PgConnection,
    wanted: &[Wanted],
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<Uuid, Begun>> {
    let (effects, devices) = arrays(wanted);
    let rows = sqlx::query!(
        "WITH swept AS (
             DELETE FROM push_effects
             WHERE effect_id IN (
                 SELECT effect_id
                 FROM push_effects
                 WHERE attempted_at < $4
                 ORDER BY attempted_at
                 LIMIT $5
                 FOR UPDATE SKIP LOCKED
             )
         )
         INSERT INTO push_effects AS e (effect_id, device_id, state, attempted_at)
         SELECT w.effect_id, w.device_id, 'attempted', $3
         FROM unnest($1::uuid[], $2::uuid[]) AS w(effect_id, device_id)
         WHERE NOT EXISTS (
             SELECT FROM push_effects other
             WHERE other.device_id = w.device_id
               AND other.state = 'waiting'
               AND other.due_at > $3
         )
         ORDER BY w.effect_id
         ON CONFLICT (effect_id) DO UPDATE
         SET state = 'attempted',
             attempts = e.attempts + 1,
             due_at = NULL,
             attempted_at = excluded.attempted_at
         WHERE e.state = 'waiting' AND e.due_at <= excluded.attempted_at
         RETURNING e.effect_id, e.attempts",
        &effects,
        &devices,
        now,
        now - KEPT,
        SWEPT_EACH * i64::try_from(wanted.len()).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *db)
    .await?;
    let mut begun: HashMap<_, _> =
        rows.into_iter().map(|it| (it.effect_id, Begun::Attempt(it.attempts))).collect();
    let rest: Vec<_> =
        wanted.iter().filter(|it| !begun.contains_key(&it.effect_id)).copied().collect();
    if !rest.is_empty() {
        begun.extend(explain(db, &rest, now).await?);
    }
    Ok(begun)
}

/// Why these are not attempted.
async fn explain(
    db: &mut PgConnection,
    rest: &[Wanted],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, Begun)>> {
    let (effects, devices) = arrays(rest);
    let rows = sqlx::query_as!(
        Row,
        "SELECT effect_id, device_id, state, due_at, attempted_at
         FROM push_effects
         WHERE effect_id = ANY ($1)
            OR (device_id = ANY ($2) AND state = 'waiting' AND due_at > $3)",
        &effects,
        &devices,
        now
    )
    .fetch_all(db)
    .await?;
    let explained = rest.iter().map(|wanted| {
        let own = rows.iter().find(|it| it.effect_id == wanted.effect_id);
        let held = rows.iter().filter(|it| it.device_id == wanted.device_id);
        let held_until = held.filter_map(|it| it.due_at).max();
        let begun = match own.map(|it| (it.state.as_str(), it.attempted_at)) {
            Some(("accepted" | "failed", _)) => Begun::Over,
            Some(("attempted", at)) if at + UNKNOWN_AFTER > now => Begun::Later(at + UNKNOWN_AFTER),
            Some(("attempted", _)) => Begun::Unknown,
            // What held it up has just ended, when nothing says until when.
            _ => Begun::Later(held_until.unwrap_or(now)),
        };
        (wanted.effect_id, begun)
    });
    Ok(explained.collect())
}

/// Writes down how attempts ended.
pub(super) async fn end(db: &PgPool, ended: &[(Uuid, Ended)]) -> sqlx::Result<()> {
    let effects: Vec<_> = ended.iter().map(|(it, _)| *it).collect();
    let states: Vec<_> = ended
        .iter()
        .map(|(_, it)| match it {
            Ended::Accepted => "accepted",
            Ended::Failed => "failed",
            Ended::Waiting(_) => "waiting",
        })
        .collect();
    let dues: Vec<_> = ended
        .iter()
        .map(|(_, it)| match it {
            Ended::Waiting(due) => Some(*due),
            Ended::Accepted | Ended::Failed => None,
        })
        .collect();
    sqlx::query!(
        "UPDATE push_effects AS e
         SET state = w.state, due_at = w.due_at
         FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS w(effect_id, state, due_at)
         WHERE e.effect_id = w.effect_id",
        &effects,
        &states as &[&str],
        &dues as &[Option<DateTime<Utc>>]
    )
    .execute(db)
    .await?;
    Ok(())
}

fn arrays(wanted: &[Wanted]) -> (Vec<Uuid>, Vec<Uuid>) {
    wanted.iter().map(|it| (it.effect_id, it.device_id)).unzip()
}
