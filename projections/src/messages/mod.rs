//! The messages of every chat, by number.

mod projector;
mod query;

pub(crate) use projector::Changes;
pub use query::{MessagePage, MessageView, Range, by_number, page};
