//! Any event of any aggregate, as projectors and policies meet it.

use cqrs_es::{Aggregate, DomainEvent};
use thiserror::Error;

use crate::account::{Account, AccountEvent};
use crate::chat::{Chat, ChatEvent};
use crate::devices::{Devices, DevicesEvent};
use crate::library::{Library, LibraryEvent};

/// One enum over all aggregates: a new event breaks every match that owes it an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Account(AccountEvent),
    Chat(ChatEvent),
    Library(LibraryEvent),
    Devices(DevicesEvent),
}

/// No aggregate of this type is known to this version of Parlance.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown aggregate type `{0}`")]
pub struct UnknownAggregate(pub String);

impl Event {
    /// Reads the newest shape of an event of `aggregate_type`.
    ///
    /// # Errors
    ///
    /// The outer error when the aggregate type is unknown, the inner one when `payload` is not of
    /// that aggregate's events.
    pub fn from_json(
        aggregate_type: &str,
        payload: serde_json::Value,
    ) -> Result<serde_json::Result<Self>, UnknownAggregate> {
        match aggregate_type {
            Account::TYPE => Ok(serde_json::from_value(payload).map(Self::Account)),
            Chat::TYPE => Ok(serde_json::from_value(payload).map(Self::Chat)),
            Library::TYPE => Ok(serde_json::from_value(payload).map(Self::Library)),
            Devices::TYPE => Ok(serde_json::from_value(payload).map(Self::Devices)),
            other => Err(UnknownAggregate(other.to_owned())),
        }
    }

    /// The newest version of `event_type` that this version of Parlance knows.
    #[must_use]
    pub fn newest_version(aggregate_type: &str, event_type: &str) -> Option<u32> {
        match aggregate_type {
            Account::TYPE => AccountEvent::newest_version(event_type),
            Chat::TYPE => ChatEvent::newest_version(event_type),
            Library::TYPE => LibraryEvent::newest_version(event_type),
            Devices::TYPE => DevicesEvent::newest_version(event_type),
            _ => None,
        }
    }

    /// The stored name of the event.
    #[must_use]
    pub fn event_type(&self) -> String {
        match self {
            Self::Account(event) => event.event_type(),
            Self::Chat(event) => event.event_type(),
            Self::Library(event) => event.event_type(),
            Self::Devices(event) => event.event_type(),
        }
    }
}

impl From<AccountEvent> for Event {
    fn from(event: AccountEvent) -> Self {
        Self::Account(event)
    }
}

impl From<ChatEvent> for Event {
    fn from(event: ChatEvent) -> Self {
        Self::Chat(event)
    }
}

impl From<LibraryEvent> for Event {
    fn from(event: LibraryEvent) -> Self {
        Self::Library(event)
    }
}

impl From<DevicesEvent> for Event {
    fn from(event: DevicesEvent) -> Self {
        Self::Devices(event)
    }
}

/// The event is of another aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("event is of another aggregate")]
pub struct WrongAggregate;

impl TryFrom<Event> for AccountEvent {
    type Error = WrongAggregate;

    fn try_from(event: Event) -> Result<Self, WrongAggregate> {
        match event {
            Event::Account(event) => Ok(event),
            Event::Chat(_) | Event::Library(_) | Event::Devices(_) => Err(WrongAggregate),
        }
    }
}

impl TryFrom<Event> for ChatEvent {
    type Error = WrongAggregate;

    fn try_from(event: Event) -> Result<Self, WrongAggregate> {
        match event {
            Event::Chat(event) => Ok(event),
            Event::Account(_) | Event::Library(_) | Event::Devices(_) => Err(WrongAggregate),
        }
    }
}

impl TryFrom<Event> for LibraryEvent {
    type Error = WrongAggregate;

    fn try_from(event: Event) -> Result<Self, WrongAggregate> {
        match event {
            Event::Library(event) => Ok(event),
            Event::Account(_) | Event::Chat(_) | Event::Devices(_) => Err(WrongAggregate),
        }
    }
}

impl TryFrom<Event> for DevicesEvent {
    type Error = WrongAggregate;

    fn try_from(event: Event) -> Result<Self, WrongAggregate> {
        match event {
            Event::Devices(event) => Ok(event),
            Event::Account(_) | Event::Chat(_) | Event::Library(_) => Err(WrongAggregate),
        }
    }
}
