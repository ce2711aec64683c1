//! Recounts the read models from the log, and looks at the log itself.
//!
//! The fold here is not the projectors': it keeps each chat's messages and counts what is unread,
//! where the projectors add and subtract. What both agree on is very likely right.
//!
//! Everything is seen at one moment: each read model is compared with the fold of the log up to its
//! own checkpoint, without what is parked. Streams of which an event was skipped are left out and
//! counted: an operator chose that they differ.

mod accounts;
mod blocks;
mod chats;
mod elsewhere;
mod files;
mod hanging;
mod history;
mod log;
mod messages;
mod rows;
mod scope;

use eventlog::codec::CodecError;
use eventlog::{Codec, Position};
use serde::Serialize;
use sqlx::{Acquire, Executor, PgConnection, PgPool};
use thiserror::Error;

use crate::ReadModel;
use rows::Rows;
use scope::{Chunk, Scope};

/// Differences that are reported. Who has more has another problem than finding them.
const DIFFERENCES_MAX: usize = 1_000;

/// What was verified, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The last position of the log.
    pub head: i64,
    /// The checkpoints of the read models, by name.
    pub checkpoints: Vec<(&'static str, i64)>,
    pub events: u64,
    pub streams: u64,
    /// Streams that were not compared with a read model, because an event of theirs was skipped.
    pub streams_left_out: u64,
    /// Nothing is wrong when this is empty.
    pub differences: Vec<Difference>,
    /// There are more than are listed.
    pub is_truncated: bool,
}

/// One thing that is not as the log says it should be. Texts and names appear as their length and
/// a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `log`, or a read model's name.
    pub place: &'static str,
    /// Which event, stream or row.
    pub key: String,
    /// Which property of it.
    pub field: &'static str,
    pub expected: String,
    pub found: String,
}

/// Why nothing could be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// The differences found so far.
#[derive(Default)]
struct Findings {
    differences: Vec<Difference>,
    is_truncated: bool,
}

impl Findings {
    fn add(&mut self, difference: Difference) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        } else {
            self.is_truncated = true;
        }
    }

    /// Compares what the log says with what a read model holds.
    fn compare(&mut self, model: ReadModel, expected: &Rows, found: &Rows) {
        let missing = || "nothing".to_owned();
        let there = || "a row".to_owned();
        let place = model.name();
        for (key, expected) in expected {
            let Some(found) = found.get(key) else {
                let key = key.clone();
                let (expected, found) = (there(), missing());
                self.add(Difference { place, key, field: "row", expected, found });
                continue;
            };
            for ((field, expected), (_, found)) in expected.iter().zip(found) {
                if expected != found {
                    let (key, field) = (key.clone(), *field);
                    let (expected, found) = (expected.clone(), found.clone());
                    self.add(Difference { place, key, field, expected, found });
                }
            }
        }
        for key in found.keys().filter(|it| !expected.contains_key(*it)) {
            let (expected, found) = (missing(), there());
            self.add(Difference { place, key: key.clone(), field: "row", expected, found });
        }
    }
}

/// Verifies the log and every read model. `db` has the live read models in its search path.
///
/// # Errors
///
/// When the database fails, or the keys cannot be had.
pub async fn verify(db: &PgPool, codec: &Codec) -> Result<Verification, VerifyError> {
    let mut connection = db.acquire().await?;
    let mut tx = connection.begin().await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    // Before the moment is fixed: a rebuild must not change the tables under it.
    let tables: Vec<_> = ReadModel::ALL.iter().flat_map(|it| it.tables()).copied().collect();
    let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "));
    tx.execute(lock.as_str()).await?;
    let mut findings = Findings::default();
    let scope = scope::read(&mut tx).await?;
    log::check(&mut tx, &mut findings).await?;
    let mut verification = Verification {
        head: eventlog::read::head(&mut *tx).await?.0,
        checkpoints: scope.checkpoints().into(),
        events: 0,
        streams: 0,
        streams_left_out: scope.left_out(),
        differences: vec![],
        is_truncated: false,
    };
    let mut after = (String::new(), String::new());
    while let Some(chunk) = scope::next_chunk(&mut tx, &after).await? {
        verification.streams += chunk.ids.len() as u64;
        verification.events += check_chunk(&mut tx, codec, &scope, &chunk, &mut findings).await?;
        after = (chunk.aggregate_type, chunk.ids.last().cloned().unwrap_or_default());
    }
    rows::check_strays(&mut tx, &mut findings).await?;
    tx.commit().await?;
    verification.differences = findings.differences;
    verification.is_truncated = findings.is_truncated;
    Ok(verification)
}

/// Folds some streams and compares them with the read models. Returns how many events they have.
async fn check_chunk(
    db: &mut PgConnection,
    codec: &Codec,
    scope: &Scope,
    chunk: &Chunk,
    findings: &mut Findings,
) -> Result<u64, VerifyError> {
    let events = codec.decode(scope::events(db, chunk).await?).await?;
    for event in &events {
        if let Err(error) = &event.event
            && ReadModel::ALL.iter().any(|it| scope.covers(*it, event))
        {
            let Position(position) = event.position;
            findings.add(Difference {
                place: "log",
                key: format!("event {position}"),
                field: "payload",
                expected: "an event that can be read".to_owned(),
                found: error.to_string(),
            });
        }
    }
    for model in ReadModel::ALL {
        let covered = events.iter().filter(|it| scope.covers(model, it));
        let expected = match model {
            ReadModel::Accounts => accounts::fold(db, scope, covered).await?,
            ReadModel::Chats => chats::fold(db, scope, covered).await?,
            ReadModel::Messages => messages::fold(db, scope, covered).await?,
            ReadModel::Blocks => blocks::fold(covered),
            ReadModel::Reports => blocks::fold_reports(covered),
            ReadModel::Files => files::fold(covered),
        };
        let ids = scope.compared(model, chunk);
        let found = rows::read(db, model, &chunk.aggregate_type, &ids).await?;
        findings.compare(model, &expected, &found);
    }
    Ok(events.len() as u64)
}
