//! What is to be done: asked for by events, kept in `policy_work`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::RecordedEvent;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::parked;

/// How an event changes what is to be done about `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change<T> {
    pub(crate) key: String,
    pub(crate) ask: Ask<T>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask<T> {
    /// To be done at `due`; without it, not before another event wakes it. In place of what was
    /// asked before.
    Set { due: Option<DateTime<Utc>>, task: T },
    /// What was asked before is to be done at `due`. Nothing, if nothing was.
    Wake { due: DateTime<Utc> },
    /// Needs not be done any more.
    Drop,
}

impl<T> Change<T> {
    pub(crate) fn set(key: String, due: Option<DateTime<Utc>>, task: T) -> Self {
        Self { key, ask: Ask::Set { due, task } }
    }

    pub(crate) fn wake(key: String, due: DateTime<Utc>) -> Self {
        Self { key, ask: Ask::Wake { due } }
    }

    pub(crate) fn drop(key: String) -> Self {
        Self { key, ask: Ask::Drop }
    }
}

/// Something to be done.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) key: String,
    pub(super) due_at: DateTime<Utc>,
    pub(super) detail: serde_json::Value,
    pub(super) position: i64,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) attempts: i32,
}

/// The changes of a run of events, one a key: of several, what they come to together.
pub(super) struct Changes<T> {
    by_key: HashMap<String, Asked<T>>,
}

struct Asked<T> {
    ask: Ask<T>,
    position: i64,
    aggregate_type: String,
    aggregate_id: String,
}

