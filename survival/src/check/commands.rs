//! I1, I2: what was answered is what is in the log.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::fold::Payload;
use super::{Expected, Findings, Invariant};
use crate::evidence::{Evidence, LoggedEvent};
use crate::history::{Action, Answer, Command, History};

pub(super) fn check(
    history: &History,
    evidence: &Evidence,
    expected: &Expected,
    findings: &mut Findings,
) {
    let effects = Effects::of(evidence, expected);
    let mut explained = HashSet::new();
    for command in &history.commands {
        let found = effects.events(command);
        explained.extend(found.iter().map(|it| it.position));
        check_count(command, found, &effects, findings);
        check_causes(command, found, &effects, findings);
        for answer in command.answers().filter(|it| it.is_success()) {
            check_answer(command, answer, found, &effects, expected, findings);
        }
    }
    for event in &evidence.log {
        let known = explained.contains(&event.position) || expected.is_planted(event.position);
        findings.check(known, Invariant::RefusedNever, || {
            format!("nobody asked for event {} ({})", event.position, event.event_type)
        });
    }
}

/// What an event did, in a form that a command can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Effect {
    Registered(Uuid),
    Opened([Uuid; 2]),
    Sent(Uuid),
    Read {
        chat: String,
        reader: Uuid,
        up_to: i64,
    },
    DeletedForMe {
        chat: String,
        by: Uuid,
        message_id: Uuid,
    },
    DeletedForEveryone {
        chat: String,
        by: Uuid,
        message_id: Uuid,
    },
    Delivered {
        chat: String,
        by: Uuid,
        up_to: i64,
    },
    /// The load asks for it at most once.
    Edited {
        by: Uuid,
        message_id: Uuid,
    },
    /// The load asks each for it at most once.
    Reacted {
        by: Uuid,
        message_id: Uuid,
    },
}

/// The log, by what its events did and by the requests that led to them.
struct Effects<'a> {
    by_effect: HashMap<Effect, Vec<&'a LoggedEvent>>,
    by_request: HashMap<&'a str, Vec<&'a LoggedEvent>>,
    /// Of each chat and member, at which position which pointer came how far.
    reads: HashMap<(String, Uuid), Vec<(i64, i64)>>,
    deliveries: HashMap<(String, Uuid), Vec<(i64, i64)>>,
}

impl<'a> Effects<'a> {
    fn of(evidence: &'a Evidence, expected: &Expected) -> Self {
        let mut effects = Self {
            by_effect: HashMap::new(),
            by_request: HashMap::new(),
            reads: HashMap::new(),
            deliveries: HashMap::new(),
        };
        for event in &evidence.log {
            if expected.is_planted(event.position) {
                continue;
            }
            effects.by_request.entry(&event.request_id).or_default().push(event);
            let Some(effect) = effect(event) else { continue };
            if let Effect::Read { chat, reader, up_to } = &effect {
                let reads = effects.reads.entry((chat.clone(), *reader)).or_default();
                reads.push((event.position, *up_to));
            }
            if let Effect::Delivered { chat, by, up_to } = &effect {
                let deliveries = effects.deliveries.entry((chat.clone(), *by)).or_default();
                deliveries.push((event.position, *up_to));
            }
            effects.by_effect.entry(effect).or_default().push(event);
        }
        effects
    }

    fn events(&self, command: &Command) -> &[&'a LoggedEvent] {
        self.by_effect.get(&wanted(command)).map_or(&[], Vec::as_slice)
    }

    fn caused_by(&self, answer: &Answer) -> &[&'a LoggedEvent] {
        self.by_request.get(answer.request_id.as_str()).map_or(&[], Vec::as_slice)
    }

    /// Whether `reader` has read up to `up_to` or further by `position`.
    fn is_read(&self, chat: Uuid, reader: Uuid, up_to: i64, position: i64) -> bool {
        let reads = self.reads.get(&(chat.to_string(), reader));
        reads.is_some_and(|it| it.iter().any(|(at, to)| *at <= position && *to >= up_to))
    }

