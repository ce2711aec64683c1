//! What happened in each chat, as plain values: every message with all that hangs on it, and each
//! member with all that concerns them. Nothing is counted here; that is done anew from this.

mod take;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::chat::{Attachment, Content, Disappearing, Forwarded, Reference};
use domain::{AccountId, ChatId, Event};
use eventlog::RecordedEvent;
use uuid::Uuid;

/// A chat, as far as the events say.
#[derive(Default)]
pub(super) struct Chat {
    /// Those between whom it is, opened or not.
    pub(super) members: Option<[AccountId; 2]>,
    pub(super) is_inactive: bool,
    pub(super) messages: BTreeMap<u64, Message>,
    pub(super) sides: [Side; 2],
    pub(super) reports: Vec<Report>,
}

/// What concerns one member.
#[derive(Default)]
pub(super) struct Side {
    /// Where and when the chat came to be there for the member.
    pub(super) opened: Option<(i64, DateTime<Utc>)>,
    pub(super) disappearing: Option<Disappearing>,
    /// Positions at which something changed for the member: the last, and the last apart from what
    /// the other has read.
    pub(super) changed: i64,
    pub(super) changed_apart: i64,
    pub(super) read_up_to: u64,
    pub(super) delivered_up_to: u64,
    /// How far the other came, as this member was told.
    pub(super) told_read: u64,
    pub(super) told_delivered: u64,
    pub(super) marked_unread: bool,
    pub(super) archived: bool,
    pub(super) muted: bool,
    pub(super) muted_until: Option<DateTime<Utc>>,
    pub(super) draft: Option<Draft>,
    pub(super) clears: Vec<(i64, u64)>,
    pub(super) blocks: Option<(i64, DateTime<Utc>)>,
}

pub(super) struct Draft {
    pub(super) text: Option<String>,
    pub(super) reply_to: Option<Uuid>,
    pub(super) at: DateTime<Utc>,
}

pub(super) struct Report {
    pub(super) id: Uuid,
    pub(super) message_id: Uuid,
    pub(super) number: u64,
    pub(super) reporter: AccountId,
    pub(super) position: i64,
    pub(super) at: DateTime<Utc>,
}

pub(super) struct Message {
    pub(super) id: Uuid,
    pub(super) sender: AccountId,
    pub(super) position: i64,
    pub(super) changed: i64,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) content: Content,
    pub(super) tags: Option<Vec<String>>,
    pub(super) reply_to: Option<u64>,
    pub(super) reference: Option<Reference>,
    pub(super) forwarded: Option<Forwarded>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) withheld: bool,
    /// Those after what was sent.
    pub(super) edits: Vec<Edit>,
    pub(super) reactions: Vec<Reaction>,
    pub(super) pins: Vec<Pin>,
    pub(super) answer: Option<Answer>,
    pub(super) marks: [Mark; 2],
    /// When it was deleted for everyone or expired, and which of the two.
    pub(super) gone: Option<(DateTime<Utc>, bool)>,
    /// When its sender deleted it, while its recipient kept it.
    pub(super) taken_back_at: Option<DateTime<Utc>>,
}

pub(super) struct Edit {
    pub(super) revision: u32,
    pub(super) position: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) withheld: bool,
    pub(super) text: Option<String>,
    pub(super) tags: Option<Vec<String>>,
}

pub(super) struct Reaction {
    pub(super) by: AccountId,
    pub(super) position: i64,
    pub(super) until: Option<i64>,
    pub(super) shown_until: Option<i64>,
    pub(super) at: DateTime<Utc>,
    pub(super) emoji: Option<String>,
}

pub(super) struct Pin {
    pub(super) position: i64,
    pub(super) until: Option<i64>,
    pub(super) shown_until: Option<i64>,
    pub(super) by: AccountId,
    pub(super) at: DateTime<Utc>,
}

pub(super) struct Answer {
    pub(super) by: AccountId,
    pub(super) position: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) withheld: bool,
    pub(super) value: Option<String>,
}

/// What one member alone sees of a message.
#[derive(Default)]
pub(super) struct Mark {
    pub(super) changed: Option<i64>,
    pub(super) hidden: Option<i64>,
    /// When it was hidden.
    pub(super) was_unread: bool,
    pub(super) starred: Option<(i64, DateTime<Utc>)>,
}

/// Everything that `events` say of chats. They are in the order of each stream.
pub(super) fn of<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> HashMap<ChatId, Chat> {
    let mut chats: HashMap<ChatId, Chat> = HashMap::new();
    for recorded in events {
        if let Ok(Event::Chat(event)) = &recorded.event
            && let Ok(chat) = recorded.aggregate_id.parse()
        {
            chats.entry(ChatId(chat)).or_default().take(recorded.position.0, event.clone());
        }
    }
    chats
}

impl Chat {
    /// Whose side is the first, and whose the second.
    pub(super) fn index(&self, account: AccountId) -> Option<usize> {
        self.members?.iter().position(|it| *it == account)
    }
}

impl Message {
    /// Whether `account` is never to see it.
    pub(super) fn is_withheld_from(&self, account: AccountId) -> bool {
        self.withheld && self.sender != account
    }

    /// The file that was sent with it, whatever became of the message.
    pub(super) fn file(&self) -> Option<Attachment> {
        self.content.file().copied()
    }
}
