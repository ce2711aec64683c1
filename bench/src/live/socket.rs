//! A person's device: a WebSocket that is only listened to.

use std::net::SocketAddr;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Outcome;

/// Bytes read at a time: there are many sockets, and all of them are in this process.
const READ_BUFFER: usize = 4 * 1024;

pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What was told, as much of it as is needed.
#[derive(Deserialize)]
pub(crate) struct Told {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
    pub(crate) position: Option<i64>,
    /// Of its JSON.
    #[serde(skip)]
    pub(crate) bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Welcome,
    Message,
    CaughtUp,
    StartAfresh,
    End,
    #[serde(other)]
    Other,
}

impl Socket {
    /// Opens one that goes on from `since`, or begins.
    pub(crate) async fn open(
        addr: SocketAddr,
        token: &str,
        since: Option<&str>,
    ) -> Result<Self, Error> {
        let query = since.map(|it| format!("?since={it}")).unwrap_or_default();
        let mut request = format!("ws://{addr}/v1/socket{query}").into_client_request()?;
        let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        request.headers_mut().insert("authorization", bearer);
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self(socket))
    }

    /// What comes next; nothing once the server has closed it.
    pub(crate) async fn next(&mut self) -> Outcome<Option<Told>> {
        while let Some(message) = self.0.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    let mut told: Told = serde_json::from_str(&text)?;
                    told.bytes = text.len();
                    return Ok(Some(told));
                }
                Ok(Message::Close(_)) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
        Ok(None)
    }

    /// The next, which must be of this kind.
    pub(crate) async fn expect(&mut self, kind: Kind) -> Outcome<Told> {
        let told = self.next().await?.ok_or("the server closed a socket")?;
        if told.kind != kind {
            return Err(format!("{:?} was told where {kind:?} was to come", told.kind).into());
        }
        Ok(told)
    }
}
