//! A fold of the log that shares nothing with Parlance's own: what every chat should look like.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Expected, Findings, Invariant};
use crate::evidence::{Evidence, LoggedEvent};

/// A chat, as its events make it.
#[derive(Debug, Default)]
pub(super) struct Chat {
    pub(super) members: Vec<Uuid>,
    pub(super) messages: Vec<Message>,
    pub(super) active: bool,
    /// Position of what moved it to the top of its lists.
    pub(super) activity: i64,
    read_up_to: BTreeMap<Uuid, i64>,
    delivered_up_to: BTreeMap<Uuid, i64>,
    /// It contradicted itself: what follows from that is not worth telling.
    is_broken: bool,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: Uuid,
    pub(super) sender: Uuid,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) deleted: bool,
    pub(super) hidden_for: Vec<Uuid>,
    pub(super) edited: bool,
    pub(super) reacted: BTreeSet<Uuid>,
}

impl Chat {
    /// Counted message by message, as slowly as it is plain.
    pub(super) fn unread(&self, member: Uuid) -> i64 {
        let read = self.read_up_to(member);
        let unread = (1..).zip(&self.messages).filter(|(number, it)| {
            *number > read && it.sender != member && !it.deleted && !it.hidden_for.contains(&member)
        });
        i64::try_from(unread.count()).unwrap_or(i64::MAX)
    }

    pub(super) fn read_up_to(&self, member: Uuid) -> i64 {
        self.read_up_to.get(&member).copied().unwrap_or(0)
    }

    /// What is read has been delivered.
    pub(super) fn delivered_up_to(&self, member: Uuid) -> i64 {
        let delivered = self.delivered_up_to.get(&member).copied().unwrap_or(0);
        delivered.max(self.read_up_to(member))
    }

    fn is_unread(&self, number: i64, member: Uuid) -> bool {
        let read = self.read_up_to(member);
        self.message(number).is_some_and(|it| {
            number > read && it.sender != member && !it.deleted && !it.hidden_for.contains(&member)
        })
    }

    fn message(&self, number: i64) -> Option<&Message> {
        self.messages.get(place(number)?)
    }

    fn message_mut(&mut self, number: i64) -> Option<&mut Message> {
        self.messages.get_mut(place(number)?)
    }
}

fn place(number: i64) -> Option<usize> {
    usize::try_from(number - 1).ok()
}

/// Every chat after every event, but for what is parked.
pub(super) fn fold(
    evidence: &Evidence,
    expected: &Expected,
    findings: &mut Findings,
) -> BTreeMap<Uuid, Chat> {
    let held = held_back(evidence, expected);
    let mut chats: BTreeMap<Uuid, Chat> = BTreeMap::new();
    for event in evidence.log.iter().filter(|it| it.aggregate_type == "chat") {
        if expected.is_poison(event.position) || held.iter().any(|it| it == event) {
            continue;
        }
        let chat = chats.entry(event.aggregate_id.parse().unwrap_or_default()).or_default();
        if let Err(error) = apply(chat, event) {
            findings.check(chat.is_broken, Invariant::SequencesDense, || {
                let LoggedEvent { position, event_type, aggregate_id, .. } = event;
                format!("{event_type} at {position} contradicts chat {aggregate_id}: {error}")
            });
            chat.is_broken = true;
        }
    }
    chats
}

/// What waits behind a poison event that nobody has skipped, the event itself included.
pub(super) fn held_back(evidence: &Evidence, expected: &Expected) -> Vec<LoggedEvent> {
    let culprits = expected.unskipped();
    let culprits: Vec<_> = culprits.filter_map(|it| event_at(evidence, it)).collect();
    let waits = |event: &LoggedEvent| {
        culprits
            .iter()
            .any(|it| it.aggregate_id == event.aggregate_id && event.position >= it.position)
    };
    evidence.log.iter().filter(|it| waits(it)).cloned().collect()
}

fn event_at(evidence: &Evidence, position: i64) -> Option<&LoggedEvent> {
    evidence.log.iter().find(|it| it.position == position)
}

