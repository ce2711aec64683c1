//! Replays the log into one rebuilt read model.

use std::sync::Arc;

use eventlog::codec::CodecError;
use eventlog::read;
use eventlog::{Codec, Position, RecordedEvent};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::digest::{self, Digest, Live};
use super::{RebuildError, Rebuilt, switch, tables, take_right};
use crate::ReadModel;
use crate::error::ProjectionError;
use crate::runner::{Failure, Outcome, Parked, Projector, Run, apply_isolating, lock};

/// Rows gathered before they are written: statements of this size cost next to nothing beside their
/// rows, and the largest texts stay under 200 MB.
const ROWS: usize = 5_000;

/// What of a chat or an account is gathered is small, and worth keeping until it no longer changes:
/// most are then written once, in their final state.
const SMALL_ROWS: usize = 100_000;

/// Decoded events, for every writer.
pub(super) type Page = Arc<Vec<RecordedEvent>>;

/// One rebuilt table, and the only connection that writes to it.
pub(super) struct Writer {
    pub(super) db: PgConnection,
    pub(super) projector: Projector,
    pub(super) codec: Arc<Codec>,
    run: Run,
    parked: Parked,
    compare_at: Position,
    live: Option<JoinHandle<sqlx::Result<Digest>>>,
    compared: Option<(Digest, Digest)>,
}

impl Writer {
    /// Takes the right to rebuild `model`, makes its tables, and begins the digest of the live one.
    pub(super) async fn start(
        options: &PgConnectOptions,
        codec: Arc<Codec>,
        model: ReadModel,
    ) -> Result<Self, RebuildError> {
        let rebuilding = options.clone().options([("search_path", "rebuild,public")]);
        let mut db = rebuilding.connect().await?;
        take_right(&mut db, model).await?;
        tables::create(&mut db, model).await?;
        // Nothing is answered to anybody before the switch, and that is durable with all before it.
        sqlx::query!("SET synchronous_commit = off").execute(&mut db).await?;
        let projector = Projector { model, name: tables::name(model) };
        let parked = lock(&mut db, &projector.name).await?.parked;
        let live = Live::at_this_moment(options, model).await?;
        Ok(Self {
            db,
            projector,
            codec,
            run: Run::new(model, Position::START),
            parked,
            compare_at: live.position,
            live: Some(tokio::spawn(live.digest())),
            compared: None,
        })
    }

    /// Replays the pages that come, catches up with what was recorded meanwhile, and takes the live
    /// table's place.
    pub(super) async fn run(
        mut self,
        mut pages: mpsc::Receiver<Page>,
    ) -> Result<Rebuilt, RebuildError> {
        while let Some(page) = pages.recv().await {
            self.replay(&page).await?;
        }
        self.flush().await?;
        switch::analyze(&mut self.db, self.projector.model).await?;
        let position = switch::switch(&mut self).await?;
        let (live, rebuilt) = self.compared.ok_or(RebuildError::Aborted)?;
        let switched = Rebuilt {
            model: self.projector.model,
            position,
            compared_at: self.compare_at,
            live,
            rebuilt,
            held_streams: self.parked.streams(),
        };
        self.db.close().await?;
        Ok(switched)
    }

    /// Where the rebuilt table is, once flushed.
    pub(super) const fn position(&self) -> Position {
        self.run.to()
    }

    /// Replays everything up to `head`, from the log itself.
    pub(super) async fn catch_up(&mut self, head: Position) -> Result<(), RebuildError> {
        while self.position() < head {
            let page = self.page(head).await?;
            self.replay(&page).await?;
        }
        self.flush().await
    }

    /// The events after the run and up to `last`, not all of them at once.
    async fn page(&mut self, last: Position) -> Result<Vec<RecordedEvent>, RebuildError> {
        let after = self.position();
        page(&mut self.db, &self.codec, after, last).await
    }

    async fn replay(&mut self, events: &[RecordedEvent]) -> Result<(), RebuildError> {
        for event in events {
            if self.compared.is_none() && self.position() >= self.compare_at {
                self.flush().await?;
            }
            if event.position != self.position().next() {
                return Err(RebuildError::Gap(self.position().next()));
            }
            self.run.take(event, &mut self.parked)?;
        }
        if self.run.len() >= self.rows() {
            self.flush().await?;
        }
        Ok(())
    }

    const fn rows(&self) -> usize {
        match self.projector.model {
            ReadModel::Accounts
            | ReadModel::Chats
            | ReadModel::Blocks
            | ReadModel::Reports
            | ReadModel::Files => SMALL_ROWS,
            ReadModel::Messages => ROWS,
        }
    }

    /// Writes what was gathered. At the position of the live digest, takes that of the rebuilt
    /// table.
    async fn flush(&mut self) -> Result<(), RebuildError> {
        let (from, to) = (self.run.from(), self.run.to());
        if to > from {
            let run = std::mem::replace(&mut self.run, Run::new(self.projector.model, to));
            match write(&mut self.db, run, &self.projector.name).await {
                Ok(()) => {}
                Err(Failure::Projection(ProjectionError::Poison(error))) => {
                    tracing::warn!(projector = self.projector.name, error, "a run is poisoned");
                    self.replay_isolating(from, to).await?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        if self.compared.is_none() && to == self.compare_at {
            let rebuilt = digest::digest(&mut self.db, self.projector.model).await?;
            let live = self.live.take().ok_or(RebuildError::Aborted)?;
            let live = live.await.map_err(|_| RebuildError::Aborted)??;
            self.compared = Some((live, rebuilt));
        }
        Ok(())
    }

    /// Replays a stretch of the log that could not be written as one, and parks what is to blame.
    async fn replay_isolating(&mut self, from: Position, to: Position) -> Result<(), RebuildError> {
        self.run = Run::new(self.projector.model, from);
        while self.position() < to {
            let events = self.page(to).await?;
            match apply_isolating(&mut self.db, &self.projector, &events).await? {
                Outcome::Applied { position, .. } => {
                    self.run = Run::new(self.projector.model, position);
                }
                Outcome::Elsewhere(_) => return Err(RebuildError::Aborted),
            }
        }
        self.parked = lock(&mut self.db, &self.projector.name).await?.parked;
        Ok(())
    }
}

/// Some of the events after `after` and up to `last`.
pub(super) async fn page(
    db: &mut PgConnection,
    codec: &Codec,
    after: Position,
    last: Position,
) -> Result<Vec<RecordedEvent>, RebuildError> {
    let limit = (last.0 - after.0).min(read::PAGE);
    let page = read::page(db, after, limit).await?;
    if page.is_empty() {
        return Err(RebuildError::Gap(after.next()));
    }
    Ok(codec.decode(page).await?)
}

async fn write(db: &mut PgConnection, run: Run, name: &str) -> Result<(), Failure> {
    let mut tx = db.begin().await?;
    run.write(&mut tx, name).await?;
    tx.commit().await?;
    Ok(())
}

impl From<Failure> for RebuildError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Projection(ProjectionError::Transient(error)) => Self::Database(error),
            Failure::TooNew { position, error } => Self::TooNew { position, error },
            // Poison is isolated before it gets here, and nobody else moves a rebuild's checkpoint.
            Failure::Projection(ProjectionError::Poison(_)) | Failure::Moved(_) => Self::Aborted,
        }
    }
}

/// Decodes a page; the writers share it.
pub(super) async fn decode(
    codec: Arc<Codec>,
    page: Vec<eventlog::StoredEvent>,
) -> Result<Page, CodecError> {
    codec.decode(page).await.map(Arc::new)
}
