//! The other end of a stream and of a socket. Each checks what holds for everything it is sent.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async, connect_async};

use crate::support::Person;

/// How long anything may take that comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing comes where nothing is to come.
const SILENCE: Duration = Duration::from_millis(400);

/// What somebody is sent, from either.
pub(crate) trait Hears {
    async fn receive(&mut self) -> Option<Value>;

    /// The next that is no sign of life.
    async fn next(&mut self) -> Value {
        loop {
            let next = timeout(PATIENCE, self.receive()).await.unwrap();
            let next = next.unwrap();
            if next["type"] != "heartbeat" {
                return next;
            }
        }
    }

    /// The next of this type.
    async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let next = self.next().await;
            if next["type"] == kind {
                return next;
            }
        }
    }

    /// Everything up to a message with this text.
    async fn up_to(&mut self, text: &str) -> Vec<Value> {
        let mut heard = vec![];
        loop {
            let next = self.next().await;
            let is_it = next["message"]["text"] == text;
            heard.push(next);
            if is_it {
                return heard;
            }
        }
    }

    async fn hears_nothing(&mut self) {
        if let Ok(heard) = timeout(SILENCE, self.next()).await {
            panic!("{heard}");
        }
    }

    /// What ends it.
    async fn end(&mut self) -> Value {
        let end = self.next_of("end").await;
        let after = timeout(PATIENCE, self.receive()).await.unwrap();
        assert_eq!(after, None, "after {end}");
        end
    }
}

/// A stream of server-sent events.
pub(crate) struct Stream {
    body: Incoming,
    text: String,
    /// Of the last event that had one.
    pub(crate) last_event_id: String,
    /// What it was told to wait before it comes back, in milliseconds.
    pub(crate) retry: Option<u64>,
}

/// What a stream is opened with.
pub(crate) struct Open<'a> {
    addr: SocketAddr,
    query: String,
    headers: Vec<(&'a str, String)>,
}

impl<'a> Open<'a> {
    pub(crate) fn at(addr: SocketAddr) -> Self {
        Self { addr, query: String::new(), headers: vec![] }
    }

    pub(crate) fn by(self, person: &Person) -> Self {
        self.header("authorization", format!("Bearer {}", person.token))
    }

    pub(crate) fn since(self, since: &str) -> Self {
        self.query(&format!("since={since}"))
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.query = format!("?{query}");
        self
    }

    pub(crate) fn header(mut self, name: &'a str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Opens a stream, and checks how it begins. Returns the first that it says, too.
    pub(crate) async fn stream(self) -> (Stream, Value) {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let uri = format!("/v1/stream{}", self.query);
        let mut request = hyper::Request::builder().uri(uri).header("host", self.addr.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let (text, last_event_id) = (String::new(), String::new());
        let mut stream = Stream { body: response.into_body(), text, last_event_id, retry: None };
        let welcome = stream.next().await;
        assert_eq!(welcome["type"], "welcome");
        (stream, welcome)
    }

    /// Opens a socket. Returns the first that it says, too.
    pub(crate) async fn socket(self) -> (Socket, Value) {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        self.socket_over(stream).await
    }

    pub(crate) async fn socket_over(self, stream: TcpStream) -> (Socket, Value) {
        let url = format!("ws://{}/v1/socket{}", self.addr, self.query);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in &self.headers {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (inner, _) = client_async(request, stream).await.unwrap();
        let mut socket = Socket { inner, asked: 0, heard: vec![], closed: None };
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome");
        (socket, welcome)
    }
}

impl Hears for Stream {
    async fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(self.read(&event));
            }
            let frame = self.body.frame().await?.ok()?;
            let bytes = frame.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

impl Stream {
    /// One event, as HTML says it is to be read.
    fn read(&mut self, event: &str) -> Value {
        let (mut name, mut data) = ("", Value::Null);
        for line in event.lines() {
            let (field, value) = line.split_once(": ").unwrap();
            match field {
                "id" => value.clone_into(&mut self.last_event_id),
                "event" => name = value,
                "data" => data = serde_json::from_str(value).unwrap(),
                "retry" => self.retry = Some(value.parse().unwrap()),
                _ => panic!("{line}"),
            }
        }
        assert_eq!(data["type"], name, "{event}");
        if let Some(id) = data["id"].as_str() {
            assert_eq!(id, self.last_event_id, "{event}");
        }
        data
    }
}

/// A socket.
pub(crate) struct Socket {
    inner: WebSocketStream<TcpStream>,
    asked: u32,
    /// What came while something else was waited for.
    heard: Vec<Value>,
    /// With which code and reason it was closed.
    pub(crate) closed: Option<(u16, String)>,
}

impl Hears for Socket {
    async fn receive(&mut self) -> Option<Value> {
        if !self.heard.is_empty() {
            return Some(self.heard.remove(0));
        }
        loop {
            match self.inner.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(close)) => {
                    let close = close.map(|it| (u16::from(it.code), it.reason.to_string()));
                    self.closed = close;
                    return None;
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

impl Socket {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&mut self, mut asked: Value) -> Value {
        self.asked += 1;
        let id = self.asked.to_string();
        asked["request_id"] = json!(id);
        self.send(&asked.to_string()).await;
        let mut heard = std::mem::take(&mut self.heard);
        loop {
            let next = self.next().await;
            if next["type"] == "answer" && next["request_id"] == id.as_str() {
                self.heard = heard;
                return next;
            }
            heard.push(next);
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.inner.send(Message::text(text)).await.unwrap();
    }
}

/// What opening a socket is answered with: 101 and nothing, if it is. It is gone again afterwards.
pub(crate) async fn answered(addr: SocketAddr, query: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = format!("ws://{addr}/v1/socket{query}").into_client_request().unwrap();
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    match connect_async(request).await {
        Ok((_socket, response)) => (response.status().as_u16(), Value::Null),
        Err(Error::Http(response)) => {
            let body = response.body().as_ref().map(|it| serde_json::from_slice(it).unwrap());
            (response.status().as_u16(), body.unwrap_or_default())
        }
        Err(error) => panic!("{error}"),
    }
}
