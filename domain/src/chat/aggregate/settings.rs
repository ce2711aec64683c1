//! What a member makes of the chat.

use chrono::{DateTime, Utc};

use super::{Muted, OpenChat, text};
use crate::chat::{ChatError, ChatEvent, Disappearing, Limits};
use crate::{AccountId, MessageId, Personal};

type Decided = Result<Vec<ChatEvent>, ChatError>;

impl OpenChat {
    pub(super) fn save_draft(
        &self,
        by: AccountId,
        text: Option<String>,
        reply_to: Option<MessageId>,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Decided {
        let side = self.side(by)?;
        let text = text.filter(|it| !it.trim().is_empty());
        if let Some(text) = &text {
            text::trim(text, limits.text_max)?;
        }
        let reply_to = reply_to.map(|it| self.quote(it, side, now)).transpose()?;
        if text.is_none() && reply_to.is_none() && !self.member(side).has_draft {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::DraftSaved {
            chat_id: self.chat_id,
            by,
            text: text.map(|it| Personal::new(by, it)),
            reply_to,
            saved_at: now,
        }])
    }

    pub(super) fn set_disappearing(
        &self,
        by: AccountId,
        after: Option<Disappearing>,
        now: DateTime<Utc>,
    ) -> Decided {
        let side = self.side(by)?;
        self.may_speak(side)?;
        if self.member(side).disappearing == after {
            return Ok(vec![]);
        }
        let (chat_id, withheld) = (self.chat_id, self.is_withheld(side));
        Ok(vec![ChatEvent::DisappearingSet { chat_id, by, after, withheld, set_at: now }])
    }

    pub(super) fn mute(
        &self,
        by: AccountId,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Decided {
        let side = self.side(by)?;
        if until.is_some_and(|it| it <= now) {
            return Err(ChatError::NotInTheFuture);
        }
        if self.member(side).muted == until.map_or(Muted::ForEver, Muted::Until) {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::Muted { chat_id: self.chat_id, by, until, muted_at: now }])
    }

    pub(super) fn unmute(&self, by: AccountId, now: DateTime<Utc>) -> Decided {
        if self.member(self.side(by)?).muted == Muted::No {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::Unmuted { chat_id: self.chat_id, by, unmuted_at: now }])
    }

    pub(super) fn archive(&self, by: AccountId, now: DateTime<Utc>) -> Decided {
        if self.member(self.side(by)?).archived {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::Archived { chat_id: self.chat_id, by, archived_at: now }])
    }

    pub(super) fn unarchive(&self, by: AccountId, now: DateTime<Utc>) -> Decided {
        if !self.member(self.side(by)?).archived {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::Unarchived { chat_id: self.chat_id, by, unarchived_at: now }])
    }
}
