//! A run of events on its way into a read model.

use std::borrow::Borrow;

use domain::Event;
use eventlog::codec::DecodeError;
use eventlog::{Position, RecordedEvent, checkpoint};
use sqlx::{Acquire, PgConnection};
use thiserror::Error;

use super::standing::{self, NewlyParked, Parked, Standing};
use crate::ReadModel;
use crate::changes::Changes;
use crate::error::ProjectionError;

/// What stands in `parked_events` beside an event that only waits.
const WAITS: &str = "waits behind an earlier event of its stream";

/// Who applies: a read model, and the name under which its checkpoint and parked events stand.
#[derive(Debug, Clone)]
pub struct Projector {
    pub(crate) model: ReadModel,
    pub(crate) name: String,
}

/// Why a run was not applied. Nothing of it was.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// The next event was written by a newer Parlance. Skipping it would lose what it says.
    #[error("event {position} cannot be read: {error}")]
    TooNew { position: Position, error: DecodeError },
    /// The checkpoint was moved, or what is parked was changed, by somebody else meanwhile.
    #[error("the checkpoint is no longer at {0}")]
    Moved(Position),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Projection(error.into())
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The checkpoint is here now, and this many streams are held back.
    Applied { position: Position, held: usize },
    /// The events do not follow the checkpoint, which is here: read from here.
    Elsewhere(Position),
}

/// Events folded, and not yet written.
pub(crate) struct Run {
    changes: Changes,
    parked: NewlyParked,
    from: Position,
    to: Position,
}

impl Run {
    /// An empty run that follows `from`.
    pub(crate) fn new(model: ReadModel, from: Position) -> Self {
        Self { changes: Changes::new(model), parked: NewlyParked::default(), from, to: from }
    }

    /// Where it follows on.
    pub(crate) const fn from(&self) -> Position {
        self.from
    }

    /// The last event taken.
    pub(crate) const fn to(&self) -> Position {
        self.to
    }

    /// Rows to be written, more or less; 0 when there are none.
    pub(crate) fn len(&self) -> usize {
        self.changes.len() + self.parked.len()
    }

    /// Takes the next event: into the changes, or behind an earlier one that is parked.
    ///
    /// # Errors
    ///
    /// [`Failure::TooNew`]: the run ends before this event.
    pub(crate) fn take(
        &mut self,
        event: &RecordedEvent,
        parked: &mut Parked,
    ) -> Result<(), Failure> {
        if parked.is_skipped(event) {
        } else if parked.is_held(event) {
            self.parked.push(event, 0, WAITS.to_owned());
        } else if let Err(error) = self.fold(event)? {
            // The fold is pure: the next attempt would say the same.
            self.park(event, 1, error, parked);
        }
        self.to = event.position;
        Ok(())
    }

    fn fold(&mut self, event: &RecordedEvent) -> Result<Result<(), String>, Failure> {
        let folded = match &event.event {
            Ok(domain) => self.fold_readable(event.position, domain),
            Err(error @ DecodeError::Malformed(_)) => Err(error.to_string()),
            Err(error @ DecodeError::TooNew { .. }) => {
                return Err(Failure::TooNew { position: event.position, error: error.clone() });
            }
        };
        Ok(folded)
    }

    fn fold_readable(&mut self, position: Position, event: &Event) -> Result<(), String> {
        self.changes.fold(position, event).map_err(|error| error.to_string())
    }

    /// Parks `event`, the next one.
    pub(crate) fn park(
        &mut self,
        event: &RecordedEvent,
        attempts: i32,
        error: String,
        parked: &mut Parked,
    ) {
        tracing::error!(
            position = event.position.0,
            aggregate_type = event.aggregate_type,
            aggregate_id = event.aggregate_id,
            error,
            "event parked"
        );
        self.parked.push(event, attempts, error);
        parked.hold(event);
        self.to = event.position;
    }

    /// Writes the run and moves the checkpoint `name`. The caller commits.
    pub(crate) async fn write(self, db: &mut PgConnection, name: &str) -> Result<(), Failure> {
        self.changes.write(&mut *db).await?;
        self.parked.write(&mut *db, name).await?;
        if checkpoint::advance(db, name, self.from, self.to).await? {
            Ok(())
        } else {
            Err(Failure::Moved(self.from))
        }
    }
}

impl Projector {
    /// The projector of the live read model.
    #[must_use]
    pub fn of(model: ReadModel) -> Self {
        Self { model, name: model.name().to_owned() }
    }

