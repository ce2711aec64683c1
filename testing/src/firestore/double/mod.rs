//! A Firestore that fails when it is told to, for what no emulator can be told.
//!
//! It knows three calls: Commit (all or nothing, with conditions on `exists` and `update_time`, whole
//! documents and deletions), `BatchGetDocuments`, and `RunQuery` over one collection by name, from a cursor.
//! Everything else it refuses: masks, transforms, filters, transactions, listeners, rules. That it
//! behaves as Firestore does in what it knows is checked by Google's client, in `projections`.

mod state;

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use firestore::gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Got;
use firestore::gcloud_sdk::google::firestore::v1::{
    BatchGetDocumentsRequest, BatchGetDocumentsResponse, CommitRequest, CommitResponse, Document,
    RunQueryRequest, RunQueryResponse, Value,
};
use firestore::gcloud_sdk::tonic::body::Body;
use firestore::gcloud_sdk::tonic::codegen::{BoxStream, Service, http};
use firestore::gcloud_sdk::tonic::server::{
    Grpc, NamedService, ServerStreamingService, UnaryService,
};
use firestore::gcloud_sdk::tonic::transport::Server;
use firestore::gcloud_sdk::tonic::transport::server::TcpIncoming;
use firestore::gcloud_sdk::tonic::{Code, Request, Response, Status};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic_prost::ProstCodec;

use self::state::{State, path};

/// What becomes of a commit.
#[derive(Clone)]
enum Fault {
    /// It is refused, and nothing is written.
    Refuse(Code),
    /// It is done, and the answer lost.
    Lose,
    /// It is held until the latter is told, after the former has been; and then tried.
    Hold(Arc<Notify>, Arc<Notify>),
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

/// The server. It ends with the test.
pub struct FirestoreDouble {
    host: String,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Drop for FirestoreDouble {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FirestoreDouble {
    /// Starts it, empty.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let shared = Shared::default();
        let service = Firestore(shared.clone());
        let task = tokio::spawn(async move {
            let serving = Server::builder().add_service(service);
            serving.serve_with_incoming(TcpIncoming::from(listener)).await.expect("it serves");
        });
        Self { host, shared, task }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.host.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next `times` commits are refused.
    pub fn storm(&self, code: Code, times: usize) {
        self.state().faults.extend(vec![Fault::Refuse(code); times]);
    }

    /// The next commit is done, and its answer lost.
    pub fn lose(&self) {
        self.state().faults.push_back(Fault::Lose);
    }

    /// The next commit waits. The first is told when it does, the second lets it go on.
    #[must_use]
    pub fn hold(&self) -> (Arc<Notify>, Arc<Notify>) {
        let (held, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let fault = Fault::Hold(Arc::clone(&held), Arc::clone(&go_on));
        self.state().faults.push_back(fault);
        (held, go_on)
    }

    /// Refuses whoever writes the document at `path`.
    pub fn poison(&self, path: &str, code: Code) {
        self.state().poison.insert(path.to_owned(), code);
    }

    /// Refuses nobody any more.
    pub fn cure(&self) {
        self.state().poison.clear();
    }

    /// How many commits are still spoken for.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// How many commits it was asked for.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.state().commits
    }

    /// When the document at `path` was written.
    #[must_use]
    pub fn writes(&self, path: &str) -> Vec<Instant> {
        let state = self.state();
        state.writes.iter().filter(|(it, _)| it == path).map(|(_, at)| *at).collect()
    }

    /// How many documents were written, each as often as it was.
    #[must_use]
    pub fn all_writes(&self) -> usize {
        self.state().writes.len()
    }

    /// The document at `path`, as `<collection>/<id>`.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<HashMap<String, Value>> {
        Some(self.state().documents.get(path)?.fields.clone())
    }

    /// Of all documents.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.state().documents.keys().cloned().collect()
    }

    /// Changes a document past everybody.
    pub fn plant(&self, path: &str, fields: HashMap<String, Value>) {
        let mut state = self.state();
        let at = state.tick();
        let name = format!("projects/test/databases/(default)/documents/{path}");
        let document = Document { name, fields, create_time: Some(at), update_time: Some(at) };
        state.documents.insert(path.to_owned(), document);
    }

