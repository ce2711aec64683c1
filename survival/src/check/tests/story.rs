//! A short history and what it leaves behind, without a fault.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::check::followers;
use crate::evidence::{
    ChatSeen, Evidence, JetStream, LoggedEvent, MessageSeen, Pointers, StreamMessage,
};
use crate::history::{Action, Answer, Attempt, Command, History, OwnRead};

pub(super) const ALICE: Uuid = Uuid::from_u128(0xA1);
pub(super) const BOB: Uuid = Uuid::from_u128(0xB2);
pub(super) const CHAT: Uuid = Uuid::from_u128(0xC4);
pub(super) const FIRST: Uuid = Uuid::from_u128(0xF1);
pub(super) const SECOND: Uuid = Uuid::from_u128(0xF2);
pub(super) const THIRD: Uuid = Uuid::from_u128(0xF3);

/// The place of the last command in the history, and of its event in the log.
pub(super) const LAST: usize = 9;

/// Both register; Alice opens the chat and sends a message, Bob one, and reads hers; his reaches her;
/// she edits hers, he reacts to it; and she sends another.
pub(super) fn told() -> (History, Evidence) {
    let said =
        |message_id, text: &str| Action::SendText { chat: CHAT, message_id, text: text.to_owned() };
    let (chat, message_id) = (CHAT, FIRST);
    let edit = Action::Edit { chat, message_id, text: "one more".to_owned() };
    let reaction = Action::React { chat, message_id, emoji: "!".to_owned() };
    let commands = vec![
        command(ALICE, Action::Register, answer(201, 1, None)),
        command(BOB, Action::Register, answer(201, 2, None)),
        command(ALICE, Action::OpenChat { with: BOB }, answer(201, 3, None)),
        command(ALICE, said(FIRST, "one"), answer(201, 4, Some(1))),
        command(BOB, said(SECOND, "two"), answer(201, 5, Some(2))),
        command(BOB, Action::MarkRead { chat, up_to: 1 }, answer(204, 6, None)),
        command(ALICE, Action::MarkDelivered { chat, up_to: 2 }, answer(204, 7, None)),
        command(ALICE, edit, answer(200, 8, Some(1))),
        command(BOB, reaction, answer(204, 9, None)),
        command(ALICE, said(THIRD, "three"), answer(201, 10, Some(3))),
    ];
    let reads = vec![OwnRead {
        by: ALICE,
        chat: CHAT,
        min_position: 4,
        message_id: FIRST,
        number: 1,
        position: 5,
        shown: Some((1, FIRST)),
    }];
    let log = log();
    let evidence = Evidence {
        head: 10,
        head_recorded_at: time(10),
        streams: vec![
            ("account".to_owned(), ALICE.to_string(), 1),
            ("account".to_owned(), BOB.to_string(), 1),
            ("chat".to_owned(), CHAT.to_string(), 8),
        ],
        checkpoints: followers()
            .chain(["relay"])
            .map(|it| (it.to_owned(), 10))
            .collect::<BTreeMap<_, _>>(),
        parked: vec![],
        jetstream: Some(stream_of(&log)),
        chats: vec![
            side(
                ALICE,
                Pointers { read: 0, delivered: 2, read_by_other: 1, delivered_to_other: 1 },
            ),
            side(BOB, Pointers { read: 1, delivered: 1, read_by_other: 0, delivered_to_other: 2 }),
        ],
        lists: vec![(ALICE, vec![CHAT]), (BOB, vec![CHAT])],
        log,
    };
    (History { commands, reads }, evidence)
}

fn log() -> Vec<LoggedEvent> {
    vec![
        event(1, "account", ALICE, 1, "registered", &json!({ "account_id": ALICE })),
        event(2, "account", BOB, 1, "registered", &json!({ "account_id": BOB })),
        event(3, "chat", CHAT, 1, "opened", &json!({ "members": [ALICE, BOB] })),
        event(4, "chat", CHAT, 2, "message_sent", &sent(FIRST, 1, ALICE, 4)),
        event(5, "chat", CHAT, 3, "message_sent", &sent(SECOND, 2, BOB, 5)),
        event(6, "chat", CHAT, 4, "messages_read", &read(1, 0)),
        event(7, "chat", CHAT, 5, "messages_delivered", &delivered(2)),
        event(8, "chat", CHAT, 6, "message_edited", &edited(ALICE, 1)),
        event(9, "chat", CHAT, 7, "reacted", &reacted(FIRST)),
        event(10, "chat", CHAT, 8, "message_sent", &sent(THIRD, 3, ALICE, 10)),
    ]
}

