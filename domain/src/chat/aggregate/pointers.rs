//! How far a member has come: delivered, read, cleared.

use chrono::{DateTime, Utc};

use super::{OpenChat, Side};
use crate::AccountId;
use crate::chat::{ChatError, ChatEvent};

type Decided = Result<Vec<ChatEvent>, ChatError>;

impl OpenChat {
    pub(super) fn mark_read(&self, reader: AccountId, up_to: u64, now: DateTime<Utc>) -> Decided {
        let side = self.side(reader)?;
        self.check_exists(up_to)?;
        let member = self.member(side);
        if up_to <= member.read_up_to && !member.marked_unread {
            return Ok(vec![]);
        }
        let up_to = up_to.max(member.read_up_to);
        Ok(vec![ChatEvent::MessagesRead {
            chat_id: self.chat_id,
            reader,
            up_to,
            unread: self.messages.unread(side, up_to),
            withheld: self.is_told_to_nobody(),
            read_at: now,
        }])
    }

    /// What is read has been delivered, so the pointer says nothing below the one of reading.
    pub(super) fn mark_delivered(&self, by: AccountId, up_to: u64, now: DateTime<Utc>) -> Decided {
        let member = self.member(self.side(by)?);
        self.check_exists(up_to)?;
        if up_to <= member.delivered_up_to.max(member.read_up_to) {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MessagesDelivered {
            chat_id: self.chat_id,
            by,
            up_to,
            withheld: self.is_told_to_nobody(),
            delivered_at: now,
        }])
    }

    pub(super) fn mark_unread(&self, by: AccountId, now: DateTime<Utc>) -> Decided {
        if self.member(self.side(by)?).marked_unread {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::MarkedUnread { chat_id: self.chat_id, by, marked_at: now }])
    }

    pub(super) fn clear(&self, by: AccountId, now: DateTime<Utc>) -> Decided {
        let member = self.member(self.side(by)?);
        let up_to = self.messages.last();
        if member.cleared_up_to == up_to && !member.marked_unread {
            return Ok(vec![]);
        }
        Ok(vec![ChatEvent::Cleared { chat_id: self.chat_id, by, up_to, cleared_at: now }])
    }

    fn check_exists(&self, asked: u64) -> Result<(), ChatError> {
        let last = self.messages.last();
        if asked > last { Err(ChatError::BeyondLast { last, asked }) } else { Ok(()) }
    }

    /// Neither is told how far the other comes, while one has blocked the other or knows of no chat.
    fn is_told_to_nobody(&self) -> bool {
        self.is_withheld(Side::First) || self.is_withheld(Side::Second)
    }
}
