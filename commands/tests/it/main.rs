//! The command side on real PostgreSQL.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod gateway;
mod node;
mod sign_in;
