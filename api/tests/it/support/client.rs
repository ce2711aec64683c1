//! The client. Whatever it asks, it checks what holds for every answer.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Person;

/// A request in the making.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// Null, when it is not JSON.
    pub(crate) body: Value,
}

impl Ask {
    pub(crate) fn new(addr: SocketAddr, method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { addr, method, path, headers: vec![], body: vec![] }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn by(self, person: &Person) -> Self {
        let token = format!("Bearer {}", person.token);
        self.header("authorization", &token)
    }

    /// Asks for an answer that reflects `position`.
    pub(crate) fn at(self, position: i64) -> Self {
        self.header("parlance-min-position", &position.to_string())
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").raw(body.to_string().as_bytes())
    }

    pub(crate) fn raw(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Asks the storage of files, under a URL that was signed for whoever has it.
    pub(crate) async fn elsewhere(method: &str, url: &str, headers: &Value, body: &[u8]) -> Answer {
        let (addr, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut ask = Self::new(addr.parse().unwrap(), method, &format!("/{path}")).raw(body);
        for (name, value) in headers.as_object().into_iter().flatten() {
            ask = ask.header(name, value.as_str().unwrap());
        }
        ask.exchange().await
    }

    pub(crate) async fn send(self) -> Answer {
        let answer = self.exchange().await;
        check_every_answer(&self, &answer);
        answer
    }

    async fn exchange(&self) -> Answer {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(Method::from_bytes(self.method.as_bytes()).unwrap())
            .uri(&self.path)
            .header("host", self.addr.to_string());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body.clone()))).unwrap();
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, body }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|it| it.to_str().unwrap()).unwrap_or_default()
    }

    /// A text of the body.
    pub(crate) fn text(&self, member: &str) -> String {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("no text `{member}` in {self:?}")).to_owned()
    }

    /// Where the command was recorded, or what the read reflects.
    pub(crate) fn position(&self) -> i64 {
        self.header("parlance-position").parse().unwrap()
    }

    /// Asserts that the answer is this problem.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{self:?}");
        self
    }

    /// Asserts that `field` is to blame.
    pub(crate) fn blames(&self, field: &str) {
        assert_eq!(self.body["errors"][0]["field"].as_str(), Some(field), "{self:?}");
    }
}

fn check_every_answer(ask: &Ask, answer: &Answer) {
    assert_eq!(answer.header("x-request-id").len(), 36, "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
    for name in ["server", "x-powered-by"] {
        assert!(!answer.headers.contains_key(name), "{answer:?}");
    }
    if answer.status >= 400 && ask.method != "HEAD" {
        check_problem(answer);
    }
}

/// Every problem is well formed, and explained in `docs/errors.md`.
fn check_problem(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let code = answer.text("code");
    assert_eq!(answer.text("type"), format!("/problems/{code}"));
    assert_eq!(answer.body["status"], answer.status);
    assert!(!answer.text("title").is_empty() && !answer.text("detail").is_empty());
    let row = format!("| {} | `{code}` |", answer.status);
    assert!(include_str!("../../../../docs/errors.md").contains(&row), "{row}");
    match answer.status {
        401 => assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}"),
        405 => assert!(!answer.header("allow").is_empty(), "{answer:?}"),
        429 | 503 => {
            let seconds: u32 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{answer:?}");
        }
        _ => {}
    }
}
