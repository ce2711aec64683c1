//! The rows of `firestore_documents`: what is to be written, and what is known of what was.
//!
//! A document is written in steps, each of which may be the last of its process:
//!
//! 1. `due` reads the row, and with it when Firestore changed the document last, as far as known.
//! 2. The document is made from the read models: after 1, so it is no older than that.
//! 3. `begin` notes that a write is under way, unless Firestore is known to hold the same.
//! 4. Firestore writes it, on condition that nobody has changed it since what is known.
//! 5. `written` notes the end, and takes the mark away if there is no newer one.
//!
//! As long as 5 did not happen the document is due, and the row unsure: whoever comes next writes, and
//! so ends whatever may still be under way. Every note but the first is of those alone whose lease is
//! the latest that the row has seen.

use std::time::Duration;

use chrono::{DateTime, Utc};
use eventlog::database;
use sqlx::PgPool;

use super::document::{Collection, Fields, Key};
use super::remote::Found;

/// A document that is due.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) key: Key,
    /// Of the last event that marked it.
    pub(super) position: i64,
    pub(super) marks: i64,
    pub(super) attempts: i32,
    pub(super) forced: bool,
    pub(super) known: Option<DateTime<Utc>>,
}

/// The documents that have been due the longest, without those of `under_way`.
pub(super) async fn due(db: &PgPool, under_way: &[Key], limit: i64) -> sqlx::Result<Vec<Due>> {
    let (collections, ids) = arrays(under_way);
    let rows = sqlx::query!(
        "SELECT collection, id, position, marks, attempts, forced, update_time
         FROM firestore_documents
         WHERE due_at <= clock_timestamp()
           AND (collection, id) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
         ORDER BY due_at
         LIMIT $3",
        &collections,
        &ids,
        limit
    )
    .fetch_all(db)
    .await?;
    let due = rows.into_iter().filter_map(|row| {
        let key = Key { collection: Collection::of(&row.collection)?, id: row.id };
        Some(Due {
            key,
            position: row.position,
            marks: row.marks,
            attempts: row.attempts,
            forced: row.forced,
            known: row.update_time,
        })
    });
    Ok(due.collect())
}

/// For how long the first document has been due.
pub(super) async fn pending_seconds(db: &PgPool) -> sqlx::Result<f64> {
    sqlx::query_scalar!(
        r#"SELECT greatest(
                      coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0), 0
                  )::float8 AS "seconds!"
           FROM firestore_documents
           WHERE due_at IS NOT NULL"#
    )
    .fetch_one(db)
    .await
}

/// Notes that writes are under way, and returns those that are to be done. Not those of which
/// Firestore is known to hold the same, nor those that another process has taken over.
pub(super) async fn begin(
    db: &PgPool,
    epoch: i64,
    contents: &[(Key, Option<&Fields>)],
) -> sqlx::Result<Vec<Key>> {
    let (collections, ids) = arrays(contents.iter().map(|(key, _)| key));
    let texts: Vec<_> = contents.iter().map(|(_, it)| it.map(Fields::text)).collect();
    let rows = sqlx::query!(
        "WITH locked AS (
             SELECT d.collection, d.id
             FROM firestore_documents d
             JOIN unnest($2::text[], $3::text[], $4::text[]) AS w (collection, id, content)
                 USING (collection, id)
             WHERE d.epoch <= $1
               AND (d.unsure
                    OR d.forced
                    OR d.content IS DISTINCT FROM sha256(convert_to(w.content, 'UTF8')))
             ORDER BY d.collection, d.id
             FOR UPDATE OF d
         )
         UPDATE firestore_documents d
         SET unsure = true, epoch = $1
         FROM locked l
         WHERE d.collection = l.collection AND d.id = l.id
         RETURNING d.collection, d.id",
        epoch,
        &collections,
        &ids,
        &texts as &[Option<String>]
    )
    .fetch_all(db)
    .await?;
    let keys = rows
        .into_iter()
        .filter_map(|row| Some(Key { collection: Collection::of(&row.collection)?, id: row.id }));
    Ok(keys.collect())
}

