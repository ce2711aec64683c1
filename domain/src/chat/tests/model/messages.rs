//! What becomes of single messages.

use serde_json::Value;

use super::{Answer, Message, Model, member};
use crate::chat::tests::events::{
    answered, deleted_for_everyone, deleted_for_me, edited, pinned, reacted, reaction_removed,
    reported, starred, taken_back, unpinned, unstarred, withheld,
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
        Ok(vec![self.shown(id, by, event)])
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
        self.of(by).pinned.retain(|it| *it != id);
        Ok(vec![deleted_for_me(number, id, by, was_unread)])
    }

    pub(super) fn delete_for_everyone(&mut self, id: MessageId, by: AccountId) -> Answer {
        member(by)?;
        let number = self.number(id)?;
        let message = self.message(number);
        if message.sender != by {
            return Err(ChatError::NotTheSender);
        }
        if message.is_gone_for(by) {
            return Ok(vec![]);
        }
        let (was_unread, was_withheld) = (message.is_unread_by(other(by)), message.withheld);
        self.of(by).pinned.retain(|it| *it != id);
        if self.of(other(by)).blocks && !was_withheld {
            self.message(number).taken_back = true;
            return Ok(vec![taken_back(number, id, by)]);
        }
        self.message(number).gone = true;
        self.of(other(by)).pinned.retain(|it| *it != id);
        let event = deleted_for_everyone(number, id, by, was_unread);
        Ok(vec![if was_withheld { withheld(event) } else { event }])
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
        if self.reaches(id, by) {
            self.message(number).reactions_shown.push(by);
        }
        let event = reacted(number, id, by, emoji);
        Ok(vec![self.shown(id, by, event)])
    }

    pub(super) fn remove_reaction(&mut self, id: MessageId, by: AccountId) -> Answer {
        let removed = self.take_away(id, by, reaction_removed, |it| &mut it.reacted_by)?;
        let Some(event) = removed.into_iter().next() else { return Ok(vec![]) };
        let number = self.number(id)?;
        if self.reaches(id, by) && self.message(number).reactions_shown.contains(&by) {
            self.message(number).reactions_shown.retain(|it| *it != by);
            return Ok(vec![event]);
        }
        Ok(vec![withheld(event)])
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
        let was_there = !message.is_gone_for(by) && of(message).contains(&by);
        of(message).retain(|it| *it != by);
        Ok(if was_there { vec![event(number, id, by)] } else { vec![] })
    }

    pub(super) fn pin(&mut self, id: MessageId, by: AccountId, now: DateTime<Utc>) -> Answer {
        member(by)?;
        let number = self.present(id, by, now)?;
        self.may_speak(by)?;
        if self.of(by).pinned.contains(&id) {
            return Ok(vec![]);
        }
        if self.of(by).pinned.len() == 50 {
            return Err(ChatError::TooManyPins { max: 50 });
        }
        self.of(by).pinned.push(id);
        let is_shown = self.reaches(id, by);
        let others = &mut self.of(other(by)).pinned;
        let has_room = others.len() < 50 || others.contains(&id);
        if !is_shown || !has_room {
            return Ok(vec![withheld(pinned(number, id, by))]);
        }
        if !others.contains(&id) {
            others.push(id);
        }
        Ok(vec![pinned(number, id, by)])
    }

    pub(super) fn unpin(&mut self, id: MessageId, by: AccountId) -> Answer {
        member(by)?;
        let number = self.seen(id, by)?;
        if !self.of(by).pinned.contains(&id) {
            return Ok(vec![]);
        }
        self.of(by).pinned.retain(|it| *it != id);
        let theirs = self.of(other(by));
        if theirs.blocks || !theirs.pinned.contains(&id) {
            return Ok(vec![withheld(unpinned(number, id, by))]);
        }
        theirs.pinned.retain(|it| *it != id);
        Ok(vec![unpinned(number, id, by)])
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
        Ok(vec![self.shown(id, by, event)])
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
