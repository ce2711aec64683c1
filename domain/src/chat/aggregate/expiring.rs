//! Messages that disappear.

use chrono::{DateTime, Utc};

use super::{OpenChat, Side};
use crate::chat::ChatEvent;

/// Messages that disappear by one event.
const EXPIRED_MAX: usize = 1_000;

impl OpenChat {
    /// The first of those whose time has come. To be asked again until there are none.
    pub(super) fn expire(&self, now: DateTime<Utc>) -> Vec<ChatEvent> {
        let numbers = self.messages.due(now, EXPIRED_MAX);
        if numbers.is_empty() {
            return vec![];
        }
        let unread = |side: Side| {
            let up_to = self.member(side).read_up_to;
            let gone = numbers.iter().filter(|it| self.is_unread(**it, side)).count() as u64;
            self.messages.unread(side, up_to) - gone
        };
        let unread = [unread(Side::First), unread(Side::Second)];
        vec![ChatEvent::MessagesExpired {
            chat_id: self.chat_id,
            numbers,
            members: self.members,
            unread,
            expired_at: now,
        }]
    }
}
