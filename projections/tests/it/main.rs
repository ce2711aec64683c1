//! The read side against a real PostgreSQL: a fresh database for each test.

#![expect(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot go on has failed, and nobody else sees what it is made of"
)]

mod applying;
mod as_of;
mod details;
mod dice;
mod files;
mod histories;
mod migrated;
mod parked;
mod presence;
mod queries;
mod reads;
mod rebuild;
mod runner;
mod seen;
mod story;
mod sync;
mod verify;
mod world;
