//! What becomes of a message after it was sent.

use serde_json::Value;

use super::{Act, Mark, MemberMark, OpenChat, text};
use crate::chat::{ChatError, ChatEvent, Limits, ReportedCopy};
use crate::{AccountId, Personal, ReportId};

/// How often a message can be edited: its history has an end.
const EDITS_MAX: u32 = 100;

/// Messages that are pinned for a member.
const PINS_MAX: usize = 50;

/// Characters in the reason of a report.
const REASON_MAX: usize = 1_000;

type Decided = Result<Vec<ChatEvent>, ChatError>;

impl OpenChat {
    pub(super) fn edit(
        &self,
        Act { message_id, by, now }: Act,
        text: Option<&str>,
        tags: &[String],
        limits: Limits,
    ) -> Decided {
        let side = self.side(by)?;
        let number = self.present(message_id, side, now)?;
        if self.messages.sender(number) != side {
            return Err(ChatError::NotTheSender);
        }
        if self.messages.is(Mark::Forwarded, number) {
            return Err(ChatError::NotTheAuthor);
        }
        self.may_speak(side)?;
        let text = text.map(|it| text::trim(it, limits.text_max)).transpose()?;
        if text.is_none() && !self.messages.is(Mark::WithFile, number) {
            return Err(ChatError::EmptyText);
        }
        let tags = text::tags(tags, text.as_deref())?;
        let revision = self.messages.revision(number) + 1;
        if revision > EDITS_MAX {
            return Err(ChatError::TooManyEdits { max: EDITS_MAX });
        }
        Ok(vec![ChatEvent::MessageEdited {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            text: text.map(|it| Personal::new(by, it)),
            tags: (!tags.is_empty()).then(|| Personal::new(by, tags)),
            revision,
            withheld: !self.reaches(number, side),
            edited_at: now,
        }])
    }

    pub(super) fn delete_for_me(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.number_of(message_id)?;
        if self.is_hidden(number, side) {
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

    pub(super) fn delete_for_everyone(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.number_of(message_id)?;
        if self.messages.sender(number) != side {
            return Err(ChatError::NotTheSender);
        }
        if self.messages.is_deleted(number, side) {
            return Ok(vec![]);
        }
        let was_withheld = self.messages.is(Mark::Withheld, number);
        let kept = self.is_withheld(side) && !was_withheld;
        Ok(vec![ChatEvent::MessageDeletedForEveryone {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            recipient: self.other(side),
            was_unread: !kept && self.is_unread(number, side.other()),
            withheld: kept || was_withheld,
            kept,
            deleted_at: now,
        }])
    }

    /// The emoji of an earlier reaction is not known here: no rule reads it. The same one again is
    /// recorded again, and changes nothing that anybody sees.
    pub(super) fn react(&self, Act { message_id, by, now }: Act, emoji: String) -> Decided {
        let side = self.side(by)?;
        text::check_emoji(&emoji)?;
        let number = self.present(message_id, side, now)?;
        self.may_speak(side)?;
        Ok(vec![ChatEvent::Reacted {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            emoji: Personal::new(by, emoji),
            withheld: !self.reaches(number, side),
            reacted_at: now,
        }])
    }

    pub(super) fn remove_reaction(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.seen(message_id, side)?;
        if !self.messages.is_for(MemberMark::Reacted, number, side) {
            return Ok(vec![]);
        }
        let is_shown = self.messages.is_for(MemberMark::ReactionShown, number, side);
        Ok(vec![ChatEvent::ReactionRemoved {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            withheld: !is_shown || !self.reaches(number, side),
            removed_at: now,
        }])
    }

    pub(super) fn pin(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.present(message_id, side, now)?;
        self.may_speak(side)?;
        let (own, others) = (&self.member(side).pins, &self.member(side.other()).pins);
        if own.contains(&number) {
            return Ok(vec![]);
        }
        if own.len() >= PINS_MAX {
            return Err(ChatError::TooManyPins { max: PINS_MAX });
        }
        let is_full = others.len() >= PINS_MAX && !others.contains(&number);
        Ok(vec![ChatEvent::MessagePinned {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            withheld: is_full || !self.reaches(number, side),
            pinned_at: now,
        }])
    }

    pub(super) fn unpin(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.seen(message_id, side)?;
        if !self.member(side).pins.contains(&number) {
            return Ok(vec![]);
        }
        let is_pinned_for_other = self.member(side.other()).pins.contains(&number);
        Ok(vec![ChatEvent::MessageUnpinned {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            withheld: !is_pinned_for_other || self.is_withheld(side),
            unpinned_at: now,
        }])
    }

    pub(super) fn star(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.present(message_id, side, now)?;
        if self.messages.is_for(MemberMark::Starred, number, side) {
            return Ok(vec![]);
        }
        let chat_id = self.chat_id;
        Ok(vec![ChatEvent::MessageStarred { chat_id, message_id, number, by, starred_at: now }])
    }

    pub(super) fn unstar(&self, Act { message_id, by, now }: Act) -> Decided {
        let side = self.side(by)?;
        let number = self.seen(message_id, side)?;
        if !self.messages.is_for(MemberMark::Starred, number, side) {
            return Ok(vec![]);
        }
        let chat_id = self.chat_id;
        Ok(vec![ChatEvent::MessageUnstarred { chat_id, message_id, number, by, unstarred_at: now }])
    }

    pub(super) fn answer(&self, Act { message_id, by, now }: Act, answer: Value) -> Decided {
        let side = self.side(by)?;
        text::check_answer(&answer)?;
        let number = self.present(message_id, side, now)?;
        if !self.messages.is(Mark::Actionable, number) || self.messages.sender(number) == side {
            return Err(ChatError::NothingToAnswer);
        }
        self.may_speak(side)?;
        if self.messages.is(Mark::Answered, number) {
            return Err(ChatError::AlreadyAnswered);
        }
        Ok(vec![ChatEvent::ActionAnswered {
            chat_id: self.chat_id,
            message_id,
            number,
            by,
            answer: Personal::new(by, answer),
            withheld: !self.reaches(number, side),
            answered_at: now,
        }])
    }

    pub(super) fn report(
        &self,
        Act { message_id, by, now }: Act,
        report_id: ReportId,
        seen: ReportedCopy,
    ) -> Decided {
        let side = self.side(by)?;
        let number = self.present(message_id, side, now)?;
        if self.messages.sender(number) == side {
            return Err(ChatError::OwnMessage);
        }
        let seen = ReportedCopy { reason: seen.reason.trim().to_owned(), ..seen };
        let actual = seen.reason.chars().count();
        if actual > REASON_MAX {
            return Err(ChatError::ReasonTooLong { max: REASON_MAX, actual });
        }
        if self.messages.is_for(MemberMark::Reported, number, side) {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MessageReported {
            chat_id: self.chat_id,
            report_id,
            message_id,
            number,
            by,
            seen: Personal::new(AccountId::MODERATORS, seen),
            reported_at: now,
        }])
    }
}