    /// Whether messages up to `up_to` were delivered by `position`. What is read has been.
    fn is_delivered(&self, chat: Uuid, to: Uuid, up_to: i64, position: i64) -> bool {
        let deliveries = self.deliveries.get(&(chat.to_string(), to));
        let delivered = |it: &Vec<_>| it.iter().any(|(at, to)| *at <= position && *to >= up_to);
        deliveries.is_some_and(delivered) || self.is_read(chat, to, up_to, position)
    }

    /// Whether all that a pointer is to come past was there by `position`; nothing for what is no
    /// pointer.
    fn is_reached(&self, command: &Command, position: i64) -> Option<bool> {
        match command.action {
            Action::MarkRead { chat, up_to } => {
                Some(self.is_read(chat, command.by, up_to, position))
            }
            Action::MarkDelivered { chat, up_to } => {
                Some(self.is_delivered(chat, command.by, up_to, position))
            }
            Action::Register
            | Action::OpenChat { .. }
            | Action::SendText { .. }
            | Action::Edit { .. }
            | Action::React { .. }
            | Action::DeleteForMe { .. }
            | Action::DeleteForEveryone { .. } => None,
        }
    }
}

/// Nothing when the event cannot be read, or no command leads to it.
fn effect(event: &LoggedEvent) -> Option<Effect> {
    let payload = Payload::read(event).ok()?;
    let chat = event.aggregate_id.clone();
    Some(match (event.aggregate_type.as_str(), event.event_type.as_str()) {
        ("account", "registered") => Effect::Registered(payload.id("account_id").ok()?),
        ("chat", "opened") => {
            let members = payload.ids("members").ok()?;
            Effect::Opened(sorted(*members.first()?, *members.last()?))
        }
        ("chat", "message_sent") => Effect::Sent(payload.id("message_id").ok()?),
        ("chat", "message_edited") => Effect::Edited {
            by: payload.id("by").ok()?,
            message_id: payload.id("message_id").ok()?,
        },
        ("chat", "reacted") => Effect::Reacted {
            by: payload.id("by").ok()?,
            message_id: payload.id("message_id").ok()?,
        },
        ("chat", "messages_delivered") => Effect::Delivered {
            chat,
            by: payload.id("by").ok()?,
            up_to: payload.number("up_to").ok()?,
        },
        ("chat", "messages_read") => Effect::Read {
            chat,
            reader: payload.id("reader").ok()?,
            up_to: payload.number("up_to").ok()?,
        },
        ("chat", "message_deleted_for_me") => Effect::DeletedForMe {
            chat,
            by: payload.id("by").ok()?,
            message_id: payload.id("message_id").ok()?,
        },
        ("chat", "message_deleted_for_everyone") => Effect::DeletedForEveryone {
            chat,
            by: payload.id("by").ok()?,
            message_id: payload.id("message_id").ok()?,
        },
        _ => return None,
    })
}

/// The effect that a command is to have.
fn wanted(command: &Command) -> Effect {
    let by = command.by;
    match &command.action {
        Action::Register => Effect::Registered(by),
        Action::OpenChat { with } => Effect::Opened(sorted(by, *with)),
        Action::SendText { message_id, .. } => Effect::Sent(*message_id),
        Action::Edit { message_id, .. } => Effect::Edited { by, message_id: *message_id },
        Action::React { message_id, .. } => Effect::Reacted { by, message_id: *message_id },
        Action::MarkDelivered { chat, up_to } => {
            Effect::Delivered { chat: chat.to_string(), by, up_to: *up_to }
        }
        Action::MarkRead { chat, up_to } => {
            Effect::Read { chat: chat.to_string(), reader: by, up_to: *up_to }
        }
        Action::DeleteForMe { chat, message_id } => {
            Effect::DeletedForMe { chat: chat.to_string(), by, message_id: *message_id }
        }
        Action::DeleteForEveryone { chat, message_id } => {
            Effect::DeletedForEveryone { chat: chat.to_string(), by, message_id: *message_id }
        }
    }
}

fn sorted(one: Uuid, other: Uuid) -> [Uuid; 2] {
    if one < other { [one, other] } else { [other, one] }
}

