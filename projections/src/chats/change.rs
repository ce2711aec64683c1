//! What happens to one chat in a run of events.

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;

use super::settings::Setting;
use crate::error::{ProjectionError, contradiction};

/// What happened to a chat, from the side of each of its two members.
#[derive(Default)]
pub(super) struct Change {
    /// Whose sides these are, as far as the events say. While neither is known, both are the same;
    /// the second is not known before the first.
    pub(super) accounts: [Option<AccountId>; 2],
    pub(super) sides: [Side; 2],
    /// It happened to both members, of whom one may know of no chat.
    pub(super) is_of_any: bool,
}

/// From when on the chat is there for a member.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) at: DateTime<Utc>,
    pub(super) position: Position,
}

/// What happened to one member's side.
#[derive(Default)]
pub(super) struct Side {
    pub(super) opening: Option<Opening>,
    /// The count that was recorded last, if one was in this run.
    pub(super) unread: Option<i64>,
    /// What has come and gone since.
    pub(super) unread_change: i64,
    pub(super) total_messages: Option<i64>,
    pub(super) activity: Option<i64>,
    /// Apart from how far the other has come.
    pub(super) changed: Option<i64>,
    pub(super) settings: Setting,
}

impl Change {
    pub(super) fn side_of(&mut self, account: AccountId) -> Result<&mut Side, ProjectionError> {
        let [first, second] = &mut self.sides;
        match &mut self.accounts {
            [known, _] if known.is_none_or(|it| it == account) => {
                *known = Some(account);
                Ok(first)
            }
            [_, known] if known.is_none_or(|it| it == account) => {
                *known = Some(account);
                Ok(second)
            }
            _ => Err(contradiction("a chat has two members, and this is a third")),
        }
    }

    /// The side of the other member, whoever that is. `account` is known.
    pub(super) fn other_than(&mut self, account: AccountId) -> Result<&mut Side, ProjectionError> {
        let [first, second] = &mut self.sides;
        match self.accounts {
            [Some(known), _] if known == account => Ok(second),
            [_, Some(known)] if known == account => Ok(first),
            _ => Err(contradiction("a chat has two members, and this is a third")),
        }
    }

    /// The sides of both members.
    pub(super) fn sides_of(
        &mut self,
        one: AccountId,
        other: AccountId,
    ) -> Result<[&mut Side; 2], ProjectionError> {
        let accounts = self.accounts;
        let known = self.side_of(one).is_ok() && self.side_of(other).is_ok() && one != other;
        if !known {
            self.accounts = accounts;
            return Err(contradiction("a chat has two members, and this is a third"));
        }
        let [first, second] = &mut self.sides;
        Ok(if self.accounts[0] == Some(one) { [first, second] } else { [second, first] })
    }

    pub(super) fn touch_both(&mut self, position: Position) {
        for side in &mut self.sides {
            side.changed = Some(position.0);
        }
    }

    pub(super) fn set_both(&mut self, position: Position, set: impl Fn(&mut Setting)) {
        self.touch_both(position);
        for side in &mut self.sides {
            set(&mut side.settings);
        }
    }
}

impl Side {
    pub(super) const fn open(&mut self, opening: Opening) {
        self.opening = Some(opening);
        self.changed = Some(opening.position.0);
    }

    /// A message that this member sees was sent.
    pub(super) const fn sent(&mut self, number: i64, position: Position) {
        self.total_messages = Some(number);
        self.activity = Some(position.0);
        self.changed = Some(position.0);
    }

    /// So many are unread, whatever was before.
    pub(super) const fn recount(&mut self, unread: i64) {
        self.unread = Some(unread);
        self.unread_change = 0;
    }
}
