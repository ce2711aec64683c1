//! A stream or a socket, as a client of it sees it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long opening one may take.
const OPENING: Duration = Duration::from_secs(5);

/// A connection that brings nothing for so long is dead: a sign of life comes every 15 seconds.
const SILENCE: Duration = Duration::from_secs(20);

pub(super) enum Connection {
    Stream { body: Incoming, text: String },
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

/// Why there is none.
pub(super) enum Refused {
    /// The token has ended.
    Unauthenticated,
    Otherwise,
}

impl Connection {
    /// Opens one of this kind: 0 is a stream, 1 a socket.
    pub(super) async fn open(
        kind: usize,
        server: SocketAddr,
        token: &str,
        since: Option<&str>,
    ) -> Result<Self, Refused> {
        let since = since.map_or_else(String::new, |it| format!("?since={it}"));
        let opening = async {
            if kind == 0 {
                stream(server, token, &since).await
            } else {
                socket(server, token, &since).await
            }
        };
        timeout(OPENING, opening).await.unwrap_or(Err(Refused::Otherwise))
    }

    /// The next that it brings; nothing once it has ended, or brings nothing any more.
    pub(super) async fn next(&mut self) -> Option<Value> {
        timeout(SILENCE, self.receive()).await.ok().flatten()
    }

    async fn receive(&mut self) -> Option<Value> {
        match self {
            Self::Stream { body, text } => loop {
                if let Some(end) = text.find("\n\n") {
                    let event: String = text.drain(..end + 2).collect();
                    let data = event.lines().find_map(|it| it.strip_prefix("data: "));
                    return data.and_then(|it| serde_json::from_str(it).ok());
                }
                let bytes = body.frame().await?.ok()?.into_data().ok()?;
                text.push_str(std::str::from_utf8(&bytes).ok()?);
            },
            Self::Socket(socket) => loop {
                match socket.next().await?.ok()? {
                    Message::Text(text) => return serde_json::from_str(&text).ok(),
                    Message::Close(_) => return None,
                    Message::Binary(_)
                    | Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Frame(_) => {}
                }
            },
        }
    }
}

async fn stream(server: SocketAddr, token: &str, since: &str) -> Result<Connection, Refused> {
    let otherwise = |_| Refused::Otherwise;
    let connection = TcpStream::connect(server).await.map_err(|_| Refused::Otherwise)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(connection)).await.map_err(otherwise)?;
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("/v1/stream{since}"))
        .header(HOST, server.to_string())
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())
        .map_err(|_| Refused::Otherwise)?;
    let response = sender.send_request(request).await.map_err(otherwise)?;
    match response.status().as_u16() {
        200 => Ok(Connection::Stream { body: response.into_body(), text: String::new() }),
        401 => Err(Refused::Unauthenticated),
        _ => Err(Refused::Otherwise),
    }
}

async fn socket(server: SocketAddr, token: &str, since: &str) -> Result<Connection, Refused> {
    let request = format!("ws://{server}/v1/socket{since}").into_client_request();
    let mut request = request.map_err(|_| Refused::Otherwise)?;
    let bearer = format!("Bearer {token}").parse().map_err(|_| Refused::Otherwise)?;
    request.headers_mut().insert(AUTHORIZATION, bearer);
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Connection::Socket(Box::new(socket))),
        Err(Error::Http(response)) if response.status().as_u16() == 401 => {
            Err(Refused::Unauthenticated)
        }
        Err(_) => Err(Refused::Otherwise),
    }
}