/// The chat as one of the two is shown it. Each has one message to read.
fn side(member: Uuid, pointers: Pointers) -> ChatSeen {
    let mut first = seen(1, FIRST, ALICE, "one more", 4);
    first.edited = true;
    first.reactions = vec![(BOB, "!".to_owned())];
    let second = seen(2, SECOND, BOB, "two", 5);
    let third = seen(3, THIRD, ALICE, "three", 10);
    ChatSeen {
        member,
        chat_id: CHAT,
        unread_count: 1,
        pointers,
        total_messages: 3,
        started: true,
        active: true,
        last_message: Some(third.clone()),
        messages: vec![first, second, third],
    }
}

/// Gives the log, and all that follows from its positions, a form without a fault.
pub(super) fn renumber(evidence: &mut Evidence) {
    for (position, event) in (1..).zip(&mut evidence.log) {
        event.position = position;
        event.recorded_at = time(position);
    }
    evidence.head = i64::try_from(evidence.log.len()).unwrap();
    evidence.head_recorded_at = time(evidence.head);
    let version = evidence.log.iter().filter(|it| it.aggregate_type == "chat").count();
    evidence.streams[2].2 = i64::try_from(version).unwrap();
    for position in evidence.checkpoints.values_mut() {
        *position = evidence.head;
    }
    evidence.jetstream = Some(stream_of(&evidence.log));
}

/// As if the third message had never been.
pub(super) fn forget_last_message(evidence: &mut Evidence) {
    for seen in &mut evidence.chats {
        seen.messages.pop();
        seen.last_message = seen.messages.last().cloned();
        seen.total_messages = 2;
        seen.unread_count = i64::from(seen.member == ALICE);
    }
}

fn command(by: Uuid, action: Action, answer: Answer) -> Command {
    Command { by, action, attempts: vec![Attempt::Answered(answer)] }
}

pub(super) fn answer(status: u16, position: i64, number: Option<i64>) -> Answer {
    Answer {
        status,
        request_id: format!("request {position}"),
        code: String::new(),
        position: Some(position),
        chat_id: None,
        number,
    }
}

pub(super) fn event(
    position: i64,
    aggregate_type: &str,
    aggregate_id: Uuid,
    sequence: i64,
    event_type: &str,
    payload: &serde_json::Value,
) -> LoggedEvent {
    LoggedEvent {
        position,
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: aggregate_id.to_string(),
        sequence,
        event_id: Uuid::from_u128(0xE0 + u128::from(position.unsigned_abs())),
        event_type: event_type.to_owned(),
        recorded_at: time(position),
        payload: payload.to_string(),
        request_id: format!("request {position}"),
    }
}

pub(super) fn sent(message_id: Uuid, number: i64, sender: Uuid, at: i64) -> serde_json::Value {
    json!({ "message_id": message_id, "number": number, "sender": sender, "sent_at": time(at).to_rfc3339() })
}

pub(super) fn read(up_to: i64, unread: i64) -> serde_json::Value {
    json!({ "reader": BOB, "up_to": up_to, "unread": unread })
}

/// To Alice.
pub(super) fn delivered(up_to: i64) -> serde_json::Value {
    json!({ "by": ALICE, "up_to": up_to })
}

pub(super) fn edited(by: Uuid, revision: i64) -> serde_json::Value {
    json!({ "message_id": FIRST, "number": 1, "by": by, "revision": revision })
}

/// By Bob.
pub(super) fn reacted(message_id: Uuid) -> serde_json::Value {
    json!({ "message_id": message_id, "number": 1, "by": BOB })
}

fn seen(number: i64, message_id: Uuid, sender_id: Uuid, text: &str, at: i64) -> MessageSeen {
    let text = Some(text.to_owned());
    MessageSeen {
        number,
        message_id,
        sender_id,
        text,
        sent_at: time(at),
        deleted: false,
        edited: false,
        reactions: vec![],
    }
}

pub(super) fn stream_of(log: &[LoggedEvent]) -> JetStream {
    let messages = log.iter().map(|it| StreamMessage {
        sequence: it.position,
        subject: format!("parlance.events.{}.{}", it.aggregate_type, it.aggregate_id),
        message_id: it.event_id.to_string(),
        body: it.payload.clone().into_bytes(),
    });
    JetStream { first: 1, last: i64::try_from(log.len()).unwrap(), messages: messages.collect() }
}

pub(super) fn time(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}
