//! Nobody comes upon what is hidden from them, and nothing passes a block: after any history.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use proptest::prelude::*;

use super::commands::{block, unblock};
use super::histories::{decisions, events, histories};
use super::{ALICE, BOB, folded, other};
use crate::chat::{ChatCommand, ChatError, ChatEvent, Quoted};
use crate::{AccountId, Decider};

proptest! {
    #[test]
    fn nobody_acts_on_what_they_cannot_see(history in histories()) {
        let mut chat = Seen::default();
        for event in events(history) {
            prop_assert!(chat.may_act(&event), "{:?}", event);
            chat.note(&event);
        }
    }

    #[test]
    fn nothing_passes_a_block(history in histories()) {
        let mut chat = Seen::default();
        for decided in decisions(history) {
            if let [ChatEvent::MessageSent { withheld: true, .. }, more @ ..] = &decided[..] {
                prop_assert!(more.is_empty(), "it brings nothing back: {:?}", more);
            }
            for event in decided {
                prop_assert!(chat.keeps_the_block(&event), "{:?}", event);
                chat.note(&event);
            }
        }
    }

    /// Whatever one does, one is answered the same whether or not the other has blocked them.
    #[test]
    fn by_no_answer_can_anybody_tell_that_they_are_blocked(
        before in histories(),
        after in histories(),
    ) {
        let unblock = [unblock(ALICE, BOB), unblock(BOB, ALICE)];
        let mut free = folded(events(before.into_iter().chain(unblock).collect()));
        let mut chat = free.clone();
        for event in chat.decide(block(BOB, ALICE)).unwrap_or_default() {
            chat.apply(event);
        }
        let hers = |it: &ChatCommand| {
            it.by() == Some(ALICE)
                && !matches!(it, ChatCommand::Block { .. } | ChatCommand::Unblock { .. })
        };
        for command in after.into_iter().filter(hers) {
            let answers = [&mut free, &mut chat].map(|chat| {
                let events = chat.decide(command.clone())?;
                for event in &events {
                    chat.apply(event.clone());
                }
                Ok::<_, ChatError>(events.is_empty())
            });
            prop_assert_eq!(&answers[0], &answers[1], "{:?}", command);
        }
    }

    /// What the events say is unread is what a member can see, and has not read.
    #[test]
    fn unread_is_what_a_member_sees_and_has_not_read(history in histories()) {
        let mut chat = Seen::default();
        for event in events(history) {
            chat.note(&event);
            if let ChatEvent::MessagesRead { reader, unread, .. } = event {
                prop_assert_eq!(unread, chat.unread(reader));
            }
            if let ChatEvent::MessagesExpired { members, unread, .. } = event {
                prop_assert_eq!(unread, members.map(|it| chat.unread(it)));
            }
        }
    }
}

/// What each member can see, kept from events alone.
#[derive(Default)]
struct Seen {
    messages: Vec<Message>,
    read_up_to: [u64; 2],
    cleared_up_to: [u64; 2],
    blocks: [bool; 2],
}

struct Message {
    sender: AccountId,
    withheld: bool,
    hidden_from: BTreeSet<AccountId>,
    gone: bool,
    taken_back: bool,
}

impl Message {
    fn is_gone_for(&self, account: AccountId) -> bool {
        self.gone || self.taken_back && self.sender == account
    }
}

