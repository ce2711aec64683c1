//! What holds after any history of commands, by members and strangers.

use cqrs_es::Aggregate;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::model::Model;
use super::{
    ALICE, BOB, MALLORY, NEVER_SENT, deactivate, delete_for_everyone, delete_for_me, folded,
    mark_read, open, opened, reactivate, send,
};
use crate::chat::{Chat, ChatCommand, ChatError, ChatEvent};
use crate::{AccountId, Decider, MessageId};

proptest! {
    #[test]
    fn a_chat_answers_as_the_model_does(history in histories()) {
        let mut chat = folded([opened()]);
        let mut model = Model::default();
        for command in history {
            let answer = chat.decide(command.clone());
            prop_assert_eq!(&answer, &model.execute(&command));
            apply(&mut chat, answer.unwrap_or_default());
        }
    }

    #[test]
    fn numbers_are_dense_from_1(history in histories()) {
        let numbers: Vec<u64> = events(history).into_iter().filter_map(|event| match event {
            ChatEvent::TextSent { number, .. } => Some(number),
            ChatEvent::Opened { .. }
            | ChatEvent::MessagesRead { .. }
            | ChatEvent::MessageDeletedForMe { .. }
            | ChatEvent::MessageDeletedForEveryone { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => None,
        }).collect();
        prop_assert_eq!(&numbers, &(1..=numbers.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn read_pointers_only_grow(history in histories()) {
        let events = events(history);
        for member in [ALICE, BOB] {
            let pointers: Vec<u64> = events.iter().filter_map(|event| match event {
                ChatEvent::MessagesRead { reader, up_to, .. } => {
                    (*reader == member).then_some(*up_to)
                }
                ChatEvent::Opened { .. }
                | ChatEvent::TextSent { .. }
                | ChatEvent::MessageDeletedForMe { .. }
                | ChatEvent::MessageDeletedForEveryone { .. }
                | ChatEvent::Deactivated { .. }
                | ChatEvent::Reactivated { .. } => None,
            }).collect();
            prop_assert!(pointers.is_sorted_by(|earlier, later| earlier < later), "{:?}", pointers);
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
                prop_assert_eq!(chat.decide(command.clone()), Ok(vec![]));
                done.push(command);
            }
        }
        for command in done {
            match command {
                ChatCommand::Deactivate { .. } | ChatCommand::Reactivate { .. } => {}
                ChatCommand::Open { .. }
                | ChatCommand::SendText { .. }
                | ChatCommand::MarkRead { .. }
                | ChatCommand::DeleteForMe { .. }
                | ChatCommand::DeleteForEveryone { .. } => {
                    prop_assert_eq!(chat.decide(command), Ok(vec![]));
                }
            }
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
            prop_assert_eq!(&answer, &model.execute(&command));
            apply(&mut restored, answer.unwrap_or_default());
        }
    }
}

/// Keeps unread counts as a read model does.
struct Unread {
    alice: u64,
    bob: u64,
}

impl Unread {
    fn project(&mut self, event: &ChatEvent) {
        match *event {
            ChatEvent::TextSent { recipient, .. } => *self.of(recipient) += 1,
            ChatEvent::MessagesRead { reader, unread, .. } => *self.of(reader) = unread,
            ChatEvent::MessageDeletedForMe { by, was_unread, .. } => {
                *self.of(by) -= u64::from(was_unread);
            }
            ChatEvent::MessageDeletedForEveryone { recipient, was_unread, .. } => {
                *self.of(recipient) -= u64::from(was_unread);
            }
            ChatEvent::Opened { .. }
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
fn events(history: Vec<ChatCommand>) -> Vec<ChatEvent> {
    let mut chat = folded([opened()]);
    let mut recorded = vec![opened()];
    for command in history {
        let events = chat.decide(command).unwrap_or_default();
        recorded.extend(events.clone());
        apply(&mut chat, events);
    }
    recorded
}

/// Long enough for numbers to leave the first byte of a bit set, with ids few enough to meet again.
fn histories() -> impl Strategy<Value = Vec<ChatCommand>> {
    let by_people = commands_of(members_and_strangers());
    let by_operators = prop_oneof![1 => Just(deactivate()), 2 => Just(reactivate())];
    vec(prop_oneof![15 => by_people, 1 => by_operators], 0..120)
}

fn members_and_strangers() -> impl Strategy<Value = AccountId> + Clone {
    prop_oneof![8 => Just(ALICE), 8 => Just(BOB), 1 => Just(MALLORY)]
}

fn commands_of(
    people: impl Strategy<Value = AccountId> + Clone + 'static,
) -> impl Strategy<Value = ChatCommand> {
    let with = members_and_strangers();
    prop_oneof![
        1 => (people.clone(), with).prop_map(|(by, with)| open(by, with)),
        8 => (ids(), people.clone()).prop_map(|(id, sender)| send(id, sender)),
        3 => (people.clone(), 0..30_u64).prop_map(|(reader, up_to)| mark_read(reader, up_to)),
        4 => (ids(), people.clone()).prop_map(|(id, by)| delete_for_me(id, by)),
        4 => (ids(), people).prop_map(|(id, by)| delete_for_everyone(id, by)),
    ]
}

fn ids() -> impl Strategy<Value = MessageId> {
    (0..40_u128).prop_map(|it| MessageId(Uuid::from_u128(it)))
}
