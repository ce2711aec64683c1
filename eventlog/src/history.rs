//! Whether the JetStream stream is a copy of this log.
//!
//! A stream of another installation, or one that outlived the database it was copied from, holds
//! events that never happened here. Neither the relay nor the feed may touch one.

use async_nats::jetstream::context::{Context, GetStreamError, GetStreamErrorKind};
use sqlx::PgPool;
use thiserror::Error;

use crate::nats::STREAM;
use crate::read;
use crate::recorded::Position;

/// The stream is not a copy of this log. An operator must decide: see `docs/operations.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Stranger {
    /// The database was restored from an older backup, or the stream is somebody else's.
    #[error("the stream ends at {stream} and the log at {log}: they are not of one history")]
    Ahead { stream: i64, log: i64 },
    #[error("message {0} of the stream is not event {0} of the log: they are not of one history")]
    Other(i64),
}

#[derive(Debug, Error)]
pub(crate) enum HistoryError {
    #[error("the log could not be read")]
    Database(#[from] sqlx::Error),
    #[error("JetStream failed: {0}")]
    Stream(String),
    #[error(transparent)]
    Stranger(#[from] Stranger),
}

/// Where the stream ends, once it is known to be a copy of the log: its last message is our event
/// of that position, and event ids are unique. Nothing when there is no stream.
pub(crate) async fn end(db: &PgPool, stream: &Context) -> Result<Option<Position>, HistoryError> {
    let Some(end) = stream_end(stream).await? else {
        return Ok(None);
    };
    // The log's head is read after the stream's end: a relay elsewhere only publishes what is there.
    let head = read::head(db).await?;
    if end > head {
        return Err(Stranger::Ahead { stream: end.0, log: head.0 }.into());
    }
    let Some(event) = read::page(db, Position(end.0 - 1), 1).await?.pop() else {
        return Ok(Some(end)); // nothing was ever recorded
    };
    let handle = stream.get_stream_no_info(STREAM).await;
    let handle = handle.map_err(|error| HistoryError::Stream(error.to_string()))?;
    // A stream that was created and not filled yet has no message at its last sequence.
    let Ok(message) = handle.direct_get(end.sequence()).await else {
        return Ok(Some(end));
    };
    let id = message.headers.get(async_nats::header::NATS_MESSAGE_ID);
    let id = id.map(async_nats::HeaderValue::as_str);
    if event.position == end.0 && id == Some(&event.event_id.to_string()) {
        Ok(Some(end))
    } else {
        Err(Stranger::Other(end.0).into())
    }
}

/// The stream's last sequence; nothing when there is no stream.
pub(crate) async fn stream_end(stream: &Context) -> Result<Option<Position>, HistoryError> {
    match stream.get_stream(STREAM).await {
        Ok(stream) => {
            let last = i64::try_from(stream.cached_info().state.last_sequence);
            let last = last.map_err(|error| HistoryError::Stream(error.to_string()))?;
            Ok(Some(Position(last)))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(HistoryError::Stream(error.to_string())),
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    match error.kind() {
        GetStreamErrorKind::JetStream(error) => {
            error.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND
        }
        GetStreamErrorKind::EmptyName
        | GetStreamErrorKind::Request
        | GetStreamErrorKind::InvalidStreamName => false,
    }
}
