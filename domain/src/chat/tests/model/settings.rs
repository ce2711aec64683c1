//! What a member makes of the chat.

use chrono::{DateTime, Utc};

use super::{Answer, Model, between, member};
use crate::chat::tests::events::{
    archived, blocked, disappearing_set, draft_saved, muted, unarchived, unblocked, unmuted,
    withheld,
};
use crate::chat::tests::other;
use crate::chat::{ChatError, Disappearing};
use crate::{AccountId, MessageId};

impl Model {
    pub(super) fn save_draft(
        &mut self,
        by: AccountId,
        text: Option<&str>,
        reply_to: Option<MessageId>,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        let quoted = match reply_to {
            Some(it) => Some((it, self.present(it, by, now)?)),
            None => None,
        };
        let is_one = text.is_some() || quoted.is_some();
        let was_one = std::mem::replace(&mut self.of(by).has_draft, is_one);
        Ok(if is_one || was_one { vec![draft_saved(by, text, quoted)] } else { vec![] })
    }

    pub(super) fn set_disappearing(
        &mut self,
        by: AccountId,
        after: Option<Disappearing>,
    ) -> Answer {
        member(by)?;
        self.may_speak(by)?;
        if std::mem::replace(&mut self.of(by).disappearing, after) == after {
            return Ok(vec![]);
        }
        if self.of(other(by)).blocks {
            return Ok(vec![withheld(disappearing_set(by, after))]);
        }
        self.of(other(by)).disappearing = after;
        Ok(vec![disappearing_set(by, after)])
    }

    pub(super) fn mute(
        &mut self,
        by: AccountId,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Answer {
        member(by)?;
        if until.is_some_and(|it| it <= now) {
            return Err(ChatError::NotInTheFuture);
        }
        let end = until.unwrap_or(DateTime::<Utc>::MAX_UTC);
        let before = self.of(by).muted_until.replace(end);
        Ok(if before == Some(end) { vec![] } else { vec![muted(by, until)] })
    }

    pub(super) fn unmute(&mut self, by: AccountId) -> Answer {
        member(by)?;
        let before = self.of(by).muted_until.take();
        Ok(if before.is_some() { vec![unmuted(by)] } else { vec![] })
    }

    pub(super) fn archive(&mut self, by: AccountId) -> Answer {
        member(by)?;
        let before = std::mem::replace(&mut self.of(by).archived, true);
        Ok(if before { vec![] } else { vec![archived(by)] })
    }

    pub(super) fn unarchive(&mut self, by: AccountId) -> Answer {
        member(by)?;
        let before = std::mem::take(&mut self.of(by).archived);
        Ok(if before { vec![unarchived(by)] } else { vec![] })
    }

    pub(super) fn block(&mut self, by: AccountId, whom: AccountId) -> Answer {
        between(by, whom)?;
        let before = std::mem::replace(&mut self.of(by).blocks, true);
        Ok(if before { vec![] } else { vec![blocked(by)] })
    }

    pub(super) fn unblock(&mut self, by: AccountId, whom: AccountId) -> Answer {
        between(by, whom)?;
        let before = std::mem::take(&mut self.of(by).blocks);
        Ok(if before { vec![unblocked(by)] } else { vec![] })
    }
}
