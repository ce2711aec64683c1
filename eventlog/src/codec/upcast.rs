//! Old shapes of events, brought to the newest one.
//!
//! An upcaster is a pure function from the payload of version n to that of n + 1. There is none
//! yet: every event is at version 1. The first one goes into the match in [`step`].

use domain::Event;
use serde_json::Value;

use super::DecodeError;
use crate::recorded::StoredEvent;

/// The payload of `stored` in its newest shape, still sealed.
pub(super) fn parse(stored: &StoredEvent) -> Result<Value, DecodeError> {
    let (aggregate_type, event_type) = (&stored.aggregate_type, &stored.event_type);
    let newest = Event::newest_version(aggregate_type, event_type);
    let version = stored.event_version.parse::<u32>().ok().filter(|it| *it > 0);
    let (Some(newest), Some(version)) = (newest, version) else {
        return Err(too_new(stored));
    };
    if version > newest {
        return Err(too_new(stored));
    }
    let payload = serde_json::from_str(&stored.payload)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    (version..newest).try_fold(payload, |payload, from| {
        step(aggregate_type, event_type, from, payload).ok_or_else(|| too_new(stored))
    })
}

/// The upcaster from version `from` to `from + 1` of one event.
fn step(_aggregate_type: &str, _event_type: &str, _from: u32, _payload: Value) -> Option<Value> {
    None
}

fn too_new(stored: &StoredEvent) -> DecodeError {
    DecodeError::TooNew {
        aggregate_type: stored.aggregate_type.clone(),
        event_type: stored.event_type.clone(),
        version: stored.event_version.clone(),
    }
}
