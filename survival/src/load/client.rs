//! One person's device: a connection that is made again wherever a server answers.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use crate::history::Answer;

/// How long an answer may take before it counts as none: a stopped process never answers.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why there is no answer.
pub type NoAnswer = Box<dyn std::error::Error + Send + Sync>;

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub answer: Answer,
    /// `null` when there is none.
    pub body: Value,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    /// `null` for none.
    pub body: Value,
    pub idempotency_key: Option<String>,
    pub min_position: Option<i64>,
}

impl Ask {
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, Value::Null)
    }

    pub fn new(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body, idempotency_key: None, min_position: None }
    }
}

pub struct Client {
    servers: Vec<SocketAddr>,
    /// Which of them is asked.
    current: usize,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Asks the server of this number first, and another one whenever it fails.
    pub fn new(servers: Vec<SocketAddr>, first: usize) -> Self {
        Self { servers, current: first, connection: None }
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// When no answer came. It may have been carried out.
    pub async fn ask(&mut self, ask: &Ask, token: &str) -> Result<Reply, NoAnswer> {
        let asked = timeout(PATIENCE, self.exchange(ask, token)).await;
        let reply = asked.unwrap_or_else(|_| Err("no answer in time".into()));
        if reply.is_err() {
            self.connection = None;
            self.current += 1;
        }
        reply
    }

    async fn exchange(&mut self, ask: &Ask, token: &str) -> Result<Reply, NoAnswer> {
        let server = self.servers[self.current % self.servers.len()];
        let mut request =
            Request::builder().method(&ask.method).uri(&ask.path).header(HOST, server.to_string());
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &ask.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(position) = ask.min_position {
            request = request.header("Parlance-Min-Position", position);
        }
        let body = if ask.body.is_null() {
            Bytes::new()
        } else {
            request = request.header(CONTENT_TYPE, "application/json");
            Bytes::from(ask.body.to_string())
        };
        let request = request.body(Full::new(body))?;
        let response = self.connection(server).await?.send_request(request).await?;
        read(response).await
    }

    async fn connection(
        &mut self,
        server: SocketAddr,
    ) -> Result<&mut SendRequest<Full<Bytes>>, NoAnswer> {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        let connection = self.connection.as_mut().ok_or("no connection")?;
        connection.ready().await?;
        Ok(connection)
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Reply, NoAnswer> {
    let (head, body) = response.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
    let position = header("parlance-position").and_then(|it| it.parse().ok());
    let request_id = header("x-request-id").unwrap_or_default().to_owned();
    let bytes = body.collect().await?.to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
    let answer = Answer {
        status: head.status.as_u16(),
        request_id,
        code: body["code"].as_str().unwrap_or_default().to_owned(),
        position,
        chat_id: body["chat_id"].as_str().and_then(|it| Uuid::parse_str(it).ok()),
        number: body["number"].as_i64(),
    };
    Ok(Reply { answer, body })
}
