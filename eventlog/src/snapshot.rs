//! Saving an aggregate's state, so that loading it need not read its whole stream.
//!
//! A snapshot is written after the commit, in the background, and is never the truth: a missing,
//! old or unreadable one costs time and nothing else.

use domain::Decider;
use sqlx::PgPool;

use crate::codec::{Codec, CodecError};
use crate::recorded::Position;

/// Events between two snapshots of a short stream.
const INTERVAL_MIN: i64 = 100;

/// Of a long stream, a snapshot each time it has grown by this part. Writing all of a large state
/// every 100 events would cost more than the loads it saves.
const INTERVAL_PART: i64 = 100;

/// Whether a stream at `version`, last saved at `saved`, is worth saving.
#[must_use]
pub const fn is_due(version: i64, saved: i64) -> bool {
    let part = version / INTERVAL_PART;
    version - saved >= if part > INTERVAL_MIN { part } else { INTERVAL_MIN }
}

/// Writes `state`, which the stream had at `version`. An older one never replaces a newer one.
///
/// # Errors
///
/// When the state cannot be sealed or the database fails.
pub async fn save<A: Decider>(
    db: &PgPool,
    codec: &Codec,
    aggregate_id: &str,
    state: &A,
    version: i64,
    position: Position,
) -> Result<(), CodecError> {
    let payload = codec.encode_state(state).await?;
    sqlx::query!(
        "INSERT INTO snapshots AS s
             (aggregate_type, aggregate_id, state_schema, version, position, payload)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (aggregate_type, aggregate_id, state_schema) DO UPDATE
         SET version = excluded.version, position = excluded.position, payload = excluded.payload
         WHERE s.version < excluded.version",
        A::TYPE,
        aggregate_id,
        A::STATE_SCHEMA,
        version,
        position.0,
        payload
    )
    .execute(db)
    .await
    .map_err(crate::keys::KeyError::Database)?;
    Ok(())
}
