//! The files of everybody, and who may fetch them.

mod projector;
mod query;
mod rows;

pub(crate) use projector::Changes;
pub use query::{
    FileState, FileView, SeenFile, ThumbnailView, Usage, avatars, by_id, by_ids, usage,
};
