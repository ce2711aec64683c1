//! The rows that say who is connected where.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use eventlog::database;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{PER_PERSON_MAX, PresenceChanged};

/// A process that has given no sign of life for so long is gone, in seconds.
const SILENCE: f64 = 15.0;

/// People who are gone with their processes, in one transaction.
const SWEPT: i64 = 500;

/// What is news is later than what was known, by as little as the database tells apart: clocks differ, and
/// whoever hears both goes by that.
const NEWER: TimeDelta = TimeDelta::microseconds(1);

/// Connections of somebody to this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) total: u32,
    /// Of these, of an app in the foreground.
    pub(super) looking: u32,
}

/// What came of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) account: AccountId,
    /// Connections to this process that there is room for.
    pub(super) admitted: u32,
    /// They came or went by it.
    pub(super) changed: Option<PresenceChanged>,
}

/// Connections to other processes.
#[derive(Default, Clone, Copy)]
struct Elsewhere {
    total: i64,
    looking: i64,
}

/// How somebody was before.
#[derive(Clone, Copy)]
struct Before {
    online: bool,
    since: DateTime<Utc>,
}

/// Gives a sign of life. Whether the process was known: if not, nothing of what it said is there; nor does
/// it count any more when the last sign was too long ago, and others have begun to say so.
pub(super) async fn beat(db: &PgPool, node: Uuid) -> sqlx::Result<bool> {
    let beat = sqlx::query!(
        "UPDATE nodes SET seen_at = clock_timestamp()
         WHERE node = $1 AND seen_at > clock_timestamp() - make_interval(secs => $2)",
        node,
        SILENCE
    );
    if beat.execute(db).await?.rows_affected() == 1 {
        return Ok(true);
    }
    sqlx::query!(
        "INSERT INTO nodes (node, seen_at) VALUES ($1, clock_timestamp())
         ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at",
        node
    )
    .execute(db)
    .await?;
    Ok(false)
}

/// The process is gone, and everything that it said.
pub(super) async fn forget(db: &PgPool, node: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM nodes WHERE node = $1", node).execute(db).await?;
    Ok(())
}

