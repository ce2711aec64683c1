//! The event log on real PostgreSQL and NATS.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod append;
mod audit;
mod codec;
mod feed;
mod invariants;
mod lease;
mod load;
mod log;
mod relay;
