//! What a message holds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AccountId, ChatId, FileId, MessageId, Personal};

/// What was sent, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    Text {
        text: Personal<String>,
    },
    File {
        file: Attachment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<Personal<String>>,
    },
    Image {
        file: Attachment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<Personal<String>>,
    },
    /// A question that the app renders with buttons.
    Actionable {
        text: Personal<String>,
        action: String,
        action_params: Personal<Value>,
    },
}

impl Content {
    /// Text, or caption.
    #[must_use]
    pub const fn text(&self) -> Option<&Personal<String>> {
        match self {
            Self::Text { text } | Self::Actionable { text, .. } => Some(text),
            Self::File { caption, .. } | Self::Image { caption, .. } => caption.as_ref(),
        }
    }

    /// The file that goes with it.
    #[must_use]
    pub const fn file(&self) -> Option<&Attachment> {
        match self {
            Self::File { file, .. } | Self::Image { file, .. } => Some(file),
            Self::Text { .. } | Self::Actionable { .. } => None,
        }
    }
}

/// A file in somebody's library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    pub file_id: FileId,
    /// Whose library it is in: not the sender's, when it was forwarded.
    pub owner: AccountId,
}

/// The message that a message answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    pub message_id: MessageId,
    pub number: u64,
}

/// Something in the app that a message is about. The app's own names; no rule reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forwarded {
    /// Who wrote the first of the chain, and when.
    pub sender: AccountId,
    pub sent_at: DateTime<Utc>,
    /// How often it was forwarded to come here, from 1.
    pub hops: u32,
    /// The first of the chain: once it is deleted for everyone, nobody is told whose it was.
    pub origin_chat: ChatId,
    pub origin_number: u64,
}

/// What a sender asks to be sent, before it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewContent {
    Text { text: String },
    File { file: Attachment, caption: Option<String> },
    Image { file: Attachment, caption: Option<String> },
    Actionable { text: String, action: String, action_params: Value },
}

/// A message as it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub message_id: MessageId,
    pub sender: AccountId,
    pub content: NewContent,
    pub reply_to: Option<MessageId>,
    pub reference: Option<Reference>,
    /// Besides those that stand as `#tag` in the text.
    pub tags: Vec<String>,
    pub forwarded: Option<Forwarded>,
}

impl Outgoing {
    /// A text, and nothing with it.
    #[must_use]
    pub const fn text(message_id: MessageId, sender: AccountId, text: String) -> Self {
        Self {
            message_id,
            sender,
            content: NewContent::Text { text },
            reply_to: None,
            reference: None,
            tags: vec![],
            forwarded: None,
        }
    }
}

/// What a moderator gets to see of a reported message: as the reporter saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedCopy {
    pub sender: AccountId,
    pub sent_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
    /// What the reporter says about it.
    pub reason: String,
}

/// What the operator may set. The defaults are the ones that apply when nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters in a text or caption, after trimming.
    pub text_max: usize,
    /// Messages that a member may send into one chat at once.
    pub burst: u32,
    /// How long it takes until one more may be sent; 0 for no limit, in milliseconds.
    pub interval_ms: u32,
}

impl Default for Limits {
    /// Signal's: 60 at once, and one a second.
    fn default() -> Self {
        Self { text_max: 10_000, burst: 60, interval_ms: 1_000 }
    }
}

/// The second in which a message disappears that is to do so `at` a time: a chat counts in whole
/// seconds, and lets nothing disappear too early.
#[must_use]
pub fn expiry_second(at: DateTime<Utc>) -> DateTime<Utc> {
    let second = at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0);
    DateTime::from_timestamp(second, 0).unwrap_or(at) // at the end of time there is no next
}

/// After how long the messages of a chat disappear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disappearing {
    OneDay,
    SevenDays,
    NinetyDays,
}

impl Disappearing {
    /// How long a message stays, in days.
    #[must_use]
    pub const fn days(self) -> i64 {
        match self {
            Self::OneDay => 1,
            Self::SevenDays => 7,
            Self::NinetyDays => 90,
        }
    }
}
