//! How much of everything.

use std::time::Duration;

/// The sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// How often each side of a comparison is measured, by turns. The median counts.
    pub(crate) rounds: usize,
    /// How long one side of a comparison is loaded at a time.
    pub(crate) round: Duration,
    /// Events the log is filled up to.
    pub(crate) events: usize,
    /// Events that are appended at a time, by turns with the same rows inserted bare.
    pub(crate) turn: usize,
    /// Messages of the chat that is loaded cold.
    pub(crate) long_chat: usize,
    /// How often it is loaded.
    pub(crate) loads: usize,
    /// How often each of its pages is read.
    pub(crate) pages: usize,
    /// How long messages are sent at a steady rate.
    pub(crate) paced: Duration,
    /// People of the crowd that is connected at once.
    pub(crate) crowd: usize,
    /// How long the server rests before its memory is measured.
    pub(crate) rest: Duration,
}

impl Scale {
    pub(crate) const fn full() -> Self {
        Self {
            rounds: 3,
            round: Duration::from_secs(8),
            events: 1_000_000,
            turn: 100_000,
            long_chat: 100_000,
            loads: 200,
            pages: 500,
            paced: Duration::from_secs(30),
            crowd: 2_000,
            rest: Duration::from_secs(15),
        }
    }

    pub(crate) const fn quick() -> Self {
        Self {
            rounds: 1,
            round: Duration::from_secs(2),
            events: 60_000,
            turn: 20_000,
            long_chat: 5_000,
            loads: 20,
            pages: 50,
            paced: Duration::from_secs(4),
            crowd: 50,
            rest: Duration::from_secs(2),
        }
    }
}
