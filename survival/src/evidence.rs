//! What is there afterwards.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Everything that can be seen from outside once Parlance has nothing left to do.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// By position.
    pub log: Vec<LoggedEvent>,
    pub head: i64,
    pub head_recorded_at: DateTime<Utc>,
    /// Aggregate type, aggregate id, version.
    pub streams: Vec<(String, String, i64)>,
    pub checkpoints: BTreeMap<String, i64>,
    /// Projector and position of what is parked and not skipped.
    pub parked: Vec<(String, i64)>,
    /// Nothing when there is no NATS.
    pub jetstream: Option<JetStream>,
    pub chats: Vec<ChatSeen>,
    /// Each person's list, in its order.
    pub lists: Vec<(Uuid, Vec<Uuid>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    pub position: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub recorded_at: DateTime<Utc>,
    /// As stored, to the byte.
    pub payload: String,
    /// Of the metadata: which request led to it.
    pub request_id: String,
}

#[derive(Debug, Clone, Default)]
pub struct JetStream {
    pub first: i64,
    pub last: i64,
    /// Everything from `first` to `last` that is there, by sequence.
    pub messages: Vec<StreamMessage>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMessage {
    pub sequence: i64,
    pub subject: String,
    pub message_id: String,
    pub body: Vec<u8>,
}

/// A chat as one of its members is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSeen {
    pub member: Uuid,
    pub chat_id: Uuid,
    pub unread_count: i64,
    pub pointers: Pointers,
    pub total_messages: i64,
    pub started: bool,
    pub active: bool,
    pub last_message: Option<MessageSeen>,
    /// All of them, by number, read page by page.
    pub messages: Vec<MessageSeen>,
}

/// How far the member has come, and what they are told of the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointers {
    pub read: i64,
    pub delivered: i64,
    pub read_by_other: i64,
    pub delivered_to_other: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSeen {
    pub number: i64,
    pub message_id: Uuid,
    pub sender_id: Uuid,
    pub text: Option<String>,
    pub sent_at: DateTime<Utc>,
    pub deleted: bool,
    pub edited: bool,
    /// By account.
    pub reactions: Vec<(Uuid, String)>,
}
