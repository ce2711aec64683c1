//! From the relay to the feed of the same process: what the one has published the other need not
//! read back from the stream.

use tokio::sync::mpsc;

use crate::recorded::StoredEvent;

/// Pages that may wait. A feed that is slower reads PostgreSQL instead.
const PAGES_MAX: usize = 4;

/// The relay's end.
#[derive(Debug, Clone)]
pub struct Published(mpsc::Sender<Vec<StoredEvent>>);

/// The feed's end.
#[derive(Debug)]
pub struct Relayed(mpsc::Receiver<Vec<StoredEvent>>);

/// Both ends, for a process that has a relay and a feed, or either.
#[must_use]
pub fn hand_over() -> (Published, Relayed) {
    let (published, relayed) = mpsc::channel(PAGES_MAX);
    (Published(published), Relayed(relayed))
}

impl Published {
    /// Hands `events` over, if there is room and anybody to take them. PostgreSQL has them too.
    pub(crate) fn give(&self, events: Vec<StoredEvent>) {
        drop(self.0.try_send(events));
    }
}

impl Relayed {
    /// What was published next; waits for ever when there is no relay.
    pub(crate) async fn next(&mut self) -> Vec<StoredEvent> {
        match self.0.recv().await {
            Some(events) => events,
            None => std::future::pending().await,
        }
    }
}
