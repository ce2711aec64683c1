//! Messages by chat and number, as the statements take them.

use domain::{ChatId, Personal};
use uuid::Uuid;

use crate::error::{self, ProjectionError};

/// A message.
pub(super) type Key = (ChatId, i64);

/// Messages, as arrays.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) chat_ids: Vec<Uuid>,
    pub(super) numbers: Vec<i64>,
}

impl Keys {
    pub(super) fn push(&mut self, (chat_id, number): Key) {
        self.chat_ids.push(chat_id.0);
        self.numbers.push(number);
    }

    pub(super) const fn len(&self) -> usize {
        self.numbers.len()
    }
}

impl Extend<Key> for Keys {
    fn extend<I: IntoIterator<Item = Key>>(&mut self, keys: I) {
        for key in keys {
            self.push(key);
        }
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let mut all = Self::default();
        all.extend(keys);
        all
    }
}

/// Every message that an event is about has been sent before.
pub(super) fn expect_all(found: u64, changed: usize) -> Result<(), ProjectionError> {
    error::expect_all(found, changed as u64, "the message was never sent")
}

/// Tags as one text, because an array of arrays does not unnest. A tag has no space.
pub(super) fn joined(tags: Option<&Personal<Vec<String>>>) -> Option<String> {
    tags.and_then(Personal::value).map(|it| it.join(" "))
}
