//! Firestore itself: the one file that speaks to it.
//!
//! The crate `firestore` brings the connection, the credentials and the messages. What the mirror
//! needs of them is small: commit, read by name, read a collection by pages.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use firestore::gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use firestore::gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use firestore::gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, Direction, FieldReference, Order,
};
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{
    ArrayValue, BatchGetDocumentsRequest, CommitRequest, Cursor, Document, Precondition,
    RunQueryRequest, StructuredQuery, Value as WireValue, Write as WireWrite,
    batch_get_documents_response, run_query_request, write,
};
use firestore::gcloud_sdk::prost_types::Timestamp;
use firestore::gcloud_sdk::tonic::{Code, Request, Status};
use firestore::gcloud_sdk::{GoogleAuthMiddleware, RequestTimeouts};
use firestore::{FirestoreDb, FirestoreDbOptions};
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::document::{Collection, EPOCH, Fields, Key, POSITION, Value};
use super::emulator;
use super::settings::{Access, MirrorSettings};

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why Firestore did not do what it was asked for.
#[derive(Debug, Error)]
pub(super) enum RemoteError {
    /// A document is not as it was believed to be. Nothing was written.
    #[error("the document was changed meanwhile: {0}")]
    Conflict(String),
    /// It is in the way of others just now, or its server failed. Nothing is known of what came of it.
    #[error("{0}")]
    Passing(String),
    /// It will say the same again.
    #[error("{0}")]
    Refused(String),
    /// No document is to blame: Firestore is away, or has had enough. Nothing is known of what came
    /// of it.
    #[error("{0}")]
    Away(String),
}

impl From<Status> for RemoteError {
    fn from(status: Status) -> Self {
        // No server has said this: the connection, the deadline or the credentials have.
        let is_ours =
            status.source().is_some() || status.message().starts_with("Service was not ready");
        let text = format!("{:?}: {}", status.code(), status.message());
        match status.code() {
            _ if is_ours => Self::Away(text),
            Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition => Self::Conflict(text),
            Code::Aborted | Code::Internal | Code::Unknown | Code::Ok => Self::Passing(text),
            Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unauthenticated => Self::Away(text),
            Code::InvalidArgument
            | Code::PermissionDenied
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss => Self::Refused(text),
        }
    }
}

/// What is to become of a document.
pub(super) struct Write {
    pub(super) key: Key,
    /// When it was changed last, as far as known; nothing: it is not there.
    pub(super) known: Option<DateTime<Utc>>,
    pub(super) change: Change,
}

pub(super) enum Change {
    Put { fields: Fields, position: i64, epoch: i64 },
    Delete,
}

/// A document as Firestore has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) fields: Fields,
    /// Nothing: Parlance has not written it.
    pub(super) position: Option<i64>,
    pub(super) epoch: Option<i64>,
    pub(super) update_time: DateTime<Utc>,
}

/// The connection, made when it is first needed. Afterwards it comes back by itself.
pub(super) struct Remote {
    settings: MirrorSettings,
    db: OnceCell<FirestoreDb>,
}

impl Remote {
    pub(super) fn new(settings: MirrorSettings) -> Self {
        Self { settings, db: OnceCell::new() }
    }

    /// Does all of it, or nothing. Returns when each document was changed.
    pub(super) async fn commit(
        &self,
        writes: Vec<Write>,
    ) -> Result<Vec<DateTime<Utc>>, RemoteError> {
        let db = self.db().await?;
        let count = writes.len();
        let writes = writes.into_iter().map(|it| wire_write(db, it)).collect();
        let database = db.get_database_path().clone();
        let request = CommitRequest { database, writes, ..CommitRequest::default() };
        let answer = client(db).commit(within(request)).await?.into_inner();
        let times = answer.write_results.iter().map(|it| it.update_time.or(answer.commit_time));
        let times: Vec<_> = times.map(|it| it.map(time).unwrap_or_default()).collect();
        if times.len() == count {
            Ok(times)
        } else {
            Err(RemoteError::Passing(format!("{} results of {count} writes", times.len())))
        }
    }

