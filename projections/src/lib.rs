//! The read side: what queries answer from.
//!
//! Each read model is a folder with its projector and its queries, and can be dropped and built
//! again from the log. A projector folds a run of events into `Changes`, which know how to write
//! themselves in few statements; the checkpoint moves in the transaction that writes them. The same
//! changes serve the running projector and the rebuild.
//!
//! - [`accounts`], [`chats`], [`messages`], [`blocks`], [`reports`], [`files`]: the read models
//! - [`sync`]: what changed for somebody since a position, and for everybody who is there
//! - [`presence`]: who is shown whether somebody is there
//! - [`runner`]: keeps them in step with the log; [`Reads`] waits until they are
//! - [`rebuild`]: builds them again beside the live ones, and changes places
//! - [`verify`]: recounts them from the log, with code of its own
//! - [`status`], [`parked`]: what operators see and do
//!
//! Read models are named without a schema in every statement: the connection's `search_path`
//! decides whether the live ones are meant (`read`) or those being rebuilt (`rebuild`).

pub mod accounts;
pub mod blocks;
mod changes;
pub mod chats;
mod error;
pub mod files;
pub mod messages;
mod model;
pub mod parked;
pub mod presence;
pub mod reads;
pub mod rebuild;
pub mod reports;
pub mod runner;
pub mod status;
pub mod sync;
pub mod verify;

pub use accounts::AccountView;
pub use chats::{ChatView, Filter};
pub use error::ProjectionError;
pub use files::FileView;
pub use messages::{MessagePage, MessageView, Range};
pub use model::{ReadModel, UnknownReadModel, live_options};
pub use reads::{Reads, ReadsError};
pub use runner::run;
