use serde::Serialize;
use sqlx::PgConnection;

use super::marks;

/// What the mirror has still to do, beside the events it has not read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MirrorStatus {
    /// Documents to be written.
    pub pending: i64,
    /// For how long the first of them has been due; 0 when none is.
    pub pending_seconds: f64,
    /// Documents that Firestore refuses.
    pub parked: i64,
}

/// Where the mirror stands; nothing when there never was one.
pub(crate) async fn standing(db: &mut PgConnection) -> sqlx::Result<Option<MirrorStatus>> {
    if !marks::is_on(db).await? {
        return Ok(None);
    }
    let standing = sqlx::query_as!(
        MirrorStatus,
        r#"SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS "pending!",
                  greatest(
                      coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0), 0
                  )::float8 AS "pending_seconds!",
                  count(*) FILTER (WHERE parked_at IS NOT NULL) AS "parked!"
           FROM firestore_documents
           WHERE due_at IS NOT NULL OR parked_at IS NOT NULL"#
    )
    .fetch_one(db)
    .await?;
    Ok(Some(standing))
}
