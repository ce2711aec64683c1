//! Group commit: commands from all requests meet in one bounded queue, and what is waiting is
//! written in one transaction.
//!
//! No delay is added: while one batch is being made durable the next one gathers. Several commands
//! on one stream may be in a batch, each decided on the state the one before it left; they pass
//! the gate as one.

mod batch;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Event;
use sqlx::postgres::PgConnectOptions;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::codec::EncodedEvent;
use crate::hand_over::Tail;
use crate::recorded::Position;

/// Commands that may wait. At 10,000 a second that is under half a second's work: more would only
/// be answered too late.
const QUEUE_MAX: usize = 4_096;

/// Events in one transaction.
const BATCH_EVENTS_MAX: usize = 500;

/// How long a command may wait for a database that is away. Its caller is told to come back.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a command wants recorded: all of it, or none.
///
/// Without events it is a question: is the stream still at this version? The answer is as good as
/// an append's, which makes a decision to change nothing, or to refuse, safe against other nodes.
#[derive(Debug, Clone)]
pub struct Append {
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    /// The version of the stream that the decision was made on.
    pub expected: i64,
    /// The state that the decision was made on.
    pub lineage: Lineage,
    pub events: Vec<NewEvent>,
    /// JSON, the same for each event.
    pub metadata: String,
    pub claims: Vec<ClaimRow>,
    pub key: Option<KeyRow>,
}

/// Everything decided on one state, and on what that state was then brought to.
///
/// A decision may rest on events that are queued and not yet accepted. If those are refused, it
/// rests on a history that never happened, and its expected version proves nothing: another process
/// may have brought the stream to that version by other events. So one refusal voids the lineage,
/// and the appender refuses all of it that is still to come.
#[derive(Debug, Clone, Default)]
pub struct Lineage(Arc<AtomicBool>);

impl Lineage {
    /// Whether something of it was refused.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn void(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// An event, and its id.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub event_id: Uuid,
    pub encoded: EncodedEvent,
    /// What `encoded` decodes to, where it is at hand: for the subscribers of this process.
    pub event: Option<Event>,
}

/// A unique value taken or released, as its keyed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    pub scope: &'static str,
    pub value: Vec<u8>,
    pub take: bool,
}

/// An idempotency key that comes to stand for the events of its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub caller: Uuid,
    pub key: String,
    pub fingerprint: Vec<u8>,
}

/// Where an append came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Of its last event; without events, of the log's head.
    pub position: Position,
    pub recorded_at: DateTime<Utc>,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The stream has moved on: load it again and decide again.
    #[error("the stream is not at its expected version")]
    Conflict,
    #[error("the {scope} is held by another")]
    ClaimHeld { scope: &'static str },
    #[error("the idempotency key is taken")]
    KeyTaken,
    #[error("too many commands are waiting")]
    QueueFull,
    /// Nothing is known to be recorded. A retry with the same ids is harmless.
    #[error("the database did not answer in time")]
    Unavailable,
    #[error("the database refused the append: {0}")]
    Refused(String),
}

/// The entrance to the queue. Cheap to clone.
#[derive(Clone)]
pub struct Appender {
    queue: mpsc::Sender<Queued>,
    head: watch::Receiver<Position>,
    tail: Tail,
}

struct Queued {
    append: Append,
    since: tokio::time::Instant,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Result<Appended, AppendError>>);

impl Appender {
    /// Starts the appender: one task with a connection of its own, which ends when every clone of
    /// the entrance is gone and all that waited is answered.
    #[must_use]
    pub fn start(options: PgConnectOptions, tasks: &TaskTracker) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let (moved, head) = watch::channel(Position::START);
        let tail = Tail::default();
        tasks.spawn(writer::Writer::new(options, waiting, moved, tail.clone()).run());
        Self { queue, head, tail }
    }

    /// Queues `append`, at once or not at all. Appends on one stream are made in the order of
    /// these calls.
    ///
    /// # Errors
    ///
    /// [`AppendError::QueueFull`] when too many are waiting.
    pub fn enqueue(&self, append: Append) -> Result<Ticket, AppendError> {
        let (answer, ticket) = oneshot::channel();
        let queued = Queued { append, since: tokio::time::Instant::now(), answer };
        match self.queue.try_send(queued) {
            Ok(()) => Ok(Ticket(ticket)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(AppendError::QueueFull),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(AppendError::Unavailable),
        }
    }

    /// Moves whenever this process has appended: the position of the newest event it wrote.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Position> {
        self.head.clone()
    }

    /// What this process appends, for its relay.
    #[must_use]
    pub fn tail(&self) -> Tail {
        self.tail.clone()
    }
}

/// Waits until this process has appended, but no longer than `patience`: others may have too. In a
/// process that takes no commands it just waits.
pub(crate) async fn news(appended: &mut watch::Receiver<Position>, patience: Duration) {
    let changed = async {
        if appended.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    drop(timeout(patience, changed).await);
}

impl Ticket {
    /// Waits until the append is durable, or refused.
    ///
    /// # Errors
    ///
    /// See [`AppendError`].
    pub async fn done(self) -> Result<Appended, AppendError> {
        self.0.await.unwrap_or(Err(AppendError::Unavailable))
    }
}