    /// Those of these documents that are there.
    pub(super) async fn get(&self, keys: &[Key]) -> Result<BTreeMap<Key, Found>, RemoteError> {
        let db = self.db().await?;
        let request = BatchGetDocumentsRequest {
            database: db.get_database_path().clone(),
            documents: keys.iter().map(|it| name(db, it)).collect(),
            ..BatchGetDocumentsRequest::default()
        };
        let mut answers = client(db).batch_get_documents(within(request)).await?.into_inner();
        let mut found = BTreeMap::new();
        while let Some(answer) = answers.message().await? {
            if let Some(batch_get_documents_response::Result::Found(document)) = answer.result {
                found.extend(read(db, document));
            }
        }
        Ok(found)
    }

    /// The documents of `collection` after `after`, in the order of their ids, at most `limit`.
    pub(super) async fn page(
        &self,
        collection: Collection,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<(Key, Found)>, RemoteError> {
        let db = self.db().await?;
        let start_at = after.map(|id| {
            let last = Key { collection, id: id.to_owned() };
            let place = WireValue { value_type: Some(ValueType::ReferenceValue(name(db, &last))) };
            Cursor { values: vec![place], before: false }
        });
        let from = CollectionSelector {
            collection_id: collection.name().to_owned(),
            all_descendants: false,
        };
        let by_id = Order {
            field: Some(FieldReference { field_path: "__name__".to_owned() }),
            direction: Direction::Ascending.into(),
        };
        let query = StructuredQuery {
            from: vec![from],
            order_by: vec![by_id],
            start_at,
            limit: Some(limit),
            ..StructuredQuery::default()
        };
        let request = RunQueryRequest {
            parent: db.get_documents_path().clone(),
            query_type: Some(run_query_request::QueryType::StructuredQuery(query)),
            ..RunQueryRequest::default()
        };
        let mut answers = client(db).run_query(within(request)).await?.into_inner();
        let mut page = vec![];
        while let Some(answer) = answers.message().await? {
            page.extend(answer.document.and_then(|it| read(db, it)));
        }
        page.sort_by(|(one, _), (other, _)| one.cmp(other)); // an emulator may not
        match (page.first(), after) {
            (Some((key, _)), Some(after)) if key.id.as_str() <= after => {
                Err(RemoteError::Refused("this server does not read by pages".to_owned()))
            }
            _ => Ok(page),
        }
    }

    async fn db(&self) -> Result<&FirestoreDb, RemoteError> {
        let away = |error: firestore::errors::FirestoreError| RemoteError::Away(error.to_string());
        let connect = async {
            match timeout(DEADLINE, connect(&self.settings)).await {
                Ok(connected) => connected.map_err(away),
                Err(_) => Err(RemoteError::Away("it does not answer".to_owned())),
            }
        };
        self.db.get_or_try_init(|| connect).await
    }
}

async fn connect(settings: &MirrorSettings) -> firestore::FirestoreResult<FirestoreDb> {
    use firestore::gcloud_sdk::{GCP_DEFAULT_SCOPES, GoogleAuthHeaders};
    let options = FirestoreDbOptions::new(settings.project_id.clone())
        .with_database_id(settings.database_id.clone());
    match &settings.access {
        Access::Emulator { host } => {
            let options = options.with_firebase_api_url(format!("http://{host}"));
            FirestoreDb::with_options_auth(options, emulator::credentials()).await
        }
        Access::ServiceAccount { key } => {
            let key = serde_json::from_str(key.expose_secret()).unwrap_or_default();
            let scopes = GCP_DEFAULT_SCOPES.clone();
            let auth = GoogleAuthHeaders::from_service_account_key(key, scopes).await?;
            FirestoreDb::with_options_auth(options, auth).await
        }
        Access::ApplicationDefault => FirestoreDb::with_options(options).await,
    }
}

fn client(db: &FirestoreDb) -> FirestoreClient<GoogleAuthMiddleware> {
    db.client().get()
}

fn within<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(RequestTimeouts::new().with_total(DEADLINE));
    request
}

