use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{AccountId, ChatId, MessageId, Personal};

/// What has happened in a [`Chat`](super::Chat). Past tense, and permanent.
///
/// A variant's serialized form is stored for ever: `tests/golden/chat/*.json` pins it. To change
/// one, raise its version and add an upcaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChatEvent {
    Opened {
        chat_id: ChatId,
        /// Sorted, as in the derivation of the id.
        members: [AccountId; 2],
        opened_by: AccountId,
        opened_at: DateTime<Utc>,
    },
    TextSent {
        chat_id: ChatId,
        message_id: MessageId,
        /// From 1, without a gap.
        number: u64,
        sender: AccountId,
        /// The other member, for whom it is unread.
        recipient: AccountId,
        text: Personal<String>,
        sent_at: DateTime<Utc>,
    },
    MessagesRead {
        chat_id: ChatId,
        reader: AccountId,
        up_to: u64,
        /// How many messages are unread for the reader after this: counted where every message is
        /// known, so that no reader of the log has to count again.
        unread: u64,
        read_at: DateTime<Utc>,
    },
    MessageDeletedForMe {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        /// It counted as unread for `by` until now.
        was_unread: bool,
        deleted_at: DateTime<Utc>,
    },
    MessageDeletedForEveryone {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        recipient: AccountId,
        /// It counted as unread for `recipient` until now.
        was_unread: bool,
        deleted_at: DateTime<Utc>,
    },
    Deactivated {
        chat_id: ChatId,
        deactivated_at: DateTime<Utc>,
    },
    Reactivated {
        chat_id: ChatId,
        reactivated_at: DateTime<Utc>,
    },
}

impl ChatEvent {
    /// The newest stored version of each event, by its stored name.
    pub(crate) fn newest_version(event_type: &str) -> Option<u32> {
        match event_type {
            "opened"
            | "text_sent"
            | "messages_read"
            | "message_deleted_for_me"
            | "message_deleted_for_everyone"
            | "deactivated"
            | "reactivated" => Some(1),
            _ => None,
        }
    }
}

impl DomainEvent for ChatEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened { .. } => "opened",
            Self::TextSent { .. } => "text_sent",
            Self::MessagesRead { .. } => "messages_read",
            Self::MessageDeletedForMe { .. } => "message_deleted_for_me",
            Self::MessageDeletedForEveryone { .. } => "message_deleted_for_everyone",
            Self::Deactivated { .. } => "deactivated",
            Self::Reactivated { .. } => "reactivated",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::Opened { .. }
            | Self::TextSent { .. }
            | Self::MessagesRead { .. }
            | Self::MessageDeletedForMe { .. }
            | Self::MessageDeletedForEveryone { .. }
            | Self::Deactivated { .. }
            | Self::Reactivated { .. } => "1",
        }
        .to_owned()
    }
}
