//! Compares every document with what it should be.
//!
//! The mirror goes on meanwhile, and is always a little behind. So what differs is looked at again
//! until the mirror has nothing to do with it any more: what differs then has drifted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use super::content::{self, MODELS};
use super::document::{Collection, Fields, Key, Value};
use super::marks::NAME;
use super::remote::Remote;
use super::scan::{Pair, Scan};
use super::{MirrorError, MirrorSettings, Progress};
use crate::verify::veiled;

/// Differences that are reported. Who has more has another problem than finding them.
const DIFFERENCES_MAX: usize = 1_000;

/// How long the mirror is waited for, in all. What it is still busy with then is no difference.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at what differs.
const PAUSE: Duration = Duration::from_millis(200);

/// Documents that are looked at together.
const BATCH: usize = 100;

/// What was compared, and what has drifted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Checked {
    pub documents: u64,
    /// Documents that the mirror has still to write.
    pub pending: u64,
    /// Nothing is wrong when this is empty.
    pub differences: Vec<Drift>,
    /// There are more than are listed.
    pub is_truncated: bool,
}

/// A field that is not what it should be. Names of people appear as their length and a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// `<collection>/<id>`
    pub document: String,
    /// `document`, when all of it is missing or should not be there.
    pub field: String,
    pub expected: String,
    pub found: String,
}

/// Compares all documents, and tells `progress` now and then. It only reads.
///
/// # Errors
///
/// When the database or Firestore fails, or there never was a mirror.
pub async fn check(
    db: &PgPool,
    settings: MirrorSettings,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Checked, MirrorError> {
    super::check_on(db).await?;
    let remote = Remote::new(settings);
    let total = super::count_expected(db).await?;
    let mut checked = Checked::default();
    let deadline = Instant::now() + PATIENCE;
    for collection in Collection::ALL {
        let mut scan = Scan::new(db, &remote, collection);
        loop {
            let pairs = scan.next().await?;
            if pairs.is_empty() {
                break;
            }
            checked.documents += pairs.len() as u64;
            let differing = pairs.into_iter().filter(|it| !it.is_as_expected());
            let differing: Vec<_> = differing.map(|it| it.key).collect();
            for keys in differing.chunks(BATCH) {
                checked.settle(db, &remote, keys.to_vec(), deadline).await?;
            }
            progress(Progress { done: checked.documents, total });
        }
    }
    Ok(checked)
}

impl Checked {
    /// Looks at what differs until the mirror is done with it, or `deadline`.
    async fn settle(
        &mut self,
        db: &PgPool,
        remote: &Remote,
        mut keys: Vec<Key>,
        deadline: Instant,
    ) -> Result<(), MirrorError> {
        loop {
            let before = busy(db, &keys).await?;
            let contents = content::read(db, &keys).await?;
            let mut found = remote.get(&keys).await?;
            let after = busy(db, &keys).await?;
            let mut left = vec![];
            for key in keys {
                let expected = contents.fields.get(&key).cloned();
                let pair = Pair { found: found.remove(&key), expected, key };
                if pair.is_as_expected() {
                    continue;
                }
                match (before.get(&pair.key), after.get(&pair.key)) {
                    (Some(before), Some(after)) if before == after && !after.is_busy => {
                        self.add(&pair);
                    }
                    _ => left.push(pair.key),
                }
            }
            keys = left;
            if keys.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                self.pending += keys.len() as u64;
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    fn add(&mut self, pair: &Pair) {
        let shown = |fields: &Fields, name: &str| {
            fields.0.get(name).map_or_else(|| "nothing".to_owned(), |it| shown(&pair.key, it))
        };
        let (expected, found) = match (&pair.expected, &pair.found) {
            (Some(expected), Some(found)) => (expected, &found.fields),
            (expected, _) => {
                let there = |it: bool| if it { "a document" } else { "nothing" }.to_owned();
                return self.push(Drift {
                    document: pair.key.to_string(),
                    field: "document".to_owned(),
                    expected: there(expected.is_some()),
                    found: there(expected.is_none()),
                });
            }
        };
        let names: BTreeSet<_> = expected.0.keys().chain(found.0.keys()).collect();
        for name in names.into_iter().filter(|it| expected.0.get(*it) != found.0.get(*it)) {
            self.push(Drift {
                document: pair.key.to_string(),
                field: name.clone(),
                expected: shown(expected, name),
                found: shown(found, name),
            });
        }
    }

    fn push(&mut self, drift: Drift) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(drift);
        } else {
            self.is_truncated = true;
        }
    }
}

fn shown(key: &Key, value: &Value) -> String {
    match value {
        Value::Text(name) if key.collection == Collection::Users => veiled(Some(name)),
        Value::Other(_) => "something else".to_owned(),
        Value::Null
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Texts(_)
        | Value::Time(_) => value.to_string(),
    }
}

/// What the mirror has to do with a document.
#[derive(PartialEq, Eq)]
struct Busy {
    marks: i64,
    /// It is to be written, or the log may still say so.
    is_busy: bool,
}

async fn busy(db: &PgPool, keys: &[Key]) -> sqlx::Result<BTreeMap<Key, Busy>> {
    let collections: Vec<_> = keys.iter().map(|it| it.collection.name().to_owned()).collect();
    let ids: Vec<_> = keys.iter().map(|it| it.id.clone()).collect();
    let models = MODELS.map(|it| it.name().to_owned());
    let rows = sqlx::query!(
        r#"SELECT k.collection AS "collection!",
                  k.id AS "id!",
                  coalesce(d.marks, 0) AS "marks!",
                  d.due_at IS NOT NULL
                      OR coalesce(NOT p.mirrored, false)
                      OR m.position < r.position AS "is_busy!"
           FROM unnest($1::text[], $2::text[]) AS k (collection, id)
           LEFT JOIN firestore_documents d USING (collection, id)
           LEFT JOIN presence p ON k.collection = $5 AND p.account_id::text = k.id
           CROSS JOIN (
               SELECT max(position) AS position FROM checkpoints WHERE name = ANY ($3)
           ) r
           CROSS JOIN (
               SELECT coalesce(max(position), 0) AS position FROM checkpoints WHERE name = $4
           ) m"#,
        &collections,
        &ids,
        &models,
        NAME,
        Collection::Presence.name()
    )
    .fetch_all(db)
    .await?;
    let busy = rows.into_iter().filter_map(|row| {
        let key = Key { collection: Collection::of(&row.collection)?, id: row.id };
        Some((key, Busy { marks: row.marks, is_busy: row.is_busy }))
    });
    Ok(busy.collect())
}
