//! The event log on real PostgreSQL and NATS.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

mod append;
mod audit;
mod bus;
mod codec;
mod feed;
mod invariants;
mod lease;
mod load;
mod log;
mod read;
mod relay;
mod retired;
