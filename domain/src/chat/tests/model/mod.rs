//! A second, slow opinion on a chat between Alice and Bob that has been opened: every message with
//! what became of it, searched and counted anew each time. [`messages`] is about single ones.

mod messages;
mod settings;

use chrono::{DateTime, TimeDelta, Utc};

use super::events::{
    cleared, deactivated, delivered, disappearing_set, expired, expiring, forwarded, marked_unread,
    reactivated, read, replying, sent_content, timed, unarchived, withheld,
};
use super::{ALICE, BOB, other};
use crate::chat::{ChatCommand, ChatError, ChatEvent, Content, Disappearing, NewContent, Outgoing};
use crate::{AccountId, MessageId, Personal};

type Answer = Result<Vec<ChatEvent>, ChatError>;

/// What the commands of a history lead to, as one would say it on paper.
#[derive(Default)]
pub(super) struct Model {
    inactive: bool,
    messages: Vec<Message>,
    alice: Member,
    bob: Member,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "as one would list it on paper")]
struct Member {
    read_up_to: u64,
    delivered_up_to: u64,
    cleared_up_to: u64,
    marked_unread: bool,
    /// The end of time is for ever.
    muted_until: Option<DateTime<Utc>>,
    archived: bool,
    has_draft: bool,
    blocks: bool,
    pinned: Vec<MessageId>,
    disappearing: Option<Disappearing>,
}

#[expect(clippy::struct_excessive_bools, reason = "as one would list it on paper")]
struct Message {
    id: MessageId,
    sender: AccountId,
    content: NewContent,
    /// The recipient has read up to it or further.
    seen: bool,
    /// The recipient had blocked the sender.
    withheld: bool,
    /// For everyone, or expired.
    gone: bool,
    /// For its sender alone, who does not know.
    taken_back: bool,
    expires_at: Option<DateTime<Utc>>,
    forwarded: bool,
    hidden_from: Vec<AccountId>,
    starred_by: Vec<AccountId>,
    reacted_by: Vec<AccountId>,
    /// Whose reaction the other sees, be it an earlier one.
    reactions_shown: Vec<AccountId>,
    reported: bool,
    answered: bool,
    edits: u32,
}

impl Model {
    /// Does what `command` asks, and says what is recorded.
    pub(super) fn execute(&mut self, command: &ChatCommand) -> Answer {
        let (now, answer) = match *command {
            ChatCommand::Open { by, with, now } => (now, between(by, with).map(|()| vec![])),
            ChatCommand::Send { ref message, now, .. } => (now, self.send(message, now)),
            ChatCommand::Edit { message_id, by, ref text, now, .. } => {
                (now, self.edit(message_id, by, text.as_deref(), now))
            }
            ChatCommand::DeleteForMe { message_id, by, now } => {
                (now, self.delete_for_me(message_id, by))
            }
            ChatCommand::DeleteForEveryone { message_id, by, now } => {
                (now, self.delete_for_everyone(message_id, by))
            }
            ChatCommand::React { message_id, by, ref emoji, now } => {
                (now, self.react(message_id, by, emoji, now))
            }
            ChatCommand::RemoveReaction { message_id, by, now } => {
                (now, self.remove_reaction(message_id, by))
            }
            ChatCommand::Pin { message_id, by, now } => (now, self.pin(message_id, by, now)),
            ChatCommand::Unpin { message_id, by, now } => (now, self.unpin(message_id, by)),
            ChatCommand::Star { message_id, by, now } => (now, self.star(message_id, by, now)),
            ChatCommand::Unstar { message_id, by, now } => (now, self.unstar(message_id, by)),
            ChatCommand::Answer { message_id, by, ref answer, now } => {
                (now, self.answer(message_id, by, answer, now))
            }
            ChatCommand::Forward { message_id, by, now } => {
                (now, member(by).and_then(|()| self.present(message_id, by, now)).map(|_| vec![]))
            }
            ChatCommand::Report { message_id, by, ref seen, now, .. } => {
                (now, self.report(message_id, by, seen, now))
            }
            ChatCommand::MarkRead { reader, up_to, now } => (now, self.mark_read(reader, up_to)),
            ChatCommand::MarkDelivered { by, up_to, now } => (now, self.mark_delivered(by, up_to)),
            ChatCommand::MarkUnread { by, now } => (now, self.mark_unread(by)),
            ChatCommand::Clear { by, now } => (now, self.clear(by)),
            ChatCommand::SaveDraft { by, ref text, reply_to, now, .. } => {
                (now, self.save_draft(by, text.as_deref(), reply_to, now))
            }
            ChatCommand::SetDisappearing { by, after, now } => {
                (now, self.set_disappearing(by, after))
            }
            ChatCommand::Mute { by, until, now } => (now, self.mute(by, until, now)),
            ChatCommand::Unmute { by, now } => (now, self.unmute(by)),
            ChatCommand::Archive { by, now } => (now, self.archive(by)),
            ChatCommand::Unarchive { by, now } => (now, self.unarchive(by)),
            ChatCommand::Block { by, whom, now } => (now, self.block(by, whom)),
            ChatCommand::Unblock { by, whom, now } => (now, self.unblock(by, whom)),
            ChatCommand::Expire { now } => (now, Ok(self.expire(now))),
            ChatCommand::Deactivate { now } => (now, Ok(self.set_inactive(true, deactivated()))),
            ChatCommand::Reactivate { now } => (now, Ok(self.set_inactive(false, reactivated()))),
        };
        answer.map(|events| events.into_iter().map(|it| timed(now, it)).collect())
    }

