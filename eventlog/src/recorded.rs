//! An event as it is stored, and as its readers meet it.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::Event;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::DecodeError;

/// An event's place in the whole log, from 1: dense, without gaps, and the same number as its
/// sequence in the JetStream stream. 0 is the place before the first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As JetStream counts.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event as `events` holds it and as NATS carries it: nothing opened, nothing upcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    /// JSON, byte for byte as it was written.
    pub payload: String,
    pub metadata: String,
    pub event_id: Uuid,
    pub recorded_at: DateTime<Utc>,
}

impl StoredEvent {
    pub(crate) fn recorded(self, event: Result<Event, DecodeError>) -> RecordedEvent {
        RecordedEvent {
            position: Position(self.position),
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            event_id: self.event_id,
            recorded_at: self.recorded_at,
            event,
        }
    }
}

/// An event in its newest shape, with personal values opened.
#[derive(Debug)]
pub struct RecordedEvent {
    pub position: Position,
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// Its place in the aggregate's stream, from 1.
    pub sequence: i64,
    pub event_id: Uuid,
    pub recorded_at: DateTime<Utc>,
    /// What happened, or why it cannot be read. Each subscriber decides what that means for it.
    pub event: Result<Event, DecodeError>,
}
