//! The HTTP API and the operator commands, from outside: real PostgreSQL, a fresh database a test.
//!
//! `make test` says where the servers are; the crate `testing` takes it from there.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod accounts;
mod as_of;
mod auth;
mod blocking;
mod chats;
mod concurrency;
mod consistency;
mod deleting;
mod devices;
mod document;
mod editing;
mod export;
mod files;
mod forwarding;
mod http;
mod idempotency;
mod kinds;
mod live;
mod marks;
mod messages;
mod mirror;
mod operators;
mod receipts;
mod settings;
mod strangers;
mod support;
mod sync;
mod withheld;
