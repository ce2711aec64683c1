//! A second, slow opinion on a chat between Alice and Bob that has been opened: every message with
//! its flags, searched and counted anew each time.

use super::{
    ALICE, BOB, HELLO, NOW, deactivated, deleted_for_everyone, deleted_for_me, other, reactivated,
    read, sent,
};
use crate::chat::{ChatCommand, ChatError, ChatEvent};
use crate::{AccountId, MessageId};

/// What the commands of a history lead to, as one would say it on paper.
#[derive(Default)]
pub(super) struct Model {
    inactive: bool,
    messages: Vec<Message>,
    alice_read_up_to: u64,
    bob_read_up_to: u64,
}

struct Message {
    id: MessageId,
    sender: AccountId,
    /// The recipient has read up to it or further.
    seen: bool,
    deleted: bool,
    hidden_from: Vec<AccountId>,
}

impl Model {
    /// Does what `command` asks, and says what is recorded.
    pub(super) fn execute(&mut self, command: &ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
        match *command {
            ChatCommand::Open { by, with, now } => {
                assert_eq!(now, NOW);
                member(by)?;
                member(with)?;
                if by == with {
                    return Err(ChatError::SameMember);
                }
                Ok(vec![])
            }
            ChatCommand::SendText { message_id, sender, ref text, .. } => {
                assert_eq!(text, HELLO);
                self.send(message_id, sender)
            }
            ChatCommand::MarkRead { reader, up_to, .. } => self.mark_read(reader, up_to),
            ChatCommand::DeleteForMe { message_id, by, .. } => self.delete_for_me(message_id, by),
            ChatCommand::DeleteForEveryone { message_id, by, .. } => {
                self.delete_for_everyone(message_id, by)
            }
            ChatCommand::Deactivate { .. } => Ok(self.set_inactive(true, deactivated())),
            ChatCommand::Reactivate { .. } => Ok(self.set_inactive(false, reactivated())),
        }
    }

    /// How many messages `reader` has not seen, counted one by one.
    pub(super) fn unread(&self, reader: AccountId) -> u64 {
        let unread = self.messages.iter().filter(|it| it.is_unread_by(reader));
        unread.count() as u64
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.messages.iter().map(|it| it.id)
    }

    fn send(&mut self, id: MessageId, sender: AccountId) -> Result<Vec<ChatEvent>, ChatError> {
        member(sender)?;
        if let Some(known) = self.messages.iter().find(|it| it.id == id) {
            return if known.sender == sender {
                Ok(vec![])
            } else {
                Err(ChatError::MessageIdTaken(id))
            };
        }
        if self.inactive {
            return Err(ChatError::Inactive);
        }
        self.messages.push(Message {
            id,
            sender,
            seen: false,
            deleted: false,
            hidden_from: vec![],
        });
        Ok(vec![sent(self.messages.len() as u64, id, sender)])
    }

    fn mark_read(&mut self, reader: AccountId, up_to: u64) -> Result<Vec<ChatEvent>, ChatError> {
        member(reader)?;
        let last = self.messages.len() as u64;
        if up_to > last {
            return Err(ChatError::BeyondLast { last, asked: up_to });
        }
        let pointer =
            if reader == ALICE { &mut self.alice_read_up_to } else { &mut self.bob_read_up_to };
        if up_to <= *pointer {
            return Ok(vec![]);
        }
        *pointer = up_to;
        for (number, message) in (1..).zip(&mut self.messages) {
            if number <= up_to && message.sender != reader {
                message.seen = true;
            }
        }
        Ok(vec![read(reader, up_to, self.unread(reader))])
    }

    fn delete_for_me(&mut self, id: MessageId, by: AccountId) -> Result<Vec<ChatEvent>, ChatError> {
        member(by)?;
        let (number, message) = self.find(id)?;
        let was_unread = message.is_unread_by(by);
        if message.hidden_from.contains(&by) {
            return Ok(vec![]);
        }
        message.hidden_from.push(by);
        Ok(vec![deleted_for_me(number, id, by, was_unread)])
    }

    fn delete_for_everyone(
        &mut self,
        id: MessageId,
        by: AccountId,
    ) -> Result<Vec<ChatEvent>, ChatError> {
        member(by)?;
        let (number, message) = self.find(id)?;
        if message.sender != by {
            return Err(ChatError::NotTheSender);
        }
        let was_unread = message.is_unread_by(other(by));
        if std::mem::replace(&mut message.deleted, true) {
            return Ok(vec![]);
        }
        Ok(vec![deleted_for_everyone(number, id, by, was_unread)])
    }

    fn set_inactive(&mut self, inactive: bool, event: ChatEvent) -> Vec<ChatEvent> {
        if std::mem::replace(&mut self.inactive, inactive) == inactive {
            return vec![];
        }
        vec![event]
    }

    fn find(&mut self, id: MessageId) -> Result<(u64, &mut Message), ChatError> {
        (1..)
            .zip(&mut self.messages)
            .find(|(_, it)| it.id == id)
            .ok_or(ChatError::UnknownMessage(id))
    }
}

impl Message {
    fn is_unread_by(&self, reader: AccountId) -> bool {
        self.sender != reader && !self.seen && !self.deleted && !self.hidden_from.contains(&reader)
    }
}

fn member(account: AccountId) -> Result<(), ChatError> {
    if account == ALICE || account == BOB { Ok(()) } else { Err(ChatError::NotAMember(account)) }
}
