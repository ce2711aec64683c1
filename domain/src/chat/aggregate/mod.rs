//! The state of a chat, and which rule decides what.

mod apply;
mod blocking;
mod expiring;
mod messages;
mod news;
mod pointers;
mod sending;
mod settings;
mod text;

pub use self::news::News;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::messages::{Mark, MemberMark, Messages, Side};
use super::{ChatCommand, ChatError, ChatEvent, Disappearing};
use crate::{AccountId, ChatId, ClaimChange, Decider, MessageId};

/// The state that decisions about a chat depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chat {
    #[default]
    Absent,
    Open(Box<OpenChat>),
}

/// A chat that has been opened, or in which one has blocked the other before that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChat {
    chat_id: ChatId,
    /// Sorted.
    members: [AccountId; 2],
    active: bool,
    messages: Messages,
    sides: [Member; 2],
}

/// What a chat is to one of its members.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Member {
    /// The chat is there for them.
    opened: bool,
    read_up_to: u64,
    delivered_up_to: u64,
    cleared_up_to: u64,
    marked_unread: bool,
    muted: Muted,
    archived: bool,
    has_draft: bool,
    /// Numbers, in the order of pinning: at most 50, of messages that they see.
    pins: Vec<u64>,
    disappearing: Option<Disappearing>,
    /// The other member.
    blocks: bool,
    /// When as many messages as ever may be sent at once again.
    allowance_full_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Muted {
    #[default]
    No,
    Until(DateTime<Utc>),
    ForEver,
}

impl Muted {
    fn is_on(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::No => false,
            Self::Until(until) => now < until,
            Self::ForEver => true,
        }
    }
}

/// Who acts on which message, and when.
#[derive(Debug, Clone, Copy)]
struct Act {
    message_id: MessageId,
    by: AccountId,
    now: DateTime<Utc>,
}

impl Decider for Chat {
    const STATE_SCHEMA: &'static str = "chat-3";

    fn decide(&self, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        match (self, command) {
            (Self::Absent, ChatCommand::Open { by, with, now }) => {
                OpenChat::between(by, with)?.open(by, with, now)
            }
            (Self::Absent, ChatCommand::Block { by, whom, now }) => {
                OpenChat::between(by, whom)?.block(by, whom, now)
            }
            (Self::Absent, ChatCommand::Unblock { .. }) => Ok(vec![]),
            (Self::Absent, _) => Err(ChatError::NotFound),
            (Self::Open(chat), command) => chat.decide(command),
        }
    }

    fn claims(&self, _event: &ChatEvent) -> Vec<ClaimChange> {
        vec![]
    }

    fn weight(&self) -> usize {
        match self {
            Self::Absent => size_of::<Self>(),
            Self::Open(chat) => size_of::<Self>() + size_of::<OpenChat>() + chat.messages.weight(),
        }
    }
}

impl Chat {
    /// The number of the message with this id, when it was ever sent.
    #[must_use]
    pub fn number_of(&self, message_id: MessageId) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Open(chat) => chat.messages.number_of(message_id),
        }
    }

    /// Whether the message with this id was sent, and not deleted for everyone or expired since.
    #[must_use]
    pub fn holds(&self, message_id: MessageId) -> bool {
        match self {
            Self::Absent => false,
            Self::Open(chat) => {
                let number = chat.messages.number_of(message_id);
                number.is_some_and(|it| !chat.messages.is(Mark::Deleted, it))
            }
        }
    }
}

impl OpenChat {
    /// The chat of the two, before anything has happened in it.
    fn between(one: AccountId, other: AccountId) -> Result<Self, ChatError> {
        if one == other {
            return Err(ChatError::SameMember);
        }
        let mut members = [one, other];
        members.sort();
        Ok(Self::new(ChatId::between(one, other), members))
    }

    fn new(chat_id: ChatId, members: [AccountId; 2]) -> Self {
        Self {
            chat_id,
            members,
            active: true,
            messages: Messages::default(),
            sides: Default::default(),
        }
    }

