//! Blocking the other member. It belongs to the chat, because the chat decides what passes.

use chrono::{DateTime, Utc};

use super::{OpenChat, pair};
use crate::chat::{ChatError, ChatEvent};
use crate::{AccountId, ChatId};

type Decided = Result<Vec<ChatEvent>, ChatError>;

/// Blocks somebody with whom no chat was opened yet.
pub(super) fn block_unopened(by: AccountId, whom: AccountId, now: DateTime<Utc>) -> Decided {
    let members = pair(by, whom)?;
    let chat_id = ChatId::between(by, whom);
    Ok(vec![ChatEvent::Blocked { chat_id, members, by, blocked_at: now }])
}

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
