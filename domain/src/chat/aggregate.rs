use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::messages::{Messages, Side};
use super::{ChatCommand, ChatError, ChatEvent};
use crate::{AccountId, ChatId, ClaimChange, Decider, MessageId, Personal};

/// Characters in a text, after trimming.
const TEXT_MAX: usize = 10_000;

/// The state that decisions about a chat depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chat {
    #[default]
    Absent,
    Open(Box<OpenChat>),
}

/// A chat that has been opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChat {
    chat_id: ChatId,
    /// Sorted.
    members: [AccountId; 2],
    active: bool,
    messages: Messages,
    read_up_to: [u64; 2],
}

impl Decider for Chat {
    const STATE_SCHEMA: &'static str = "chat-1";

    fn decide(&self, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        match (self, command) {
            (Self::Absent, ChatCommand::Open { by, with, now }) => open(by, with, now),
            (
                Self::Absent,
                ChatCommand::SendText { .. }
                | ChatCommand::MarkRead { .. }
                | ChatCommand::DeleteForMe { .. }
                | ChatCommand::DeleteForEveryone { .. }
                | ChatCommand::Deactivate { .. }
                | ChatCommand::Reactivate { .. },
            ) => Err(ChatError::NotFound),
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

fn open(by: AccountId, with: AccountId, now: DateTime<Utc>) -> Result<Vec<ChatEvent>, ChatError> {
    if by == with {
        return Err(ChatError::SameMember);
    }
    let mut members = [by, with];
    members.sort();
    let chat_id = ChatId::between(by, with);
    Ok(vec![ChatEvent::Opened { chat_id, members, opened_by: by, opened_at: now }])
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
}

impl OpenChat {
    fn decide(&self, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        match command {
            ChatCommand::Open { by, with, .. } => self.open_again(by, with),
            ChatCommand::SendText { message_id, sender, text, now } => {
                self.send_text(message_id, sender, &text, now)
            }
            ChatCommand::MarkRead { reader, up_to, now } => self.mark_read(reader, up_to, now),
            ChatCommand::DeleteForMe { message_id, by, now } => {
                self.delete_for_me(message_id, by, now)
            }
            ChatCommand::DeleteForEveryone { message_id, by, now } => {
                self.delete_for_everyone(message_id, by, now)
            }
            ChatCommand::Deactivate { now } if self.active => {
                Ok(vec![ChatEvent::Deactivated { chat_id: self.chat_id, deactivated_at: now }])
            }
            ChatCommand::Reactivate { now } if !self.active => {
                Ok(vec![ChatEvent::Reactivated { chat_id: self.chat_id, reactivated_at: now }])
            }
            ChatCommand::Deactivate { .. } | ChatCommand::Reactivate { .. } => Ok(vec![]),
        }
    }

    fn open_again(&self, by: AccountId, with: AccountId) -> Result<Vec<ChatEvent>, ChatError> {
        self.side(by)?;
        self.side(with)?;
        if by == with {
            return Err(ChatError::SameMember);
        }
        Ok(vec![])
    }

    fn send_text(
        &self,
        message_id: MessageId,
        sender: AccountId,
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.side(sender)?;
        let text = trim_text(text)?;
        if let Some(number) = self.messages.number_of(message_id) {
            return if self.messages.sender(number) == side {
                Ok(vec![])
            } else {
                Err(ChatError::MessageIdTaken(message_id))
            };
        }
        if !self.active {
            return Err(ChatError::Inactive);
        }
        Ok(vec![ChatEvent::TextSent {
            chat_id: self.chat_id,
            message_id,
            number: self.messages.last() + 1,
            sender,
            recipient: self.members[side.other().index()],
            text: Personal::new(sender, text),
            sent_at: now,
        }])
    }

    fn mark_read(
        &self,
        reader: AccountId,
        up_to: u64,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.side(reader)?;
        let last = self.messages.last();
        if up_to > last {
            return Err(ChatError::BeyondLast { last, asked: up_to });
        }
        if up_to <= self.read_up_to[side.index()] {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MessagesRead {
            chat_id: self.chat_id,
            reader,
            up_to,
            unread: self.messages.unread(side, up_to),
            read_at: now,
        }])
    }

    fn delete_for_me(
        &self,
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.side(by)?;
        let number = self.number_of(message_id)?;
        if self.messages.is_hidden(number, side) {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MessageDeletedForMe {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            was_unread: self.is_unread(number, side),
            deleted_at: now,
        }])
    }

    fn delete_for_everyone(
        &self,
        message_id: MessageId,
        by: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        let side = self.side(by)?;
        let number = self.number_of(message_id)?;
        if self.messages.sender(number) != side {
            return Err(ChatError::NotTheSender);
        }
        if self.messages.is_deleted(number) {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MessageDeletedForEveryone {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            recipient: self.members[side.other().index()],
            was_unread: self.is_unread(number, side.other()),
            deleted_at: now,
        }])
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

    fn number_of(&self, message_id: MessageId) -> Result<u64, ChatError> {
        self.messages.number_of(message_id).ok_or(ChatError::UnknownMessage(message_id))
    }

    fn is_unread(&self, number: u64, side: Side) -> bool {
        number > self.read_up_to[side.index()] && self.messages.counts(number, side)
    }

    fn apply(&mut self, event: &ChatEvent) {
        match *event {
            ChatEvent::Opened { .. } => {}
            ChatEvent::TextSent { message_id, sender, .. } => {
                if let Ok(side) = self.side(sender) {
                    self.messages.push(message_id, side);
                }
            }
            ChatEvent::MessagesRead { reader, up_to, .. } => {
                if let Ok(side) = self.side(reader) {
                    self.read_up_to[side.index()] = up_to;
                }
            }
            ChatEvent::MessageDeletedForMe { number, by, .. } => {
                if let Ok(side) = self.side(by) {
                    self.messages.hide(number, side);
                }
            }
            ChatEvent::MessageDeletedForEveryone { number, .. } => self.messages.delete(number),
            ChatEvent::Deactivated { .. } => self.active = false,
            ChatEvent::Reactivated { .. } => self.active = true,
        }
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
        if let ChatEvent::Opened { chat_id, members, .. } = event {
            *self = Self::Open(Box::new(OpenChat {
                chat_id,
                members,
                active: true,
                messages: Messages::default(),
                read_up_to: [0, 0],
            }));
        } else if let Self::Open(chat) = self {
            chat.apply(&event);
        }
    }
}

fn trim_text(text: &str) -> Result<String, ChatError> {
    let text = text.trim();
    let actual = text.chars().count();
    if actual == 0 {
        return Err(ChatError::EmptyText);
    }
    if actual > TEXT_MAX {
        return Err(ChatError::TextTooLong { max: TEXT_MAX, actual });
    }
    if text.chars().any(|it| it.is_control() && it != '\n' && it != '\t') {
        return Err(ChatError::ControlCharacter);
    }
    Ok(text.to_owned())
}