    /// How many messages `reader` has not seen, counted one by one.
    pub(super) fn unread(&self, reader: AccountId) -> u64 {
        let unread = self.messages.iter().filter(|it| it.is_unread_by(reader));
        unread.count() as u64
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.messages.iter().map(|it| it.id)
    }

    fn send(&mut self, message: &Outgoing, now: DateTime<Utc>) -> Answer {
        let &Outgoing { message_id: id, sender, reply_to, .. } = message;
        member(sender)?;
        if let Some(known) = self.messages.iter().find(|it| it.id == id) {
            return if known.sender == sender {
                Ok(vec![])
            } else {
                Err(ChatError::MessageIdTaken(id))
            };
        }
        self.may_speak(sender)?;
        let quoted = reply_to.map(|it| self.present(it, sender, now)).transpose()?;
        let recipient = other(sender);
        let setting = self.of(sender).disappearing;
        let expires_at = setting.map(|it| now + TimeDelta::days(it.days()));
        let is_withheld = self.of(recipient).blocks;
        self.messages.push(Message {
            id,
            sender,
            content: message.content.clone(),
            seen: false,
            withheld: is_withheld,
            gone: false,
            taken_back: false,
            expires_at,
            forwarded: message.forwarded.is_some(),
            hidden_from: if is_withheld { vec![recipient] } else { vec![] },
            starred_by: vec![],
            reacted_by: vec![],
            reactions_shown: vec![],
            reported: false,
            answered: false,
            edits: 0,
        });
        let number = self.messages.len() as u64;
        let mut event = sent_content(number, id, sender, content_of(sender, &message.content));
        if let (Some(to), Some(quoted)) = (reply_to, quoted) {
            event = replying(event, to, quoted);
        }
        if let Some(at) = expires_at {
            event = expiring(event, at);
        }
        if let Some(origin) = message.forwarded {
            event = forwarded(event, origin);
        }
        if is_withheld {
            return Ok(vec![withheld(event)]);
        }
        let mut events = vec![event];
        if std::mem::replace(&mut self.of(recipient).disappearing, setting) != setting {
            events.push(disappearing_set(sender, setting));
        }
        let muted = self.of(recipient).muted_until.is_some_and(|until| now < until);
        if self.of(recipient).archived && !muted {
            self.of(recipient).archived = false;
            events.push(unarchived(recipient));
        }
        Ok(events)
    }

    fn mark_read(&mut self, reader: AccountId, up_to: u64) -> Answer {
        member(reader)?;
        self.exists(up_to)?;
        let of_reader = self.of(reader);
        let further = up_to > of_reader.read_up_to;
        if !further && !of_reader.marked_unread {
            return Ok(vec![]);
        }
        let up_to = self.read_on(reader, up_to);
        let event = read(reader, up_to, self.unread(reader));
        Ok(vec![self.told(event)])
    }

    /// Moves the pointer, unless that is back, and takes the mark away; returns the pointer.
    fn read_on(&mut self, reader: AccountId, up_to: u64) -> u64 {
        let of_reader = self.of(reader);
        of_reader.marked_unread = false;
        of_reader.read_up_to = up_to.max(of_reader.read_up_to);
        let up_to = of_reader.read_up_to;
        for (number, message) in (1..).zip(&mut self.messages) {
            if number <= up_to && message.sender != reader {
                message.seen = true;
            }
        }
        up_to
    }

    fn mark_delivered(&mut self, by: AccountId, up_to: u64) -> Answer {
        member(by)?;
        self.exists(up_to)?;
        let of_member = self.of(by);
        if up_to <= of_member.delivered_up_to || up_to <= of_member.read_up_to {
            return Ok(vec![]);
        }
        of_member.delivered_up_to = up_to;
        Ok(vec![self.told(delivered(by, up_to))])
    }

    fn mark_unread(&mut self, by: AccountId) -> Answer {
        member(by)?;
        let marked = std::mem::replace(&mut self.of(by).marked_unread, true);
        Ok(if marked { vec![] } else { vec![marked_unread(by)] })
    }

    fn clear(&mut self, by: AccountId) -> Answer {
        member(by)?;
        let last = self.messages.len() as u64;
        let before = std::mem::replace(&mut self.of(by).cleared_up_to, last);
        if before == last && !self.of(by).marked_unread {
            return Ok(vec![]);
        }
        self.read_on(by, last);
        self.of(by).pinned.clear();
        Ok(vec![cleared(by, last)])
    }

