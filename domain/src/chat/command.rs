use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Disappearing, Limits, Outgoing, ReportedCopy};
use crate::{AccountId, MessageId, ReportId};

/// What a caller may ask of a [`Chat`](super::Chat). Imperative, and refusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    Open {
        by: AccountId,
        with: AccountId,
        now: DateTime<Utc>,
    },
    Send {
        message: Box<Outgoing>,
        limits: Limits,
        now: DateTime<Utc>,
    },
    /// One's own text or caption. No text: the caption goes.
    Edit {
        message_id: MessageId,
        by: AccountId,
        text: Option<String>,
        tags: Vec<String>,
        limits: Limits,
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
    React {
        message_id: MessageId,
        by: AccountId,
        emoji: String,
        now: DateTime<Utc>,
    },
    RemoveReaction {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// For both members.
    Pin {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    Unpin {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// For oneself.
    Star {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    Unstar {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// An actionable message of the other member.
    Answer {
        message_id: MessageId,
        by: AccountId,
        answer: Value,
        now: DateTime<Utc>,
    },
    /// Whether the message may be sent elsewhere: records nothing.
    Forward {
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    },
    Report {
        report_id: ReportId,
        message_id: MessageId,
        by: AccountId,
        seen: Box<ReportedCopy>,
        now: DateTime<Utc>,
    },
    MarkRead {
        reader: AccountId,
        up_to: u64,
        now: DateTime<Utc>,
    },
    MarkDelivered {
        by: AccountId,
        up_to: u64,
        now: DateTime<Utc>,
    },
    /// Until it is read again. The pointer stays.
    MarkUnread {
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// All messages so far, for oneself.
    Clear {
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// Neither text nor quote: the draft goes.
    SaveDraft {
        by: AccountId,
        text: Option<String>,
        reply_to: Option<MessageId>,
        limits: Limits,
        now: DateTime<Utc>,
    },
    SetDisappearing {
        by: AccountId,
        after: Option<Disappearing>,
        now: DateTime<Utc>,
    },
    /// Until a time, or for ever.
    Mute {
        by: AccountId,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    },
    Unmute {
        by: AccountId,
        now: DateTime<Utc>,
    },
    Archive {
        by: AccountId,
        now: DateTime<Utc>,
    },
    Unarchive {
        by: AccountId,
        now: DateTime<Utc>,
    },
    /// Also where no chat was ever opened.
    Block {
        by: AccountId,
        whom: AccountId,
        now: DateTime<Utc>,
    },
    Unblock {
        by: AccountId,
        whom: AccountId,
        now: DateTime<Utc>,
    },
    /// Asked by a policy, when messages are due to disappear.
    Expire {
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

impl ChatCommand {
    /// Who asks, unless it is a policy or an operator.
    pub(super) const fn by(&self) -> Option<AccountId> {
        match self {
            Self::Send { message, .. } => Some(message.sender),
            Self::MarkRead { reader: by, .. }
            | Self::Open { by, .. }
            | Self::Edit { by, .. }
            | Self::DeleteForMe { by, .. }
            | Self::DeleteForEveryone { by, .. }
            | Self::React { by, .. }
            | Self::RemoveReaction { by, .. }
            | Self::Pin { by, .. }
            | Self::Unpin { by, .. }
            | Self::Star { by, .. }
            | Self::Unstar { by, .. }
            | Self::Answer { by, .. }
            | Self::Forward { by, .. }
            | Self::Report { by, .. }
            | Self::MarkDelivered { by, .. }
            | Self::MarkUnread { by, .. }
            | Self::Clear { by, .. }
            | Self::SaveDraft { by, .. }
            | Self::SetDisappearing { by, .. }
            | Self::Mute { by, .. }
            | Self::Unmute { by, .. }
            | Self::Archive { by, .. }
            | Self::Unarchive { by, .. }
            | Self::Block { by, .. }
            | Self::Unblock { by, .. } => Some(*by),
            Self::Expire { .. } | Self::Deactivate { .. } | Self::Reactivate { .. } => None,
        }
    }
}
