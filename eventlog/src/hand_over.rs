//! What a process appends goes from the appender to its relay, and what that is about to publish on to
//! its feed: neither reads back what the process has in its hands.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Event;
use tokio::sync::mpsc;

use crate::recorded::{Position, StoredEvent};

/// Events that may wait for the relay, as many as it reads at a time. One that is slower reads
/// PostgreSQL instead.
const TAIL_MAX: usize = 1_000;

/// Pages that may wait for the feed. One that is slower reads PostgreSQL instead.
const PAGES_MAX: usize = 4;

/// An event as it is stored and, where this process has decided it, as it is: that need not be
/// decoded.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) stored: StoredEvent,
    pub(crate) event: Option<Event>,
}

/// From the appender to the relay: the newest that this process has appended, while a relay runs.
#[derive(Clone, Default)]
pub struct Tail(Arc<Mutex<Option<VecDeque<Fresh>>>>);

/// Keeps a tail from the start of a relay to its end.
pub(crate) struct OpenTail<'a>(&'a Tail);

impl Tail {
    /// Events are kept from here on, until the answer is dropped.
    pub(crate) fn open(&self) -> OpenTail<'_> {
        *self.lock() = Some(VecDeque::new());
        OpenTail(self)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().is_some()
    }

    /// Keeps what was appended; what is too old for that is forgotten.
    pub(crate) fn push(&self, events: impl IntoIterator<Item = Fresh>) {
        if let Some(tail) = self.lock().as_mut() {
            tail.extend(events);
            let surplus = tail.len().saturating_sub(TAIL_MAX);
            tail.drain(..surplus);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Fresh>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenTail<'_> {
    /// The events right after `after`, without a gap. None when others appended in between, or too
    /// much was appended: then PostgreSQL has to be read.
    pub(crate) fn take(&self, after: Position) -> Vec<Fresh> {
        let mut tail = self.0.lock();
        let Some(tail) = tail.as_mut() else { return vec![] };
        let passed = tail.partition_point(|it| it.stored.position <= after.0);
        tail.drain(..passed);
        let expected = after.0 + 1..;
        let run = tail.iter().zip(expected).take_while(|(it, next)| it.stored.position == *next);
        let length = run.count();
        tail.drain(..length).collect()
    }
}

impl Drop for OpenTail<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// The relay's end of the way to the feed.
#[derive(Debug, Clone)]
pub struct Published(mpsc::Sender<Vec<Fresh>>);

/// The feed's end.
#[derive(Debug)]
pub struct Relayed(mpsc::Receiver<Vec<Fresh>>);

/// Both ends, for a process that has a relay and a feed, or either.
#[must_use]
pub fn hand_over() -> (Published, Relayed) {
    let (published, relayed) = mpsc::channel(PAGES_MAX);
    (Published(published), Relayed(relayed))
}

impl Published {
    /// Hands `events` over, if there is room and anybody to take them. PostgreSQL has them too.
    pub(crate) fn give(&self, events: Vec<Fresh>) {
        drop(self.0.try_send(events));
    }
}

impl Relayed {
    /// What is published next; waits for ever when there is no relay.
    pub(crate) async fn next(&mut self) -> Vec<Fresh> {
        match self.0.recv().await {
            Some(events) => events,
            None => std::future::pending().await,
        }
    }
}

impl From<StoredEvent> for Fresh {
    fn from(stored: StoredEvent) -> Self {
        Self { stored, event: None }
    }
}
