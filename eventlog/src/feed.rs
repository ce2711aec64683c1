//! The feed: what subscribers read the log from. One a process.
//!
//! It follows the end of the log, through JetStream when there is one and by asking PostgreSQL
//! otherwise, decodes each event once, unless its own process has decided it, and keeps the newest in
//! memory. What the relay of its own process is about to publish it takes from the relay, and does not
//! read it back. A subscriber asks for what follows its own position: from memory if recent, from
//! PostgreSQL if not. So a slow subscriber holds nobody up, and none needs a queue.
//!
//! Positions make every fault a comparison: a message lower than expected is a duplicate and
//! dropped, a higher one shows a gap, and the gap is read from PostgreSQL.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::append;
use crate::codec::{Codec, CodecError};
use crate::hand_over::{Fresh, Relayed};
use crate::history;
use crate::nats::{self, STREAM};
use crate::read;
use crate::recorded::{Position, RecordedEvent};

/// Events kept in memory: some seconds of the highest load.
const RECENT_MAX: usize = 8_192;

/// Messages taken from JetStream before they are decoded together.
const GATHER_MAX: usize = 500;

/// How often PostgreSQL is asked when there is no stream.
const POLL: Duration = Duration::from_millis(50);

/// How long the stream may be silent before PostgreSQL is asked whether it should be.
const SILENCE: Duration = Duration::from_millis(250);

/// How often in a row the relay of this process may be late before the stream is believed to be
/// another's.
const LATE_MAX: u32 = 2;

/// How often a stream that was not there is looked for again.
const PROBE: Duration = Duration::from_secs(1);

/// After a failure.
const RETRY: Duration = Duration::from_millis(250);

/// Why the log cannot be followed right now. Always transient.
#[derive(Debug, Error)]
pub enum FeedError {
    #[error("the log could not be read")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Somebody else's events. The stream is looked at anew before it is believed again.
    #[error("the stream has an event {0}, and the log does not")]
    Ahead(Position),
}

/// Where subscribers read from. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    newest: watch::Receiver<Position>,
}

struct Shared {
    db: PgPool,
    codec: Arc<Codec>,
    recent: Mutex<VecDeque<Arc<RecordedEvent>>>,
}

impl Feed {
    /// A feed over `db`, and the task that follows the log until `stop`.
    pub fn new(
        db: PgPool,
        codec: Arc<Codec>,
        stream: Option<Context>,
        appended: watch::Receiver<Position>,
        relayed: Relayed,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (moved, newest) = watch::channel(Position::START);
        let shared = Arc::new(Shared { db, codec, recent: Mutex::default() });
        let shared_too = Arc::clone(&shared);
        let follower = Follower { shared: shared_too, stream, appended, relayed, moved };
        (Self { shared, newest }, follower.run(stop))
    }

    /// The events after `after`, in order, at most `limit`; waits until there is one.
    ///
    /// # Errors
    ///
    /// When the log cannot be read right now.
    pub async fn next(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, FeedError> {
        let mut newest = self.newest.clone();
        loop {
            if let Some(events) = self.shared.recent(after, limit) {
                return Ok(events);
            }
            let known = *newest.borrow_and_update();
            if after >= known && known > Position::START {
                if newest.changed().await.is_err() {
                    std::future::pending::<()>().await; // the follower has stopped, and so will we
                }
                continue;
            }
            let limit = i64::try_from(limit).unwrap_or(read::PAGE).min(read::PAGE);
            let page = read::page(&self.shared.db, after, limit).await?;
            if page.is_empty() {
                append::news(&mut newest, POLL).await;
                continue;
            }
            let events = self.shared.codec.decode(page).await?;
            return Ok(events.into_iter().map(Arc::new).collect());
        }
    }

    /// The newest position the feed knows of.
    #[must_use]
    pub fn newest(&self) -> Position {
        *self.newest.borrow()
    }
}

impl Shared {
    /// Decodes what this process has not decided itself.
    async fn decode(&self, fresh: Vec<Fresh>) -> Result<Vec<RecordedEvent>, CodecError> {
        let mut events = Vec::with_capacity(fresh.len());
        let mut stored = Vec::new();
        for Fresh { stored: it, event } in fresh {
            match event {
                Some(event) => events.push(it.recorded(Ok(event))),
                None => stored.push(it),
            }
        }
        if !stored.is_empty() {
            events.extend(self.codec.decode(stored).await?);
            events.sort_unstable_by_key(|it| it.position);
        }
        Ok(events)
    }

    /// What memory has after `after`; nothing when it does not reach back that far, or on.
    fn recent(&self, after: Position, limit: usize) -> Option<Vec<Arc<RecordedEvent>>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.position;
        let skip = usize::try_from(after.0 - first.0 + 1).ok()?;
        let events: Vec<_> = recent.iter().skip(skip).take(limit).cloned().collect();
        if events.is_empty() { None } else { Some(events) }
    }
}

struct Follower {
    shared: Arc<Shared>,
    stream: Option<Context>,
    appended: watch::Receiver<Position>,
    relayed: Relayed,
    moved: watch::Sender<Position>,
}

