//! Stored JSON ⇄ events, in one place: upcasting, and sealing of what is personal.
//!
//! A value of type [`domain::Personal`] serializes as `{"$personal": {"subject", "value"}}`. The
//! codec replaces each such object by `{"$sealed": {"subject", "data"}}` before anything is stored,
//! and puts it back after it was read. It never looks inside a personal value, so what a person
//! wrote cannot be mistaken for a marker.

mod seal;
mod upcast;

use std::collections::HashMap;

use cqrs_es::DomainEvent;
use domain::{AccountId, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgPool;
use thiserror::Error;

use crate::keys::{KeyError, Keyring, MasterKey, SealError, SubjectKey};
use crate::recorded::{RecordedEvent, StoredEvent};

pub use upcast::is_known;

/// Why a stored event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Written by a newer Parlance. Whoever meets it stops: skipping it would lose what it says.
    #[error("{aggregate_type}.{event_type} version {version} is newer than this program")]
    TooNew { aggregate_type: String, event_type: String, version: String },
    /// Its bytes are not what they should be. No retry will help.
    #[error("malformed event: {0}")]
    Malformed(String),
}

/// Why an event could not be encoded, or its keys not be had.
#[derive(Debug, Error)]
pub enum CodecError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("{0} has been erased and takes no new data")]
    Erased(AccountId),
    #[error(transparent)]
    Sealed(#[from] SealError),
}

/// An event ready to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    pub event_type: String,
    pub event_version: String,
    pub payload: String,
}

/// Encodes and decodes, with everybody's keys at hand.
pub struct Codec {
    keyring: Keyring,
}

impl Codec {
    /// A codec whose subject keys are kept in `pool`, wrapped by `master`.
    #[must_use]
    pub fn new(pool: PgPool, master: MasterKey) -> Self {
        Self { keyring: Keyring::new(pool, master) }
    }

    /// The stored form of `events`. Who has no key yet gets one.
    ///
    /// # Errors
    ///
    /// When a key cannot be had, or a person was erased.
    pub async fn encode<E: DomainEvent>(
        &self,
        events: &[E],
    ) -> Result<Vec<EncodedEvent>, CodecError> {
        let plain = events.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        // Who is handed an event as it was decided must not see another than who decodes it.
        debug_assert!(plain.iter().zip(events).all(|(json, it)| is_read_as(json, it)));
        let payloads = self.seal(&plain).await?;
        let encoded = events.iter().zip(payloads).map(|(event, payload)| EncodedEvent {
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload,
        });
        Ok(encoded.collect())
    }

    /// The events behind `stored`, in the same order. An event that cannot be read stands among
    /// them as its [`DecodeError`].
    ///
    /// # Errors
    ///
    /// When the keys cannot be had: the database is away, or the master key is another one.
    pub async fn decode(&self, stored: Vec<StoredEvent>) -> Result<Vec<RecordedEvent>, CodecError> {
        let mut payloads: Vec<Result<Value, DecodeError>> =
            stored.iter().map(upcast::parse).collect();
        let mut subjects = Vec::new();
        for payload in payloads.iter().flatten() {
            seal::subjects(payload, &mut subjects);
        }
        let keys = self.keyring.keys(subjects, false).await?;
        Ok(stored
            .into_iter()
            .zip(&mut payloads)
            .map(|(stored, payload)| {
                let payload = std::mem::replace(payload, Ok(Value::Null));
                let event = payload.and_then(|it| event(&stored.aggregate_type, it, &keys));
                stored.recorded(event)
            })
            .collect())
    }

    /// `plain`, sealed under the key of `subject`, who gets one without having any.
    ///
    /// # Errors
    ///
    /// When the key cannot be had, or was destroyed.
    pub async fn seal_bytes(
        &self,
        subject: AccountId,
        plain: &[u8],
    ) -> Result<Vec<u8>, CodecError> {
        let keys = self.keyring.keys([subject], true).await?;
        let key = keys.get(&subject).ok_or(CodecError::Erased(subject))?;
        key.seal(subject, plain).map_err(|_| CodecError::Erased(subject))
    }

    /// What [`seal_bytes`](Self::seal_bytes) sealed; nothing once the key was destroyed.
    ///
    /// # Errors
    ///
    /// When the key cannot be had, or is another.
    pub async fn open_bytes(
        &self,
        subject: AccountId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, CodecError> {
        let keys = self.keyring.keys([subject], false).await?;
        let key = keys.get(&subject).ok_or(CodecError::Sealed(SealError))?;
        Ok(key.open(subject, sealed)?)
    }

    /// The sealed form of an aggregate's state.
    pub(crate) async fn encode_state<A: Serialize>(
        &self,
        state: &A,
    ) -> Result<Vec<u8>, CodecError> {
        let sealed = self.seal(&[serde_json::to_string(state)?]).await?;
        Ok(sealed.concat().into_bytes())
    }

    /// The state that [`encode_state`](Self::encode_state) wrote; nothing when it does not read.
    pub(crate) async fn decode_state<A: DeserializeOwned>(
        &self,
        bytes: &[u8],
    ) -> Result<Option<A>, CodecError> {
        // A state without personal values reads as it stands: a large one in half the time. A sealed
        // value does not read as a personal one, so nothing is mistaken.
        if let Ok(state) = serde_json::from_slice(bytes) {
            return Ok(Some(state));
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
            return Ok(None);
        };
        let mut subjects = Vec::new();
        seal::subjects(&value, &mut subjects);
        let keys = self.keyring.keys(subjects, false).await?;
        let opened = seal::open(&mut value, &keys);
        Ok(opened.ok().and_then(|()| serde_json::from_value(value).ok()))
    }

    /// The payload of `stored` as JSON in its newest shape, personal values opened: for auditors.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); the inner error when this event cannot be read.
    pub async fn open(
        &self,
        stored: &StoredEvent,
    ) -> Result<Result<Value, DecodeError>, CodecError> {
        let mut payload = match upcast::parse(stored) {
            Ok(payload) => payload,
            Err(error) => return Ok(Err(error)),
        };
        let mut subjects = Vec::new();
        seal::subjects(&payload, &mut subjects);
        let keys = self.keyring.keys(subjects, false).await?;
        Ok(seal::open(&mut payload, &keys).map(|()| payload))
    }

    async fn seal(&self, plain: &[String]) -> Result<Vec<String>, CodecError> {
        let found = plain.iter().map(|it| seal::personal(it)).collect::<Result<Vec<_>, _>>()?;
        let subjects = found.iter().flatten().map(|it| it.subject);
        let keys = self.keyring.keys(subjects, true).await?;
        plain.iter().zip(&found).map(|(json, found)| seal::seal(json, found, &keys)).collect()
    }
}

fn is_read_as<E: DomainEvent>(json: &str, event: &E) -> bool {
    serde_json::from_str::<E>(json).is_ok_and(|it| it == *event)
}

fn event(
    aggregate_type: &str,
    mut payload: Value,
    keys: &HashMap<AccountId, SubjectKey>,
) -> Result<Event, DecodeError> {
    seal::open(&mut payload, keys)?;
    Event::from_json(aggregate_type, payload)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?
        // serde's own words may quote a value, and this stands in logs.
        .map_err(|_| DecodeError::Malformed("the payload is not of this event's shape".to_owned()))
}
