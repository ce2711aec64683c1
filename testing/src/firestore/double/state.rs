//! What the double holds, and what it does with it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use firestore::gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{
    CommitRequest, CommitResponse, Document, RunQueryRequest, Value, Write, WriteResult,
    run_query_request, write,
};
use firestore::gcloud_sdk::prost_types::Timestamp;
use firestore::gcloud_sdk::tonic::{Code, Status};
use tokio::time::Instant;

use super::Fault;

#[derive(Default)]
pub(super) struct State {
    pub(super) documents: BTreeMap<String, Document>,
    /// Microseconds: each commit has its own.
    now: i64,
    /// What becomes of the next commits, in turn.
    pub(super) faults: VecDeque<Fault>,
    /// Whoever writes one of these is refused.
    pub(super) poison: HashMap<String, Code>,
    /// Each document that was written, and when.
    pub(super) writes: Vec<(String, Instant)>,
    pub(super) commits: usize,
}

impl State {
    pub(super) fn tick(&mut self) -> Timestamp {
        self.now += 1;
        let micros = 1_000_000_000_000_000 + self.now;
        let nanos = i32::try_from(micros % 1_000_000 * 1_000).expect("below a second");
        Timestamp { seconds: micros / 1_000_000, nanos }
    }

    /// All of it, or nothing.
    pub(super) fn commit(&mut self, request: CommitRequest) -> Result<CommitResponse, Status> {
        for write in &request.writes {
            self.check(write)?;
        }
        let at = self.tick();
        let count = request.writes.len();
        for write in request.writes {
            match write.operation {
                Some(write::Operation::Update(mut document)) => {
                    let path = path(&document.name)?.to_owned();
                    let before = self.documents.get(&path);
                    document.create_time = before.map_or(Some(at), |it| it.create_time);
                    document.update_time = Some(at);
                    self.documents.insert(path.clone(), document);
                    self.writes.push((path, Instant::now()));
                }
                Some(write::Operation::Delete(name)) => {
                    self.documents.remove(path(&name)?);
                }
                Some(write::Operation::Transform(_)) | None => {
                    return Err(Status::unimplemented("a double does not transform"));
                }
            }
        }
        let result = WriteResult { update_time: Some(at), ..WriteResult::default() };
        Ok(CommitResponse { write_results: vec![result; count], commit_time: Some(at) })
    }

    fn check(&self, write: &Write) -> Result<(), Status> {
        let name = match &write.operation {
            Some(write::Operation::Update(document)) => document.name.as_str(),
            Some(write::Operation::Delete(name)) => name.as_str(),
            Some(write::Operation::Transform(_)) | None => "",
        };
        let path = path(name)?;
        if write.update_mask.is_some() || !write.update_transforms.is_empty() {
            return Err(Status::unimplemented("a double writes whole documents"));
        }
        if let Some(code) = self.poison.get(path) {
            return Err(Status::new(*code, format!("{path} is poison")));
        }
        let there = self.documents.get(path);
        let condition = write.current_document.and_then(|it| it.condition_type);
        match (condition, there) {
            (Some(ConditionType::Exists(false)), Some(_)) => {
                Err(Status::already_exists(format!("Document already exists: {name}")))
            }
            (Some(ConditionType::Exists(true)), None) => {
                Err(Status::not_found(format!("No document to update: {name}")))
            }
            (Some(ConditionType::UpdateTime(wanted)), there)
                if there.and_then(|it| it.update_time) != Some(wanted) =>
            {
                Err(Status::failed_precondition("the stored version does not match"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn query(&self, request: RunQueryRequest) -> Result<Vec<Document>, Status> {
        let Some(run_query_request::QueryType::StructuredQuery(query)) = request.query_type else {
            return Err(Status::unimplemented("a double knows structured queries"));
        };
        let by_name = query.order_by.iter().all(|it| {
            it.field.as_ref().is_some_and(|it| it.field_path == "__name__") && it.direction <= 1
        });
        let [from] = query.from.as_slice() else {
            return Err(Status::unimplemented("a double knows one collection"));
        };
        if query.r#where.is_some() || !by_name || query.end_at.is_some() {
            return Err(Status::unimplemented("a double reads whole collections, by name"));
        }
        let cursor = query.start_at.map(|it| (it.values.first().cloned(), it.before));
        let after = match cursor {
            None => String::new(),
            Some((Some(Value { value_type: Some(ValueType::ReferenceValue(name)) }), false)) => {
                path(&name)?.to_owned()
            }
            Some(_) => return Err(Status::unimplemented("a double starts after a name")),
        };
        let prefix = format!("{}/", from.collection_id);
        let limit = query.limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
        let found = self.documents.iter().filter(|(path, _)| path.starts_with(&prefix));
        let found = found.filter(|(path, _)| **path > after).take(limit);
        Ok(found.map(|(_, document)| document.clone()).collect())
    }
}

pub(super) fn path(name: &str) -> Result<&str, Status> {
    let path = name.split_once("/documents/").map(|(_, path)| path);
    path.ok_or_else(|| Status::invalid_argument(format!("{name} is no name")))
}
