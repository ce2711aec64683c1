//! Reading one's own writes: waits until a read model has applied a position.

use std::sync::Arc;
use std::time::Duration;

use eventlog::Position;
use sqlx::{PgExecutor, PgPool};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

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
/// themselves, those of other processes are found by their checkpoints.
#[derive(Clone)]
pub struct Reads {
    db: PgPool,
    applied: Arc<watch::Sender<[Applied; ReadModel::ALL.len()]>>,
}

/// What a projector of this process has told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Applied {
    position: Position,
    /// It runs in this process: nobody else is further.
    is_here: bool,
}

impl Reads {
    /// Over the checkpoints in `db`.
    #[must_use]
    pub fn new(db: PgPool) -> Self {
        Self { db, applied: Arc::new(watch::Sender::default()) }
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
        if let Some(reached) = told(*applied.borrow_and_update(), models)
            && reached >= wanted
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
        self.tell(model, Applied { position, is_here: true });
    }

    /// The projector of `model` no longer runs in this process.
    pub(crate) fn withdraw(&self, model: ReadModel) {
        self.tell(model, Applied::default());
    }

    fn tell(&self, model: ReadModel, news: Applied) {
        self.applied.send_if_modified(|all| {
            let Some(old) = all.get_mut(model as usize) else {
                return false;
            };
            let changed = *old != news;
            *old = news;
            changed
        });
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

/// The lowest position of `models`, when all their projectors run in this process.
fn told(applied: [Applied; ReadModel::ALL.len()], models: &[ReadModel]) -> Option<Position> {
    let positions = models.iter().map(|model| {
        let applied = applied.get(*model as usize).copied().unwrap_or_default();
        applied.is_here.then_some(applied.position)
    });
    positions.collect::<Option<Vec<_>>>().map(|it| it.into_iter().min().unwrap_or_default())
}
