//! Who has blocked whom, each from the side of who blocks. The blocked side is never told.

mod projector;
mod query;

pub(crate) use projector::Changes;
pub use query::{BlockView, exists_between, list};