    fn decide(&self, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        let act = |message_id, by, now| Act { message_id, by, now };
        match command {
            ChatCommand::Open { by, with, now } => self.open(by, with, now),
            ChatCommand::Block { by, whom, now } => self.block(by, whom, now),
            ChatCommand::Unblock { by, whom, now } => self.unblock(by, whom, now),
            command if !self.is_there_for(command.by()) => Err(ChatError::NotFound),
            ChatCommand::Send { message, limits, now } => self.send(*message, limits, now),
            ChatCommand::Edit { message_id, by, text, tags, limits, now } => {
                self.edit(act(message_id, by, now), text.as_deref(), &tags, limits)
            }
            ChatCommand::DeleteForMe { message_id, by, now } => {
                self.delete_for_me(act(message_id, by, now))
            }
            ChatCommand::DeleteForEveryone { message_id, by, now } => {
                self.delete_for_everyone(act(message_id, by, now))
            }
            ChatCommand::React { message_id, by, emoji, now } => {
                self.react(act(message_id, by, now), emoji)
            }
            ChatCommand::RemoveReaction { message_id, by, now } => {
                self.remove_reaction(act(message_id, by, now))
            }
            ChatCommand::Pin { message_id, by, now } => self.pin(act(message_id, by, now)),
            ChatCommand::Unpin { message_id, by, now } => self.unpin(act(message_id, by, now)),
            ChatCommand::Star { message_id, by, now } => self.star(act(message_id, by, now)),
            ChatCommand::Unstar { message_id, by, now } => self.unstar(act(message_id, by, now)),
            ChatCommand::Answer { message_id, by, answer, now } => {
                self.answer(act(message_id, by, now), answer)
            }
            ChatCommand::Forward { message_id, by, now } => {
                self.present(message_id, self.side(by)?, now).map(|_| vec![])
            }
            ChatCommand::Report { report_id, message_id, by, seen, now } => {
                self.report(act(message_id, by, now), report_id, *seen)
            }
            ChatCommand::MarkRead { reader, up_to, now } => self.mark_read(reader, up_to, now),
            ChatCommand::MarkDelivered { by, up_to, now } => self.mark_delivered(by, up_to, now),
            ChatCommand::MarkUnread { by, now } => self.mark_unread(by, now),
            ChatCommand::Clear { by, now } => self.clear(by, now),
            ChatCommand::SaveDraft { by, text, reply_to, limits, now } => {
                self.save_draft(by, text, reply_to, limits, now)
            }
            ChatCommand::SetDisappearing { by, after, now } => {
                self.set_disappearing(by, after, now)
            }
            ChatCommand::Mute { by, until, now } => self.mute(by, until, now),
            ChatCommand::Unmute { by, now } => self.unmute(by, now),
            ChatCommand::Archive { by, now } => self.archive(by, now),
            ChatCommand::Unarchive { by, now } => self.unarchive(by, now),
            ChatCommand::Expire { now } => Ok(self.expire(now)),
            ChatCommand::Deactivate { now } if self.active => {
                Ok(vec![ChatEvent::Deactivated { chat_id: self.chat_id, deactivated_at: now }])
            }
            ChatCommand::Reactivate { now } if !self.active => {
                Ok(vec![ChatEvent::Reactivated { chat_id: self.chat_id, reactivated_at: now }])
            }
            ChatCommand::Deactivate { .. } | ChatCommand::Reactivate { .. } => Ok(vec![]),
        }
    }

    fn open(
        &self,
        by: AccountId,
        with: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.sides(by, with)?;
        if self.member(side).opened {
            return Ok(vec![]);
        }
        if self.member(side.other()).opened {
            return Ok(vec![self.reveal(by, now)]);
        }
        Ok(vec![ChatEvent::Opened {
            chat_id: self.chat_id,
            members: self.members,
            opened_by: by,
            withheld: self.member(side.other()).blocks,
            opened_at: now,
        }])
    }

