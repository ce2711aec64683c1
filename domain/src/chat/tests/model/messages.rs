//! What becomes of single messages.

use serde_json::Value;

use super::{Answer, Message, Model, member};
use crate::chat::tests::events::{
    answered, deleted_for_everyone, deleted_for_me, edited, pinned, reacted, reaction_removed,
    reported, starred, unpinned, unstarred,
};
use chrono::{DateTime, Utc};

use crate::chat::tests::other;
use crate::chat::{ChatError, ChatEvent, NewContent, ReportedCopy};
use crate::{AccountId, MessageId};

impl Model {
    pub(super) fn edit(
        &mut self,
        id: MessageId,
        by: AccountId,
        text: Option<&str>,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        if self.message(number).sender != by {
            return Err(ChatError::NotTheSender);
        }
        if self.message(number).forwarded {
            return Err(ChatError::NotTheAuthor);
        }
        self.may_speak(by)?;
        let message = self.message(number);
        if text.is_none() && !has_file(message) {
            return Err(ChatError::EmptyText);
        }
        message.edits += 1;
        let event = edited((number, message.edits), id, by, text);
        Ok(vec![self.shown(by, event)])
    }

    pub(super) fn delete_for_me(&mut self, id: MessageId, by: AccountId) -> Answer {
        member(by)?;
        let number = self.number(id)?;
        let cleared = number <= self.of(by).cleared_up_to;
        let message = self.message(number);
        let was_unread = message.is_unread_by(by);
        if cleared || message.hidden_from.contains(&by) {
            return Ok(vec![]);
        }
        message.hidden_from.push(by);
        self.unpin_what_nobody_sees();
        Ok(vec![deleted_for_me(number, id, by, was_unread)])
    }

    pub(super) fn delete_for_everyone(&mut self, id: MessageId, by: AccountId) -> Answer {
        member(by)?;
        let number = self.number(id)?;
        let message = self.message(number);
        if message.sender != by {
            return Err(ChatError::NotTheSender);
        }
        let was_unread = message.is_unread_by(other(by));
        if std::mem::replace(&mut message.gone, true) {
            return Ok(vec![]);
        }
        self.pinned.retain(|it| *it != id);
        Ok(vec![deleted_for_everyone(number, id, by, was_unread)])
    }

    pub(super) fn react(
        &mut self,
        id: MessageId,
        by: AccountId,
        emoji: &str,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        self.may_speak(by)?;
        self.message(number).reacted_by.push(by);
        let event = reacted(number, id, by, emoji);
        Ok(vec![self.shown(by, event)])
    }

    pub(super) fn remove_reaction(&mut self, id: MessageId, by: AccountId) -> Answer {
        self.take_away(id, by, reaction_removed, |it| &mut it.reacted_by)
    }

    pub(super) fn unstar(&mut self, id: MessageId, by: AccountId) -> Answer {
        self.take_away(id, by, unstarred, |it| &mut it.starred_by)
    }

    /// Nothing hangs on a message that is gone.
    fn take_away(
        &mut self,
        id: MessageId,
        by: AccountId,
        event: fn(u64, MessageId, AccountId) -> ChatEvent,
        of: fn(&mut Message) -> &mut Vec<AccountId>,
    ) -> Answer {
        member(by)?;
        let number = self.seen(id, by)?;
        let message = self.message(number);
        let was_there = !message.gone && of(message).contains(&by);
        of(message).retain(|it| *it != by);
        Ok(if was_there { vec![event(number, id, by)] } else { vec![] })
    }

    pub(super) fn pin(&mut self, id: MessageId, by: AccountId, now: DateTime<Utc>) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        self.may_speak(by)?;
        if self.pinned.contains(&id) {
            return Ok(vec![]);
        }
        self.pinned.push(id);
        Ok(vec![pinned(number, id, by)])
    }

    pub(super) fn unpin(&mut self, id: MessageId, by: AccountId) -> Answer {
        member(by)?;
        let number = self.seen(id, by)?;
        let before = self.pinned.len();
        self.pinned.retain(|it| *it != id);
        Ok(if self.pinned.len() < before { vec![unpinned(number, id, by)] } else { vec![] })
    }

    pub(super) fn star(&mut self, id: MessageId, by: AccountId, now: DateTime<Utc>) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        let message = self.message(number);
        if message.starred_by.contains(&by) {
            return Ok(vec![]);
        }
        message.starred_by.push(by);
        Ok(vec![starred(number, id, by)])
    }

    pub(super) fn answer(
        &mut self,
        id: MessageId,
        by: AccountId,
        answer: &Value,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        let message = self.message(number);
        let is_question = matches!(message.content, NewContent::Actionable { .. });
        if !is_question || message.sender == by {
            return Err(ChatError::NothingToAnswer);
        }
        self.may_speak(by)?;
        if std::mem::replace(&mut self.message(number).answered, true) {
            return Err(ChatError::AlreadyAnswered);
        }
        let event = answered(number, id, by, answer.clone());
        Ok(vec![self.shown(by, event)])
    }

    pub(super) fn report(
        &mut self,
        id: MessageId,
        by: AccountId,
        seen: &ReportedCopy,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        let message = self.message(number);
        if message.sender == by {
            return Err(ChatError::OwnMessage);
        }
        let again = std::mem::replace(&mut message.reported, true);
        Ok(if again { vec![] } else { vec![reported(number, id, by, seen.clone())] })
    }

    fn message(&mut self, number: u64) -> &mut Message {
        let place = usize::try_from(number - 1).unwrap();
        &mut self.messages[place]
    }
}

fn has_file(message: &Message) -> bool {
    matches!(message.content, NewContent::File { .. } | NewContent::Image { .. })
}