/// What a document was replaced with, and when, by Firestore's clock.
pub(super) struct Written<'a> {
    pub(super) due: &'a Due,
    pub(super) fields: &'a Fields,
    pub(super) at: DateTime<Utc>,
}

/// Firestore holds this now.
pub(super) async fn written(db: &PgPool, epoch: i64, written: &[Written<'_>]) -> sqlx::Result<()> {
    let (collections, ids) = arrays(written.iter().map(|it| &it.due.key));
    let marks: Vec<_> = written.iter().map(|it| it.due.marks).collect();
    let texts: Vec<_> = written.iter().map(|it| it.fields.text()).collect();
    let times: Vec<_> = written.iter().map(|it| it.at).collect();
    sqlx::query!(
        "WITH locked AS (
             SELECT d.collection, d.id, w.marks, w.content, w.update_time
             FROM firestore_documents d
             JOIN unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
                 AS w (collection, id, marks, content, update_time)
                 USING (collection, id)
             WHERE d.epoch = $1
             ORDER BY d.collection, d.id
             FOR UPDATE OF d
         )
         UPDATE firestore_documents d
         SET unsure = false,
             forced = false,
             content = sha256(convert_to(l.content, 'UTF8')),
             update_time = l.update_time,
             written_at = clock_timestamp(),
             attempts = 0,
             error = NULL,
             parked_at = NULL,
             due_at = CASE WHEN d.marks <> l.marks
                           THEN clock_timestamp() + interval '1 second' END
         FROM locked l
         WHERE d.collection = l.collection AND d.id = l.id",
        epoch,
        &collections,
        &ids,
        &marks,
        &texts,
        &times
    )
    .execute(db)
    .await?;
    Ok(())
}

/// There is nothing to write: Firestore holds this already. Returns how many that holds for: not those
/// that were marked again, nor those of another process.
pub(super) async fn settled(db: &PgPool, epoch: i64, due: &[&Due]) -> sqlx::Result<u64> {
    let (collections, ids) = arrays(due.iter().map(|it| &it.key));
    let marks: Vec<_> = due.iter().map(|it| it.marks).collect();
    let settled = sqlx::query!(
        "WITH locked AS (
             SELECT d.collection, d.id
             FROM firestore_documents d
             JOIN unnest($2::text[], $3::text[], $4::bigint[]) AS s (collection, id, marks)
                 USING (collection, id)
             WHERE d.epoch <= $1 AND d.marks = s.marks AND NOT d.unsure
             ORDER BY d.collection, d.id
             FOR UPDATE OF d
         )
         UPDATE firestore_documents d
         SET due_at = NULL, attempts = 0, error = NULL
         FROM locked l
         WHERE d.collection = l.collection AND d.id = l.id",
        epoch,
        &collections,
        &ids,
        &marks
    )
    .execute(db)
    .await?;
    Ok(settled.rows_affected())
}

