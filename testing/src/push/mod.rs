//! A double of the push services: Google's server of access tokens, FCM HTTP v1, and a push service
//! of browsers, on one address.
//!
//! It checks what it is sent as Google does: the assertion's signature and claims, the access token, the
//! project, the shape and size of a message. What it does not do: deliver anything, count quotas by
//! itself, expire tokens or messages. `commands/tests/it/push/firebase_admin.py` has Google's own client
//! talk to it, and see each answer as what it is.

mod fcm;
mod oauth;
mod web;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::oauth::Account;

/// The project of the service account.
pub(crate) const PROJECT: &str = "parlance-test";

/// How a push service answers, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// As if all were well.
    Accept,
    /// FCM: `UNREGISTERED`; browsers: 410.
    Gone,
    /// FCM: `SENDER_ID_MISMATCH`; browsers: 403.
    Mismatch,
    /// FCM: `INVALID_ARGUMENT` of the token; browsers: 404.
    Invalid,
    /// FCM: the same, by the name of the field; browsers: 404.
    InvalidField,
    /// 429, with `Retry-After` in seconds if any.
    Quota(Option<u32>),
    /// 503, likewise.
    Unavailable(Option<u32>),
    /// 500
    Internal,
    /// FCM: `THIRD_PARTY_AUTH_ERROR`.
    ThirdParty,
    /// FCM: the access token has ended.
    Unauthenticated,
    /// Takes the message, and never answers.
    Hang,
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The token or installation id, or the path of the subscription.
    pub target: String,
    /// FCM: the message. Browsers: its headers.
    pub message: Value,
    /// Browsers: the body, as it was sent.
    pub body: Bytes,
    /// It was taken, whether or not that was answered.
    pub accepted: bool,
    pub at: Instant,
}

/// A running double. It ends with this.
pub struct PushDouble {
    addr: SocketAddr,
    state: Arc<State>,
    /// With the key file of the service account.
    folder: TempDir,
    task: JoinHandle<()>,
}

pub(crate) struct State {
    pub(crate) account: Account,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    behaviours: HashMap<String, VecDeque<Behaviour>>,
    received: Vec<Received>,
    granted: Vec<String>,
    asked: usize,
    delay: Duration,
}

impl PushDouble {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let url = format!("http://{addr}");
        let account = Account::generate(&url);
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("key.json"), account.key_file()).expect("it is written");
        let state = Arc::new(State { account, inner: Mutex::default() });
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { addr, state, folder, task }
    }

    /// Where it is: `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The key file of its service account.
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("key.json")
    }

    /// The folder of the key file, for what a test writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The endpoint of a browser's subscription.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}{}{name}", self.url(), web::PATH)
    }

    /// What `target` is answered next, one answer a message; after that, that all is well.
    pub fn answer(&self, target: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.state.lock().behaviours.entry(target.to_owned()).or_default().extend(behaviours);
    }

    /// How whoever asks for an access token is answered next; after that, they are granted one.
    pub fn answer_tokens(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.answer(oauth::PATH, behaviours);
    }

    /// Lets each answer take so long, but for access tokens.
    pub fn delay(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// Everything that arrived, taken or not, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().received.clone()
    }

    /// How much arrived.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.lock().received.len()
    }

    /// What arrived for `target`.
    #[must_use]
    pub fn received_by(&self, target: &str) -> Vec<Received> {
        self.received().into_iter().filter(|it| it.target == target).collect()
    }

    /// How often it was asked for an access token.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state.lock().asked
    }

    /// How many access tokens it has granted.
    #[must_use]
    pub fn granted(&self) -> usize {
        self.state.lock().granted.len()
    }

    /// Forgets the access tokens: whoever has one is asked for another.
    pub fn revoke(&self) {
        self.state.lock().granted.clear();
    }
}

impl Drop for PushDouble {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an access token was asked for, and says how to answer that.
    pub(crate) fn ask(&self) -> Behaviour {
        let mut inner = self.lock();
        inner.asked += 1;
        let scripted = inner.behaviours.get_mut(oauth::PATH).and_then(VecDeque::pop_front);
        scripted.unwrap_or(Behaviour::Accept)
    }

    pub(crate) fn grant(&self) -> String {
        let mut inner = self.lock();
        let token = format!("ya29.test-{}", inner.granted.len());
        inner.granted.push(token.clone());
        token
    }

    pub(crate) fn is_granted(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = value.and_then(|it| it.strip_prefix("Bearer "));
        token.is_some_and(|it| self.lock().granted.iter().any(|known| known == it))
    }

    /// Notes what arrived, and says how to answer it.
    pub(crate) fn arrive(&self, target: &str, message: Value, body: Bytes) -> Behaviour {
        let mut inner = self.lock();
        let scripted = inner.behaviours.get_mut(target).and_then(VecDeque::pop_front);
        let behaviour = scripted.unwrap_or_else(|| named(target));
        let accepted = matches!(behaviour, Behaviour::Accept | Behaviour::Hang);
        let (target, at) = (target.to_owned(), Instant::now());
        inner.received.push(Received { target, message, body, accepted, at });
        behaviour
    }

    fn delay(&self) -> Duration {
        self.lock().delay
    }
}

/// What a target says of itself by its name, for clients that cannot script the double.
fn named(target: &str) -> Behaviour {
    match target {
        "gone" => Behaviour::Gone,
        "mismatch" => Behaviour::Mismatch,
        "invalid" => Behaviour::Invalid,
        "invalid-field" => Behaviour::InvalidField,
        "quota" => Behaviour::Quota(Some(7)),
        "unavailable" => Behaviour::Unavailable(Some(1)),
        "internal" => Behaviour::Internal,
        "third-party" => Behaviour::ThirdParty,
        _ => Behaviour::Accept,
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        // An answer is one small write.
        drop(stream.set_nodelay(true));
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            let serving = auto::Builder::new(TokioExecutor::new());
            // Whoever is talked to may go away at any time.
            drop(serving.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let answer = match (&head.method, path.as_str()) {
        (&Method::POST, oauth::PATH) => oauth::answer(&state, &head.headers, &body),
        (&Method::POST, path) if path.starts_with(web::PATH) => {
            web::answer(&state, path, &head.headers, body)
        }
        (&Method::POST, path) => fcm::answer(&state, path, &head.headers, &body),
        _ => Some(reply(StatusCode::NOT_FOUND, Bytes::new())),
    };
    let delay = state.delay();
    if !delay.is_zero() && path != oauth::PATH {
        tokio::time::sleep(delay).await;
    }
    match answer {
        Some(answer) => Ok(answer),
        None => std::future::pending().await,
    }
}

pub(crate) fn reply(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = reply(status, Bytes::from(body.to_string()));
    let json = header::HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(crate) fn retry_after(
    mut response: Response<Full<Bytes>>,
    seconds: Option<u32>,
) -> Response<Full<Bytes>> {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
