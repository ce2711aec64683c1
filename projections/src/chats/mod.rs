//! Everybody's list of chats, each from its owner's side: with whom, the last message, how many are
//! unread, how far each has come, and what its owner has set.

mod change;
mod expiring;
mod extras;
mod projector;
mod query;
mod rows;
mod settings;

pub(crate) use projector::Changes;
pub(crate) use query::by_viewers;
pub use query::{ChatView, DraftView, Filter, Totals, by_id, list, totals};