    fn expire(&mut self, now: DateTime<Utc>) -> Vec<ChatEvent> {
        let mut numbers = vec![];
        for (number, message) in (1..).zip(&mut self.messages) {
            if !message.gone && message.expires_at.is_some_and(|it| it <= now) {
                message.gone = true;
                numbers.push(number);
                self.alice.pinned.retain(|it| *it != message.id);
                self.bob.pinned.retain(|it| *it != message.id);
            }
        }
        if numbers.is_empty() {
            return vec![];
        }
        vec![expired(numbers, [self.unread(ALICE), self.unread(BOB)], now)]
    }

    fn set_inactive(&mut self, inactive: bool, event: ChatEvent) -> Vec<ChatEvent> {
        if std::mem::replace(&mut self.inactive, inactive) == inactive {
            return vec![];
        }
        vec![event]
    }

    fn of(&mut self, account: AccountId) -> &mut Member {
        if account == ALICE { &mut self.alice } else { &mut self.bob }
    }

    fn may_speak(&mut self, account: AccountId) -> Result<(), ChatError> {
        if self.inactive {
            return Err(ChatError::Inactive);
        }
        if self.of(account).blocks { Err(ChatError::YouBlocked) } else { Ok(()) }
    }

    fn exists(&self, up_to: u64) -> Result<(), ChatError> {
        let last = self.messages.len() as u64;
        if up_to > last { Err(ChatError::BeyondLast { last, asked: up_to }) } else { Ok(()) }
    }

    /// Receipts are nobody's while either blocks the other.
    fn told(&self, event: ChatEvent) -> ChatEvent {
        if self.alice.blocks || self.bob.blocks { withheld(event) } else { event }
    }

    /// Whether the other is to see what `by` does to the message.
    fn reaches(&mut self, id: MessageId, by: AccountId) -> bool {
        let other = other(by);
        let hears = !self.of(other).blocks && self.seen(id, other).is_ok();
        hears && !self.messages.iter().any(|it| it.id == id && it.is_gone_for(other))
    }

    /// As far as the other may see it.
    fn shown(&mut self, id: MessageId, by: AccountId, event: ChatEvent) -> ChatEvent {
        if self.reaches(id, by) { event } else { withheld(event) }
    }

    fn number(&self, id: MessageId) -> Result<u64, ChatError> {
        let place = self.messages.iter().position(|it| it.id == id);
        place.map(|it| it as u64 + 1).ok_or(ChatError::UnknownMessage(id))
    }

    /// The number of a message that `by` can see, or could before it was gone for everyone.
    fn seen(&mut self, id: MessageId, by: AccountId) -> Result<u64, ChatError> {
        let number = self.number(id)?;
        let hidden = number <= self.of(by).cleared_up_to
            || self.messages.iter().any(|it| it.id == id && it.hidden_from.contains(&by));
        if hidden { Err(ChatError::UnknownMessage(id)) } else { Ok(number) }
    }

    fn present(
        &mut self,
        id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    ) -> Result<u64, ChatError> {
        let number = self.seen(id, by)?;
        let gone = |it: &Message| it.is_gone_for(by) || it.expires_at.is_some_and(|at| at <= now);
        let gone = self.messages.iter().any(|it| it.id == id && gone(it));
        if gone { Err(ChatError::Deleted) } else { Ok(number) }
    }
}

impl Message {
    fn is_gone_for(&self, account: AccountId) -> bool {
        self.gone || self.taken_back && self.sender == account
    }

    fn is_unread_by(&self, reader: AccountId) -> bool {
        self.sender != reader && !self.seen && !self.gone && !self.hidden_from.contains(&reader)
    }
}

fn member(account: AccountId) -> Result<(), ChatError> {
    if account == ALICE || account == BOB { Ok(()) } else { Err(ChatError::NotAMember(account)) }
}

fn between(by: AccountId, with: AccountId) -> Result<(), ChatError> {
    member(by)?;
    member(with)?;
    if by == with { Err(ChatError::SameMember) } else { Ok(()) }
}

/// Of what histories send: nothing that has to be trimmed or refused.
fn content_of(by: AccountId, content: &NewContent) -> Content {
    let said = |it: &String| Personal::new(by, it.clone());
    match content {
        NewContent::Text { text } => Content::Text { text: said(text) },
        NewContent::File { file, caption } => {
            Content::File { file: *file, caption: caption.as_ref().map(said) }
        }
        NewContent::Image { file, caption } => {
            Content::Image { file: *file, caption: caption.as_ref().map(said) }
        }
        NewContent::Actionable { text, action, action_params } => Content::Actionable {
            text: said(text),
            action: action.clone(),
            action_params: Personal::new(by, action_params.clone()),
        },
    }
}
