//! The directory of accounts: who is who.

pub(crate) mod audience;
mod projector;
mod query;

pub(crate) use projector::Changes;
pub(crate) use query::by_ids;
pub use query::{AccountView, by_id};
