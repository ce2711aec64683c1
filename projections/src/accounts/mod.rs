//! The directory of accounts: who is who.

mod projector;
mod query;

pub(crate) use projector::Changes;
pub use query::{AccountView, by_id};
