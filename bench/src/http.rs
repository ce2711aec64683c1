//! An HTTP/1.1 client that costs next to nothing: the load generator shares the machine with what it
//! measures.
//!
//! One connection, one request at a time, no allocation once the buffer has grown. It understands
//! what Parlance answers (`Content-Length`, no chunks), and fails on anything else.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;

/// The first room for an answer. It grows when an answer needs more.
const BUFFER: usize = 4_096;

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// `Parlance-Position`; 0 without one.
    pub(crate) position: i64,
    pub(crate) body: &'a [u8],
}

/// What the head of an answer says.
struct Head {
    length: usize,
    status: u16,
    position: i64,
    body: usize,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(BUFFER) })
    }

    /// Sends `request` as it is and waits for the answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            self.receive().await?;
            if let Some(head) = head(&self.received)? {
                break head;
            }
        };
        while self.received.len() < head.length + head.body {
            self.receive().await?;
        }
        let body = self.received.get(head.length..head.length + head.body).unwrap_or_default();
        Ok(Answer { status: head.status, position: head.position, body })
    }

    /// As [`call`](Self::call), for requests that are not measured.
    pub(crate) async fn json(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Outcome<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = self.call(&request(method, path, token, "", &body)).await?;
        if !(200..300).contains(&answer.status) {
            return Err(unexpected(&answer, &format!("{method} {path}")));
        }
        Ok(serde_json::from_slice(answer.body)?)
    }

    async fn receive(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// A whole request. `headers` are lines of their own, each with its line end.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    headers: &str,
    body: &str,
) -> Vec<u8> {
    let bearer = token.map(|it| format!("authorization: Bearer {it}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\n{bearer}{headers}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The failure that an answer is which should have been another.
pub(crate) fn unexpected(answer: &Answer<'_>, request: &str) -> crate::Failure {
    let body = String::from_utf8_lossy(answer.body);
    format!("{request} was answered {} {body}", answer.status).into()
}

/// Reads the head of an answer; nothing when it has not come whole yet.
fn head(received: &[u8]) -> Outcome<Option<Head>> {
    let Some(end) = received.windows(4).position(|it| it == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(received.get(..end).unwrap_or_default())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|it| it.split(' ').nth(1)).and_then(|it| it.parse().ok());
    let status = status.ok_or("the answer has no status")?;
    let mut head = Head { length: end + 4, status, position: 0, body: 0 };
    for (name, value) in lines.filter_map(|it| it.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            head.body = value.parse()?;
        } else if name.eq_ignore_ascii_case("parlance-position") {
            head.position = value.parse()?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("the answer comes in chunks".into());
        }
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text =
            b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\nparlance-position: 42\r\n\r\n{\"a\":1}";

        assert!(head(&text[..60]).unwrap().is_none());
        let head = head(text).unwrap().unwrap();

        assert_eq!((head.status, head.position, head.body), (201, 42, 7));
        assert_eq!(&text[head.length..], b"{\"a\":1}");
    }

    #[test]
    fn chunks_are_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