fn name(db: &FirestoreDb, key: &Key) -> String {
    format!("{}/{key}", db.get_documents_path())
}

fn wire_write(db: &FirestoreDb, it: Write) -> WireWrite {
    let name = name(db, &it.key);
    let condition = match it.known {
        Some(known) => ConditionType::UpdateTime(wire_time(known)),
        None => ConditionType::Exists(false),
    };
    let operation = match it.change {
        Change::Delete => write::Operation::Delete(name),
        Change::Put { fields, position, epoch } => {
            let guards = [(POSITION, position), (EPOCH, epoch)];
            let guards = guards.map(|(name, it)| (name.to_owned(), Value::Number(it)));
            let fields = fields.0.into_iter().chain(guards);
            let fields = fields.map(|(name, value)| (name, wire(value))).collect();
            write::Operation::Update(Document { name, fields, ..Document::default() })
        }
    };
    WireWrite {
        operation: Some(operation),
        current_document: Some(Precondition { condition_type: Some(condition) }),
        ..WireWrite::default()
    }
}

/// A document, if it is one of a collection of ours.
fn read(db: &FirestoreDb, document: Document) -> Option<(Key, Found)> {
    let path = document.name.strip_prefix(db.get_documents_path().as_str())?.strip_prefix('/')?;
    let (collection, id) = path.split_once('/')?;
    let key = Key { collection: Collection::of(collection)?, id: id.to_owned() };
    let mut fields = BTreeMap::new();
    let (mut position, mut epoch) = (None, None);
    for (name, value) in document.fields {
        match (name.as_str(), value.value_type) {
            (POSITION, Some(ValueType::IntegerValue(it))) => position = Some(it),
            (EPOCH, Some(ValueType::IntegerValue(it))) => epoch = Some(it),
            (_, value) => _ = fields.insert(name, unwire(value)),
        }
    }
    let update_time = document.update_time.map(time).unwrap_or_default();
    Some((key, Found { fields: Fields(fields), position, epoch, update_time }))
}

fn wire(value: Value) -> WireValue {
    let value_type = match value {
        Value::Null | Value::Other(_) => ValueType::NullValue(0),
        Value::Flag(it) => ValueType::BooleanValue(it),
        Value::Number(it) => ValueType::IntegerValue(it),
        Value::Text(it) => ValueType::StringValue(it),
        Value::Texts(it) => {
            let values = it.into_iter().map(|it| wire(Value::Text(it))).collect();
            ValueType::ArrayValue(ArrayValue { values })
        }
        Value::Time(it) => ValueType::TimestampValue(wire_time(it)),
    };
    WireValue { value_type: Some(value_type) }
}

fn unwire(value: Option<ValueType>) -> Value {
    match value {
        Some(ValueType::NullValue(_)) => Value::Null,
        Some(ValueType::BooleanValue(it)) => Value::Flag(it),
        Some(ValueType::IntegerValue(it)) => Value::Number(it),
        Some(ValueType::StringValue(it)) => Value::Text(it),
        Some(ValueType::TimestampValue(it)) => Value::Time(time(it)),
        Some(ValueType::ArrayValue(it)) => {
            let texts = it.values.iter().map(|it| match &it.value_type {
                Some(ValueType::StringValue(it)) => Some(it.clone()),
                _ => None,
            });
            let texts: Option<Vec<_>> = texts.collect();
            texts.map_or_else(|| Value::Other(format!("{it:?}")), Value::Texts)
        }
        other => Value::Other(format!("{other:?}")),
    }
}

fn wire_time(at: DateTime<Utc>) -> Timestamp {
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp { seconds: at.timestamp(), nanos }
}

fn time(at: Timestamp) -> DateTime<Utc> {
    let nanos = u32::try_from(at.nanos).unwrap_or_default();
    DateTime::from_timestamp(at.seconds, nanos).unwrap_or_default().trunc_subsecs(6)
}
