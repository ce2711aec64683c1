//! The moment in which rebuilt tables take the live ones' place.

use std::time::Duration;

use eventlog::{Position, checkpoint, read};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::sleep;

use super::writer::{Writer, page};
use super::{RebuildError, tables};
use crate::ReadModel;
use crate::error::ProjectionError;
use crate::runner::{Failure, Run, lock};

/// How long the switch waits for readers, while later readers wait behind it.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";

/// Between two attempts: readers go on.
const PAUSE: Duration = Duration::from_millis(200);

/// About a minute of attempts.
const ATTEMPTS: usize = 200;

/// SQLSTATE `lock_not_available`.
const LOCK_TIMED_OUT: &str = "55P03";

/// Tells the planner about the new tables, before anybody reads them.
pub(super) async fn analyze(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<()> {
    for table in model.tables() {
        db.execute(format!("ANALYZE rebuild.{table}").as_str()).await?;
    }
    Ok(())
}

/// Catches up and switches. Returns what the read model reflects then.
pub(super) async fn switch(writer: &mut Writer) -> Result<Position, RebuildError> {
    let model = writer.projector.model;
    checkpoint::create(&mut writer.db, model.name()).await?;
    for _ in 0..ATTEMPTS {
        let head = read::head(&mut writer.db).await?;
        writer.catch_up(head).await?;
        match attempt(writer, model).await {
            Ok(position) => return Ok(position),
            // Poison: the next round catches up beyond it, and isolates it.
            Err(Unswitched::Poison) => {}
            Err(Unswitched::Rebuild(RebuildError::Database(error))) if is_timeout(&error) => {
                sleep(PAUSE).await;
            }
            Err(Unswitched::Rebuild(error)) => return Err(error),
        }
    }
    Err(RebuildError::Busy(model))
}

/// Why an attempt did not succeed. It left nothing behind.
enum Unswitched {
    Poison,
    Rebuild(RebuildError),
}

impl<E: Into<RebuildError>> From<E> for Unswitched {
    fn from(error: E) -> Self {
        Self::Rebuild(error.into())
    }
}

/// One attempt, as short as can be: the projector waits from its first statement on, and readers
/// from the first that needs the table for itself.
async fn attempt(writer: &mut Writer, model: ReadModel) -> Result<Position, Unswitched> {
    let reached = writer.position();
    let mut tx = writer.db.begin().await?;
    sqlx::query!("SET LOCAL synchronous_commit = on").execute(&mut *tx).await?;
    tx.execute(LOCK_TIMEOUT).await?;
    let position = lock(&mut tx, model.name()).await?.position.max(reached);
    if position > reached {
        let name = tables::name(model);
        let mut parked = lock(&mut tx, &name).await?.parked;
        let mut run = Run::new(model, reached);
        while run.to() < position {
            for event in page(&mut tx, &writer.codec, run.to(), position).await? {
                run.take(&event, &mut parked)?;
            }
        }
        match run.write(&mut tx, &name).await {
            Err(Failure::Projection(ProjectionError::Poison(_))) => return Err(Unswitched::Poison),
            written => written?,
        }
    }
    take_place(&mut tx, model).await?;
    sqlx::query!(
        "UPDATE checkpoints SET position = $2, applied_at = clock_timestamp() WHERE name = $1",
        model.name(),
        position.0
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("DELETE FROM parked_events WHERE projector = $1", model.name())
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "UPDATE parked_events SET projector = $1 WHERE projector = $2",
        model.name(),
        tables::name(model)
    )
    .execute(&mut *tx)
    .await?;
    tables::forget(&mut tx, model).await?;
    tx.commit().await?;
    Ok(position)
}

async fn take_place(db: &mut PgConnection, model: ReadModel) -> sqlx::Result<()> {
    for table in model.tables() {
        db.execute(format!("DROP TABLE read.{table}").as_str()).await?;
        db.execute(format!("ALTER TABLE rebuild.{table} SET SCHEMA read").as_str()).await?;
    }
    Ok(())
}

fn is_timeout(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|it| it == LOCK_TIMED_OUT)
}
