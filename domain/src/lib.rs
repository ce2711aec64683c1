//! The rules of Parlance: what may happen, and what has happened.
//!
//! Everything here is pure. No clock, no chance, no I/O: time and ids arrive in the commands.
//! An aggregate's folder holds its rules (`mod`), state and decisions (`aggregate`), what may be
//! asked (`command`), what is recorded (`event`), what is refused (`error`) and `tests`.

pub mod account;
pub mod chat;
mod decider;
pub mod devices;
mod event;
mod ids;
pub mod library;
mod personal;

pub use decider::{Claim, ClaimChange, Decider};
pub use event::{Event, UnknownAggregate, WrongAggregate};
pub use ids::{AccountId, ChatId, DeviceId, FileId, MessageId, ReportId};
pub use personal::Personal;
