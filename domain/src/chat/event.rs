use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Disappearing, Forwarded, Quoted, Reference, ReportedCopy};
use crate::{AccountId, ChatId, MessageId, Personal, ReportId};

/// What has happened in a [`Chat`](super::Chat). Past tense, and permanent.
///
/// `withheld`: the other member never gets to see it. They had blocked whoever did it, know of no chat
/// yet, or do not see what it was done to, or what it takes away; of reading and delivery, also when it
/// was the other way round.
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
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        opened_at: DateTime<Utc>,
    },
    /// A chat whose opening was withheld from `to` is there for them as well from now on.
    Revealed {
        chat_id: ChatId,
        members: [AccountId; 2],
        to: AccountId,
        revealed_at: DateTime<Utc>,
    },
    MessageSent {
        chat_id: ChatId,
        message_id: MessageId,
        /// From 1, without a gap.
        number: u64,
        sender: AccountId,
        /// The other member, for whom it is unread.
        recipient: AccountId,
        content: Content,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Quoted>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// Lower case, without `#`, each once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tags: Option<Personal<Vec<String>>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forwarded: Option<Forwarded>,
        /// When it disappears.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        /// Milliseconds after `sent_at` until the sender's allowance of messages is full again.
        #[serde(default, skip_serializing_if = "is_zero")]
        spent_ms: u32,
        sent_at: DateTime<Utc>,
    },
    MessageEdited {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        /// Text or caption; none: the caption is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tags: Option<Personal<Vec<String>>>,
        /// The how manieth edit of this message it is, from 1.
        revision: u32,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        edited_at: DateTime<Utc>,
    },
    MessagesRead {
        chat_id: ChatId,
        reader: AccountId,
        up_to: u64,
        /// How many messages are unread for the reader after this: counted where every message is
        /// known, so that no reader of the log has to count again.
        unread: u64,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        read_at: DateTime<Utc>,
    },
    MessagesDelivered {
        chat_id: ChatId,
        by: AccountId,
        up_to: u64,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        delivered_at: DateTime<Utc>,
    },
    MarkedUnread {
        chat_id: ChatId,
        by: AccountId,
        marked_at: DateTime<Utc>,
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
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        /// `recipient`, who had blocked `by`, goes on seeing the message.
        #[serde(default, skip_serializing_if = "is_false")]
        kept: bool,
        deleted_at: DateTime<Utc>,
    },
    /// Every message up to a number is deleted for `by`, and none is unread.
    Cleared {
        chat_id: ChatId,
        by: AccountId,
        up_to: u64,
        cleared_at: DateTime<Utc>,
    },
    /// Their time was up: gone for both, as if deleted for everyone.
    MessagesExpired {
        chat_id: ChatId,
        /// At most 1,000, ascending.
        numbers: Vec<u64>,
        /// Of the chat, sorted, and how many messages are unread for each after this.
        members: [AccountId; 2],
        unread: [u64; 2],
        expired_at: DateTime<Utc>,
    },
    /// In place of any other reaction of `by`.
    Reacted {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        emoji: Personal<String>,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        reacted_at: DateTime<Utc>,
    },
    ReactionRemoved {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        removed_at: DateTime<Utc>,
    },
    /// Withheld also from a member for whom as many are pinned as can be.
    MessagePinned {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        pinned_at: DateTime<Utc>,
    },
    MessageUnpinned {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        unpinned_at: DateTime<Utc>,
    },
    MessageStarred {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        starred_at: DateTime<Utc>,
    },
    MessageUnstarred {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        unstarred_at: DateTime<Utc>,
    },
    ActionAnswered {
        chat_id: ChatId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        answer: Personal<Value>,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        answered_at: DateTime<Utc>,
    },
    MessageReported {
        chat_id: ChatId,
        report_id: ReportId,
        message_id: MessageId,
        number: u64,
        by: AccountId,
        /// About the moderators as far as sealing goes: it outlives its sender's erasure.
        seen: Personal<ReportedCopy>,
        reported_at: DateTime<Utc>,
    },
    DraftSaved {
        chat_id: ChatId,
        by: AccountId,
        /// Neither text nor quote: the draft is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Quoted>,
        saved_at: DateTime<Utc>,
    },
    DisappearingSet {
        chat_id: ChatId,
        by: AccountId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Disappearing>,
        #[serde(default, skip_serializing_if = "is_false")]
        withheld: bool,
        set_at: DateTime<Utc>,
    },
    Muted {
        chat_id: ChatId,
        by: AccountId,
        /// None: until it is unmuted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
        muted_at: DateTime<Utc>,
    },
    Unmuted {
        chat_id: ChatId,
        by: AccountId,
        unmuted_at: DateTime<Utc>,
    },
    Archived {
        chat_id: ChatId,
        by: AccountId,
        archived_at: DateTime<Utc>,
    },
    /// By `by`, or because a message came for them.
    Unarchived {
        chat_id: ChatId,
        by: AccountId,
        unarchived_at: DateTime<Utc>,
    },
    /// May be the first event of a chat that was never opened.
    Blocked {
        chat_id: ChatId,
        /// Sorted.
        members: [AccountId; 2],
        by: AccountId,
        blocked_at: DateTime<Utc>,
    },
    Unblocked {
        chat_id: ChatId,
        members: [AccountId; 2],
        by: AccountId,
        unblocked_at: DateTime<Utc>,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what serde passes")]
const fn is_false(it: &bool) -> bool {
    !*it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what serde passes")]
const fn is_zero(it: &u32) -> bool {
    *it == 0
}

impl ChatEvent {
    /// The newest stored version of each event, by its stored name.
    pub(crate) fn newest_version(event_type: &str) -> Option<u32> {
        match event_type {
            "opened"
            | "messages_read"
            | "message_deleted_for_everyone"
            | "reaction_removed"
            | "message_pinned"
            | "message_unpinned"
            | "disappearing_set" => Some(2),
            "revealed"
            | "message_sent"
            | "message_edited"
            | "messages_delivered"
            | "marked_unread"
            | "message_deleted_for_me"
            | "cleared"
            | "messages_expired"
            | "reacted"
            | "message_starred"
            | "message_unstarred"
            | "action_answered"
            | "message_reported"
            | "draft_saved"
            | "muted"
            | "unmuted"
            | "archived"
            | "unarchived"
            | "blocked"
            | "unblocked"
            | "deactivated"
            | "reactivated" => Some(1),
            _ => None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Revealed { .. } => "revealed",
            Self::MessageSent { .. } => "message_sent",
            Self::MessageEdited { .. } => "message_edited",
            Self::MessagesRead { .. } => "messages_read",
            Self::MessagesDelivered { .. } => "messages_delivered",
            Self::MarkedUnread { .. } => "marked_unread",
            Self::MessageDeletedForMe { .. } => "message_deleted_for_me",
            Self::MessageDeletedForEveryone { .. } => "message_deleted_for_everyone",
            Self::Cleared { .. } => "cleared",
            Self::MessagesExpired { .. } => "messages_expired",
            Self::Reacted { .. } => "reacted",
            Self::ReactionRemoved { .. } => "reaction_removed",
            Self::MessagePinned { .. } => "message_pinned",
            Self::MessageUnpinned { .. } => "message_unpinned",
            Self::MessageStarred { .. } => "message_starred",
            Self::MessageUnstarred { .. } => "message_unstarred",
            Self::ActionAnswered { .. } => "action_answered",
            Self::MessageReported { .. } => "message_reported",
            Self::DraftSaved { .. } => "draft_saved",
            Self::DisappearingSet { .. } => "disappearing_set",
            Self::Muted { .. } => "muted",
            Self::Unmuted { .. } => "unmuted",
            Self::Archived { .. } => "archived",
            Self::Unarchived { .. } => "unarchived",
            Self::Blocked { .. } => "blocked",
            Self::Unblocked { .. } => "unblocked",
            Self::Deactivated { .. } => "deactivated",
            Self::Reactivated { .. } => "reactivated",
        }
    }
}

impl DomainEvent for ChatEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        Self::newest_version(self.name()).unwrap_or(1).to_string()
    }
}
