//! What each event adds.

use chrono::{DateTime, Utc};
use domain::chat::ChatEvent;
use domain::{AccountId, Personal};

use super::{Answer, Chat, Draft, Edit, Mark, Message, Pin, Reaction, Report, Side};

impl Chat {
    /// Takes in the event at position `at`.
    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    pub(super) fn take(&mut self, at: i64, event: ChatEvent) {
        match event {
            ChatEvent::Opened { members, opened_by, withheld, opened_at, .. } => {
                self.members = Some(members);
                for account in members.into_iter().filter(|it| !withheld || *it == opened_by) {
                    self.touch(at, account, |side| side.opened = Some((at, opened_at)));
                }
            }
            ChatEvent::Revealed { to, revealed_at, .. } => {
                self.touch(at, to, |side| side.opened = Some((at, revealed_at)));
            }
            ChatEvent::MessageSent { .. } => self.take_sent(at, event),
            ChatEvent::MessageEdited {
                number,
                by,
                text,
                tags,
                revision,
                withheld,
                edited_at,
                ..
            } => {
                let edit = Edit {
                    revision,
                    position: at,
                    at: edited_at,
                    withheld,
                    text: text.and_then(Personal::into_value),
                    tags: tags.and_then(Personal::into_value),
                };
                self.message(number, |it| it.edits.push(edit));
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::MessagesRead { reader, up_to, withheld, .. } => {
                self.read(at, reader, up_to);
                if !withheld {
                    self.tell(at, reader, up_to, true);
                }
            }
            ChatEvent::MessagesDelivered { by, up_to, withheld, .. } => {
                self.touch(at, by, |side| side.delivered_up_to = side.delivered_up_to.max(up_to));
                if !withheld {
                    self.tell(at, by, up_to, false);
                }
            }
            ChatEvent::MarkedUnread { by, .. } => self.touch(at, by, |it| it.marked_unread = true),
            ChatEvent::MessageDeletedForMe { number, by, was_unread, .. } => {
                self.touch(at, by, |_| ());
                self.mark(at, number, by, |mark| {
                    mark.hidden = mark.hidden.or(Some(at));
                    mark.was_unread |= was_unread;
                });
            }
            ChatEvent::MessageDeletedForEveryone {
                number, by, withheld, kept, deleted_at, ..
            } => {
                if kept {
                    self.mark(at, number, by, |mark| mark.starred = None);
                    self.message(number, |it| it.taken_back_at = Some(deleted_at));
                } else {
                    self.message(number, |it| it.go(at, deleted_at, false));
                }
                if withheld {
                    self.touch(at, by, |_| ());
                } else {
                    self.touch_both(at);
                }
            }
            ChatEvent::Cleared { by, up_to, .. } => {
                self.read(at, by, up_to);
                self.touch(at, by, |side| side.clears.push((at, up_to)));
            }
            ChatEvent::MessagesExpired { numbers, expired_at, .. } => {
                for number in numbers {
                    self.message(number, |it| it.go(at, expired_at, true));
                }
                self.touch_both(at);
            }
            ChatEvent::Reacted { number, by, emoji, withheld, reacted_at, .. } => {
                self.message(number, |it| {
                    it.end_reaction(at, by, withheld);
                    it.reactions.push(Reaction {
                        by,
                        position: at,
                        until: None,
                        shown_until: withheld.then_some(at),
                        at: reacted_at,
                        emoji: emoji.into_value(),
                    });
                });
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::ReactionRemoved { number, by, withheld, .. } => {
                self.message(number, |it| it.end_reaction(at, by, withheld));
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::MessagePinned { number, by, withheld, pinned_at, .. } => {
                let (position, shown_until) = (at, withheld.then_some(at));
                let pin = Pin { position, until: None, shown_until, by, at: pinned_at };
                self.message(number, |it| {
                    it.end_pins(at, by, withheld);
                    it.pins.push(pin);
                });
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::MessageUnpinned { number, by, withheld, .. } => {
                self.message(number, |it| it.end_pins(at, by, withheld));
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::MessageStarred { number, by, starred_at, .. } => {
                self.touch(at, by, |_| ());
                self.mark(at, number, by, |mark| mark.starred = Some((at, starred_at)));
            }
            ChatEvent::MessageUnstarred { number, by, .. } => {
                self.touch(at, by, |_| ());
                self.mark(at, number, by, |mark| mark.starred = None);
            }
            ChatEvent::ActionAnswered { number, by, answer, withheld, answered_at, .. } => {
                let value = answer.value().map(ToString::to_string);
                let answer = Answer { by, position: at, at: answered_at, withheld, value };
                self.message(number, |it| it.answer = Some(answer));
                self.touch_message(at, number, by, withheld);
            }
            ChatEvent::MessageReported {
                report_id, message_id, number, by, reported_at, ..
            } => {
                self.reports.push(Report {
                    id: report_id.0,
                    message_id: message_id.0,
                    number,
                    reporter: by,
                    position: at,
                    at: reported_at,
                });
            }
            ChatEvent::DraftSaved { by, text, reply_to, saved_at, .. } => {
                let draft = (text.is_some() || reply_to.is_some()).then(|| Draft {
                    text: text.and_then(Personal::into_value),
                    reply_to: reply_to.map(|it| it.message_id.0),
                    at: saved_at,
                });
                self.touch(at, by, |side| side.draft = draft);
            }
            ChatEvent::DisappearingSet { by, after, withheld, .. } => {
                let members = self.members.into_iter().flatten();
                for account in members.filter(|it| !withheld || *it == by).collect::<Vec<_>>() {
                    self.touch(at, account, |side| side.disappearing = after);
                }
            }
            ChatEvent::Muted { by, until, .. } => {
                self.touch(at, by, |side| (side.muted, side.muted_until) = (true, until));
            }
            ChatEvent::Unmuted { by, .. } => {
                self.touch(at, by, |side| (side.muted, side.muted_until) = (false, None));
            }
            ChatEvent::Archived { by, .. } => self.touch(at, by, |side| side.archived = true),
            ChatEvent::Unarchived { by, .. } => self.touch(at, by, |side| side.archived = false),
            ChatEvent::Blocked { members, by, blocked_at, .. } => {
                self.members = Some(members);
                self.touch(at, by, |side| side.blocks = Some((at, blocked_at)));
            }
            ChatEvent::Unblocked { by, .. } => self.touch(at, by, |side| side.blocks = None),
            ChatEvent::Deactivated { .. } => {
                self.is_inactive = true;
                self.touch_both(at);
            }
            ChatEvent::Reactivated { .. } => {
                self.is_inactive = false;
                self.touch_both(at);
            }
        }
    }

    fn take_sent(&mut self, at: i64, event: ChatEvent) {
        let ChatEvent::MessageSent {
            message_id,
            number,
            sender,
            recipient,
            content,
            reply_to,
            reference,
            tags,
            forwarded,
            expires_at,
            withheld,
            sent_at,
            ..
        } = event
        else {
            return;
        };
        self.touch(at, sender, |_| ());
        if !withheld {
            self.touch(at, recipient, |_| ());
        }
        let message = Message {
            id: message_id.0,
            sender,
            position: at,
            changed: at,
            sent_at,
            content,
            tags: tags.and_then(Personal::into_value),
            reply_to: reply_to.map(|it| it.number),
            reference,
            forwarded,
            expires_at,
            withheld,
            edits: vec![],
            reactions: vec![],
            pins: vec![],
            answer: None,
            marks: [Mark::default(), Mark::default()],
            gone: None,
            taken_back_at: None,
        };
        self.messages.insert(number, message);
    }

    fn read(&mut self, at: i64, by: AccountId, up_to: u64) {
        self.touch(at, by, |side| {
            side.read_up_to = up_to;
            side.delivered_up_to = side.delivered_up_to.max(up_to);
            side.marked_unread = false;
        });
    }

    /// Tells the other member how far `by` came. What is read has been delivered.
    fn tell(&mut self, at: i64, by: AccountId, up_to: u64, has_read: bool) {
        let Some(index) = self.index(by) else { return };
        let other = &mut self.sides[1 - index];
        if has_read && up_to > other.told_read {
            other.told_read = up_to;
            other.changed = at;
        }
        if up_to > other.told_delivered {
            other.told_delivered = up_to;
            (other.changed, other.changed_apart) = (at, at);
        }
    }

    fn touch(&mut self, at: i64, account: AccountId, change: impl FnOnce(&mut Side)) {
        if let Some(index) = self.index(account) {
            let side = &mut self.sides[index];
            (side.changed, side.changed_apart) = (at, at);
            change(side);
        }
    }

    fn touch_both(&mut self, at: i64) {
        for side in &mut self.sides {
            (side.changed, side.changed_apart) = (at, at);
        }
    }

    /// A message changed: for both members, or for `by` alone.
    fn touch_message(&mut self, at: i64, number: u64, by: AccountId, withheld: bool) {
        if withheld {
            self.touch(at, by, |_| ());
            self.mark(at, number, by, |_| ());
        } else {
            self.touch_both(at);
            self.message(number, |it| it.changed = at);
        }
    }

    fn mark(&mut self, at: i64, number: u64, by: AccountId, change: impl FnOnce(&mut Mark)) {
        if let Some(index) = self.index(by) {
            self.message(number, |it| {
                it.marks[index].changed = Some(at);
                change(&mut it.marks[index]);
            });
        }
    }

    fn message(&mut self, number: u64, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&number) {
            change(message);
        }
    }
}

impl Message {
    fn go(&mut self, at: i64, when: DateTime<Utc>, expired: bool) {
        self.changed = at;
        self.gone = Some((when, expired));
        self.marks.iter_mut().for_each(|mark| mark.starred = None);
    }

    /// Ends what is pinned, for `by` and, unless it is withheld from them, for the other.
    fn end_pins(&mut self, at: i64, by: AccountId, withheld: bool) {
        for pin in &mut self.pins {
            if !withheld || pin.by == by {
                pin.until.get_or_insert(at);
            }
            if !withheld || pin.by != by {
                pin.shown_until.get_or_insert(at);
            }
        }
    }

    fn end_reaction(&mut self, at: i64, by: AccountId, withheld: bool) {
        for reaction in self.reactions.iter_mut().filter(|it| it.by == by) {
            reaction.until.get_or_insert(at);
            if !withheld {
                reaction.shown_until.get_or_insert(at);
            }
        }
    }
}
