//! From events to work: the half of a policy that follows the log.

use std::sync::Arc;
use std::time::Duration;

use eventlog::codec::DecodeError;
use eventlog::feed::FeedError;
use eventlog::{Position, RecordedEvent, checkpoint, database};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::work::Changes;
use super::{Policies, Policy, full_name, parked};

/// Events in one transaction.
const BATCH: usize = 1_000;

/// Events that ask for nothing are noted as read this late: reading them again is harmless, and
/// most events ask a policy for nothing.
const NOTE_AFTER: Duration = Duration::from_secs(1);

/// After a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Before an event of a newer Parlance is looked at again: only an update of this process helps.
const TOO_NEW_PAUSE: Duration = Duration::from_secs(30);

/// Why a policy pauses.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Skipping it would lose what it asks for.
    #[error("event {position} cannot be read: {error}")]
    TooNew { position: Position, error: DecodeError },
}

pub(super) struct Follower<'a, P> {
    policies: &'a Policies,
    /// Told when something was asked for.
    asked: &'a Notify,
    name: String,
    /// The last event read.
    position: Position,
    /// The last event noted as read, and when.
    noted: Position,
    noted_at: Instant,
    policy: std::marker::PhantomData<P>,
}

impl<'a, P: Policy> Follower<'a, P> {
    pub(super) fn new(policies: &'a Policies, asked: &'a Notify) -> Self {
        Self {
            policies,
            asked,
            name: full_name(P::NAME),
            position: Position::START,
            noted: Position::START,
            noted_at: Instant::now(),
            policy: std::marker::PhantomData,
        }
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
                    let policy = P::NAME;
                    tracing::error!(policy, %position, %error, "policy stopped: update this process");
                    TOO_NEW_PAUSE
                }
                Err(trouble) => {
                    let error: &dyn std::error::Error = &trouble;
                    tracing::warn!(policy = P::NAME, error, "policy will read on");
                    RETRY
                }
            };
            started = false; // the checkpoint says what was written
            lost.run_until_cancelled(sleep(pause)).await;
        }
    }

    async fn start(&mut self) -> Result<(), Trouble> {
        let db = &self.policies.db;
        checkpoint::create(&mut *db.acquire().await?, &self.name).await?;
        self.position = eventlog::read::checkpoint(db, &self.name).await?;
        if let Some(age) = P::FORGETS_AFTER {
            let past = self.policies.clock.now() - age;
            let forgotten = eventlog::read::position_at(db, past).await?;
            if forgotten > self.position {
                let mut connection = db.acquire().await?;
                checkpoint::advance(&mut connection, &self.name, self.position, forgotten).await?;
                self.position = eventlog::read::checkpoint(db, &self.name).await?;
            }
        }
        (self.noted, self.noted_at) = (self.position, Instant::now());
        Ok(())
    }

    async fn step(&mut self, lost: &CancellationToken) -> Result<(), Trouble> {
        let next = timeout(NOTE_AFTER, self.policies.feed.next(self.position, BATCH));
        let events = match lost.run_until_cancelled(next).await {
            None => return Ok(()),
            Some(Ok(events)) => events?,
            Some(Err(_)) => vec![], // nothing happens just now
        };
        let lag = (self.policies.feed.newest().0 - self.position.0).max(0);
        metrics::gauge!("parlance_policy_lag_events", "policy" => P::NAME).set(lag as f64);
        self.read(&events).await
    }

    async fn read(&mut self, events: &[Arc<RecordedEvent>]) -> Result<(), Trouble> {
        let mut changes = Changes::new();
        let mut malformed = vec![];
        let mut too_new = None;
        let mut last = self.position;
        for event in events {
            match &event.event {
                Ok(domain) => {
                    for change in P::react(domain) {
                        changes.push(event, change);
                    }
                }
                Err(error @ DecodeError::Malformed(_)) => malformed.push((event, error)),
                Err(error @ DecodeError::TooNew { .. }) => {
                    let (position, error) = (event.position, error.clone());
                    too_new = Some(Trouble::TooNew { position, error });
                    break;
                }
            }
            last = event.position;
        }
        let asked = !changes.is_empty();
        let late = last > self.noted && self.noted_at.elapsed() >= NOTE_AFTER;
        if asked || !malformed.is_empty() || late {
            self.note(last, changes, &malformed).await?;
        }
        self.position = last;
        if asked {
            self.asked.notify_one();
        }
        too_new.map_or(Ok(()), Err)
    }

    /// Writes down what is asked for, and that everything up to `to` is read: both, or neither.
    async fn note(
        &mut self,
        to: Position,
        changes: Changes<P::Task>,
        malformed: &[(&Arc<RecordedEvent>, &DecodeError)],
    ) -> Result<(), Trouble> {
        let mut tx = database::begin(&self.policies.db).await?;
        if !checkpoint::advance(&mut tx, &self.name, self.noted, to).await? {
            // Another process has it by now. What it has noted, this one need not.
            return Err(Trouble::Database(sqlx::Error::RowNotFound));
        }
        changes.write(&mut tx, P::NAME).await?;
        for (event, error) in malformed {
            parked::add(&mut tx, &self.name, event, &error.to_string()).await?;
        }
        tx.commit().await?;
        (self.noted, self.noted_at) = (to, Instant::now());
        Ok(())
    }
}
