//! Keeps the read models in step with the log: one task each, under a lease of its own.
//!
//! The lease is for peace, not for correctness: a projector that was paused past its lease finds
//! its checkpoint moved and writes nothing.

mod backoff;
mod isolate;
mod run;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use eventlog::feed::FeedError;
use eventlog::lease::while_held;
use eventlog::pace::gathering;
use eventlog::{Feed, Position, RecordedEvent};
use futures_util::future::join_all;
use sqlx::{PgConnection, PgPool};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use backoff::{backoff, jitter};
pub(crate) use isolate::apply_isolating;
pub(crate) use run::Run;
pub use run::{Failure, Outcome, Projector};
pub use standing::Standing;
pub(crate) use standing::{Parked, lock};

use crate::error::ProjectionError;
use crate::{ReadModel, Reads};

/// Events in one transaction: enough that its cost is shared, few enough that it takes some tens of
/// milliseconds.
const BATCH: usize = 1_000;

/// The longest that a checkpoint stays behind events that left nothing to write. Readers in other
/// processes see the checkpoint.
const SAVE: Duration = Duration::from_millis(100);

/// Before a hole in the feed is looked at again: it is being read from PostgreSQL.
const HOLE_PAUSE: Duration = Duration::from_millis(20);

/// Before an event of a newer Parlance is looked at again: only an update of this process helps.
const TOO_NEW_PAUSE: Duration = Duration::from_secs(30);

/// Runs every projector until `stop`, each whenever this process holds its lease. `reads` is told
/// what they have applied; `db` has the live read models in its search path
/// ([`live_options`](crate::live_options)).
pub async fn run(db: PgPool, feed: Feed, reads: Reads, holder: Uuid, stop: CancellationToken) {
    let each = ReadModel::ALL.map(|model| run_one(&db, &feed, &reads, model, holder, &stop));
    join_all(each).await;
}

async fn run_one(
    db: &PgPool,
    feed: &Feed,
    reads: &Reads,
    model: ReadModel,
    holder: Uuid,
    stop: &CancellationToken,
) {
    let lease = format!("projector:{model}");
    while_held(db, &lease, holder, stop, |_, lost| async move {
        let (projector, position) = (Projector::of(model), Position::START);
        let (standing, saved, began) = (None, Instant::now(), Instant::now());
        let mut runner = Runner { db, feed, reads, projector, position, standing, saved, began };
        runner.follow(&lost).await;
        reads.withdraw(model);
    })
    .await;
}

struct Runner<'a> {
    db: &'a PgPool,
    feed: &'a Feed,
    reads: &'a Reads,
    projector: Projector,
    position: Position,
    /// What it remembers of its own rows, when that can be relied on.
    standing: Option<Standing>,
    /// When its checkpoint was last seen to.
    saved: Instant,
    /// When it last took events.
    began: Instant,
}

/// Why a projector pauses.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Apply(#[from] Failure),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(error.into())
    }
}