/// Acknowledged: exactly once. Refused: never. Unknown: at most once.
fn check_count(
    command: &Command,
    found: &[&LoggedEvent],
    effects: &Effects,
    findings: &mut Findings,
) {
    let times = found.len();
    findings.check(times <= 1, Invariant::AcknowledgedExactlyOnce, || {
        format!("{times} events for one command: {}", brief(command))
    });
    if command.is_acknowledged() {
        // Reading further includes it; `check_answer` knows by when.
        let done = effects.is_reached(command, i64::MAX).unwrap_or(times >= 1);
        findings.check(done, Invariant::AcknowledgedExactlyOnce, || {
            format!("acknowledged and not in the log: {}", brief(command))
        });
    }
    // Other commands may have the same effect, but for a message, whose id is its own, and its edit.
    let unique = matches!(command.action, Action::SendText { .. } | Action::Edit { .. });
    let refused = unique && command.is_refused();
    findings.check(!refused || times == 0, Invariant::RefusedNever, || {
        format!("refused and in the log: {}", brief(command))
    });
}

/// Which events the answered requests themselves have led to.
fn check_causes(
    command: &Command,
    found: &[&LoggedEvent],
    effects: &Effects,
    findings: &mut Findings,
) {
    let mut caused = 0;
    for answer in command.answers() {
        let events = effects.caused_by(answer);
        caused += events.len();
        findings.check(!answer.is_refusal() || events.is_empty(), Invariant::RefusedNever, || {
            format!("answered {} and in the log: {}", answer.status, brief(command))
        });
        let as_wanted = events.iter().all(|it| found.contains(it));
        findings.check(as_wanted, Invariant::AcknowledgedExactlyOnce, || {
            format!("request {} led to something else: {}", answer.request_id, brief(command))
        });
    }
    findings.check(caused <= 1, Invariant::AcknowledgedExactlyOnce, || {
        format!("its attempts led to {caused} events: {}", brief(command))
    });
}

/// Whether the answer says what the log says.
fn check_answer(
    command: &Command,
    answer: &Answer,
    found: &[&LoggedEvent],
    effects: &Effects,
    expected: &Expected,
    findings: &mut Findings,
) {
    let mut wrong = |what: String| {
        findings.check(false, Invariant::AcknowledgedExactlyOnce, || {
            format!("{what}: {}", brief(command))
        });
    };
    let Some(position) = answer.position else {
        return wrong("acknowledged without a position".to_owned());
    };
    if let Some(event) = effects.caused_by(answer).first() {
        let late = position > event.position && !expected.exact_positions;
        if position != event.position && !late {
            wrong(format!("answered position {position}, recorded at {}", event.position));
        }
    }
    let all_before = || found.iter().all(|it| it.position <= position);
    let is_before = effects.is_reached(command, position).unwrap_or_else(all_before);
    if !is_before {
        wrong(format!("answered position {position}, recorded after it"));
    }
    let Some(event) = found.first() else { return };
    if let Some(chat) = answer.chat_id
        && chat.to_string() != event.aggregate_id
    {
        wrong(format!("answered chat {chat}, recorded in {}", event.aggregate_id));
    }
    if let Action::SendText { chat, .. } = &command.action {
        let number = Payload::read(event).and_then(|it| it.number("number")).ok();
        let sender = Payload::read(event).and_then(|it| it.id("sender")).ok();
        if answer.number.is_none() || answer.number != number {
            wrong(format!("answered number {:?}, recorded {number:?}", answer.number));
        }
        if sender != Some(command.by) || chat.to_string() != event.aggregate_id {
            wrong(format!("recorded for {sender:?} in {}", event.aggregate_id));
        }
    }
}

fn brief(command: &Command) -> String {
    let attempts = command.attempts.iter().map(|it| match it {
        crate::history::Attempt::Answered(it) => it.status.to_string(),
        crate::history::Attempt::Unanswered => "?".to_owned(),
    });
    format!("{:?} by {} ({})", command.action, command.by, attempts.collect::<Vec<_>>().join(" "))
}
