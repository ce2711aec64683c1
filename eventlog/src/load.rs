//! Loading an aggregate: its snapshot and the events after it, in one statement.

use domain::Decider;
use sqlx::PgPool;
use thiserror::Error;

use crate::codec::{Codec, CodecError, DecodeError};
use crate::read;
use crate::recorded::{Position, StoredEvent};

/// An aggregate as the log has it.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    pub state: A,
    /// Of the stream; 0 when there is none.
    pub version: i64,
    /// Of the stream's latest event.
    pub position: Position,
    /// The version of the snapshot it started from; 0 without one.
    pub snapshot: i64,
}

/// Why an aggregate cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error("the log could not be read")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("event {sequence} of {aggregate_type} {aggregate_id} cannot be read")]
    Decode {
        aggregate_type: &'static str,
        aggregate_id: String,
        sequence: i64,
        #[source]
        error: DecodeError,
    },
    /// The log itself is broken.
    #[error("{aggregate_type} {aggregate_id} has no event {missing}")]
    Gap { aggregate_type: &'static str, aggregate_id: String, missing: i64 },
}

/// Loads an aggregate whose events are of `A`. One that never was is its default state, at
/// version 0.
///
/// # Errors
///
/// When the database fails, or the stream cannot be read whole.
pub async fn load<A>(db: &PgPool, codec: &Codec, aggregate_id: &str) -> Result<Loaded<A>, LoadError>
where
    A: Decider,
{
    let mut loaded =
        Loaded { state: A::default(), version: 0, position: Position::START, snapshot: 0 };
    let (snapshot, mut events) = first_page(db, A::TYPE, aggregate_id, A::STATE_SCHEMA).await?;
    if let Some(snapshot) = snapshot {
        if let Some(state) = codec.decode_state(&snapshot.payload).await? {
            loaded.state = state;
            loaded.version = snapshot.version;
            loaded.position = Position(snapshot.position);
            loaded.snapshot = snapshot.version;
        } else {
            tracing::warn!(aggregate_type = A::TYPE, aggregate_id, "snapshot does not read");
            events = read::stream_page(db, A::TYPE, aggregate_id, 0, read::PAGE).await?;
        }
    }
    loop {
        let full = events.len() == usize::try_from(read::PAGE).unwrap_or(usize::MAX);
        loaded.fold(codec, events, aggregate_id).await?;
        if !full {
            return Ok(loaded);
        }
        events = read::stream_page(db, A::TYPE, aggregate_id, loaded.version, read::PAGE).await?;
    }
}

impl<A> Loaded<A>
where
    A: Decider,
{
    async fn fold(
        &mut self,
        codec: &Codec,
        stored: Vec<StoredEvent>,
        aggregate_id: &str,
    ) -> Result<(), LoadError> {
        for recorded in codec.decode(stored).await? {
            let sequence = recorded.sequence;
            if sequence != self.version + 1 {
                return Err(LoadError::Gap {
                    aggregate_type: A::TYPE,
                    aggregate_id: aggregate_id.to_owned(),
                    missing: self.version + 1,
                });
            }
            let event = recorded.event.and_then(|it| {
                A::Event::try_from(it)
                    .map_err(|_| DecodeError::Malformed("of another aggregate".to_owned()))
            });
            let event = event.map_err(|error| LoadError::Decode {
                aggregate_type: A::TYPE,
                aggregate_id: aggregate_id.to_owned(),
                sequence,
                error,
            })?;
            self.state.apply(event);
            self.version = sequence;
            self.position = recorded.position;
        }
        Ok(())
    }
}

struct Snapshot {
    version: i64,
    position: i64,
    payload: Vec<u8>,
}

/// The snapshot, if there is one, and the first page of events after it: seen at one moment.
async fn first_page(
    db: &PgPool,
    aggregate_type: &str,
    aggregate_id: &str,
    state_schema: &str,
) -> sqlx::Result<(Option<Snapshot>, Vec<StoredEvent>)> {
    let rows = sqlx::query!(
        r#"WITH snapshot AS MATERIALIZED (
               SELECT version, position, payload
               FROM snapshots
               WHERE aggregate_type = $1 AND aggregate_id = $2 AND state_schema = $3
           ), tail AS (
               SELECT *
               FROM events
               WHERE aggregate_type = $1
                 AND aggregate_id = $2
                 AND sequence > coalesce((SELECT version FROM snapshot), 0)
               ORDER BY sequence
               LIMIT $4
           )
           SELECT version AS "sequence!", position AS "position!", payload AS state,
                  NULL AS event_type, NULL AS event_version, NULL AS payload, NULL AS metadata,
                  NULL::uuid AS event_id, NULL::timestamptz AS recorded_at
           FROM snapshot
           UNION ALL
           SELECT sequence, position, NULL,
                  event_type, event_version, payload::text, metadata::text,
                  event_id, recorded_at
           FROM tail
           ORDER BY 1"#,
        aggregate_type,
        aggregate_id,
        state_schema,
        read::PAGE
    )
    .fetch_all(db)
    .await?;

    let mut snapshot = None;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(payload) = row.state {
            snapshot = Some(Snapshot { version: row.sequence, position: row.position, payload });
        } else if let (Some(event_type), Some(event_version), Some(payload), Some(metadata)) =
            (row.event_type, row.event_version, row.payload, row.metadata)
            && let (Some(event_id), Some(recorded_at)) = (row.event_id, row.recorded_at)
        {
            events.push(StoredEvent {
                position: row.position,
                aggregate_type: aggregate_type.to_owned(),
                aggregate_id: aggregate_id.to_owned(),
                sequence: row.sequence,
                event_type,
                event_version,
                payload,
                metadata,
                event_id,
                recorded_at,
            });
        }
    }
    Ok((snapshot, events))
}
