use chrono::{DateTime, Utc};

use crate::{AccountId, MessageId};

/// What a caller may ask of a [`Chat`](super::Chat). Imperative, and refusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    Open {
        by: AccountId,
        with: AccountId,
        now: DateTime<Utc>,
    },
    SendText {
        message_id: MessageId,
        sender: AccountId,
        text: String,
        now: DateTime<Utc>,
    },
    MarkRead {
        reader: AccountId,
        up_to: u64,
        now: DateTime<Utc>,
    },
    DeleteForMe {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    DeleteForEveryone {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// Asked by an operator, not by a member.
    Deactivate {
        now: DateTime<Utc>,
    },
    /// Asked by an operator, not by a member.
    Reactivate {
        now: DateTime<Utc>,
    },
}
