//! The live hub: what happens reaches the connections of whom it concerns.
//!
//! - `hub`: who is connected to this process, and what each connection has still to be sent
//! - `lane`: what one connection has still to be sent, bounded
//! - `frame`: what is sent
//! - `rounds`: after each step of the read models, what changed for whom
//! - `watching`: who is there, for whoever looks; `typing`: who types
//! - `beat`: signs of life, and what else must not wait for the database
//! - `connection`: what one connection is sent, in order, without loss or duplicate
//!
//! # Exact
//!
//! The hub has a position: everything up to it is in the lanes of whom it concerns. A round tells what
//! changed after it, and moves it, in one step; a connection is registered in one step too. So a
//! connection misses nothing after the position that it was registered at. What came before it pages
//! through, like a device that was away, in the same form and order: so where it was told something
//! is a number, and what comes again is dropped.

mod beat;
mod connection;
mod frame;
mod hub;
mod lane;
mod rounds;
mod typing;
mod watching;

pub(crate) use beat::run as run_beat;
pub(crate) use connection::{Connection, End, Step};
pub(crate) use frame::{Frame, Reason, json};
pub(crate) use hub::{Hub, Opening};
pub(crate) use rounds::run as run_rounds;
pub(crate) use typing::Typing;
pub(crate) use watching::{WATCHED_MAX, Watch, run as run_watching};
