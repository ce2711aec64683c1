//! What holds after any history of commands, by members and strangers.

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::commands::{
    answer, archive, at, block, clear, copy_of, deactivate, delete_for_everyone, delete_for_me,
    edit_tagged, expire, file_of, forward, mark_delivered, mark_read, mark_unread, mute, open,
    outgoing, pin, question, react, reactivate, remove_reaction, report, save_draft, send_message,
    set_disappearing, star, unarchive, unblock, unmute, unpin, unstar,
};
use super::events::opened;
use super::forwarding::origin;
use super::model::Model;
use super::{ALICE, BOB, HELLO, MALLORY, NEVER_SENT, NOW, after, folded};
use crate::chat::{Chat, ChatCommand, ChatError, ChatEvent, Disappearing, NewContent, Outgoing};
use crate::{AccountId, Decider, MessageId};

proptest! {
    #[test]
    fn a_chat_answers_as_the_model_does(history in histories()) {
        let mut chat = folded([opened()]);
        let mut model = Model::default();
        for command in history {
            let answer = chat.decide(command.clone());
            prop_assert_eq!(&answer, &model.execute(&command), "{:?}", command);
            apply(&mut chat, answer.unwrap_or_default());
        }
    }

    #[test]
    fn numbers_are_dense_from_1(history in histories()) {
        let numbers: Vec<u64> = events(history).into_iter().filter_map(|event| {
            if let ChatEvent::MessageSent { number, .. } = event { Some(number) } else { None }
        }).collect();
        prop_assert_eq!(&numbers, &(1..=numbers.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn pointers_never_go_back(history in histories()) {
        let events = events(history);
        for member in [ALICE, BOB] {
            let (mut read, mut delivered) = (vec![], vec![]);
            for event in &events {
                if let ChatEvent::MessagesRead { reader: by, up_to, .. }
                | ChatEvent::Cleared { by, up_to, .. } = event
                    && *by == member
                {
                    read.push(*up_to);
                }
                if let ChatEvent::MessagesDelivered { by, up_to, .. } = event
                    && *by == member
                {
                    delivered.push(*up_to);
                }
            }
            // Reading again is told when the chat was marked as unread.
            prop_assert!(read.is_sorted(), "read {:?}", read);
            prop_assert!(delivered.is_sorted_by(|a, b| a < b), "delivered {:?}", delivered);
        }
    }

    /// A read model never has to count: what the events say is enough.
    #[test]
    fn unread_counts_kept_from_events_alone_never_drift(history in histories()) {
        let mut chat = folded([opened()]);
        let mut model = Model::default();
        let mut unread = Unread { alice: 0, bob: 0 };
        for command in history {
            _ = model.execute(&command);
            let events = chat.decide(command).unwrap_or_default();
            for event in &events {
                unread.project(event);
            }
            prop_assert_eq!(unread.alice, model.unread(ALICE));
            prop_assert_eq!(unread.bob, model.unread(BOB));
            apply(&mut chat, events);
        }
    }

    #[test]
    fn a_stranger_is_always_refused(history in histories(), attempt in commands_of(Just(MALLORY))) {
        let chat = folded(events(history));
        prop_assert_eq!(chat.decide(attempt), Err(ChatError::NotAMember(MALLORY)));
    }

    #[test]
    fn a_command_that_was_done_does_nothing_when_repeated(history in histories()) {
        let mut chat = folded([opened()]);
        let mut done = vec![];
        for command in history {
            if let Ok(events) = chat.decide(command.clone()) {
                apply(&mut chat, events);
                if is_done_once(&command) {
                    prop_assert_eq!(chat.decide(command.clone()), Ok(vec![]), "{:?}", command);
                }
                done.push(command);
            }
        }
        for command in done.into_iter().filter(is_done_for_ever) {
            prop_assert_eq!(chat.decide(command.clone()), Ok(vec![]), "{:?}", command);
        }
    }

    #[test]
    fn folding_stored_events_gives_the_state_that_recorded_them(history in histories()) {
        let mut chat = folded([opened()]);
        let mut stored = vec![serde_json::to_string(&opened()).unwrap()];
        for command in history {
            let events = chat.decide(command).unwrap_or_default();
            stored.extend(events.iter().map(|it| serde_json::to_string(it).unwrap()));
            apply(&mut chat, events);
        }
        let read = stored.iter().map(|it| serde_json::from_str(it).unwrap());
        prop_assert_eq!(folded(read), chat);
    }

    #[test]
    fn a_restored_state_is_the_state(
        history in histories(),
        next in vec(commands_of(members_and_strangers()), 20),
    ) {
        let mut chat = folded([opened()]);
        let mut model = Model::default();
        for command in history {
            _ = model.execute(&command);
            let events = chat.decide(command).unwrap_or_default();
            apply(&mut chat, events);
        }
        let mut restored: Chat =
            serde_json::from_slice(&serde_json::to_vec(&chat).unwrap()).unwrap();
        prop_assert_eq!(&restored, &chat);
        for (number, id) in (1..).zip(model.ids()) {
            prop_assert_eq!(restored.number_of(id), Some(number));
        }
        prop_assert_eq!(restored.number_of(NEVER_SENT), None);
        for command in next {
            let answer = restored.decide(command.clone());
            prop_assert_eq!(&answer, &model.execute(&command), "{:?}", command);
            apply(&mut restored, answer.unwrap_or_default());
        }
    }
}

/// Not what the state cannot tell from before: another text, another emoji, another draft; and a
/// second answer is refused, because it may be another one.
fn is_done_once(command: &ChatCommand) -> bool {
    !matches!(
        command,
        ChatCommand::Edit { .. }
            | ChatCommand::React { .. }
            | ChatCommand::SaveDraft { .. }
            | ChatCommand::Answer { .. }
    )
}

/// Whatever came in between.
fn is_done_for_ever(command: &ChatCommand) -> bool {
    matches!(
        command,
        ChatCommand::Open { .. }
            | ChatCommand::Send { .. }
            | ChatCommand::DeleteForMe { .. }
            | ChatCommand::DeleteForEveryone { .. }
            | ChatCommand::MarkDelivered { .. }
    )
}

/// Keeps unread counts as a read model does.
struct Unread {
    alice: u64,
    bob: u64,
}

impl Unread {
    fn project(&mut self, event: &ChatEvent) {
        match *event {
            ChatEvent::MessageSent { recipient, withheld, .. } => {
                *self.of(recipient) += u64::from(!withheld);
            }
            ChatEvent::MessagesRead { reader, unread, .. } => *self.of(reader) = unread,
            ChatEvent::Cleared { by, .. } => *self.of(by) = 0,
            ChatEvent::MessageDeletedForMe { by, was_unread, .. } => {
                *self.of(by) -= u64::from(was_unread);
            }
            ChatEvent::MessageDeletedForEveryone { recipient, was_unread, .. } => {
                *self.of(recipient) -= u64::from(was_unread);
            }
            ChatEvent::MessagesExpired { members, unread, .. } => {
                for (member, left) in members.into_iter().zip(unread) {
                    *self.of(member) = left;
                }
            }
            ChatEvent::Opened { .. }
            | ChatEvent::Revealed { .. }
            | ChatEvent::MessageEdited { .. }
            | ChatEvent::MessagesDelivered { .. }
            | ChatEvent::MarkedUnread { .. }
            | ChatEvent::Reacted { .. }
            | ChatEvent::ReactionRemoved { .. }
            | ChatEvent::MessagePinned { .. }
            | ChatEvent::MessageUnpinned { .. }
            | ChatEvent::MessageStarred { .. }
            | ChatEvent::MessageUnstarred { .. }
            | ChatEvent::ActionAnswered { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::DraftSaved { .. }
            | ChatEvent::DisappearingSet { .. }
            | ChatEvent::Muted { .. }
            | ChatEvent::Unmuted { .. }
            | ChatEvent::Archived { .. }
            | ChatEvent::Unarchived { .. }
            | ChatEvent::Blocked { .. }
            | ChatEvent::Unblocked { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
        }
    }

    fn of(&mut self, member: AccountId) -> &mut u64 {
        if member == ALICE { &mut self.alice } else { &mut self.bob }
    }
}

fn apply(chat: &mut Chat, events: Vec<ChatEvent>) {
    for event in events {
        chat.apply(event);
    }
}

/// What a history leaves in the stream.
pub(super) fn events(history: Vec<ChatCommand>) -> Vec<ChatEvent> {
    decisions(history).concat()
}

/// What each command of a history leaves in the stream.
pub(super) fn decisions(history: Vec<ChatCommand>) -> Vec<Vec<ChatEvent>> {
    let mut chat = folded([opened()]);
    let mut decisions = vec![vec![opened()]];
    for command in history {
        let events = chat.decide(command).unwrap_or_default();
        decisions.push(events.clone());
        apply(&mut chat, events);
    }
    decisions
}

/// Of about a month. Long enough for numbers to leave the first byte of a bit set, with ids few
/// enough to meet again.
pub(super) fn histories() -> impl Strategy<Value = Vec<ChatCommand>> {
    let by_people = commands_of(members_and_strangers());
    let by_operators = prop_oneof![
        1 => Just(deactivate()),
        3 => Just(reactivate()),
        4 => Just(expire()),
    ];
    let pause_s = prop_oneof![3 => 0..10_i64, 1 => 0..150_000_i64];
    vec((pause_s, prop_oneof![12 => by_people, 1 => by_operators]), 0..120).prop_map(|history| {
        let mut now = NOW;
        let next = |(pause_s, command)| {
            now += TimeDelta::seconds(pause_s);
            at(now, command)
        };
        history.into_iter().map(next).collect()
    })
}

fn members_and_strangers() -> impl Strategy<Value = AccountId> + Clone {
    prop_oneof![16 => Just(ALICE), 16 => Just(BOB), 1 => Just(MALLORY)]
}

fn commands_of(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    let with = members_and_strangers();
    prop_oneof![
        1 => (people.clone(), with).prop_map(|(by, with)| open(by, with)),
        12 => sends(people.clone()),
        4 => pointers(people.clone()),
        14 => about_messages(people.clone()),
        6 => settings(people),
    ]
}

fn sends(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    let content = prop_oneof![
        6 => Just(NewContent::Text { text: HELLO.to_owned() }),
        1 => Just(NewContent::File { file: file_of(ALICE), caption: Some(HELLO.to_owned()) }),
        1 => Just(NewContent::Image { file: file_of(BOB), caption: None }),
        1 => Just(question()),
    ];
    let forwarded = option::weighted(0.1, Just(origin()));
    (ids(), people, content, option::weighted(0.2, ids()), forwarded).prop_map(
        |(id, by, content, reply_to, forwarded)| {
            send_message(Outgoing { content, reply_to, forwarded, ..outgoing(id, by, HELLO) })
        },
    )
}

fn pointers(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    prop_oneof![
        6 => (people.clone(), 0..30_u64).prop_map(|(reader, up_to)| mark_read(reader, up_to)),
        6 => (people.clone(), 0..30_u64).prop_map(|(by, up_to)| mark_delivered(by, up_to)),
        2 => people.clone().prop_map(mark_unread),
        1 => people.prop_map(clear),
    ]
}

fn about_messages(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    let text = prop_oneof![4 => Just(Some("again")), 1 => Just(None)];
    let acts: [fn(MessageId, AccountId) -> ChatCommand; 12] = [
        delete_for_me,
        delete_for_everyone,
        |id, by| react(id, by, "👍"),
        remove_reaction,
        pin,
        unpin,
        star,
        unstar,
        |id, by| answer(id, by, json!("yes")),
        |id, by| answer(id, by, json!("no")),
        |id, by| report(id, by, copy_of(ALICE, "spam")),
        forward,
    ];
    prop_oneof![
        1 => (ids(), people.clone(), text).prop_map(|(id, by, text)| edit_tagged(id, by, text, &[])),
        5 => (ids(), people, 0..acts.len()).prop_map(move |(id, by, act)| acts[act](id, by)),
    ]
}

fn settings(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    let until = option::of((0..3_000_000_i64).prop_map(after));
    let setting = prop_oneof![
        1 => Just(None),
        2 => Just(Some(Disappearing::OneDay)),
        1 => Just(Some(Disappearing::SevenDays)),
    ];
    let text = option::of(Just(HELLO));
    prop_oneof![
        2 => (people.clone(), text, option::of(ids()))
            .prop_map(|(by, text, reply_to)| save_draft(by, text, reply_to)),
        2 => (people.clone(), setting).prop_map(|(by, setting)| set_disappearing(by, setting)),
        2 => (people.clone(), until).prop_map(|(by, until)| mute(by, until)),
        1 => people.clone().prop_map(unmute),
        2 => people.clone().prop_map(archive),
        1 => people.clone().prop_map(unarchive),
        1 => (people.clone(), members_and_strangers()).prop_map(|(by, whom)| block(by, whom)),
        2 => (people, members_and_strangers()).prop_map(|(by, whom)| unblock(by, whom)),
    ]
}

fn ids() -> impl Strategy<Value = MessageId> {
    (0..40_u128).prop_map(|it| MessageId(Uuid::from_u128(it)))
}
