//! From the log to marks: the half of the mirror that follows events.

use std::sync::Arc;
use std::time::Duration;

use eventlog::codec::DecodeError;
use eventlog::feed::FeedError;
use eventlog::{Feed, Position, RecordedEvent, checkpoint, database};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::content::MODELS;
use super::marks::{self, Marks, NAME};
use crate::{Reads, ReadsError};

/// Events in one transaction.
const BATCH: usize = 1_000;

/// A transaction begins at most this often. A lone event is not delayed.
const PACE: Duration = Duration::from_millis(50);

/// Events that mark nothing are noted as read this late: reading them again is harmless.
const NOTE_AFTER: Duration = Duration::from_secs(1);

/// After a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Before an event of a newer Parlance is looked at again: only an update of this process helps.
const TOO_NEW_PAUSE: Duration = Duration::from_secs(30);

/// Why it pauses.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Skipping it would lose what it says.
    #[error("event {position} cannot be read: {error}")]
    TooNew { position: Position, error: DecodeError },
}

pub(super) struct Follower<'a> {
    db: &'a PgPool,
    feed: &'a Feed,
    reads: &'a Reads,
    /// Told when something was marked.
    marked: &'a Notify,
    /// The last event read.
    position: Position,
    /// The last event noted as read, and when.
    noted: Position,
    noted_at: Instant,
}

impl<'a> Follower<'a> {
    pub(super) fn new(
        db: &'a PgPool,
        feed: &'a Feed,
        reads: &'a Reads,
        marked: &'a Notify,
    ) -> Self {
        let start = Position::START;
        Self { db, feed, reads, marked, position: start, noted: start, noted_at: Instant::now() }
    }

    /// Reads the log until `lost`. A transaction under way is finished first.
    pub(super) async fn run(&mut self, lost: &CancellationToken) {
        let mut started = false;
        while !lost.is_cancelled() {
            let step = if started { self.step(lost).await } else { self.start().await };
            let pause = match step {
                Ok(()) => {
                    started = true;
                    continue;
                }
                Err(Trouble::TooNew { position, error }) => {
                    tracing::error!(%position, %error, "the mirror stopped: update this process");
                    TOO_NEW_PAUSE
                }
                Err(trouble) => {
                    let error: &dyn std::error::Error = &trouble;
                    tracing::warn!(error, "the mirror will read on");
                    RETRY
                }
            };
            started = false; // the checkpoint says what was noted
            lost.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// The very first time, everything there is becomes a document, and the log is followed from
    /// there.
    async fn start(&mut self) -> Result<(), Trouble> {
        let mut tx = database::begin(self.db).await?;
        if !marks::is_on(&mut tx).await? {
            let from = crate::reads::reached(&mut *tx, &MODELS).await?;
            checkpoint::create(&mut tx, NAME).await?;
            checkpoint::advance(&mut tx, NAME, Position::START, from).await?;
            let documents = marks::mark_everything(&mut tx).await?;
            tracing::info!(documents, %from, "Firestore is filled");
        }
        tx.commit().await?;
        self.position = eventlog::read::checkpoint(self.db, NAME).await?;
        (self.noted, self.noted_at) = (self.position, Instant::now());
        self.marked.notify_one();
        Ok(())
    }

    async fn step(&mut self, lost: &CancellationToken) -> Result<(), Trouble> {
        let next = timeout(NOTE_AFTER, self.feed.next(self.position, BATCH));
        let events = match lost.run_until_cancelled(next).await {
            None => return Ok(()),
            Some(Ok(events)) => events?,
            Some(Err(_)) => vec![], // nothing happens just now
        };
        let pace = Instant::now() + PACE;
        self.read(&events, lost).await?;
        self.tell();
        if !events.is_empty() && events.len() < BATCH {
            sleep_until(pace).await;
        }
        Ok(())
    }

    async fn read(
        &mut self,
        events: &[Arc<RecordedEvent>],
        lost: &CancellationToken,
    ) -> Result<(), Trouble> {
        let mut marks = Marks::default();
        let mut too_new = None;
        let mut read = self.position;
        for event in events {
            if let Err(error @ DecodeError::TooNew { .. }) = &event.event {
                let (position, error) = (event.position, error.clone());
                too_new = Some(Trouble::TooNew { position, error });
                break;
            }
            marks.take(event);
            read = event.position;
        }
        let late = read > self.noted && self.noted_at.elapsed() >= NOTE_AFTER;
        if !marks.is_empty() || late {
            if !self.until_applied(read, lost).await? {
                return Ok(());
            }
            self.note(read, marks).await?;
        }
        self.position = read;
        too_new.map_or(Ok(()), Err)
    }

    /// Waits for the read models: a document is made from them, and so must not be marked before
    /// they know what it is marked for. False when the lease is lost first.
    async fn until_applied(
        &self,
        position: Position,
        lost: &CancellationToken,
    ) -> Result<bool, Trouble> {
        loop {
            let applied = self.reads.wait(Some(position), &MODELS);
            match lost.run_until_cancelled(applied).await {
                None => return Ok(false),
                Some(Ok(_)) => return Ok(true),
                Some(Err(ReadsError::Behind { .. })) => self.tell(),
                Some(Err(ReadsError::Database(error))) => return Err(error.into()),
            }
        }
    }

    /// Writes the marks, and that everything up to `to` is read: both, or neither.
    async fn note(&mut self, to: Position, marks: Marks) -> Result<(), Trouble> {
        let is_marking = !marks.is_empty();
        let mut tx = database::begin(self.db).await?;
        if !checkpoint::advance(&mut tx, NAME, self.noted, to).await? {
            // Another process has it by now. What it has noted, this one need not.
            return Err(Trouble::Database(sqlx::Error::RowNotFound));
        }
        marks.write(&mut tx).await?;
        tx.commit().await?;
        (self.noted, self.noted_at) = (to, Instant::now());
        if is_marking {
            self.marked.notify_one();
        }
        Ok(())
    }

    fn tell(&self) {
        let lag = (self.feed.newest().0 - self.position.0).max(0);
        metrics::gauge!("parlance_projector_lag_events", "projector" => NAME).set(lag as f64);
        metrics::gauge!("parlance_projector_position", "projector" => NAME)
            .set(self.position.0 as f64);
    }
}