impl Follower {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.follow() => ended,
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "the feed starts again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Follows the log from where memory ends, until something fails.
    async fn follow(&mut self) -> Result<(), FeedError> {
        if *self.moved.borrow() == Position::START {
            // Only what is new is kept in memory; what is older is in PostgreSQL.
            let head = self.head().await?;
            self.moved.send_replace(head);
        }
        self.catch_up().await?;
        let Some(mut messages) = self.messages().await else {
            return self.poll_until(Instant::now() + PROBE).await;
        };
        let mut silent = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                chunk = timeout_at(silent, messages.next()) => match chunk {
                    Ok(Some(chunk)) => {
                        let mut events = Vec::with_capacity(chunk.len());
                        for message in chunk {
                            let Ok(message) = message else { return Ok(()) };
                            let Ok(info) = message.info() else { return Ok(()) };
                            let sequence = info.stream_sequence;
                            events.extend(nats::stored(&message, sequence).map(Fresh::from));
                        }
                        self.take(events).await?;
                    }
                    Ok(None) => return Ok(()),
                    Err(_) => _ = self.catch_up_if_behind().await?,
                },
                events = self.relayed.next() => {
                    if !self.take_over(events).await? {
                        continue; // the relay has to catch up, and this was heard before
                    }
                    drop(messages);
                    return self.follow_relay().await;
                }
            }
            silent = Instant::now() + SILENCE;
        }
    }

    /// Follows the relay of this process as long as it keeps up with the log.
    async fn follow_relay(&mut self) -> Result<(), FeedError> {
        let mut late = 0;
        let mut silent = Instant::now() + SILENCE;
        while late < LATE_MAX {
            match timeout_at(silent, self.relayed.next()).await {
                Ok(events) => {
                    if !self.take_over(events).await? {
                        continue;
                    }
                    late = 0;
                }
                Err(_) => late += u32::from(self.catch_up_if_behind().await?),
            }
            silent = Instant::now() + SILENCE;
        }
        Ok(())
    }

    /// Takes in what the relay has published, and what is missing before it. False when nothing of
    /// it is new.
    async fn take_over(&mut self, events: Vec<Fresh>) -> Result<bool, FeedError> {
        let fresh = self.fresh(events);
        let is_new = !fresh.is_empty();
        self.go_on(fresh).await?;
        Ok(is_new)
    }

    /// What of `events` is new.
    fn fresh(&self, events: Vec<Fresh>) -> Vec<Fresh> {
        let after = self.moved.borrow().0;
        events.into_iter().filter(|it| it.stored.position > after).collect()
    }

    /// Keeps `fresh` if it follows on; reads it, and what is missing before it, if not.
    async fn go_on(&mut self, fresh: Vec<Fresh>) -> Result<(), FeedError> {
        let after = self.moved.borrow().0;
        let follows =
            (after + 1..).zip(&fresh).all(|(expected, it)| it.stored.position == expected);
        if follows { self.keep(fresh).await } else { self.catch_up().await }
    }

    /// What the stream holds from here on, in chunks; nothing when there is no stream, or no server,
    /// or the stream is not a copy of our log. PostgreSQL has everything.
    async fn messages(&self) -> Option<ReadyChunks<pull::Ordered>> {
        let stream = self.stream.as_ref()?;
        match history::end(&self.shared.db, stream).await {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!(%error, "the feed does without the stream");
                return None;
            }
        }
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.moved.borrow().next().sequence(),
            },
            ..Default::default()
        };
        let consumer = stream.create_consumer_on_stream(config, STREAM).await.ok()?;
        Some(consumer.messages().await.ok()?.ready_chunks(GATHER_MAX))
    }

    /// Takes in what the stream delivered: what follows on, and what is missing before it. What the
    /// log does not reach to was never recorded here, whoever published it.
    async fn take(&mut self, events: Vec<Fresh>) -> Result<(), FeedError> {
        let fresh = self.fresh(events);
        let Some(last) = fresh.last().map(|it| Position(it.stored.position)) else {
            return Ok(());
        };
        if last > *self.appended.borrow() && last > self.head().await? {
            return Err(FeedError::Ahead(last));
        }
        self.go_on(fresh).await
    }

    async fn head(&self) -> sqlx::Result<Position> {
        read::head(&self.shared.db).await
    }

    /// Catches up when the relay or the stream is behind the log. Whether it was.
    async fn catch_up_if_behind(&mut self) -> Result<bool, FeedError> {
        let is_behind = self.head().await? > *self.moved.borrow();
        if is_behind {
            self.catch_up().await?;
        }
        Ok(is_behind)
    }

    /// Reads from PostgreSQL whatever memory does not have yet.
    async fn catch_up(&mut self) -> Result<(), FeedError> {
        loop {
            let after = *self.moved.borrow();
            let page = read::page(&self.shared.db, after, read::PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.keep(page.into_iter().map(Fresh::from).collect()).await?;
        }
    }

    async fn poll_until(&mut self, end: Instant) -> Result<(), FeedError> {
        while Instant::now() < end {
            append::news(&mut self.appended, POLL).await;
            self.catch_up().await?;
        }
        Ok(())
    }

    async fn keep(&mut self, events: Vec<Fresh>) -> Result<(), FeedError> {
        let Some(last) = events.last().map(|it| Position(it.stored.position)) else {
            return Ok(());
        };
        let events = self.shared.decode(events).await?;
        {
            let mut recent = self.shared.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.extend(events.into_iter().map(Arc::new));
            let surplus = recent.len().saturating_sub(RECENT_MAX);
            recent.drain(..surplus);
        }
        self.moved.send_replace(last);
        Ok(())
    }
}
