//! The judge: pure functions over a history and the evidence, so that tests can plant every kind of
//! fault in either and see it found.

mod commands;
mod fold;
mod jetstream;
mod log;
mod reads;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::evidence::Evidence;
use crate::history::History;

/// The read models.
pub const READ_MODELS: [&str; 6] = ["accounts", "chats", "messages", "blocks", "reports", "files"];

pub const POLICIES: [&str; 4] = [
    "policy:expire_messages",
    "policy:process_files",
    "policy:release_files",
    "policy:sweep_files",
];

/// Who follows the log to its end, besides the relay.
pub fn followers() -> impl Iterator<Item = &'static str> {
    READ_MODELS.into_iter().chain(POLICIES)
}

/// What is allowed to differ from the usual.
#[derive(Debug, Clone)]
pub struct Expected {
    /// There is a relay, and a stream to be complete.
    pub relay: bool,
    /// An answer names exactly the position that its request took. After PostgreSQL was away it may
    /// name a later one: the command found itself already carried out.
    pub exact_positions: bool,
    pub planted: Vec<Planted>,
}

impl Default for Expected {
    fn default() -> Self {
        Self { relay: true, exact_positions: true, planted: vec![] }
    }
}

/// An event that the test itself has put into the log.
#[derive(Debug, Clone)]
pub enum Planted {
    /// It cannot be read. Read models leave it out, and what follows in its stream too until it is
    /// skipped.
    Poison { position: i64, skipped: bool },
    /// It can be read, and no request asked for it.
    Readable { position: i64 },
}

impl Expected {
    fn is_planted(&self, position: i64) -> bool {
        self.planted.iter().any(|it| match it {
            Planted::Poison { position: at, .. } | Planted::Readable { position: at } => {
                *at == position
            }
        })
    }

    fn is_poison(&self, position: i64) -> bool {
        let is_it =
            |it: &Planted| matches!(it, Planted::Poison { position: at, .. } if *at == position);
        self.planted.iter().any(is_it)
    }

    fn unskipped(&self) -> impl Iterator<Item = i64> {
        self.planted.iter().filter_map(|it| match it {
            Planted::Poison { position, skipped: false } => Some(*position),
            Planted::Poison { skipped: true, .. } | Planted::Readable { .. } => None,
        })
    }
}

/// The invariants, as `docs/reliability.md` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// I1
    AcknowledgedExactlyOnce,
    /// I2
    RefusedNever,
    /// I3
    PositionsDense,
    /// I4
    SequencesDense,
    /// I5
    StreamIsTheLog,
    /// I6
    AppliedInOrderOnce,
    /// I7
    ReadModelsAreTheFold,
}

/// One way in which the promise is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// Collects violations.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn check(&mut self, holds: bool, invariant: Invariant, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { invariant, what: what() });
        }
    }
}

/// Every way in which `evidence` contradicts itself or `history`.
pub fn violations(history: &History, evidence: &Evidence, expected: &Expected) -> Vec<Violation> {
    let mut findings = Findings::default();
    log::check(evidence, &mut findings);
    commands::check(history, evidence, expected, &mut findings);
    jetstream::check(evidence, expected, &mut findings);
    let chats = fold::fold(evidence, expected, &mut findings);
    reads::check(history, evidence, expected, &chats, &mut findings);
    findings.0
}
