//! The event log on real PostgreSQL and NATS.

mod append;
mod audit;
mod codec;
mod feed;
mod invariants;
mod lease;
mod load;
mod log;
mod relay;
