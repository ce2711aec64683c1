//! Presence is no event: its table says itself what Firestore has not been told.

use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::content::Contents;
use super::document::{Collection, Key};

/// How often the table is asked.
const TICK: Duration = Duration::from_millis(250);

/// Rows marked at once.
const BATCH: i64 = 1_000;

/// Marks whose presence has changed, until `lost`.
pub(super) async fn follow(db: &PgPool, marked: &Notify, lost: &CancellationToken) {
    while lost.run_until_cancelled(sleep(TICK)).await.is_some() {
        match mark(db).await {
            Ok(0) => {}
            Ok(_) => marked.notify_one(),
            Err(error) => tracing::warn!(%error, "presence could not be read"),
        }
    }
}

/// Those that wait to be written are not marked again.
async fn mark(db: &PgPool) -> sqlx::Result<u64> {
    let marked = sqlx::query!(
        "INSERT INTO firestore_documents AS d (collection, id, due_at)
         SELECT $1, p.account_id::text, clock_timestamp()
         FROM presence p
         LEFT JOIN firestore_documents f ON f.collection = $1 AND f.id = p.account_id::text
         WHERE NOT p.mirrored AND f.due_at IS NULL
         ORDER BY p.account_id
         LIMIT $2
         ON CONFLICT (collection, id) DO UPDATE
         SET marks = d.marks + 1,
             due_at = greatest(excluded.due_at, d.written_at + interval '1 second'),
             attempts = 0,
             parked_at = NULL
         WHERE d.due_at IS NULL",
        Collection::Presence.name(),
        BATCH
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected())
}

/// Firestore has been told of these, or refuses to hear it. Whoever has come or gone since they were
/// read is still to be told of.
pub(super) async fn told<'a>(
    db: &PgPool,
    keys: impl Iterator<Item = &'a Key>,
    contents: &Contents,
) -> sqlx::Result<()> {
    let ids = keys.filter(|it| it.collection == Collection::Presence).filter_map(Key::uuid);
    let told: Vec<_> = ids.filter_map(|it| Some((it, *contents.presence.get(&it)?))).collect();
    if told.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = told.iter().map(|(id, _)| *id).collect();
    let online: Vec<_> = told.iter().map(|(_, it)| it.online).collect();
    let since: Vec<_> = told.iter().map(|(_, it)| it.since).collect();
    sqlx::query!(
        "UPDATE presence p
         SET mirrored = true
         FROM unnest($1::uuid[], $2::boolean[], $3::timestamptz[]) AS t (account_id, online, since)
         WHERE p.account_id = t.account_id AND p.online = t.online AND p.since = t.since",
        &ids,
        &online,
        &since
    )
    .execute(db)
    .await?;
    Ok(())
}
