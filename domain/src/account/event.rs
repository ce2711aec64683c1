use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Personal};

/// Who is shown something about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    /// Those who have a chat with them.
    #[default]
    Chats,
    Nobody,
}

/// What has happened to an [`Account`](super::Account). Past tense, and permanent.
///
/// A variant's serialized form is stored for ever: `tests/golden/account/*.json` pins it. To change
/// one, raise its version and add an upcaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountEvent {
    Registered {
        account_id: AccountId,
        username: Personal<String>,
        display_name: Personal<String>,
        email: Personal<String>,
        registered_at: DateTime<Utc>,
    },
    /// Only what changed is there.
    ProfileChanged {
        account_id: AccountId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_name: Option<Personal<String>>,
        changed_at: DateTime<Utc>,
    },
    /// Read receipts are shown between two people who both have them on.
    PrivacyChanged { account_id: AccountId, read_receipts: bool, changed_at: DateTime<Utc> },
    /// Whether somebody is there, and when they were last. Nobody is shown it who does not show it.
    PresenceShown { account_id: AccountId, to: Audience, changed_at: DateTime<Utc> },
}

impl AccountEvent {
    /// The newest stored version of each event, by its stored name.
    pub(crate) fn newest_version(event_type: &str) -> Option<u32> {
        match event_type {
            "registered" | "profile_changed" | "privacy_changed" | "presence_shown" => Some(1),
            _ => None,
        }
    }
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Registered { .. } => "registered",
            Self::ProfileChanged { .. } => "profile_changed",
            Self::PrivacyChanged { .. } => "privacy_changed",
            Self::PresenceShown { .. } => "presence_shown",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::newest_version(&self.event_type()).unwrap_or(1).to_string()
    }
}
