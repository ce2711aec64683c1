//! Finds the event that poisons a run, and parks it, while all others are applied.

use std::borrow::Borrow;
use std::time::Duration;

use eventlog::{Position, RecordedEvent};
use sqlx::PgConnection;
use tokio::time::sleep;

use super::run::{Failure, Outcome, Projector};
use crate::error::ProjectionError;

/// How often an event that stands alone is tried before it is parked.
const ATTEMPTS: i32 = 3;

/// Between those attempts: long enough for a passing disturbance of the server to pass.
const PAUSE: Duration = Duration::from_millis(50);

/// Applies `events` one after the other in runs as long as they can be: a run that fails for its
/// data is halved until the culprit stands alone.
///
/// Returns where the checkpoint is afterwards.
///
/// # Errors
///
/// Anything but poison. What was applied until then stays.
pub(crate) async fn apply_isolating<E: Borrow<RecordedEvent>>(
    db: &mut PgConnection,
    projector: &Projector,
    events: &[E],
) -> Result<Outcome, Failure> {
    let mut left = events;
    let mut length = events.len();
    let mut last = None;
    while let Some(first) = left.first() {
        let run = left.get(..length).unwrap_or(left);
        let outcome = match projector.apply(db, run).await {
            Err(Failure::Projection(ProjectionError::Poison(error))) if run.len() == 1 => {
                apply_or_park(db, projector, first.borrow(), error).await?
            }
            Err(Failure::Projection(ProjectionError::Poison(_))) => {
                length = run.len() / 2;
                continue;
            }
            Err(failure @ Failure::TooNew { .. }) => match last {
                Some(outcome) => return Ok(outcome), // it is met again, as the first
                None => return Err(failure),
            },
            other => other?,
        };
        let Outcome::Applied { position, .. } = outcome else {
            return Ok(outcome);
        };
        left = after(left, position);
        length = left.len();
        last = Some(outcome);
    }
    last.ok_or(Failure::Moved(Position::START))
}

/// Tries an event that stands alone once more, and once more, and then parks it.
async fn apply_or_park(
    db: &mut PgConnection,
    projector: &Projector,
    event: &RecordedEvent,
    mut error: String,
) -> Result<Outcome, Failure> {
    for _ in 1..ATTEMPTS {
        sleep(PAUSE).await;
        match projector.apply(db, &[event]).await {
            Err(Failure::Projection(ProjectionError::Poison(again))) => error = again,
            other => return other,
        }
    }
    projector.park(db, event, ATTEMPTS, error).await
}

fn after<E: Borrow<RecordedEvent>>(events: &[E], position: Position) -> &[E] {
    let applied = events.partition_point(|it| it.borrow().position <= position);
    events.get(applied..).unwrap_or_default()
}
