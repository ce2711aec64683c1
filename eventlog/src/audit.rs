//! A second reader: aggregates loaded by postgres-es, which shares no code with [`load`], compared
//! with what the gateway would load.
//!
//! postgres-es reads a whole stream into memory, so only streams of up to 20,000 events are compared.

use chrono::DateTime;
use cqrs_es::Aggregate;
use cqrs_es::persist::{PersistedEventRepository, PersistenceError};
use domain::Decider;
use domain::account::Account;
use domain::chat::Chat;
use domain::devices::Devices;
use domain::library::Library;
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;
use thiserror::Error;
use uuid::Uuid;

use crate::codec::{Codec, CodecError};
use crate::load::{LoadError, load};
use crate::recorded::StoredEvent;

/// Events of the longest stream that is compared.
const EVENTS_MAX: i64 = 20_000;

/// Why the comparison could not be made.
#[derive(Debug, Error)]
pub enum AuditError {
    #[error("streams could not be listed")]
    Database(#[from] sqlx::Error),
    #[error("postgres-es could not read a stream")]
    StockReader(#[from] PersistenceError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Compares the `sample` longest streams, those with a snapshot first; returns one line for each
/// that differs. Streams with an event that cannot be read are left out.
///
/// # Errors
///
/// When the log cannot be read.
pub async fn compare(db: &PgPool, codec: &Codec, sample: i64) -> Result<Vec<String>, AuditError> {
    let streams = sqlx::query!(
        "SELECT s.aggregate_type, s.aggregate_id
         FROM streams s
         LEFT JOIN snapshots n USING (aggregate_type, aggregate_id)
         WHERE s.version <= $1
         ORDER BY n.version IS NULL, s.version DESC
         LIMIT $2",
        EVENTS_MAX,
        sample
    )
    .fetch_all(db)
    .await?;
    let repository = PostgresEventRepository::new(db.clone());
    let mut differences = Vec::new();
    for stream in streams {
        let id = &stream.aggregate_id;
        let difference = match stream.aggregate_type.as_str() {
            Account::TYPE => compare_one::<Account>(db, codec, &repository, id).await?,
            Chat::TYPE => compare_one::<Chat>(db, codec, &repository, id).await?,
            Library::TYPE => compare_one::<Library>(db, codec, &repository, id).await?,
            Devices::TYPE => compare_one::<Devices>(db, codec, &repository, id).await?,
            other => Some(format!("{other} {id}: unknown aggregate type")),
        };
        differences.extend(difference);
    }
    Ok(differences)
}

async fn compare_one<A>(
    db: &PgPool,
    codec: &Codec,
    repository: &PostgresEventRepository,
    id: &str,
) -> Result<Option<String>, AuditError>
where
    A: Decider + PartialEq,
{
    let ours = match load::<A>(db, codec, id).await {
        Ok(ours) => ours,
        // The gateway cannot load it either; projectors have parked its events.
        Err(LoadError::Decode { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut stored = Vec::new();
    for event in repository.get_events::<A>(id).await? {
        stored.push(StoredEvent {
            position: 0, // postgres-es knows no positions
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            sequence: i64::try_from(event.sequence).unwrap_or_default(),
            event_type: event.event_type,
            event_version: event.event_version,
            payload: event.payload.to_string(),
            metadata: event.metadata.to_string(),
            event_id: Uuid::nil(),
            recorded_at: DateTime::UNIX_EPOCH,
        });
    }
    let mut theirs = A::default();
    let mut version = 0;
    for recorded in codec.decode(stored).await? {
        if recorded.sequence > ours.version {
            break; // appended since
        }
        let event = recorded.event.ok().and_then(|it| A::Event::try_from(it).ok());
        let Some(event) = event.filter(|_| recorded.sequence == version + 1) else {
            return Ok(Some(format!("{} {id}: event {} does not read", A::TYPE, version + 1)));
        };
        theirs.apply(event);
        version += 1;
    }
    let same = version == ours.version && theirs == ours.state;
    Ok((!same).then(|| {
        let (ours, from) = (ours.version, ours.snapshot);
        format!("{} {id}: loaded at {ours} from snapshot {from}, folded at {version}", A::TYPE)
    }))
}
