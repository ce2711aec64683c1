//! Messages that were reported to the moderators: where in the log to find what was seen. There it
//! stays sealed.

mod projector;
mod query;

pub(crate) use projector::Changes;
pub use query::{ReportView, ReportsError, by_id, list};
