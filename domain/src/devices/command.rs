use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Address, Platform, PreferencesChange, RemovalReason};
use crate::{AccountId, DeviceId};

/// What a caller may ask of [`Devices`](super::Devices).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicesCommand {
    /// A device that is known already is refreshed.
    Register {
        owner: AccountId,
        device_id: DeviceId,
        /// Whose end is the device's.
        session_id: Uuid,
        platform: Platform,
        address: Address,
        now: DateTime<Utc>,
    },
    Remove {
        device_id: DeviceId,
        now: DateTime<Utc>,
    },
    /// Whichever device is reached there. One that has another address by now stays.
    RemoveAddress {
        address: Address,
        why: RemovalReason,
        now: DateTime<Utc>,
    },
    /// Every device of a session that has ended.
    SignOut {
        session_id: Uuid,
        now: DateTime<Utc>,
    },
    /// Changes what is given, and leaves the rest.
    ChangePreferences {
        owner: AccountId,
        change: PreferencesChange,
        now: DateTime<Utc>,
    },
}
