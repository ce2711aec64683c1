//! Builds read models again from the log, beside the live ones, and changes places with them.
//!
//! 1. Tables like the live ones are made in the schema `rebuild`, afresh: a rebuild that was killed
//!    leaves nothing that matters.
//! 2. The log is read and decoded once for all models, and replayed into them. Their checkpoints
//!    are `rebuild:<name>`. Skipped events stay skipped, parked ones get a new chance; what still
//!    cannot be applied is parked again.
//! 3. When the replay comes to the position at which the live model was when all began, the digests
//!    of both are compared. Where they differ, the live one had drifted from the log (or has parked
//!    events that could be applied now). The rebuilt one is what the log says, and so goes live.
//! 4. Having caught up, a short transaction locks the live checkpoint, applies what is left, drops
//!    the old table, moves the new one into its place, and the checkpoint and the parked events
//!    with it. Reads wait for that moment, and then find the new table: none fails.
//!
//! One rebuild of a model at a time: an advisory lock, held by the connection that writes, so that
//! whoever loses the lock can write no more.

mod digest;
mod replay;
mod switch;
mod tables;
mod writer;

use std::sync::Arc;

use eventlog::codec::{CodecError, DecodeError};
use eventlog::{Codec, Position};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use thiserror::Error;

pub use digest::Digest;

use crate::ReadModel;

/// How far a rebuild has come, in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: i64,
    /// The head of the log when it was last looked at.
    pub total: i64,
}

/// A read model that was rebuilt and is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    pub model: ReadModel,
    /// What it reflected when it went live.
    pub position: Position,
    /// Where the digests were taken.
    pub compared_at: Position,
    /// Of the live read model then.
    pub live: Digest,
    /// Of the rebuilt one.
    pub rebuilt: Digest,
    /// Streams that are held back by an event that cannot be applied.
    pub held_streams: usize,
}

impl Rebuilt {
    /// The live read model was not what the log says.
    #[must_use]
    pub fn had_drifted(&self) -> bool {
        self.live != self.rebuilt
    }
}

/// Why a read model was not rebuilt. The live one is untouched.
#[derive(Debug, Error)]
pub enum RebuildError {
    #[error("{0} is being rebuilt already")]
    AlreadyRunning(ReadModel),
    #[error("{0} is read without a pause: the rebuilt one found no moment to take its place")]
    Busy(ReadModel),
    #[error("event {position} cannot be read")]
    TooNew {
        position: Position,
        #[source]
        error: DecodeError,
    },
    #[error("the log has no event {0}")]
    Gap(Position),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("a part of the rebuild ended early")]
    Aborted,
}

/// Rebuilds `models`, and tells `progress` now and then. `options` are those of the owner of the
/// tables.
///
/// # Errors
///
/// See [`RebuildError`]. Models that had gone live before the failure stay.
pub async fn rebuild(
    options: &PgConnectOptions,
    codec: Arc<Codec>,
    models: &[ReadModel],
    progress: impl FnMut(Progress) + Send,
) -> Result<Vec<Rebuilt>, RebuildError> {
    replay::run(options, codec, models, progress).await
}

/// Whether a rebuild of `model` is under way; if not, none begins before the transaction of `db`
/// ends.
pub(crate) async fn is_rebuilding(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<bool> {
    let free = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS "free!""#,
        lock_name(model)
    )
    .fetch_one(db)
    .await?;
    Ok(!free)
}

/// Takes the right to rebuild `model` for as long as `db` is connected.
async fn take_right(db: &mut PgConnection, model: ReadModel) -> Result<(), RebuildError> {
    let taken = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS "taken!""#,
        lock_name(model)
    )
    .fetch_one(db)
    .await?;
    if taken { Ok(()) } else { Err(RebuildError::AlreadyRunning(model)) }
}

fn lock_name(model: ReadModel) -> String {
    format!("parlance rebuild {model}")
}
