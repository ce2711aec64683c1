//! How far everybody has come.

use eventlog::{codec, database};
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::ReadModel;
use crate::firestore::{self, MirrorStatus};

/// The log, and those who follow it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The last position of the log.
    pub head: i64,
    /// Every projector, the relay if it ever ran, and whoever else keeps a checkpoint; by name.
    pub subscribers: Vec<Subscriber>,
    pub leases: Vec<LeaseStatus>,
    /// Nothing where there never was one.
    pub mirror: Option<MirrorStatus>,
}

/// One who follows the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subscriber {
    pub name: String,
    pub position: i64,
    pub lag_events: i64,
    /// How long ago the oldest event was recorded that is not applied yet; 0 when all are.
    pub lag_seconds: f64,
    /// Events parked, and those waiting behind them.
    pub parked: i64,
    /// Events an operator chose to go on without.
    pub skipped: i64,
    /// Why it cannot go on: the next event was written by a newer Parlance.
    pub stopped: Option<String>,
}

/// Who may run what only one process may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseStatus {
    pub name: String,
    pub holder: Uuid,
    /// Grows with each new holder.
    pub epoch: i64,
    /// It has not ended.
    pub is_held: bool,
}

/// Where the log and its subscribers are, seen at one moment each.
///
/// # Errors
///
/// When the database fails.
pub async fn status(db: &PgPool) -> sqlx::Result<Status> {
    let mut tx = database::begin(db).await?;
    sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    let head = eventlog::read::head(&mut *tx).await?.0;
    let models = ReadModel::ALL.map(|it| it.name().to_owned());
    let rows = sqlx::query!(
        r#"SELECT n.name AS "name!",
                  coalesce(c.position, 0) AS "position!",
                  extract(epoch FROM clock_timestamp() - e.recorded_at)::float8 AS lag_seconds,
                  (SELECT count(*) FROM parked_events p
                   WHERE p.projector = n.name AND p.skipped_at IS NULL) AS "parked!",
                  (SELECT count(*) FROM parked_events p
                   WHERE p.projector = n.name AND p.skipped_at IS NOT NULL) AS "skipped!",
                  e.aggregate_type AS "aggregate_type?",
                  e.event_type AS "event_type?",
                  e.event_version AS "event_version?"
           FROM (
               SELECT name FROM checkpoints WHERE NOT starts_with(name, 'rebuild:')
               UNION
               SELECT * FROM unnest($1::text[])
           ) n
           LEFT JOIN checkpoints c ON c.name = n.name
           LEFT JOIN events e ON e.position = coalesce(c.position, 0) + 1
           ORDER BY n.name"#,
        &models
    )
    .fetch_all(&mut *tx)
    .await?;
    let leases = sqlx::query_as!(
        LeaseStatus,
        r#"SELECT name, holder, epoch, expires_at > clock_timestamp() AS "is_held!"
           FROM leases
           ORDER BY name"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let subscribers = rows.into_iter().map(|row| {
        let next = (row.aggregate_type, row.event_type, row.event_version);
        let stopped = match next {
            (Some(aggregate), Some(event), Some(version)) => too_new(&aggregate, &event, &version),
            _ => None,
        };
        Subscriber {
            stopped: stopped.filter(|_| row.name != "relay"),
            name: row.name,
            position: row.position,
            lag_events: (head - row.position).max(0),
            lag_seconds: row.lag_seconds.unwrap_or_default().max(0.0),
            parked: row.parked,
            skipped: row.skipped,
        }
    });
    let mirror = firestore::standing(&mut tx).await?;
    Ok(Status { head, subscribers: subscribers.collect(), leases, mirror })
}

/// Says so when this program does not know the event's version: its projectors stop there.
fn too_new(aggregate_type: &str, event_type: &str, version: &str) -> Option<String> {
    let is_known = version.parse().is_ok_and(|it| codec::is_known(aggregate_type, event_type, it));
    let text =
        || format!("{aggregate_type}.{event_type} version {version} is newer than this program");
    (!is_known).then(text)
}