impl<T: Serialize> Changes<T> {
    pub(super) fn new() -> Self {
        Self { by_key: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn push(&mut self, event: &RecordedEvent, change: Change<T>) {
        let Change { key, ask } = change;
        let ask = match (self.by_key.remove(&key).map(|it| it.ask), ask) {
            (Some(Ask::Set { task, .. }), Ask::Wake { due }) => Ask::Set { due: Some(due), task },
            (Some(Ask::Drop), Ask::Wake { .. }) => Ask::Drop,
            (_, ask) => ask,
        };
        let asked = Asked {
            ask,
            position: event.position.0,
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
        };
        self.by_key.insert(key, asked);
    }

    /// Writes them, in a few statements.
    pub(super) async fn write(self, db: &mut PgConnection, policy: &str) -> sqlx::Result<()> {
        let keys: Vec<_> = self.by_key.keys().cloned().collect();
        parked::unpark(&mut *db, policy, &keys).await?;
        let (mut sets, mut wakes, mut drops) = (Rows::default(), Rows::default(), vec![]);
        for (key, asked) in self.by_key {
            match &asked.ask {
                Ask::Set { due, task } => {
                    let detail = serde_json::to_value(task);
                    let detail = detail.map_err(|error| sqlx::Error::Encode(error.into()))?;
                    sets.push(key, *due, detail, &asked);
                }
                Ask::Wake { due } => wakes.push(key, Some(*due), serde_json::Value::Null, &asked),
                Ask::Drop => drops.push(key),
            }
        }
        sets.set(&mut *db, policy).await?;
        wakes.wake(&mut *db, policy).await?;
        drop(db, policy, &drops).await
    }
}

/// Changes of one kind, as arrays.
#[derive(Default)]
struct Rows {
    keys: Vec<String>,
    dues: Vec<Option<DateTime<Utc>>>,
    details: Vec<serde_json::Value>,
    positions: Vec<i64>,
    types: Vec<String>,
    ids: Vec<String>,
}

impl Rows {
    fn push<T>(
        &mut self,
        key: String,
        due: Option<DateTime<Utc>>,
        detail: serde_json::Value,
        asked: &Asked<T>,
    ) {
        self.keys.push(key);
        self.dues.push(due);
        self.details.push(detail);
        self.positions.push(asked.position);
        self.types.push(asked.aggregate_type.clone());
        self.ids.push(asked.aggregate_id.clone());
    }

    async fn set(self, db: &mut PgConnection, policy: &str) -> sqlx::Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO policy_work
                 (policy, key, due_at, detail, position, aggregate_type, aggregate_id)
             SELECT $1, w.*
             FROM unnest($2::text[], $3::timestamptz[], $4::json[], $5::bigint[], $6::text[],
                         $7::text[]) AS w
             ON CONFLICT (policy, key) DO UPDATE
             SET due_at = excluded.due_at,
                 detail = excluded.detail,
                 position = excluded.position,
                 aggregate_type = excluded.aggregate_type,
                 aggregate_id = excluded.aggregate_id,
                 attempts = 0,
                 parked = false",
            policy,
            &self.keys,
            &self.dues as &[Option<DateTime<Utc>>],
            &self.details,
            &self.positions,
            &self.types,
            &self.ids
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn wake(self, db: &mut PgConnection, policy: &str) -> sqlx::Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE policy_work AS old
             SET due_at = w.due_at,
                 position = w.position,
                 aggregate_type = w.aggregate_type,
                 aggregate_id = w.aggregate_id,
                 attempts = 0,
                 parked = false
             FROM unnest($2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[])
                 AS w(key, due_at, position, aggregate_type, aggregate_id)
             WHERE old.policy = $1 AND old.key = w.key",
            policy,
            &self.keys,
            &self.dues as &[Option<DateTime<Utc>>],
            &self.positions,
            &self.types,
            &self.ids
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

async fn drop(db: &mut PgConnection, policy: &str, keys: &[String]) -> sqlx::Result<()> {
    if !keys.is_empty() {
        sqlx::query!("DELETE FROM policy_work WHERE policy = $1 AND key = ANY ($2)", policy, keys)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Whether something is to be done about `key`, or was given up.
pub(super) async fn is_asked(db: &PgPool, policy: &str, key: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM policy_work WHERE policy = $1 AND key = $2
           ) AS "is_asked!""#,
        policy,
        key
    )
    .fetch_one(db)
    .await
}

/// What is due at `now`, the longest due first, without `under_way`.
pub(super) async fn due(
    db: &PgPool,
    policy: &str,
    now: DateTime<Utc>,
    under_way: &[String],
    limit: i64,
) -> sqlx::Result<Vec<Work>> {
    sqlx::query_as!(
        Work,
        r#"SELECT key, due_at AS "due_at!", detail, position, aggregate_type, aggregate_id, attempts
           FROM policy_work
           WHERE policy = $1 AND due_at <= $2 AND NOT (key = ANY ($3))
           ORDER BY due_at
           LIMIT $4"#,
        policy,
        now,
        under_way,
        limit
    )
    .fetch_all(db)
    .await
}

/// They are done; unless an event has asked for one anew meanwhile.
pub(super) async fn done(db: &PgPool, policy: &str, work: &[&Work]) -> sqlx::Result<()> {
    let keys: Vec<_> = work.iter().map(|it| it.key.as_str()).collect();
    let positions: Vec<_> = work.iter().map(|it| it.position).collect();
    let dues: Vec<_> = work.iter().map(|it| it.due_at).collect();
    sqlx::query!(
        "DELETE FROM policy_work AS old
         USING unnest($2::text[], $3::bigint[], $4::timestamptz[]) AS w(key, position, due_at)
         WHERE old.policy = $1
           AND old.key = w.key
           AND old.position = w.position
           AND old.due_at = w.due_at",
        policy,
        &keys as &[&str],
        &positions,
        &dues
    )
    .execute(db)
    .await?;
    Ok(())
}

/// They are not due before these times. That does not count as a failure.
pub(super) async fn put_off(
    db: &PgPool,
    policy: &str,
    work: &[(&Work, DateTime<Utc>)],
) -> sqlx::Result<()> {
    let keys: Vec<_> = work.iter().map(|(it, _)| it.key.as_str()).collect();
    let positions: Vec<_> = work.iter().map(|(it, _)| it.position).collect();
    let dues: Vec<_> = work.iter().map(|(it, _)| it.due_at).collect();
    let later: Vec<_> = work.iter().map(|(_, later)| *later).collect();
    sqlx::query!(
        "UPDATE policy_work AS old
         SET due_at = w.later
         FROM unnest($2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
             AS w(key, position, due_at, later)
         WHERE old.policy = $1
           AND old.key = w.key
           AND old.position = w.position
           AND old.due_at = w.due_at",
        policy,
        &keys as &[&str],
        &positions,
        &dues,
        &later
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It failed, and is due again at `due_at`.
pub(super) async fn postpone(
    db: &PgPool,
    policy: &str,
    work: &Work,
    due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE policy_work SET attempts = attempts + 1, due_at = $5
         WHERE policy = $1 AND key = $2 AND position = $3 AND due_at = $4",
        policy,
        work.key,
        work.position,
        work.due_at,
        due_at
    )
    .execute(db)
    .await?;
    Ok(())
}
