//! Which events each read model should reflect.

use std::collections::{HashMap, HashSet};

use eventlog::{RecordedEvent, StoredEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ReadModel;

/// Streams whose length is looked at to make a chunk.
const STREAMS: i64 = 1_000;

/// Events in a chunk, unless a single stream has more.
const EVENTS: i64 = 10_000;

/// How far the read models have come, and what they have left out.
pub(super) struct Scope {
    checkpoints: HashMap<ReadModel, i64>,
    parked: HashSet<(ReadModel, i64)>,
    /// Streams of which an event was skipped.
    left_out: HashSet<(ReadModel, String)>,
}

/// Some streams of one type, in order.
pub(super) struct Chunk {
    pub(super) aggregate_type: String,
    pub(super) ids: Vec<String>,
}

impl Scope {
    pub(super) fn checkpoints(&self) -> [(&'static str, i64); ReadModel::ALL.len()] {
        ReadModel::ALL.map(|it| (it.name(), self.checkpoint(it)))
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// Whether `model` should reflect `event`.
    pub(super) fn covers(&self, model: ReadModel, event: &RecordedEvent) -> bool {
        event.position.0 <= self.checkpoint(model)
            && !self.parked.contains(&(model, event.position.0))
            && !self.left_out.contains(&(model, event.aggregate_id.clone()))
    }

    /// Which streams of `chunk` are compared with `model`: their ids in the read model.
    pub(super) fn compared(&self, model: ReadModel, chunk: &Chunk) -> Vec<Uuid> {
        let is_compared = |it: &&String| !self.left_out.contains(&(model, (*it).clone()));
        chunk.ids.iter().filter(is_compared).filter_map(|it| it.parse().ok()).collect()
    }

    pub(super) fn checkpoint(&self, model: ReadModel) -> i64 {
        self.checkpoints.get(&model).copied().unwrap_or_default()
    }
}

pub(super) async fn read(db: &mut PgConnection) -> sqlx::Result<Scope> {
    let checkpoints =
        sqlx::query!("SELECT name, position FROM checkpoints").fetch_all(&mut *db).await?;
    let parked = sqlx::query!(
        r#"SELECT projector, position, aggregate_id, skipped_at IS NOT NULL AS "skipped!"
           FROM parked_events"#
    )
    .fetch_all(db)
    .await?;
    let mut scope =
        Scope { checkpoints: HashMap::new(), parked: HashSet::new(), left_out: HashSet::new() };
    for row in checkpoints {
        if let Ok(model) = row.name.parse() {
            scope.checkpoints.insert(model, row.position);
        }
    }
    for row in parked {
        let Ok(model) = row.projector.parse() else {
            continue; // of a rebuild under way
        };
        if row.skipped {
            scope.left_out.insert((model, row.aggregate_id));
        } else {
            scope.parked.insert((model, row.position));
        }
    }
    Ok(scope)
}

/// The streams after `after`, as many as have `EVENTS` events together, and at least one.
pub(super) async fn next_chunk(
    db: &mut PgConnection,
    after: &(String, String),
) -> sqlx::Result<Option<Chunk>> {
    let rows = sqlx::query!(
        "SELECT aggregate_type, aggregate_id, version
         FROM streams
         WHERE (aggregate_type, aggregate_id) > ($1, $2)
         ORDER BY aggregate_type, aggregate_id
         LIMIT $3",
        after.0,
        after.1,
        STREAMS
    )
    .fetch_all(db)
    .await?;
    let Some(aggregate_type) = rows.first().map(|it| it.aggregate_type.clone()) else {
        return Ok(None);
    };
    let (mut ids, mut events) = (vec![], 0);
    for row in rows {
        events += row.version;
        if row.aggregate_type != aggregate_type || (events > EVENTS && !ids.is_empty()) {
            break;
        }
        ids.push(row.aggregate_id);
    }
    Ok(Some(Chunk { aggregate_type, ids }))
}

/// Every event of the streams of `chunk`, in the order of their streams.
pub(super) async fn events(db: &mut PgConnection, chunk: &Chunk) -> sqlx::Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        r#"SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload::text AS "payload!", metadata::text AS "metadata!", event_id, recorded_at
           FROM events
           WHERE aggregate_type = $1 AND aggregate_id = ANY ($2)
           ORDER BY aggregate_id, sequence"#,
        chunk.aggregate_type,
        &chunk.ids
    )
    .fetch_all(db)
    .await
}
