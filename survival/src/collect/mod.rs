//! Reads what is there, by no code of Parlance's own.

mod api;
mod jetstream;
mod sql;

pub use api::{chats, lists};
pub use jetstream::{JetStreamReader, Unreadable};
pub use sql::{checkpoints, head, holders, read_log};
