//! What changed for somebody since a position: for a device that was away, and for those that are
//! there.
//!
//! A change is not told as what happened but as what is to be seen now: the whole chat, the whole
//! message, or that a message is gone. So a device that has missed a hundred edits is told one, and
//! may apply any change twice.
//!
//! # Exact, under concurrent writes
//!
//! A page is one snapshot of the read models and of their checkpoints. Rows are found by the
//! position of their last change, in the order of these positions. A row that changes while a device
//! pages moves to a higher position, so it comes later instead; a row that is written later carries a
//! position above what its read model had reached. So a page that tells everything it found is
//! complete up to what the last of the read models has reached, and that is where the next one goes
//! on: not at the last change, and not at the end of the log.
//!
//! Devices that are there are told by [`live`], in the same form and from the same rows: a round for all
//! of them after each step of the read models, for those alone whom an event [`Touched`].
//!
//! Parked events are the exception: what is applied long after its position is told to no device that
//! has passed it.

mod items;
mod keys;
mod live;
mod page;

pub use items::{Change, Item};
pub use live::{Acquaintances, Concerned, Told, Touched, live};
pub use page::{Changes, Delta, page};

use uuid::Uuid;

use crate::ReadModel;

/// What is told is read from these. It is complete up to the lowest of their checkpoints.
pub const MODELS: [ReadModel; 5] = [
    ReadModel::Accounts,
    ReadModel::Chats,
    ReadModel::Messages,
    ReadModel::Blocks,
    ReadModel::Files,
];

/// How far a device has come. Changes are ordered by position; of those that one event made, by chat
/// and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub position: i64,
    pub chat_id: Uuid,
    /// 0: the chat itself.
    pub number: i64,
}

impl Place {
    /// After everything that was recorded up to `position`.
    #[must_use]
    pub const fn after(position: i64) -> Self {
        Self { position, chat_id: Uuid::max(), number: i64::MAX }
    }

    /// Whether it is not in the middle of what one event changed.
    #[must_use]
    pub fn is_after_position(&self) -> bool {
        *self == Self::after(self.position)
    }
}
