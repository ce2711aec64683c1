//! The command side on real PostgreSQL.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod files;
mod gateway;
mod node;
mod policies;
mod presence;
mod push;
mod sending;
mod sign_in;
