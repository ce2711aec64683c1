//! I6, I7: what people are shown is a fresh fold of the log, and what they sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::fold::{Chat, Message, held_back};
use super::{Expected, Findings, Invariant, POLICIES, READ_MODELS, followers};
use crate::evidence::{ChatSeen, Evidence, MessageSeen, Pointers};
use crate::history::{Action, History};

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
    let said = Said::of(history);
    let mut wrong = |what: String| {
        findings.check(false, Invariant::ReadModelsAreTheFold, || what);
    };
    for seen in &evidence.chats {
        match chats.get(&seen.chat_id) {
            Some(chat) => check_chat(seen, chat, &said, &mut wrong),
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
    for name in followers().chain(relay) {
        let position = evidence.checkpoints.get(name);
        findings.check(position == Some(&evidence.head), Invariant::AppliedInOrderOnce, || {
            format!("checkpoint {name} is at {position:?}, the log at {}", evidence.head)
        });
    }
}

fn check_parked(evidence: &Evidence, expected: &Expected, findings: &mut Findings) {
    let held = held_back(evidence, expected);
    let of_model = |name: &str| held.iter().map(move |it| (name.to_owned(), it.position)).collect();
    let models = READ_MODELS.iter().flat_map(|it| -> Vec<_> { of_model(it) });
    // What a policy does because of one event does not wait for what it did because of another.
    let culprits: Vec<i64> = expected.unskipped().collect();
    let policies = POLICIES.iter().flat_map(|it| culprits.iter().map(|at| ((*it).to_owned(), *at)));
    let should: BTreeSet<_> = models.chain(policies).collect();
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
        | Action::Edit { .. }
        | Action::React { .. }
        | Action::MarkRead { .. }
        | Action::MarkDelivered { .. }
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

/// What people said: it is sealed in the log.
#[derive(Default)]
struct Said<'a> {
    /// By the id of the message.
    texts: HashMap<Uuid, &'a str>,
    /// Of those that were edited, at most once, by their sender.
    edited: HashMap<(Uuid, Uuid), &'a str>,
    /// By whom to which message.
    reactions: HashMap<(Uuid, Uuid), &'a str>,
}

impl<'a> Said<'a> {
    fn of(history: &'a History) -> Self {
        let mut said = Self::default();
        for command in &history.commands {
            match &command.action {
                Action::SendText { message_id, text, .. } => {
                    said.texts.insert(*message_id, text);
                }
                Action::Edit { message_id, text, .. } => {
                    said.edited.insert((command.by, *message_id), text);
                }
                Action::React { message_id, emoji, .. } => {
                    said.reactions.insert((command.by, *message_id), emoji);
                }
                Action::Register
                | Action::OpenChat { .. }
                | Action::MarkRead { .. }
                | Action::MarkDelivered { .. }
                | Action::DeleteForMe { .. }
                | Action::DeleteForEveryone { .. } => {}
            }
        }
        said
    }

    fn text(&self, message: &Message) -> Option<String> {
        let text = if message.edited {
            self.edited.get(&(message.sender, message.id))
        } else {
            self.texts.get(&message.id)
        };
        text.map(|it| (*it).to_owned())
    }

    fn reactions(&self, message: &Message) -> Vec<(Uuid, String)> {
        let emoji = |by| self.reactions.get(&(by, message.id)).copied().unwrap_or_default();
        message.reacted.iter().map(|by| (*by, emoji(*by).to_owned())).collect()
    }
}

fn check_chat(seen: &ChatSeen, chat: &Chat, said: &Said<'_>, wrong: &mut impl FnMut(String)) {
    let (member, id) = (seen.member, seen.chat_id);
    let of = format!("of chat {id} for {member}");
    let should: Vec<_> = (1..)
        .zip(&chat.messages)
        .filter(|(_, it)| !it.hidden_for.contains(&member))
        .map(|(number, it)| shown(number, it, said))
        .collect();
    let total = i64::try_from(chat.messages.len()).unwrap_or(i64::MAX);
    if !chat.members.contains(&member) {
        wrong(format!("{member} is shown chat {id} and is no member"));
    }
    if seen.unread_count != chat.unread(member) {
        wrong(format!("unread {of}: {}, not {}", seen.unread_count, chat.unread(member)));
    }
    let other = chat.members.iter().copied().find(|it| *it != member).unwrap_or_default();
    let pointers = Pointers {
        read: chat.read_up_to(member),
        delivered: chat.delivered_up_to(member),
        read_by_other: chat.read_up_to(other),
        delivered_to_other: chat.delivered_up_to(other),
    };
    if seen.pointers != pointers {
        wrong(format!("pointers {of}: {:?}, not {pointers:?}", seen.pointers));
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

fn shown(number: i64, message: &Message, said: &Said<'_>) -> MessageSeen {
    let there = !message.deleted;
    MessageSeen {
        number,
        message_id: message.id,
        sender_id: message.sender,
        text: said.text(message).filter(|_| there),
        sent_at: message.sent_at,
        deleted: message.deleted,
        edited: message.edited && there,
        reactions: if there { said.reactions(message) } else { vec![] },
    }
}
