//! I6, I7: what people are shown is a fresh fold of the log, and what they sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::fold::{Chat, Message, held_back};
use super::{Expected, Findings, Invariant};
use crate::evidence::{ChatSeen, Evidence, MessageSeen};
use crate::history::{Action, History};

const PROJECTORS: [&str; 3] = ["accounts", "chats", "messages"];

pub(super) fn check(
    history: &History,
    evidence: &Evidence,
    expected: &Expected,
    chats: &BTreeMap<Uuid, Chat>,
    findings: &mut Findings,
) {
    check_checkpoints(evidence, expected, findings);
    check_parked(evidence, expected, findings);
    check_own_reads(history, findings);
    let texts = texts(history);
    let mut wrong = |what: String| {
        findings.check(false, Invariant::ReadModelsAreTheFold, || what);
    };
    for seen in &evidence.chats {
        match chats.get(&seen.chat_id) {
            Some(chat) => check_chat(seen, chat, &texts, &mut wrong),
            None => wrong(format!("chat {} is not in the log", seen.chat_id)),
        }
    }
    let sides = chats.iter().flat_map(|(id, chat)| chat.members.iter().map(move |it| (*it, *id)));
    let sides: BTreeSet<_> = sides.collect();
    let shown: BTreeSet<_> = evidence.chats.iter().map(|it| (it.member, it.chat_id)).collect();
    for (member, chat) in sides.difference(&shown) {
        wrong(format!("{member} is not shown chat {chat}"));
    }
    for (member, list) in &evidence.lists {
        let mut should: Vec<_> =
            chats.iter().filter(|(_, it)| it.members.contains(member)).collect();
        should.sort_by_key(|(_, it)| std::cmp::Reverse(it.activity));
        let should: Vec<_> = should.into_iter().map(|(id, _)| *id).collect();
        if *list != should {
            wrong(format!("the list of {member} is {list:?}, not {should:?}"));
        }
    }
}

fn check_checkpoints(evidence: &Evidence, expected: &Expected, findings: &mut Findings) {
    let relay = expected.relay.then_some("relay");
    for name in PROJECTORS.into_iter().chain(relay) {
        let position = evidence.checkpoints.get(name);
        findings.check(position == Some(&evidence.head), Invariant::AppliedInOrderOnce, || {
            format!("checkpoint {name} is at {position:?}, the log at {}", evidence.head)
        });
    }
}

fn check_parked(evidence: &Evidence, expected: &Expected, findings: &mut Findings) {
    let held = held_back(evidence, expected);
    let of = |name: &str| held.iter().map(move |it| (name.to_owned(), it.position)).collect();
    let should: BTreeSet<_> = PROJECTORS.iter().flat_map(|it| -> Vec<_> { of(it) }).collect();
    let parked: BTreeSet<_> = evidence.parked.iter().cloned().collect();
    for (projector, position) in should.symmetric_difference(&parked) {
        findings.check(false, Invariant::AppliedInOrderOnce, || {
            let is = if should.contains(&(projector.clone(), *position)) {
                "not parked"
            } else {
                "parked"
            };
            format!("event {position} is {is} by {projector}")
        });
    }
}

fn check_own_reads(history: &History, findings: &mut Findings) {
    // What they have deleted for themselves from another device they need not be shown.
    let deleted = history.commands.iter().filter_map(|it| match &it.action {
        Action::DeleteForMe { message_id, .. } => Some((it.by, *message_id)),
        Action::Register
        | Action::OpenChat { .. }
        | Action::SendText { .. }
        | Action::MarkRead { .. }
        | Action::DeleteForEveryone { .. } => None,
    });
    let deleted: BTreeSet<_> = deleted.collect();
    for read in &history.reads {
        let reflects = read.position >= read.min_position;
        let shows = read.shown == Some((read.number, read.message_id))
            || deleted.contains(&(read.by, read.message_id));
        findings.check(reflects && shows, Invariant::ReadModelsAreTheFold, || {
            format!("{} was not shown their own write: {read:?}", read.by)
        });
    }
}

/// What was sent under each message id.
fn texts(history: &History) -> HashMap<Uuid, &str> {
    let sent = history.commands.iter().filter_map(|it| match &it.action {
        Action::SendText { message_id, text, .. } => Some((*message_id, text.as_str())),
        Action::Register
        | Action::OpenChat { .. }
        | Action::MarkRead { .. }
        | Action::DeleteForMe { .. }
        | Action::DeleteForEveryone { .. } => None,
    });
    sent.collect()
}

fn check_chat(
    seen: &ChatSeen,
    chat: &Chat,
    texts: &HashMap<Uuid, &str>,
    wrong: &mut impl FnMut(String),
) {
    let (member, id) = (seen.member, seen.chat_id);
    let of = format!("of chat {id} for {member}");
    let should: Vec<_> = (1..)
        .zip(&chat.messages)
        .filter(|(_, it)| !it.hidden_for.contains(&member))
        .map(|(number, it)| shown(number, it, texts))
        .collect();
    let total = i64::try_from(chat.messages.len()).unwrap_or(i64::MAX);
    if !chat.members.contains(&member) {
        wrong(format!("{member} is shown chat {id} and is no member"));
    }
    if seen.unread_count != chat.unread(member) {
        wrong(format!("unread {of}: {}, not {}", seen.unread_count, chat.unread(member)));
    }
    if seen.total_messages != total || seen.started != (total > 0) {
        wrong(format!("total {of}: {}, not {total}", seen.total_messages));
    }
    if seen.active != chat.active {
        wrong(format!("active {of}: {}", seen.active));
    }
    if seen.last_message.as_ref() != should.last() {
        wrong(format!("last message {of}: {:?}, not {:?}", seen.last_message, should.last()));
    }
    if seen.messages.len() != should.len() {
        wrong(format!("messages {of}: {}, not {}", seen.messages.len(), should.len()));
    }
    for (is, should) in seen.messages.iter().zip(&should) {
        if is != should {
            wrong(format!("a message {of}: {is:?}, not {should:?}"));
        }
    }
}

fn shown(number: i64, message: &Message, texts: &HashMap<Uuid, &str>) -> MessageSeen {
    let text = texts.get(&message.id).filter(|_| !message.deleted);
    MessageSeen {
        number,
        message_id: message.id,
        sender_id: message.sender,
        text: text.map(|it| (*it).to_owned()),
        sent_at: message.sent_at,
        deleted: message.deleted,
    }
}
