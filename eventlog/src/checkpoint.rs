//! How far a subscriber has come, moved in the transaction that writes what it makes of the log.

use sqlx::PgConnection;

use crate::recorded::Position;

/// Makes the checkpoint `name`, at the start of the log, if it is not there.
///
/// # Errors
///
/// When the database fails.
pub async fn create(db: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO checkpoints (name) VALUES ($1) ON CONFLICT DO NOTHING", name)
        .execute(db)
        .await?;
    Ok(())
}

/// Moves the checkpoint `name` from `from` to `to`. False when it is no longer there: somebody else
/// has moved it, and the caller's transaction must not be committed.
///
/// # Errors
///
/// When the database fails.
pub async fn advance(
    db: &mut PgConnection,
    name: &str,
    from: Position,
    to: Position,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE checkpoints
         SET position = $3, applied_at = clock_timestamp()
         WHERE name = $1 AND position = $2",
        name,
        from.0,
        to.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
