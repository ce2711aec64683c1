//! Has documents written that are not what they should be.
//!
//! What differs is marked, to be written whatever position Firestore has it of; and the mirror writes
//! it. Where none runs, this does.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use eventlog::lease::while_held;

use super::document::{Collection, Key};
use super::remote::Remote;
use super::scan::{Pair, Scan};
use super::write::Writer;
use super::{LEASE, MirrorError, MirrorSettings, Progress};

/// How long nothing may come of it before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often what is left is counted.
const PAUSE: Duration = Duration::from_millis(200);

/// What was repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    pub documents: u64,
    /// Those that differed, or had been given up, and are written now.
    pub written: u64,
    /// Those of them that should not have been there, and are not any more.
    pub deleted: u64,
    /// Those that Firestore refuses: they are parked.
    pub parked: u64,
}

/// Compares all documents and has those written that differ. `progress` is told of the first, and then
/// of the second.
///
/// # Errors
///
/// When the database or Firestore fails, when there never was a mirror, or when nothing is written for
/// a minute. What was marked stays marked: the mirror writes it when it can.
pub async fn repair(
    db: &PgPool,
    settings: MirrorSettings,
    holder: Uuid,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Repaired, MirrorError> {
    super::check_on(db).await?;
    let remote = Remote::new(settings);
    let total = super::count_expected(db).await?;
    let (mut documents, mut deleted) = (0, 0);
    let mut marked = mark_left(db).await?;
    for collection in Collection::ALL {
        let mut scan = Scan::new(db, &remote, collection);
        loop {
            let pairs = scan.next().await?;
            if pairs.is_empty() {
                break;
            }
            documents += pairs.len() as u64;
            let differing: Vec<_> = pairs.into_iter().filter(|it| !it.is_as_expected()).collect();
            deleted += differing.iter().filter(|it| it.expected.is_none()).count() as u64;
            marked += mark(db, &differing).await?;
            progress(Progress { done: documents, total });
        }
    }
    let parked = written(db, &remote, holder, marked, progress).await?;
    // Somebody else who repairs may have marked some of those.
    let written = marked.saturating_sub(parked);
    Ok(Repaired { documents, written, deleted, parked })
}

/// Waits until all that is marked is written, and writes it, if nobody else holds the lease. Returns
/// how many were parked.
async fn written(
    db: &PgPool,
    remote: &Remote,
    holder: Uuid,
    total: u64,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<u64, MirrorError> {
    let stop = CancellationToken::new();
    let writer = while_held(db, LEASE, holder, &stop, |lease, lost| async move {
        let marked = Notify::new();
        Writer { db, remote, marked: &marked, epoch: lease.epoch }.run(&lost).await;
    });
    let waiting = async {
        let _stop = stop.clone().drop_guard();
        let (mut last, mut since) = (None, Instant::now());
        loop {
            let (left, parked) = left(db).await?;
            progress(Progress { done: total.saturating_sub(left + parked), total });
            if left == 0 {
                return Ok(parked);
            }
            if last != Some((left, parked)) {
                (last, since) = (Some((left, parked)), Instant::now());
            } else if since.elapsed() > PATIENCE {
                return Err(MirrorError::Stuck { left });
            }
            sleep(PAUSE).await;
        }
    };
    let ((), waited) = tokio::join!(writer, waiting);
    waited
}

/// How many are still to be written by force, and how many of those were given up.
async fn left(db: &PgPool) -> sqlx::Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE parked_at IS NULL) AS "left!",
                  count(*) FILTER (WHERE parked_at IS NOT NULL) AS "parked!"
           FROM firestore_documents
           WHERE forced"#
    )
    .fetch_one(db)
    .await?;
    Ok((row.left.unsigned_abs(), row.parked.unsigned_abs()))
}

/// What was given up gets another chance, and what an earlier repair could not have written.
async fn mark_left(db: &PgPool) -> sqlx::Result<u64> {
    let marked = sqlx::query!(
        "UPDATE firestore_documents
         SET marks = marks + 1, forced = true, due_at = clock_timestamp(), attempts = 0,
             parked_at = NULL
         WHERE parked_at IS NOT NULL OR forced"
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected())
}

/// Marks documents that are not as they should be, to be written by force. Returns how many of them
/// were not marked so already.
async fn mark(db: &PgPool, pairs: &[Pair]) -> sqlx::Result<u64> {
    let keys: Vec<&Key> = pairs.iter().map(|it| &it.key).collect();
    let collections: Vec<_> = keys.iter().map(|it| it.collection.name().to_owned()).collect();
    let ids: Vec<_> = keys.iter().map(|it| it.id.clone()).collect();
    let times = pairs.iter().map(|it| it.found.as_ref().map(|it| it.update_time));
    let times: Vec<Option<DateTime<Utc>>> = times.collect();
    let marked = sqlx::query!(
        "INSERT INTO firestore_documents AS d
             (collection, id, due_at, forced, unsure, update_time)
         SELECT m.collection, m.id, clock_timestamp(), true, true, m.update_time
         FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS m (collection, id, update_time)
         ORDER BY m.collection, m.id
         ON CONFLICT (collection, id) DO UPDATE
         SET marks = d.marks + 1,
             due_at = coalesce(d.due_at, excluded.due_at),
             forced = true,
             unsure = true,
             attempts = 0,
             parked_at = NULL,
             content = NULL,
             update_time = excluded.update_time
         WHERE NOT d.forced",
        &collections,
        &ids,
        &times as &[Option<DateTime<Utc>>]
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected())
}