impl Seen {
    /// Whether whoever did it could see what they did it to.
    fn may_act(&self, event: &ChatEvent) -> bool {
        let there =
            |number: u64, by| self.sees(number, by) && !self.message(number).is_gone_for(by);
        let quotes = |it: &Option<Quoted>, by| it.as_ref().is_none_or(|it| there(it.number, by));
        match event {
            ChatEvent::MessageSent { reply_to, sender, .. } => quotes(reply_to, *sender),
            ChatEvent::DraftSaved { reply_to, by, .. } => quotes(reply_to, *by),
            ChatEvent::MessageEdited { number, by, .. }
            | ChatEvent::Reacted { number, by, .. }
            | ChatEvent::ReactionRemoved { number, by, .. }
            | ChatEvent::MessagePinned { number, by, .. }
            | ChatEvent::MessageUnpinned { number, by, .. }
            | ChatEvent::MessageStarred { number, by, .. }
            | ChatEvent::MessageUnstarred { number, by, .. }
            | ChatEvent::ActionAnswered { number, by, .. }
            | ChatEvent::MessageReported { number, by, .. } => there(*number, *by),
            ChatEvent::MessageDeletedForMe { number, by, .. } => self.sees(*number, *by),
            // A sender takes back what they have hidden from themselves.
            ChatEvent::MessageDeletedForEveryone { number, by, .. } => {
                self.message(*number).sender == *by && !self.message(*number).is_gone_for(*by)
            }
            ChatEvent::MessagesExpired { numbers, .. } => {
                numbers.is_sorted_by(|a, b| a < b)
                    && numbers.iter().all(|it| !self.message(*it).gone)
            }
            ChatEvent::Opened { .. }
            | ChatEvent::Revealed { .. }
            | ChatEvent::MessagesRead { .. }
            | ChatEvent::MessagesDelivered { .. }
            | ChatEvent::MarkedUnread { .. }
            | ChatEvent::Cleared { .. }
            | ChatEvent::DisappearingSet { .. }
            | ChatEvent::Muted { .. }
            | ChatEvent::Unmuted { .. }
            | ChatEvent::Archived { .. }
            | ChatEvent::Unarchived { .. }
            | ChatEvent::Blocked { .. }
            | ChatEvent::Unblocked { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => true,
        }
    }

    /// Whether whoever blocks is silent, and whoever is blocked is withheld.
    fn keeps_the_block(&self, event: &ChatEvent) -> bool {
        let speaks = |by| !self.blocks[side(by)];
        let passes = |by| !self.blocks[side(other(by))];
        let reaches = |number, by| {
            let message = self.message(number);
            passes(by) && self.sees(number, other(by)) && !message.is_gone_for(other(by))
        };
        match *event {
            ChatEvent::MessageSent { sender: by, withheld, .. }
            | ChatEvent::DisappearingSet { by, withheld, .. } => {
                speaks(by) && withheld != passes(by)
            }
            ChatEvent::MessageEdited { number, by, withheld, .. }
            | ChatEvent::Reacted { number, by, withheld, .. }
            | ChatEvent::ActionAnswered { number, by, withheld, .. } => {
                speaks(by) && withheld != reaches(number, by)
            }
            ChatEvent::MessagePinned { number, by, withheld, .. } => {
                speaks(by) && (withheld || reaches(number, by))
            }
            ChatEvent::ReactionRemoved { number, by, withheld, .. }
            | ChatEvent::MessageUnpinned { number, by, withheld, .. } => {
                withheld || reaches(number, by)
            }
            ChatEvent::MessageDeletedForEveryone { number, by, withheld, kept, .. } => {
                let was_withheld = self.message(number).withheld;
                kept == (!passes(by) && !was_withheld) && withheld == (kept || was_withheld)
            }
            ChatEvent::MessagesRead { withheld, .. }
            | ChatEvent::MessagesDelivered { withheld, .. } => {
                withheld == self.blocks.contains(&true)
            }
            ChatEvent::Opened { .. }
            | ChatEvent::Revealed { .. }
            | ChatEvent::MarkedUnread { .. }
            | ChatEvent::MessageDeletedForMe { .. }
            | ChatEvent::Cleared { .. }
            | ChatEvent::MessagesExpired { .. }
            | ChatEvent::MessageStarred { .. }
            | ChatEvent::MessageUnstarred { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::DraftSaved { .. }
            | ChatEvent::Muted { .. }
            | ChatEvent::Unmuted { .. }
            | ChatEvent::Archived { .. }
            | ChatEvent::Unarchived { .. }
            | ChatEvent::Blocked { .. }
            | ChatEvent::Unblocked { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => true,
        }
    }

    fn note(&mut self, event: &ChatEvent) {
        if let ChatEvent::MessageSent { sender, recipient, withheld, .. } = event {
            let hidden_from = withheld.then_some(*recipient).into_iter().collect();
            let (sender, withheld) = (*sender, *withheld);
            let (gone, taken_back) = (false, false);
            self.messages.push(Message { sender, withheld, hidden_from, gone, taken_back });
        }
        if let ChatEvent::MessagesRead { reader: by, up_to, .. }
        | ChatEvent::Cleared { by, up_to, .. } = event
        {
            self.read_up_to[side(*by)] = *up_to;
        }
        if let ChatEvent::Cleared { by, up_to, .. } = event {
            self.cleared_up_to[side(*by)] = *up_to;
        }
        if let ChatEvent::MessageDeletedForMe { number, by, .. } = event {
            self.message_mut(*number).hidden_from.insert(*by);
        }
        if let ChatEvent::MessageDeletedForEveryone { number, kept, .. } = event {
            let message = self.message_mut(*number);
            if *kept { message.taken_back = true } else { message.gone = true }
        }
        if let ChatEvent::MessagesExpired { numbers, .. } = event {
            for number in numbers {
                self.message_mut(*number).gone = true;
            }
        }
        if let ChatEvent::Blocked { by, .. } = event {
            self.blocks[side(*by)] = true;
        }
        if let ChatEvent::Unblocked { by, .. } = event {
            self.blocks[side(*by)] = false;
        }
    }

    /// Counted one by one.
    fn unread(&self, reader: AccountId) -> u64 {
        let unread =
            (self.read_up_to[side(reader)] + 1..=self.messages.len() as u64).filter(|it| {
                let message = self.message(*it);
                message.sender != reader && !message.gone && self.sees(*it, reader)
            });
        unread.count() as u64
    }

    fn sees(&self, number: u64, by: AccountId) -> bool {
        number > self.cleared_up_to[side(by)] && !self.message(number).hidden_from.contains(&by)
    }

    fn message(&self, number: u64) -> &Message {
        &self.messages[usize::try_from(number).unwrap() - 1]
    }

    fn message_mut(&mut self, number: u64) -> &mut Message {
        &mut self.messages[usize::try_from(number).unwrap() - 1]
    }
}

fn side(account: AccountId) -> usize {
    assert!([ALICE, BOB].contains(&account));
    usize::from(account == BOB)
}
