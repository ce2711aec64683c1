//! Does Parlance keep its promise while its processes are killed?
//!
//! - [`servers`] runs the real programs: `parlance`, PostgreSQL, `nats-server`.
//! - [`load`] is a crowd of people who chat over HTTP, retry what failed, and remember everything
//!   they were told: the [`history`].
//! - [`live`] is people who watch the crowd over sockets and streams, and follow what they are told
//!   through every disconnect: their view must end up what the server shows.
//! - [`collect`] reads what is there afterwards, by SQL, HTTP and the NATS protocol: the
//!   [`evidence`].
//! - [`check`] compares the two. It shares no code with what it judges.
//!
//! `docs/reliability.md` lists the invariants, and says how to run longer campaigns.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "only tests use this, and a test that cannot be set up has failed"
)]

pub mod check;
pub mod collect;
pub mod evidence;
pub mod history;
pub mod live;
pub mod load;
pub mod servers;
pub mod world;