/// These should not be there, and are not. Their rows go, unless they were marked again. Returns how many
/// that holds for: not those of another process.
pub(super) async fn gone(db: &PgPool, epoch: i64, due: &[&Due]) -> sqlx::Result<u64> {
    let (collections, ids) = arrays(due.iter().map(|it| &it.key));
    let marks: Vec<_> = due.iter().map(|it| it.marks).collect();
    let mut tx = database::begin(db).await?;
    let gone = sqlx::query!(
        "UPDATE firestore_documents d
         SET unsure = false, forced = false, content = NULL, update_time = NULL
         FROM unnest($2::text[], $3::text[]) AS g (collection, id)
         WHERE d.collection = g.collection AND d.id = g.id AND d.epoch <= $1",
        epoch,
        &collections,
        &ids
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "DELETE FROM firestore_documents d
         USING unnest($2::text[], $3::text[], $4::bigint[]) AS g (collection, id, marks)
         WHERE d.collection = g.collection AND d.id = g.id AND d.marks = g.marks AND d.epoch <= $1",
        epoch,
        &collections,
        &ids,
        &marks
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}

/// What Firestore has of `keys`, looked up after it has refused to write them: they are due at once.
///
/// A write that may still be under way was made for what was known before. Where that has changed it
/// will be refused as well, so that the row is no longer unsure.
pub(super) async fn seen(
    db: &PgPool,
    epoch: i64,
    seen: &[(&Key, Option<&Found>)],
) -> sqlx::Result<u64> {
    let (collections, ids) = arrays(seen.iter().map(|(key, _)| *key));
    let texts: Vec<_> = seen.iter().map(|(_, it)| it.map(|it| it.fields.text())).collect();
    let times: Vec<_> = seen.iter().map(|(_, it)| it.map(|it| it.update_time)).collect();
    let changed = sqlx::query!(
        "WITH locked AS (
             SELECT d.collection, d.id, s.content, s.update_time
             FROM firestore_documents d
             JOIN unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
                 AS s (collection, id, content, update_time)
                 USING (collection, id)
             WHERE d.epoch = $1 AND d.update_time IS DISTINCT FROM s.update_time
             ORDER BY d.collection, d.id
             FOR UPDATE OF d
         )
         UPDATE firestore_documents d
         SET unsure = false,
             content = sha256(convert_to(l.content, 'UTF8')),
             update_time = l.update_time
         FROM locked l
         WHERE d.collection = l.collection AND d.id = l.id",
        epoch,
        &collections,
        &ids,
        &texts as &[Option<String>],
        &times as &[Option<DateTime<Utc>>]
    )
    .execute(db)
    .await?;
    Ok(changed.rows_affected())
}

/// Whether another process has begun to write one of these.
pub(super) async fn is_taken_over(db: &PgPool, epoch: i64, keys: &[Key]) -> sqlx::Result<bool> {
    let (collections, ids) = arrays(keys);
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT
               FROM firestore_documents d
               JOIN unnest($2::text[], $3::text[]) AS k (collection, id) USING (collection, id)
               WHERE d.epoch > $1
           ) AS "is_taken_over!""#,
        epoch,
        &collections,
        &ids
    )
    .fetch_one(db)
    .await
}

/// What an attempt came to that did not help.
pub(super) struct Failed<'a> {
    pub(super) due: &'a Due,
    /// How long it waits for the next one; nothing: it is given up.
    pub(super) wait: Option<Duration>,
}

/// These were not written. What was marked again meanwhile is not given up.
pub(super) async fn failed(
    db: &PgPool,
    epoch: i64,
    failed: &[Failed<'_>],
    error: &str,
) -> sqlx::Result<()> {
    let (collections, ids) = arrays(failed.iter().map(|it| &it.due.key));
    let marks: Vec<_> = failed.iter().map(|it| it.due.marks).collect();
    let waits: Vec<_> = failed.iter().map(|it| it.wait.map(|it| it.as_secs_f64())).collect();
    sqlx::query!(
        "WITH locked AS (
             SELECT d.collection, d.id, f.wait, f.wait IS NULL AND d.marks = f.marks AS is_given_up
             FROM firestore_documents d
             JOIN unnest($2::text[], $3::text[], $4::bigint[], $5::float8[])
                 AS f (collection, id, marks, wait)
                 USING (collection, id)
             WHERE d.epoch = $1
             ORDER BY d.collection, d.id
             FOR UPDATE OF d
         )
         UPDATE firestore_documents d
         SET attempts = d.attempts + 1,
             error = $6,
             parked_at = CASE WHEN l.is_given_up THEN clock_timestamp() END,
             due_at = CASE WHEN NOT l.is_given_up
                           THEN clock_timestamp() + make_interval(secs => coalesce(l.wait, 1)) END
         FROM locked l
         WHERE d.collection = l.collection AND d.id = l.id",
        epoch,
        &collections,
        &ids,
        &marks,
        &waits as &[Option<f64>],
        error
    )
    .execute(db)
    .await?;
    Ok(())
}

fn arrays<'a>(keys: impl IntoIterator<Item = &'a Key>) -> (Vec<String>, Vec<String>) {
    keys.into_iter().map(|it| (it.collection.name().to_owned(), it.id.clone())).unzip()
}