/// Applies one event, and compares what it says of the chat with what the chat is.
fn apply(chat: &mut Chat, event: &LoggedEvent) -> Result<(), String> {
    let payload = Payload::read(event)?;
    match event.event_type.as_str() {
        "opened" => {
            expect(chat.members.is_empty(), "it is open already")?;
            chat.members = payload.ids("members")?;
            chat.active = true;
            chat.activity = event.position;
        }
        "message_sent" => {
            let number = payload.number("number")?;
            expect(number == 1 + count(&chat.messages), "its number does not follow")?;
            let id = payload.id("message_id")?;
            let known = chat.messages.iter().any(|it| it.id == id);
            expect(!known, "its message id was used before")?;
            let sender = payload.id("sender")?;
            expect(chat.members.contains(&sender), "its sender is no member")?;
            chat.messages.push(Message {
                id,
                sender,
                sent_at: payload.time("sent_at")?,
                deleted: false,
                hidden_for: vec![],
                edited: false,
                reacted: BTreeSet::new(),
            });
            chat.activity = event.position;
        }
        "messages_read" => {
            let (reader, up_to) = (payload.id("reader")?, payload.number("up_to")?);
            let before = chat.read_up_to.insert(reader, up_to).unwrap_or(0);
            expect(up_to > before, "it reads no further")?;
            expect(up_to <= count(&chat.messages), "it reads what was not sent")?;
            expect(payload.number("unread")? == chat.unread(reader), "it counts unread wrong")?;
        }
        "messages_delivered" => {
            let (by, up_to) = (payload.id("by")?, payload.number("up_to")?);
            expect(up_to > chat.delivered_up_to(by), "it was delivered before")?;
            expect(up_to <= count(&chat.messages), "it delivers what was not sent")?;
            chat.delivered_up_to.insert(by, up_to);
        }
        "message_edited" => {
            let (by, message) = about(chat, &payload)?;
            expect(message.sender == by, "it is not the sender's")?;
            expect(payload.number("revision")? == 1, "it was edited before")?;
            message.edited = true;
        }
        "reacted" => {
            let (by, message) = about(chat, &payload)?;
            message.reacted.insert(by);
        }
        "message_deleted_for_me" => {
            let (number, by) = (payload.number("number")?, payload.id("by")?);
            let was_unread = chat.is_unread(number, by);
            let message = chat.message_mut(number).ok_or("it deletes what was not sent")?;
            expect(message.id == payload.id("message_id")?, "it deletes another")?;
            expect(!message.hidden_for.contains(&by), "it deletes again")?;
            message.hidden_for.push(by);
            expect(payload.flag("was_unread")? == was_unread, "it is wrong about being unread")?;
        }
        "message_deleted_for_everyone" => {
            let (number, recipient) = (payload.number("number")?, payload.id("recipient")?);
            let was_unread = chat.is_unread(number, recipient);
            let message = chat.message_mut(number).ok_or("it deletes what was not sent")?;
            expect(message.id == payload.id("message_id")?, "it deletes another")?;
            expect(message.sender == payload.id("by")?, "it is not the sender's")?;
            expect(!message.deleted, "it deletes again")?;
            message.deleted = true;
            expect(payload.flag("was_unread")? == was_unread, "it is wrong about being unread")?;
        }
        "deactivated" => chat.active = false,
        "reactivated" => chat.active = true,
        other => return Err(format!("{other} is no event of a chat")),
    }
    Ok(())
}

/// The message that is there for whoever did something to it.
fn about<'a>(chat: &'a mut Chat, payload: &Payload) -> Result<(Uuid, &'a mut Message), String> {
    let (number, by) = (payload.number("number")?, payload.id("by")?);
    expect(chat.members.contains(&by), "it is by no member")?;
    let message = chat.message_mut(number).ok_or("it is about what was not sent")?;
    expect(message.id == payload.id("message_id")?, "it is about another")?;
    expect(!message.deleted && !message.hidden_for.contains(&by), "it is about what is gone")?;
    Ok((by, message))
}

fn expect(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn count(messages: &[Message]) -> i64 {
    i64::try_from(messages.len()).unwrap_or(i64::MAX)
}

/// Fields of a stored event.
pub(super) struct Payload(Value);

impl Payload {
    pub(super) fn read(event: &LoggedEvent) -> Result<Self, String> {
        serde_json::from_str(&event.payload).map(Self).map_err(|it| it.to_string())
    }

    pub(super) fn id(&self, field: &str) -> Result<Uuid, String> {
        let text = self.0.get(field).and_then(Value::as_str);
        text.and_then(|it| it.parse().ok()).ok_or_else(|| format!("it has no {field}"))
    }

    pub(super) fn ids(&self, field: &str) -> Result<Vec<Uuid>, String> {
        let texts = self.0.get(field).and_then(Value::as_array);
        let ids = texts.into_iter().flatten().filter_map(|it| it.as_str()?.parse().ok());
        let ids: Vec<_> = ids.collect();
        if ids.is_empty() { Err(format!("it has no {field}")) } else { Ok(ids) }
    }

    pub(super) fn number(&self, field: &str) -> Result<i64, String> {
        self.0.get(field).and_then(Value::as_i64).ok_or_else(|| format!("it has no {field}"))
    }

    fn flag(&self, field: &str) -> Result<bool, String> {
        self.0.get(field).and_then(Value::as_bool).ok_or_else(|| format!("it has no {field}"))
    }

    fn time(&self, field: &str) -> Result<DateTime<Utc>, String> {
        let text = self.0.get(field).and_then(Value::as_str);
        text.and_then(|it| it.parse().ok()).ok_or_else(|| format!("it has no {field}"))
    }
}
