//! Everybody's list of chats, each from its owner's side: with whom, the last message, how many are
//! unread.

mod projector;
mod query;
mod rows;

pub(crate) use projector::Changes;
pub use query::{ChatView, by_id, list};