    const fn reveal(&self, to: AccountId, now: DateTime<Utc>) -> ChatEvent {
        let (chat_id, members) = (self.chat_id, self.members);
        ChatEvent::Revealed { chat_id, members, to, revealed_at: now }
    }

    /// Whether there is a chat as far as `account` can know; of nobody, whether it was ever opened.
    fn is_there_for(&self, account: Option<AccountId>) -> bool {
        match account.and_then(|it| self.side(it).ok()) {
            Some(side) => self.member(side).opened,
            None => self.sides.iter().any(|it| it.opened),
        }
    }

    fn side(&self, account: AccountId) -> Result<Side, ChatError> {
        if account == self.members[0] {
            Ok(Side::First)
        } else if account == self.members[1] {
            Ok(Side::Second)
        } else {
            Err(ChatError::NotAMember(account))
        }
    }

    /// The side of `by`, when `with` is the other.
    fn sides(&self, by: AccountId, with: AccountId) -> Result<Side, ChatError> {
        let side = self.side(by)?;
        self.side(with)?;
        if by == with { Err(ChatError::SameMember) } else { Ok(side) }
    }

    fn member(&self, side: Side) -> &Member {
        &self.sides[side.index()]
    }

    fn other(&self, side: Side) -> AccountId {
        self.members[side.other().index()]
    }

    /// What `side` does now never reaches the other member, who has blocked them, or knows of no
    /// chat.
    fn is_withheld(&self, side: Side) -> bool {
        let other = self.member(side.other());
        other.blocks || !other.opened
    }

    /// What `side` does to the message reaches the other member, who sees it as well.
    fn reaches(&self, number: u64, side: Side) -> bool {
        let other = side.other();
        !self.is_withheld(side)
            && !self.is_hidden(number, other)
            && !self.messages.is_deleted(number, other)
    }

    /// Whoever has blocked the other does not speak to them either.
    fn may_speak(&self, side: Side) -> Result<(), ChatError> {
        if !self.active {
            Err(ChatError::Inactive)
        } else if self.member(side).blocks {
            Err(ChatError::YouBlocked)
        } else {
            Ok(())
        }
    }

    fn number_of(&self, message_id: MessageId) -> Result<u64, ChatError> {
        self.messages.number_of(message_id).ok_or(ChatError::UnknownMessage(message_id))
    }

    fn is_hidden(&self, number: u64, side: Side) -> bool {
        number <= self.member(side).cleared_up_to
            || self.messages.is_for(MemberMark::Hidden, number, side)
    }

    /// The number of a message that `side` can see, deleted or not.
    fn seen(&self, message_id: MessageId, side: Side) -> Result<u64, ChatError> {
        let number = self.number_of(message_id)?;
        if self.is_hidden(number, side) {
            Err(ChatError::UnknownMessage(message_id))
        } else {
            Ok(number)
        }
    }

    /// The number of a message that `side` can see and that is still there.
    fn present(
        &self,
        message_id: MessageId,
        side: Side,
        now: DateTime<Utc>,
    ) -> Result<u64, ChatError> {
        let number = self.seen(message_id, side)?;
        if self.messages.is_gone(number, side, now) { Err(ChatError::Deleted) } else { Ok(number) }
    }

    fn is_unread(&self, number: u64, side: Side) -> bool {
        number > self.member(side).read_up_to && self.messages.counts(number, side)
    }
}

impl Aggregate for Chat {
    const TYPE: &'static str = "chat";
    type Command = ChatCommand;
    type Event = ChatEvent;
    type Error = ChatError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ChatCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ChatError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Folds one recorded event into the state. Never fails and never judges: it already happened.
    fn apply(&mut self, event: ChatEvent) {
        if let Self::Absent = self
            && let ChatEvent::Opened { chat_id, members, .. }
            | ChatEvent::Blocked { chat_id, members, .. } = &event
        {
            *self = Self::Open(Box::new(OpenChat::new(*chat_id, *members)));
        }
        if let Self::Open(chat) = self {
            chat.apply(&event);
        }
    }
}
