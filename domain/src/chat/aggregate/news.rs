//! What a member is to be told of, by whoever tells them.

use chrono::{DateTime, Utc};

use super::{Chat, MemberMark, OpenChat, Side};
use crate::AccountId;

/// A message that its recipient is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// One of their devices has it.
    pub is_delivered: bool,
    pub is_edited: bool,
    /// How many messages of the chat are unread for them.
    pub unread: u64,
    /// How many of these they were not told of.
    pub untold: u64,
}

impl Chat {
    /// Message `number` as news to `to`, who was told of everything up to `told`. None when they are
    /// not to be told of it: it is theirs, read, gone or withheld, or they do not want to hear from
    /// the chat: it is muted or archived, or they have blocked the other.
    #[must_use]
    pub fn news(&self, number: u64, to: AccountId, told: u64, now: DateTime<Utc>) -> Option<News> {
        match self {
            Self::Absent => None,
            Self::Open(chat) => chat.news(number, chat.side(to).ok()?, told, now),
        }
    }

    /// Whom the reaction of `by` to message `number` is news to: whoever has sent the message, unless
    /// they are not to be told of it, as with [`Self::news`].
    #[must_use]
    pub fn reaction_news(
        &self,
        number: u64,
        by: AccountId,
        now: DateTime<Utc>,
    ) -> Option<AccountId> {
        match self {
            Self::Absent => None,
            Self::Open(chat) => {
                let by = chat.side(by).ok()?;
                chat.reacted_to(number, by, now).then(|| chat.other(by))
            }
        }
    }
}

impl OpenChat {
    fn news(&self, number: u64, to: Side, told: u64, now: DateTime<Utc>) -> Option<News> {
        let exists = (1..=self.messages.last()).contains(&number);
        let is_news = exists
            && self.is_heard_by(to, now)
            && self.is_unread(number, to)
            && !self.messages.is_gone(number, to, now);
        let member = self.member(to);
        let unread = |after: u64| self.messages.unread(to, after.max(member.read_up_to));
        is_news.then(|| News {
            is_delivered: number <= member.delivered_up_to,
            is_edited: self.messages.revision(number) > 0,
            unread: unread(0),
            untold: unread(told),
        })
    }

    fn reacted_to(&self, number: u64, by: Side, now: DateTime<Utc>) -> bool {
        let to = by.other();
        let exists = (1..=self.messages.last()).contains(&number);
        exists
            && self.messages.sender(number) == to
            && self.messages.is_for(MemberMark::Reacted, number, by)
            && self.messages.is_for(MemberMark::ReactionShown, number, by)
            && !self.is_hidden(number, to)
            && !self.messages.is_gone(number, to, now)
            && self.is_heard_by(to, now)
    }

    fn is_heard_by(&self, side: Side, now: DateTime<Utc>) -> bool {
        let member = self.member(side);
        !member.muted.is_on(now) && !member.archived && !member.blocks
    }
}
