//! Blocking the other member. It belongs to the chat, because the chat decides what passes.

use chrono::{DateTime, Utc};

use super::OpenChat;
use crate::AccountId;
use crate::chat::{ChatError, ChatEvent};

type Decided = Result<Vec<ChatEvent>, ChatError>;

impl OpenChat {
    pub(super) fn block(&self, by: AccountId, whom: AccountId, now: DateTime<Utc>) -> Decided {
        let side = self.sides(by, whom)?;
        if self.member(side).blocks {
            return Ok(vec![]);
        }
        let (chat_id, members) = (self.chat_id, self.members);
        Ok(vec![ChatEvent::Blocked { chat_id, members, by, blocked_at: now }])
    }

    pub(super) fn unblock(&self, by: AccountId, whom: AccountId, now: DateTime<Utc>) -> Decided {
        let side = self.sides(by, whom)?;
        if !self.member(side).blocks {
            return Ok(vec![]);
        }
        let (chat_id, members) = (self.chat_id, self.members);
        Ok(vec![ChatEvent::Unblocked { chat_id, members, by, unblocked_at: now }])
    }
}
