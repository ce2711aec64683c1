//! The calls under way.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::document::Key;
use super::marks::NAME;
use super::write::Trouble;
use crate::runner::{backoff, jitter};

/// Calls at once.
const LANES: usize = 10;

/// What a call was for, and what came of it.
pub(super) struct Ended {
    pub(super) keys: Vec<Key>,
    pub(super) outcome: Result<(), Trouble>,
}

/// They go on only while they are waited for, and one that stands still may hold the connection that
/// others wait for. So whatever else is waited for is so [`beside`](Lanes::beside) them.
pub(super) struct Lanes<C> {
    calls: FuturesUnordered<C>,
    under_way: Vec<Key>,
    /// In a row.
    failures: u32,
    not_before: Instant,
}

impl<C: Future<Output = Ended>> Lanes<C> {
    pub(super) fn new() -> Self {
        let (calls, not_before) = (FuturesUnordered::new(), Instant::now());
        Self { calls, under_way: vec![], failures: 0, not_before }
    }

    /// What the calls are for.
    pub(super) fn under_way(&self) -> Vec<Key> {
        self.under_way.clone()
    }

    /// Whether another call may begin. After a failure one tries the ground.
    pub(super) fn has_room(&self) -> bool {
        let most = if self.failures == 0 { LANES } else { 1 };
        self.calls.len() < most && Instant::now() >= self.not_before
    }

    pub(super) fn begin(&mut self, keys: Vec<Key>, call: C) {
        self.under_way.extend(keys);
        self.calls.push(call);
    }

    /// What comes of `other`. The calls go on meanwhile.
    pub(super) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                result = &mut other => return result,
                Some(ended) = self.calls.next() => self.end(&ended),
            }
        }
    }

    /// Waits for a call to end: for ever, when none is under way.
    pub(super) async fn next(&mut self) {
        match self.calls.next().await {
            Some(ended) => self.end(&ended),
            None => std::future::pending().await,
        }
    }

    fn end(&mut self, ended: &Ended) {
        self.under_way.retain(|it| !ended.keys.contains(it));
        match &ended.outcome {
            Ok(()) => self.failures = 0,
            Err(trouble) => {
                let pause = backoff(self.failures, jitter());
                (self.failures, self.not_before) = (self.failures + 1, Instant::now() + pause);
                report(trouble, pause);
            }
        }
    }
}

fn report(trouble: &Trouble, pause: Duration) {
    metrics::counter!("parlance_projector_failures_total", "projector" => NAME, "kind" => "transient")
        .increment(1);
    let error: &dyn std::error::Error = trouble;
    tracing::warn!(error, ?pause, "the mirror will write again");
}
