//! Nobody comes upon what is hidden from them, and nothing passes a block: after any history.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::histories::{decisions, events, histories};
use super::{ALICE, BOB, other};
use crate::AccountId;
use crate::chat::{ChatEvent, Quoted};

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
    hidden_from: BTreeSet<AccountId>,
    gone: bool,
}

impl Seen {
    /// Whether whoever did it could see what they did it to.
    fn may_act(&self, event: &ChatEvent) -> bool {
        let there = |number: u64, by| self.sees(number, by) && !self.message(number).gone;
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
                self.message(*number).sender == *by && !self.message(*number).gone
            }
            ChatEvent::MessagesExpired { numbers, .. } => {
                numbers.is_sorted_by(|a, b| a < b)
                    && numbers.iter().all(|it| !self.message(*it).gone)
            }
            ChatEvent::Opened { .. }
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
        match *event {
            ChatEvent::MessageSent { sender: by, withheld, .. }
            | ChatEvent::MessageEdited { by, withheld, .. }
            | ChatEvent::Reacted { by, withheld, .. }
            | ChatEvent::ActionAnswered { by, withheld, .. } => {
                speaks(by) && withheld != passes(by)
            }
            ChatEvent::MessagesRead { withheld, .. }
            | ChatEvent::MessagesDelivered { withheld, .. } => {
                withheld == self.blocks.contains(&true)
            }
            ChatEvent::MessagePinned { by, .. } | ChatEvent::DisappearingSet { by, .. } => {
                speaks(by)
            }
            ChatEvent::Opened { .. }
            | ChatEvent::MarkedUnread { .. }
            | ChatEvent::MessageDeletedForMe { .. }
            | ChatEvent::MessageDeletedForEveryone { .. }
            | ChatEvent::Cleared { .. }
            | ChatEvent::MessagesExpired { .. }
            | ChatEvent::ReactionRemoved { .. }
            | ChatEvent::MessageUnpinned { .. }
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
            self.messages.push(Message { sender: *sender, hidden_from, gone: false });
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
        if let ChatEvent::MessageDeletedForEveryone { number, .. } = event {
            self.message_mut(*number).gone = true;
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