/// Says how many connections these people have to `node`, as far as there is room for them.
pub(super) async fn settle(
    db: &PgPool,
    node: Uuid,
    counts: &[(AccountId, Count)],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Settled>> {
    let ids: Vec<_> = counts.iter().map(|it| it.0.0).collect();
    let mut tx = database::begin(db).await?;
    // Whoever loses it says it again.
    sqlx::query!("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
    let before = lock(&mut tx, &ids, now).await?;
    let elsewhere = elsewhere(&mut tx, node, &ids).await?;
    let settled: Vec<_> = counts
        .iter()
        .map(|(account, count)| {
            let others = elsewhere.get(&account.0).copied().unwrap_or_default();
            let room = i64::from(PER_PERSON_MAX).saturating_sub(others.total).max(0);
            let admitted = count.total.min(u32::try_from(room).unwrap_or(0));
            let online = count.looking.min(admitted) > 0 || others.looking > 0;
            let was =
                before.get(&account.0).copied().unwrap_or(Before { online: false, since: now });
            let changed = (online != was.online).then(|| PresenceChanged {
                account_id: *account,
                online,
                since: now.max(was.since + NEWER),
            });
            Settled { account: *account, admitted, changed }
        })
        .collect();
    write_counts(&mut tx, node, counts, &settled).await?;
    write_presence(&mut tx, &settled).await?;
    tx.commit().await?;
    Ok(settled)
}

/// Locks the rows of these people, in one order everywhere. Who has none is given one. How each was.
async fn lock(
    db: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<Uuid, Before>> {
    sqlx::query!(
        "INSERT INTO presence (account_id, online, since, mirrored)
         SELECT account_id, false, $2, false
         FROM unnest($1::uuid[]) AS p (account_id)
         ORDER BY account_id
         ON CONFLICT DO NOTHING",
        ids,
        now
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        "SELECT account_id, online, since FROM presence
         WHERE account_id = ANY ($1)
         ORDER BY account_id
         FOR UPDATE",
        ids
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|it| (it.account_id, Before { online: it.online, since: it.since })).collect())
}

async fn elsewhere(
    db: &mut PgConnection,
    node: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Elsewhere>> {
    let rows = sqlx::query!(
        r#"SELECT c.account_id, sum(c.total)::bigint AS "total!", sum(c.looking)::bigint AS "looking!"
           FROM connections c
           JOIN nodes n ON n.node = c.node
           WHERE c.account_id = ANY ($1)
             AND c.node <> $2
             AND n.seen_at > clock_timestamp() - make_interval(secs => $3)
           GROUP BY c.account_id"#,
        ids,
        node,
        SILENCE
    )
    .fetch_all(db)
    .await?;
    let counts = rows
        .into_iter()
        .map(|it| (it.account_id, Elsewhere { total: it.total, looking: it.looking }));
    Ok(counts.collect())
}

async fn write_counts(
    db: &mut PgConnection,
    node: Uuid,
    counts: &[(AccountId, Count)],
    settled: &[Settled],
) -> sqlx::Result<()> {
    let (mut ids, mut totals, mut looking, mut gone) = (vec![], vec![], vec![], vec![]);
    for ((account, count), settled) in counts.iter().zip(settled) {
        if settled.admitted == 0 {
            gone.push(account.0);
        } else {
            ids.push(account.0);
            totals.push(i32::try_from(settled.admitted).unwrap_or(i32::MAX));
            let seen = count.looking.min(settled.admitted);
            looking.push(i32::try_from(seen).unwrap_or(i32::MAX));
        }
    }
    if !gone.is_empty() {
        sqlx::query!(
            "DELETE FROM connections WHERE node = $1 AND account_id = ANY ($2)",
            node,
            &gone
        )
        .execute(&mut *db)
        .await?;
    }
    if !ids.is_empty() {
        // A process that nobody knows any more says so at its next sign of life, and all again.
        sqlx::query!(
            "INSERT INTO connections (account_id, node, total, looking)
             SELECT c.account_id, n.node, c.total, c.looking
             FROM unnest($2::uuid[], $3::int[], $4::int[]) AS c (account_id, total, looking)
             JOIN nodes n ON n.node = $1
             ON CONFLICT (account_id, node) DO UPDATE
             SET total = excluded.total, looking = excluded.looking",
            node,
            &ids,
            &totals,
            &looking
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

async fn write_presence(db: &mut PgConnection, settled: &[Settled]) -> sqlx::Result<()> {
    let changed: Vec<_> = settled.iter().filter_map(|it| it.changed).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = changed.iter().map(|it| it.account_id.0).collect();
    let online: Vec<_> = changed.iter().map(|it| it.online).collect();
    let since: Vec<_> = changed.iter().map(|it| it.since).collect();
    sqlx::query!(
        "UPDATE presence p
         SET online = c.online, since = c.since, mirrored = false
         FROM unnest($1::uuid[], $2::boolean[], $3::timestamptz[]) AS c (account_id, online, since)
         WHERE p.account_id = c.account_id",
        &ids,
        &online,
        &since
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says of people who are connected to no process that gives signs of life that they are gone: as of
/// the last sign of theirs, or now if nobody knows.
pub(super) async fn sweep(db: &PgPool, now: DateTime<Utc>) -> sqlx::Result<Vec<Settled>> {
    let mut tx = database::begin(db).await?;
    let missing = lock_missing(&mut tx).await?;
    let settled = if missing.is_empty() {
        sqlx::query!(
            "DELETE FROM nodes WHERE seen_at <= clock_timestamp() - make_interval(secs => $1)",
            SILENCE
        )
        .execute(&mut *tx)
        .await?;
        vec![]
    } else {
        write_gone(&mut tx, &missing, now).await?
    };
    tx.commit().await?;
    Ok(settled)
}

/// Locks some who seem to be gone.
async fn lock_missing(db: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT p.account_id
         FROM presence p
         WHERE p.online
           AND NOT EXISTS (
               SELECT
               FROM connections c
               JOIN nodes n ON n.node = c.node
               WHERE c.account_id = p.account_id
                 AND c.looking > 0
                 AND n.seen_at > clock_timestamp() - make_interval(secs => $1)
           )
         ORDER BY p.account_id
         LIMIT $2
         FOR UPDATE OF p SKIP LOCKED",
        SILENCE,
        SWEPT
    )
    .fetch_all(db)
    .await
}

/// Says of those of `missing` that they are gone who are still nowhere: whoever has come back while their
/// row was waited for is seen by a statement of its own alone.
async fn write_gone(
    db: &mut PgConnection,
    missing: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Settled>> {
    let rows = sqlx::query!(
        r#"UPDATE presence p
           SET online = false, mirrored = false, since = greatest(
               coalesce((
                   SELECT max(n.seen_at)
                   FROM connections c
                   JOIN nodes n ON n.node = c.node
                   WHERE c.account_id = p.account_id
               ), $2),
               p.since + interval '1 microsecond'
           )
           WHERE p.account_id = ANY ($1)
             AND NOT EXISTS (
                 SELECT
                 FROM connections c
                 JOIN nodes n ON n.node = c.node
                 WHERE c.account_id = p.account_id
                   AND c.looking > 0
                   AND n.seen_at > clock_timestamp() - make_interval(secs => $3)
             )
           RETURNING p.account_id, p.since"#,
        missing,
        now,
        SILENCE
    )
    .fetch_all(db)
    .await?;
    let settled = rows.into_iter().map(|row| {
        let account = AccountId(row.account_id);
        let changed = PresenceChanged { account_id: account, online: false, since: row.since };
        Settled { account, admitted: 0, changed: Some(changed) }
    });
    Ok(settled.collect())
}
