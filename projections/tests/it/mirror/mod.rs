//! The mirror in Firestore: on a double that fails when it is told to, and on emulators.

mod beginning;
mod checking;
mod documents;
mod failing;
mod guards;
mod pace;
mod peers;
mod presence;
mod rules;
mod secrecy;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Feed, hand_over};
use projections::firestore::{self, Access, Checked, Drift, MirrorSettings, NAME, Repaired};
use projections::{Reads, live_options};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use testing::{FirestoreDouble, FirestoreValue, FirestoreValueType as Type};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::World;

/// How long anything may take to come true: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Projectors and the mirror of one process.
pub struct Mirrored {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Mirrored {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it ends");
    }
}

pub fn settings(host: String) -> MirrorSettings {
    let (project_id, database_id) = ("test".to_owned(), "(default)".to_owned());
    MirrorSettings { project_id, database_id, access: Access::Emulator { host } }
}

/// Runs projectors and mirror as `serve` does.
pub fn start(world: &World, host: String) -> Mirrored {
    start_as(world, host, eventlog::Ids::random().next())
}

pub fn start_as(world: &World, host: String, holder: Uuid) -> Mirrored {
    start_on(world, world.app(), host, holder)
}

/// The projectors, and whatever else there is in a process, have the connections of `db`.
pub fn start_on(world: &World, db: PgPool, host: String, holder: Uuid) -> Mirrored {
    let stop = CancellationToken::new();
    let (feed, following) = Feed::new(
        db.clone(),
        Arc::clone(&world.codec),
        None,
        world.appender.head(),
        hand_over().1,
        stop.clone(),
    );
    let reads = Reads::new(db.clone(), World::bus());
    let projecting = projections::run(db, feed.clone(), reads.clone(), holder, stop.clone());
    let options = live_options(world.options());
    let mirroring = firestore::run(options, feed, reads, settings(host), holder, stop.clone());
    let task = tokio::spawn(async move {
        tokio::join!(projecting, mirroring, following);
    });
    Mirrored { stop, task }
}

/// Waits until `holds` does.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Waits until the mirror has read the whole log and has nothing left to write.
pub async fn settled(world: &mut World) {
    let head = world.head().await;
    until("the mirror settles", async || {
        let at = eventlog::read::checkpoint(&world.db, NAME).await.expect("a checkpoint");
        at >= head && pending(world).await == 0
    })
    .await;
}

pub async fn pending(world: &World) -> i64 {
    count(world, "SELECT count(*) FROM firestore_documents WHERE due_at IS NOT NULL").await
}

pub async fn count(world: &World, sql: &str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&world.db).await.expect("a count")
}

pub async fn check(world: &World, host: String) -> Checked {
    firestore::check(&world.app(), settings(host), |_| {}).await.expect("it is compared")
}

pub async fn repair(world: &World, host: String) -> Repaired {
    let holder = eventlog::Ids::random().next();
    firestore::repair(&world.app(), settings(host), holder, |_| {}).await.expect("it is repaired")
}

/// Nothing has drifted, and nothing is left to do.
pub async fn assert_sound(world: &World, host: String) {
    let checked = check(world, host).await;
    assert_eq!(checked.differences, Vec::<Drift>::new());
    assert_eq!(checked.pending, 0);
    assert!(checked.documents > 0);
}

/// What stands in a document of the double, without what guards it.
pub fn seen(double: &FirestoreDouble, path: &str) -> Option<Value> {
    let mut fields = document(double, path)?;
    fields.remove("_pos");
    fields.remove("_epoch");
    Some(Value::Object(fields))
}

pub fn document(double: &FirestoreDouble, path: &str) -> Option<Map<String, Value>> {
    let fields = double.document(path)?;
    Some(fields.into_iter().map(|(name, value)| (name, plain(value))).collect())
}

pub fn number(double: &FirestoreDouble, path: &str, field: &str) -> i64 {
    let document = document(double, path).unwrap_or_else(|| panic!("there is no {path}"));
    document.get(field).and_then(Value::as_i64).unwrap_or_else(|| panic!("{path} has no {field}"))
}

fn plain(value: FirestoreValue) -> Value {
    match value.value_type.expect("a value") {
        Type::NullValue(_) => Value::Null,
        Type::BooleanValue(it) => json!(it),
        Type::IntegerValue(it) => json!(it),
        Type::StringValue(it) => json!(it),
        Type::TimestampValue(it) => json!({ "seconds": it.seconds, "nanos": it.nanos }),
        Type::ArrayValue(it) => it.values.into_iter().map(plain).collect(),
        other @ (Type::DoubleValue(_)
        | Type::BytesValue(_)
        | Type::ReferenceValue(_)
        | Type::GeoPointValue(_)
        | Type::MapValue(_)
        | Type::FieldReferenceValue(_)
        | Type::VariableReferenceValue(_)
        | Type::FunctionValue(_)
        | Type::PipelineValue(_)) => panic!("nothing here writes {other:?}"),
    }
}

pub fn text(value: &str) -> FirestoreValue {
    FirestoreValue { value_type: Some(Type::StringValue(value.to_owned())) }
}

pub fn integer(value: i64) -> FirestoreValue {
    FirestoreValue { value_type: Some(Type::IntegerValue(value)) }
}
