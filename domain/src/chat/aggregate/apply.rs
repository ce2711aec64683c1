//! What an event does to the state.

use super::{Mark, Member, MemberMark, Muted, OpenChat};
use crate::AccountId;
use crate::chat::{ChatEvent, Content};

impl OpenChat {
    pub(super) fn apply(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Opened { opened_by, withheld, .. } => {
                self.of_both(*opened_by, *withheld, |member| member.opened = true);
            }
            ChatEvent::Revealed { to, .. } => self.of(*to, |member| member.opened = true),
            ChatEvent::MessageSent { .. } => self.apply_sent(event),
            ChatEvent::MessageEdited { number, .. } => self.messages.revise(*number),
            ChatEvent::MessagesRead { reader, up_to, .. } => self.of(*reader, |member| {
                member.read_up_to = *up_to;
                member.marked_unread = false;
            }),
            ChatEvent::MessagesDelivered { by, up_to, .. } => {
                self.of(*by, |member| member.delivered_up_to = *up_to);
            }
            ChatEvent::MarkedUnread { by, .. } => {
                self.of(*by, |member| member.marked_unread = true);
            }
            ChatEvent::Cleared { by, up_to, .. } => {
                self.of(*by, |member| {
                    member.cleared_up_to = *up_to;
                    member.read_up_to = *up_to;
                    member.marked_unread = false;
                    member.pins.retain(|it| it > up_to);
                });
            }
            ChatEvent::MessageDeletedForMe { number, by, .. } => {
                self.mark(*by, MemberMark::Hidden, *number);
                self.of(*by, |member| member.unpin(*number));
            }
            ChatEvent::MessageDeletedForEveryone { number, by, kept: true, .. } => {
                self.messages.take_back(*number);
                self.of(*by, |member| member.unpin(*number));
            }
            ChatEvent::MessageDeletedForEveryone { number, kept: false, .. } => {
                self.remove(&[*number]);
            }
            ChatEvent::MessagesExpired { numbers, .. } => self.remove(numbers),
            ChatEvent::Reacted { number, by, withheld, .. } => {
                self.mark(*by, MemberMark::Reacted, *number);
                if !withheld {
                    self.mark(*by, MemberMark::ReactionShown, *number);
                }
            }
            ChatEvent::ReactionRemoved { number, by, withheld, .. } => {
                self.unmark(*by, MemberMark::Reacted, *number);
                if !withheld {
                    self.unmark(*by, MemberMark::ReactionShown, *number);
                }
            }
            ChatEvent::MessagePinned { number, by, withheld, .. } => {
                self.put_pin(*number, *by, *withheld);
            }
            ChatEvent::MessageUnpinned { number, by, withheld, .. } => {
                self.of_both(*by, *withheld, |member| member.unpin(*number));
            }
            ChatEvent::MessageStarred { number, by, .. } => {
                self.mark(*by, MemberMark::Starred, *number);
            }
            ChatEvent::MessageUnstarred { number, by, .. } => {
                self.unmark(*by, MemberMark::Starred, *number);
            }
            ChatEvent::ActionAnswered { number, .. } => self.messages.set(Mark::Answered, *number),
            ChatEvent::MessageReported { number, by, .. } => {
                self.mark(*by, MemberMark::Reported, *number);
            }
            ChatEvent::DraftSaved { by, text, reply_to, .. } => {
                self.of(*by, |member| member.has_draft = text.is_some() || reply_to.is_some());
            }
            ChatEvent::DisappearingSet { by, after, withheld, .. } => {
                self.of_both(*by, *withheld, |member| member.disappearing = *after);
            }
            ChatEvent::Muted { by, until, .. } => {
                self.of(*by, |member| member.muted = until.map_or(Muted::ForEver, Muted::Until));
            }
            ChatEvent::Unmuted { by, .. } => self.of(*by, |member| member.muted = Muted::No),
            ChatEvent::Archived { by, .. } => self.of(*by, |member| member.archived = true),
            ChatEvent::Unarchived { by, .. } => self.of(*by, |member| member.archived = false),
            ChatEvent::Blocked { by, .. } => self.of(*by, |member| member.blocks = true),
            ChatEvent::Unblocked { by, .. } => self.of(*by, |member| member.blocks = false),
            ChatEvent::Deactivated { .. } => self.active = false,
            ChatEvent::Reactivated { .. } => self.active = true,
        }
    }

    fn apply_sent(&mut self, event: &ChatEvent) {
        if let ChatEvent::MessageSent {
            message_id,
            sender,
            content,
            forwarded,
            expires_at,
            withheld,
            spent_ms,
            sent_at,
            ..
        } = event
            && let Ok(side) = self.side(*sender)
        {
            let number = self.messages.push(*message_id, side);
            match content {
                Content::Text { .. } => {}
                Content::File { .. } | Content::Image { .. } => {
                    self.messages.set(Mark::WithFile, number);
                }
                Content::Actionable { .. } => self.messages.set(Mark::Actionable, number),
            }
            if forwarded.is_some() {
                self.messages.set(Mark::Forwarded, number);
            }
            if let Some(at) = expires_at {
                self.messages.expire(number, *at);
            }
            if *withheld {
                self.messages.set(Mark::Withheld, number);
                self.messages.set_for(MemberMark::Hidden, number, side.other());
            }
            let spent = chrono::Duration::milliseconds(i64::from(*spent_ms));
            self.sides[side.index()].allowance_full_at = (*spent_ms > 0).then(|| *sent_at + spent);
        }
    }

    fn remove(&mut self, numbers: &[u64]) {
        self.messages.delete(numbers);
        for member in &mut self.sides {
            member.pins.retain(|it| !numbers.contains(it));
        }
    }

    /// Not for a member who does not see the message: nobody could make room there.
    fn put_pin(&mut self, number: u64, by: AccountId, withheld: bool) {
        let Ok(by) = self.side(by) else { return };
        for side in [by, by.other()] {
            let is_for = side == by || !withheld;
            let is_seen = !self.is_hidden(number, side) && !self.messages.is_deleted(number, side);
            if is_for && is_seen {
                self.sides[side.index()].pin(number);
            }
        }
    }

    fn of(&mut self, account: AccountId, change: impl FnOnce(&mut Member)) {
        if let Ok(side) = self.side(account) {
            change(&mut self.sides[side.index()]);
        }
    }

    /// Changes what the chat is to `account` and, unless it is withheld from them, to the other.
    fn of_both(&mut self, account: AccountId, withheld: bool, change: impl Fn(&mut Member)) {
        if let Ok(side) = self.side(account) {
            change(&mut self.sides[side.index()]);
            if !withheld {
                change(&mut self.sides[side.other().index()]);
            }
        }
    }

    fn mark(&mut self, account: AccountId, mark: MemberMark, number: u64) {
        if let Ok(side) = self.side(account) {
            self.messages.set_for(mark, number, side);
        }
    }

    fn unmark(&mut self, account: AccountId, mark: MemberMark, number: u64) {
        if let Ok(side) = self.side(account) {
            self.messages.unset_for(mark, number, side);
        }
    }
}

impl Member {
    fn pin(&mut self, number: u64) {
        if !self.pins.contains(&number) {
            self.pins.push(number);
        }
    }

    fn unpin(&mut self, number: u64) {
        self.pins.retain(|it| *it != number);
    }
}