impl Runner<'_> {
    /// Applies what the feed brings until `lost`. A transaction under way is finished first.
    async fn follow(&mut self, lost: &CancellationToken) {
        let mut attempt = 0;
        let mut started = false;
        while !lost.is_cancelled() {
            let step = async {
                if started {
                    let Some(events) = lost.run_until_cancelled(self.next()).await else {
                        return Ok(());
                    };
                    let (events, began) = (events?, Instant::now());
                    let since = began - std::mem::replace(&mut self.began, began);
                    if !events.is_empty() {
                        self.apply(&events).await?;
                    }
                    if self.saved.elapsed() >= SAVE {
                        self.save().await?;
                    }
                    if events.len() < BATCH {
                        sleep_until(began + gathering(events.len(), since)).await;
                    }
                    Ok(())
                } else {
                    self.start().await
                }
            };
            let ended = step.await;
            self.tell_lag();
            match ended {
                Ok(()) if started => attempt = 0,
                Ok(()) => started = true,
                Err(trouble) => {
                    self.save_if_possible().await;
                    started = false; // the checkpoint says where it is
                    let pause = self.report(&trouble, attempt);
                    attempt += 1;
                    lost.run_until_cancelled(sleep(pause)).await;
                }
            }
        }
        self.save_if_possible().await;
    }

    async fn start(&mut self) -> Result<(), Trouble> {
        let mut connection = self.db.acquire().await?;
        let standing = self.projector.look(&mut connection).await?;
        self.moved(standing.position, standing.parked.streams());
        self.standing = Some(standing);
        Ok(())
    }

    /// What the feed brings next; nothing when the checkpoint has to be saved first.
    async fn next(&self) -> Result<Vec<Arc<RecordedEvent>>, FeedError> {
        let events = self.feed.next(self.position, BATCH);
        if self.standing.as_ref().is_some_and(Standing::is_ahead) {
            timeout_at(self.saved + SAVE, events).await.unwrap_or_else(|_| Ok(vec![]))
        } else {
            events.await
        }
    }

    /// Brings the checkpoint to where the projector is.
    async fn save(&mut self) -> Result<(), Trouble> {
        if let Some(mut standing) = self.standing.take() {
            if standing.is_ahead() {
                let mut connection = self.db.acquire().await?;
                self.projector.save(&mut connection, &mut standing).await?;
            }
            self.standing = Some(standing);
        }
        self.saved = Instant::now();
        Ok(())
    }

    /// Before a pause: whoever looks meanwhile sees how far it has come.
    async fn save_if_possible(&mut self) {
        if let Err(error) = self.save().await {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(projector = self.projector.name, error, "checkpoint stays behind");
        }
    }

    async fn apply(&mut self, events: &[Arc<RecordedEvent>]) -> Result<(), Trouble> {
        let mut connection = self.db.acquire().await?;
        let mut outcome = self.apply_remembering(&mut connection, events).await;
        if let Err(Failure::Moved(_)) = outcome {
            outcome = self.apply_remembering(&mut connection, events).await;
        }
        if let Err(Failure::Projection(ProjectionError::Poison(error))) = &outcome {
            tracing::warn!(projector = self.projector.name, error, "a run is poisoned");
            self.count_failure("poison");
            outcome = apply_isolating(&mut connection, &self.projector, events).await;
        }
        match outcome? {
            Outcome::Applied { position, held } => self.moved(position, held),
            Outcome::Elsewhere(position) if position == self.position => {
                tracing::warn!(position = position.0, "the feed left a hole");
                sleep(HOLE_PAUSE).await;
            }
            Outcome::Elsewhere(position) => {
                self.position = position;
                self.reads.publish(self.projector.model, position);
            }
        }
        Ok(())
    }

    /// Applies `events` from what is remembered, and looks where that is nothing. After a failure
    /// nothing is remembered.
    async fn apply_remembering(
        &mut self,
        db: &mut PgConnection,
        events: &[Arc<RecordedEvent>],
    ) -> Result<Outcome, Failure> {
        let mut standing = match self.standing.take() {
            Some(standing) => standing,
            None => self.projector.look(db).await?,
        };
        let outcome = self.projector.apply_from(db, &mut standing, events).await;
        if let Ok(_) | Err(Failure::TooNew { .. }) = outcome {
            self.standing = Some(standing); // what is too new was not taken in
        }
        outcome
    }

    /// The checkpoint is at `position` now.
    fn moved(&mut self, position: Position, held: usize) {
        self.position = position;
        self.reads.publish(self.projector.model, position);
        let name = self.projector.model.name();
        metrics::gauge!("parlance_projector_position", "projector" => name).set(position.0 as f64);
        metrics::gauge!("parlance_projector_held_streams", "projector" => name).set(held as f64);
    }

    /// Said after every step, done or failed: a projector that is stuck must be seen to lag.
    fn tell_lag(&self) {
        let name = self.projector.model.name();
        let lag = (self.feed.newest().0 - self.position.0).max(0);
        metrics::gauge!("parlance_projector_lag_events", "projector" => name).set(lag as f64);
    }

    /// Says what is wrong, and how long to wait.
    fn report(&self, trouble: &Trouble, attempt: u32) -> Duration {
        let projector = self.projector.name.as_str();
        if let Trouble::Apply(Failure::TooNew { .. }) = trouble {
            self.count_failure("too_new");
            tracing::error!(projector, error = %trouble, "projector stopped: update this process");
            return TOO_NEW_PAUSE;
        }
        self.count_failure("transient");
        let pause = backoff(attempt, jitter());
        let error: &dyn std::error::Error = trouble;
        tracing::warn!(projector, error, ?pause, "projector will try again");
        pause
    }

    fn count_failure(&self, kind: &'static str) {
        let name = self.projector.model.name();
        metrics::counter!("parlance_projector_failures_total", "projector" => name, "kind" => kind)
            .increment(1);
    }
}