    /// Removes a document past everybody.
    pub fn remove(&self, path: &str) {
        self.state().documents.remove(path);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn commit(&self, request: CommitRequest) -> Result<CommitResponse, Status> {
        let fault = {
            let mut state = self.state();
            state.commits += 1;
            state.faults.pop_front()
        };
        match fault {
            None => self.state().commit(request),
            Some(Fault::Refuse(code)) => Err(Status::new(code, "as it was told to")),
            Some(Fault::Lose) => {
                self.state().commit(request)?;
                Err(Status::unavailable("the answer is lost"))
            }
            Some(Fault::Hold(held, go_on)) => {
                // Whoever gives up waiting has sent it all the same.
                let shared = self.clone();
                let late = tokio::spawn(async move {
                    held.notify_one();
                    go_on.notified().await;
                    shared.state().commit(request)
                });
                late.await.expect("it does not panic")
            }
        }
    }
}

/// The service by its name, as generated code would have it.
#[derive(Clone)]
struct Firestore(Shared);

impl NamedService for Firestore {
    const NAME: &'static str = "google.firestore.v1.Firestore";
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Infallible>> + Send>>;
type Answered<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl Service<http::Request<Body>> for Firestore {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                "Commit" => {
                    Grpc::new(ProstCodec::default()).unary(CommitCall(shared), request).await
                }
                "BatchGetDocuments" => {
                    let mut grpc = Grpc::new(ProstCodec::default());
                    grpc.server_streaming(GetCall(shared), request).await
                }
                "RunQuery" => {
                    let mut grpc = Grpc::new(ProstCodec::default());
                    grpc.server_streaming(QueryCall(shared), request).await
                }
                _ => Status::unimplemented(method).into_http(),
            })
        })
    }
}

struct CommitCall(Shared);

impl UnaryService<CommitRequest> for CommitCall {
    type Response = CommitResponse;
    type Future = Answered<CommitResponse>;

    fn call(&mut self, request: Request<CommitRequest>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { shared.commit(request.into_inner()).await.map(Response::new) })
    }
}

struct GetCall(Shared);

impl ServerStreamingService<BatchGetDocumentsRequest> for GetCall {
    type Response = BatchGetDocumentsResponse;
    type ResponseStream = BoxStream<BatchGetDocumentsResponse>;
    type Future = Answered<Self::ResponseStream>;

    fn call(&mut self, request: Request<BatchGetDocumentsRequest>) -> Self::Future {
        let mut state = self.0.state();
        let read_time = Some(state.tick());
        let answers = request.into_inner().documents.into_iter().map(|name| {
            let there = state.documents.get(path(&name)?).cloned();
            let result = Some(there.map_or(Got::Missing(name), Got::Found));
            Ok(BatchGetDocumentsResponse { result, read_time, ..Default::default() })
        });
        let answers: Vec<_> = answers.collect();
        answer(answers)
    }
}

struct QueryCall(Shared);

impl ServerStreamingService<RunQueryRequest> for QueryCall {
    type Response = RunQueryResponse;
    type ResponseStream = BoxStream<RunQueryResponse>;
    type Future = Answered<Self::ResponseStream>;

    fn call(&mut self, request: Request<RunQueryRequest>) -> Self::Future {
        let mut state = self.0.state();
        let read_time = Some(state.tick());
        let answers = match state.query(request.into_inner()) {
            Ok(found) if found.is_empty() => {
                vec![Ok(RunQueryResponse { read_time, ..Default::default() })]
            }
            Ok(found) => found
                .into_iter()
                .map(|it| {
                    let document = Some(it);
                    Ok(RunQueryResponse { document, read_time, ..Default::default() })
                })
                .collect(),
            Err(status) => vec![Err(status)],
        };
        answer(answers)
    }
}

fn answer<T: Send + 'static>(answers: Vec<Result<T, Status>>) -> Answered<BoxStream<T>> {
    let stream: BoxStream<T> = Box::pin(stream::iter(answers));
    Box::pin(async move { Ok(Response::new(stream)) })
}