    /// Applies what of `events` follows the checkpoint, and moves it: in one transaction, all or
    /// nothing. An event that is too new ends the run before it.
    ///
    /// # Errors
    ///
    /// See [`Failure`]. Which event of the run is to blame, the caller finds out.
    pub async fn apply<E: Borrow<RecordedEvent>>(
        &self,
        db: &mut PgConnection,
        events: &[E],
    ) -> Result<Outcome, Failure> {
        let mut tx = db.begin().await?;
        let mut standing = standing::lock(&mut tx, &self.name).await?;
        let outcome = self.apply_from(&mut tx, &mut standing, events).await?;
        if standing.is_ahead() {
            self.save(&mut tx, &mut standing).await?;
        }
        tx.commit().await?;
        Ok(outcome)
    }

    /// Where it is, and what it has given up on. Makes its checkpoint if there is none.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn look(&self, db: &mut PgConnection) -> sqlx::Result<Standing> {
        let mut tx = db.begin().await?;
        checkpoint::create(&mut tx, &self.name).await?;
        let standing = standing::lock(&mut tx, &self.name).await?;
        tx.commit().await?;
        Ok(standing)
    }

    /// As [`apply`](Self::apply), from `standing`, without looking again: the checkpoint moves before
    /// anything else, and only if all is as `standing` says, so whoever remembers wrongly writes
    /// nothing. A run with nothing to write is only remembered, until [`save`](Self::save).
    ///
    /// `standing` is then where the projector is. After a failure it must be looked up.
    ///
    /// # Errors
    ///
    /// See [`Failure`]; [`Failure::Moved`] when `standing` no longer holds.
    pub async fn apply_from<E: Borrow<RecordedEvent>>(
        &self,
        db: &mut PgConnection,
        standing: &mut Standing,
        events: &[E],
    ) -> Result<Outcome, Failure> {
        let run = self.fold(standing, events)?;
        let position = run.to();
        if position == standing.reached {
            return Ok(Outcome::Elsewhere(position));
        }
        let is_parking = run.parked.len() > 0;
        if run.len() > 0 {
            let mut tx = db.begin().await?;
            if !standing::move_on(&mut tx, &self.name, standing, position).await? {
                return Err(Failure::Moved(standing.position));
            }
            run.changes.write(&mut tx).await?;
            run.parked.write(&mut tx, &self.name).await?;
            tx.commit().await?;
            standing.position = position;
        }
        standing.reached = position;
        if is_parking {
            *standing = self.look(db).await?; // what is parked has been changed, and counted
        }
        Ok(Outcome::Applied { position, held: standing.parked.streams() })
    }

    /// Moves the checkpoint to where `standing` is.
    ///
    /// # Errors
    ///
    /// [`Failure::Moved`] when `standing` no longer holds.
    pub async fn save(
        &self,
        db: &mut PgConnection,
        standing: &mut Standing,
    ) -> Result<(), Failure> {
        let reached = standing.reached;
        if !standing::move_on(db, &self.name, standing, reached).await? {
            return Err(Failure::Moved(standing.position));
        }
        standing.position = reached;
        Ok(())
    }

    /// The run of what of `events` follows `standing`; empty when nothing does. An event that is too
    /// new ends it.
    fn fold<E: Borrow<RecordedEvent>>(
        &self,
        standing: &mut Standing,
        events: &[E],
    ) -> Result<Run, Failure> {
        let mut run = Run::new(self.model, standing.reached);
        for event in following(events, standing.reached) {
            match run.take(event, &mut standing.parked) {
                Ok(()) => {}
                Err(failure) if run.to() == standing.reached => return Err(failure),
                Err(_) => break, // it is met again, as the first
            }
        }
        Ok(run)
    }

    /// Parks `event`, if it follows the checkpoint, and moves the checkpoint over it.
    pub(crate) async fn park(
        &self,
        db: &mut PgConnection,
        event: &RecordedEvent,
        attempts: i32,
        error: String,
    ) -> Result<Outcome, Failure> {
        let mut tx = db.begin().await?;
        let mut standing = standing::lock(&mut tx, &self.name).await?;
        if event.position != standing.position.next() {
            return Ok(Outcome::Elsewhere(standing.position));
        }
        let mut run = Run::new(self.model, standing.position);
        run.park(event, attempts, error, &mut standing.parked);
        run.write(&mut tx, &self.name).await?;
        tx.commit().await?;
        Ok(Outcome::Applied { position: event.position, held: standing.parked.streams() })
    }
}

/// The unbroken part of `events` right after `checkpoint`: without what was applied before, and
/// without what lies behind a hole.
fn following<E: Borrow<RecordedEvent>>(
    events: &[E],
    checkpoint: Position,
) -> impl Iterator<Item = &RecordedEvent> {
    events
        .iter()
        .map(Borrow::borrow)
        .skip_while(move |it| it.position <= checkpoint)
        .zip(checkpoint.0 + 1..)
        .take_while(|(event, expected)| event.position.0 == *expected)
        .map(|(event, _)| event)
}
