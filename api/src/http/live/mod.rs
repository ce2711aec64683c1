//! What an app stays connected to: a stream or a socket, and what passes.
//!
//! - `opening`: who opens a connection, and where it goes on
//! - `stream`: `/v1/stream`, server-sent events; `socket`: `/v1/socket`, a WebSocket
//! - `tickets`: what a browser opens either with
//! - `typing`, `presence`: what passes, for those without a socket

mod command;
mod opening;
pub(super) mod presence;
pub(super) mod socket;
pub(super) mod stream;
pub(super) mod tickets;
pub(super) mod typing;

pub(super) use command::Commands;
