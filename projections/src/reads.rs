//! Reading one's own writes: waits until a read model has applied a position.

use std::sync::Arc;
use std::time::Duration;

use eventlog::bus::Note;
use eventlog::{Bus, Position};
use serde::{Deserialize, Serialize};
use sqlx::{PgExecutor, PgPool};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::ReadModel;

/// How long a read waits for the position it was told to reflect.
const DEADLINE: Duration = Duration::from_secs(2);

/// How often the checkpoints are asked for, while projectors of another process are waited for.
const POLL: Duration = Duration::from_millis(20);

/// Why a read cannot be answered as it was asked for.
#[derive(Debug, Error)]
pub enum ReadsError {
    /// The read models have not come that far in time. They will: ask again.
    #[error("the read model is at position {reached}, and {wanted} was asked for")]
    Behind { wanted: Position, reached: Position },
    #[error("the checkpoints could not be read")]
    Database(#[from] sqlx::Error),
}

/// How far the read models have come. Cheap to clone; the projectors of this process tell it by
/// themselves, those of others by the bus, and what that loses is found by their checkpoints.
#[derive(Clone)]
pub struct Reads {
    db: PgPool,
    bus: Bus,
    applied: Arc<watch::Sender<[Applied; ReadModel::ALL.len()]>>,
}

/// What a projector has told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Applied {
    position: Position,
    /// It runs in this process: nobody else is further.
    is_here: bool,
}

/// The projector of a read model has committed a position.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Committed {
    model: String,
    position: Position,
}

impl Note for Committed {
    const TOPIC: &'static str = "committed";
}

impl Reads {
    /// Over the checkpoints in `db`, and what is told on `bus`.
    #[must_use]
    pub fn new(db: PgPool, bus: Bus) -> Self {
        Self { db, bus, applied: Arc::new(watch::Sender::default()) }
    }

    /// Learns, until `stop`, what projectors of other processes have committed.
    pub async fn follow(self, stop: CancellationToken) {
        let mut told = self.bus.listen::<Committed>();
        while let Some(note) = stop.run_until_cancelled(told.next()).await {
            if let Ok(model) = note.model.parse::<ReadModel>() {
                self.hear(model, note.position);
            }
        }
    }

    /// Waits until every one of `models` has applied `min`, and returns the lowest position they
    /// reflect. Without `min` it does not wait.
    ///
    /// # Errors
    ///
    /// [`ReadsError::Behind`] when that takes longer than 2 s.
    pub async fn wait(
        &self,
        min: Option<Position>,
        models: &[ReadModel],
    ) -> Result<Position, ReadsError> {
        let deadline = Instant::now() + DEADLINE;
        let wanted = min.unwrap_or_default();
        let mut applied = self.applied.subscribe();
        let known = *applied.borrow_and_update();
        if let Some(reached) = told(known, models)
            && reached >= wanted
            && (min.is_some() || are_here(known, models))
        {
            return Ok(reached);
        }
        loop {
            let poll = (Instant::now() + POLL).min(deadline);
            let reached = reached(&self.db, models).await?;
            if reached >= wanted {
                return Ok(reached);
            }
            while timeout_at(poll, applied.changed()).await.is_ok_and(|it| it.is_ok()) {
                if let Some(reached) = told(*applied.borrow_and_update(), models)
                    && reached >= wanted
                {
                    return Ok(reached);
                }
            }
            if Instant::now() >= deadline {
                return Err(ReadsError::Behind { wanted, reached });
            }
        }
    }

    /// The projector of `model` runs in this process and has committed `position`.
    pub(crate) fn publish(&self, model: ReadModel, position: Position) {
        if self.tell(model, Applied { position, is_here: true }) {
            self.bus.tell(&Committed { model: model.name().to_owned(), position });
        }
    }

    /// A projector, here or elsewhere, has committed `position`. What is here is known first hand.
    fn hear(&self, model: ReadModel, position: Position) {
        self.applied.send_if_modified(|all| match all.get_mut(model as usize) {
            Some(it) if !it.is_here && it.position < position => {
                it.position = position;
                true
            }
            Some(_) | None => false,
        });
    }

    /// The projector of `model` no longer runs in this process.
    pub(crate) fn withdraw(&self, model: ReadModel) {
        self.tell(model, Applied::default());
    }

    fn tell(&self, model: ReadModel, news: Applied) -> bool {
        self.applied.send_if_modified(|all| {
            let Some(old) = all.get_mut(model as usize) else {
                return false;
            };
            let changed = *old != news;
            *old = news;
            changed
        })
    }
}

/// The lowest of the checkpoints of `models`.
pub(crate) async fn reached(
    db: impl PgExecutor<'_>,
    models: &[ReadModel],
) -> sqlx::Result<Position> {
    let names: Vec<_> = models.iter().map(|it| it.name().to_owned()).collect();
    let position = sqlx::query_scalar!(
        r#"SELECT min(coalesce(c.position, 0))
           FROM unnest($1::text[]) AS n (name)
           LEFT JOIN checkpoints c USING (name)"#,
        &names
    )
    .fetch_one(db)
    .await?;
    Ok(Position(position.unwrap_or_default()))
}

/// The lowest position of `models`, as far as their projectors have told.
fn told(applied: [Applied; ReadModel::ALL.len()], models: &[ReadModel]) -> Option<Position> {
    let of = |model: &ReadModel| applied.get(*model as usize).map(|it| it.position);
    models.iter().filter_map(of).min()
}

/// Whether all their projectors run in this process.
fn are_here(applied: [Applied; ReadModel::ALL.len()], models: &[ReadModel]) -> bool {
    models.iter().all(|model| applied.get(*model as usize).is_some_and(|it| it.is_here))
}
