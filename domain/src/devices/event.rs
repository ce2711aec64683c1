use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Address, QuietHours};
use crate::{AccountId, DeviceId, Personal};

/// What a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Android,
    Ios,
    Web,
}

/// Why nothing is pushed to a device any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReason {
    ByOwner,
    /// The session that it belongs to has ended.
    SignedOut,
    /// The push service does not reach it any more.
    Gone,
    /// Its address was registered as another device, of whomever.
    Moved,
    /// Others were refreshed later, and there are as many as can be.
    Surplus,
}

/// What has happened to [`Devices`](super::Devices). Past tense, and permanent.
///
/// A variant's serialized form is stored for ever: `tests/golden/devices/*.json` pins it. To change
/// one, raise its version and add an upcaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum DevicesEvent {
    /// In place of what was known of a device with this id.
    DeviceRegistered {
        owner: AccountId,
        device_id: DeviceId,
        session_id: Uuid,
        platform: Platform,
        address: Personal<Address>,
        registered_at: DateTime<Utc>,
    },
    DeviceRefreshed {
        owner: AccountId,
        device_id: DeviceId,
        session_id: Uuid,
        /// When it is another than before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Personal<Address>>,
        refreshed_at: DateTime<Utc>,
    },
    DeviceRemoved {
        owner: AccountId,
        device_id: DeviceId,
        reason: RemovalReason,
        removed_at: DateTime<Utc>,
    },
    /// All of them, as they are from now on.
    PreferencesChanged {
        owner: AccountId,
        enabled: bool,
        messages: bool,
        reactions: bool,
        previews: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quiet_hours: Option<Personal<QuietHours>>,
        changed_at: DateTime<Utc>,
    },
}

impl DevicesEvent {
    /// The newest stored version of each event, by its stored name.
    pub(crate) fn newest_version(event_type: &str) -> Option<u32> {
        match event_type {
            "device_registered" | "device_refreshed" | "device_removed" | "preferences_changed" => {
                Some(1)
            }
            _ => None,
        }
    }
}

impl DomainEvent for DevicesEvent {
    fn event_type(&self) -> String {
        match self {
            Self::DeviceRegistered { .. } => "device_registered",
            Self::DeviceRefreshed { .. } => "device_refreshed",
            Self::DeviceRemoved { .. } => "device_removed",
            Self::PreferencesChanged { .. } => "preferences_changed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::newest_version(&self.event_type()).unwrap_or(1).to_string()
    }
}
