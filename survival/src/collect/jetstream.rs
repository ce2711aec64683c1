//! Reads a JetStream stream through the bare protocol: a line-based one over TCP.
//!
//! As much of it as the check needs, and no more: no TLS, no sign-in, no reconnecting, no headers on
//! what it receives (the requests it makes are answered without), and one server.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::evidence::{JetStream, StreamMessage};

const STREAM: &str = "PARLANCE_EVENTS";

/// Requests that may be without an answer.
const IN_FLIGHT: i64 = 200;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the stream could not be read.
pub type Unreadable = Box<dyn std::error::Error + Send + Sync>;

pub struct JetStreamReader {
    connection: BufReader<TcpStream>,
}

impl JetStreamReader {
    /// Connects to the server at `addr`.
    ///
    /// # Errors
    ///
    /// When it does not answer as a NATS server does.
    pub async fn connect(addr: SocketAddr) -> Result<Self, Unreadable> {
        let mut reader = Self { connection: BufReader::new(TcpStream::connect(addr).await?) };
        let greeting = reader.line().await?;
        if !greeting.starts_with("INFO ") {
            return Err(format!("no NATS server: {greeting}").into());
        }
        reader
            .write("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB survival.* 1\r\n")
            .await?;
        Ok(reader)
    }

    /// The stream's first and last sequence; nothing when there is no stream.
    ///
    /// # Errors
    ///
    /// When the server does not say.
    pub async fn ends(&mut self) -> Result<Option<(i64, i64)>, Unreadable> {
        self.write(&format!("PUB $JS.API.STREAM.INFO.{STREAM} survival.info 0\r\n\r\n")).await?;
        let info = self.answer().await?;
        if info["error"]["err_code"] == 10_059 {
            return Ok(None); // stream not found
        }
        let state = &info["state"];
        match (state["first_seq"].as_i64(), state["last_seq"].as_i64()) {
            (Some(first), Some(last)) => Ok(Some((first, last))),
            _ => Err(format!("no state: {info}").into()),
        }
    }

    /// The whole stream; nothing when there is none.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub async fn read(&mut self) -> Result<Option<JetStream>, Unreadable> {
        let Some((first, last)) = self.ends().await? else {
            return Ok(None);
        };
        let mut messages = Vec::new();
        let mut next = first;
        while next <= last {
            let end = (next + IN_FLIGHT).min(last + 1);
            let mut requests = String::new();
            for sequence in next..end {
                let body = format!("{{\"seq\":{sequence}}}");
                let length = body.len();
                let request = format!(
                    "PUB $JS.API.STREAM.MSG.GET.{STREAM} survival.{sequence} {length}\r\n{body}\r\n"
                );
                requests.push_str(&request);
            }
            self.write(&requests).await?;
            for _ in next..end {
                messages.extend(message(&self.answer().await?)?);
            }
            next = end;
        }
        messages.sort_by_key(|it| it.sequence);
        Ok(Some(JetStream { first, last, messages }))
    }

    /// The body of the next message to us.
    async fn answer(&mut self) -> Result<Value, Unreadable> {
        loop {
            let line = timeout(PATIENCE, self.line()).await??;
            let mut words = line.split_whitespace();
            match words.next() {
                Some("MSG") => {
                    let length: usize = words.next_back().ok_or("no length")?.parse()?;
                    let mut body = vec![0; length + 2];
                    timeout(PATIENCE, self.connection.read_exact(&mut body)).await??;
                    body.truncate(length);
                    return Ok(serde_json::from_slice(&body)?);
                }
                Some("PING") => self.write("PONG\r\n").await?,
                Some("INFO" | "+OK" | "PONG") => {}
                Some(_) | None => return Err(format!("the server said {line:?}").into()),
            }
        }
    }

    async fn line(&mut self) -> Result<String, Unreadable> {
        let mut line = String::new();
        if self.connection.read_line(&mut line).await? == 0 {
            return Err("the server has hung up".into());
        }
        Ok(line)
    }

    async fn write(&mut self, text: &str) -> Result<(), Unreadable> {
        Ok(self.connection.get_mut().write_all(text.as_bytes()).await?)
    }
}

/// One message of the stream; nothing when it is missing.
fn message(answer: &Value) -> Result<Option<StreamMessage>, Unreadable> {
    if answer["error"]["err_code"] == 10_037 {
        return Ok(None); // no message found
    }
    let message = &answer["message"];
    let text = |field: &str| message[field].as_str().unwrap_or_default();
    let headers = String::from_utf8(BASE64.decode(text("hdrs"))?)?;
    let id = headers.lines().find_map(|it| it.strip_prefix("Nats-Msg-Id:"));
    Ok(Some(StreamMessage {
        sequence: message["seq"].as_i64().ok_or_else(|| format!("no message: {answer}"))?,
        subject: text("subject").to_owned(),
        message_id: id.unwrap_or_default().trim().to_owned(),
        body: BASE64.decode(text("data"))?,
    }))
}
