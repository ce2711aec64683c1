//! `/v1/socket`: what concerns the caller, and commands, over a WebSocket (RFC 6455).

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use commands::Caller;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt};
use secrecy::ExposeSecret;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::command::{Asked, Command, Commands, Own, answer};
use super::opening::{LiveSince, Proven};
use crate::http::App;
use crate::http::error::{ApiError, ApiResult};
use crate::http::problem::Problem;
use crate::live::{Connection, End, Frame, Reason, Step};

/// Bytes of what a socket may be sent: a message with the longest text, and who asks for what.
const MESSAGE_MAX: usize = 128 * 1024 + 4 * 1024;

/// Bytes that are read at a time. There are many sockets, and most are silent.
const READ_BUFFER: usize = 2 * 1024;

/// How long the other side may take to take something: as long as a frame may wait.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the end waits for the answer to what was asked before.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// How long the other side may take to close the connection, once this side has.
const PARTING: Duration = Duration::from_secs(1);

/// Frames that are written before anything else is looked at.
const BURST: usize = 64;

/// A request to speak another protocol from here on.
pub(crate) struct Upgrade(WebSocketUpgrade);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state).await;
        upgrade.map(Self).map_err(|_| {
            ApiError::invalid("Upgrade", "must be websocket, with what RFC 6455 asks for")
        })
    }
}

/// A socket: what `GET /v1/stream` brings, and commands.
///
/// Each message is one JSON object with a `type`; what can be asked, and how it is answered, is in
/// docs/live.md.
#[utoipa::path(
    get, path = "/v1/socket", tag = "live", operation_id = "socket",
    params(LiveSince),
    responses(
        (status = 101, description = "The protocol changes"),
        (status = 429, description = "The caller has too many connections, or too many requests \
            are waiting"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn socket(
    State(app): State<Arc<App>>,
    Extension(commands): Extension<Commands>,
    proven: Proven,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    let (caller, tasks) = (proven.caller, app.tasks.clone());
    let connection = proven.connect(&app).await?;
    let response = upgrade
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(move |socket| {
            let talk = Talk { app, commands, connection, caller, socket, answering: None };
            tasks.track_future(talk.run())
        });
    Ok(response)
}

/// A socket at work.
struct Talk {
    app: Arc<App>,
    commands: Commands,
    connection: Connection,
    caller: Caller,
    socket: WebSocket,
    /// The answer to the command under way. Until it is there nothing more is read: a client that asks
    /// faster than it is answered waits.
    answering: Option<BoxFuture<'static, Frame>>,
}

/// The other side is gone, or takes nothing.
struct Gone;

impl Talk {
    async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Gone> {
        let answering = self.answering.is_some();
        tokio::select! {
            step = self.connection.next() => self.tell(step).await,
            answer = under_way(&mut self.answering) => {
                self.answering = None;
                self.send(&answer).await
            }
            message = self.socket.recv(), if !answering => match message {
                Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await,
                Some(Ok(Message::Binary(_))) => self.hear("").await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                Some(Ok(Message::Close(_))) => self.part().await,
                Some(Err(error)) => self.refuse(error).await,
                None => Err(Gone),
            },
        }
    }

    /// Sends `step`, and what else is ready, before it is flushed.
    async fn tell(&mut self, step: Option<Step>) -> Result<(), Gone> {
        let mut step = step.ok_or(Gone)?;
        for left in (0..BURST).rev() {
            match step {
                Step::Send(frame) => self.feed(&frame).await?,
                Step::End(end) => return self.end(end).await,
            }
            let next = if left > 0 { self.connection.try_next() } else { None };
            let Some(next) = next else { break };
            step = next;
        }
        within(self.socket.flush()).await
    }

    async fn end(&mut self, end: End) -> Result<(), Gone> {
        if let Some(answering) = self.answering.take()
            && let Ok(answer) = timeout(LAST_ANSWER, answering).await
        {
            self.feed(&answer).await?;
        }
        self.send(&end.frame()).await?;
        let code = match end.reason {
            Reason::Draining => 1001,
            Reason::Unavailable => 1011,
            Reason::SlowConsumer => 1013,
            Reason::TokenExpired => 4001,
            Reason::SessionRevoked => 4003,
        };
        self.close(code, end.reason.name()).await?;
        self.part().await
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        let close = CloseFrame { code, reason: reason.into() };
        within(self.socket.send(Message::Close(Some(close)))).await
    }

    /// Waits until the other side closes too: a connection that is dropped before may lose what was sent
    /// last (RFC 6455, section 7.1.1).
    async fn part(&mut self) -> Result<(), Gone> {
        let closing = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        drop(timeout(PARTING, closing).await);
        Err(Gone)
    }

    /// Says why nothing more is taken.
    async fn refuse(&mut self, error: axum::Error) -> Result<(), Gone> {
        let (code, reason) = fault(error).ok_or(Gone)?;
        self.close(code, reason).await?;
        // What was not read resets the connection when it is dropped, so the reason goes ahead.
        sleep(PARTING).await;
        Err(Gone)
    }

    /// Begins to do what is asked, or does it.
    async fn hear(&mut self, text: &str) -> Result<(), Gone> {
        let Asked { request_id, what } = Asked::read(text);
        let done = what.and_then(|asked| self.check().map(|()| asked));
        let response = match done.map(|asked| Command::of(asked, self.connection.id())) {
            Ok(Ok(command)) => {
                let (commands, account) = (self.commands.clone(), self.caller.account_id);
                let answering = commands.answer(account, request_id, command);
                self.answering = Some(answering.boxed());
                return Ok(());
            }
            Ok(Err(own)) => self.adjust(own).into_response(),
            Err(error) => error.into_response(),
        };
        let answer = Box::pin(answer(request_id, response)).await;
        self.send(&answer).await
    }

    /// What was true when the connection was opened must be true of each command.
    fn check(&self) -> ApiResult<()> {
        if self.app.sign_in.is_over(&self.caller) {
            return Err(ApiError::of(Problem::InvalidToken));
        }
        Ok(())
    }

    /// Does what concerns the connection alone.
    fn adjust(&mut self, asked: Own) -> ApiResult<StatusCode> {
        match asked {
            Own::Look(look) => self.connection.look(look.looking),
            Own::Authenticate(token) => {
                let token = token.access_token.expose_secret();
                let caller = self.app.sign_in.authenticate(token)?;
                if caller.account_id != self.caller.account_id {
                    let says = "the access token is somebody else's";
                    return Err(ApiError::field(Problem::InvalidToken, "access_token", says));
                }
                self.caller = caller;
                self.connection.renew(caller);
            }
        }
        Ok(StatusCode::NO_CONTENT)
    }

    async fn feed(&mut self, frame: &Frame) -> Result<(), Gone> {
        within(self.socket.feed(Message::text(frame.json.clone()))).await
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        within(self.socket.send(Message::text(frame.json.clone()))).await
    }
}

/// What the other side did wrong: the close code (RFC 6455, section 7.4.1) and a name. Nothing when the
/// connection broke.
fn fault(error: axum::Error) -> Option<(u16, &'static str)> {
    let error = error.into_inner().downcast::<Error>().ok()?;
    if matches!(*error, Error::Capacity(_)) {
        Some((1009, "message-too-long"))
    } else if matches!(*error, Error::Utf8(_)) {
        Some((1007, "not-utf-8"))
    } else if matches!(*error, Error::Protocol(it) if it != ProtocolError::ResetWithoutClosingHandshake)
    {
        Some((1002, "protocol-error"))
    } else {
        None
    }
}

/// The answer, when there is one to come.
async fn under_way(answering: &mut Option<BoxFuture<'static, Frame>>) -> Frame {
    match answering {
        Some(answering) => answering.await,
        None => std::future::pending().await,
    }
}

async fn within<E>(sending: impl Future<Output = Result<(), E>>) -> Result<(), Gone> {
    match timeout(SEND_TIMEOUT, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Gone),
        Err(_) => {
            // It takes nothing, so it cannot be told.
            Reason::SlowConsumer.count();
            Err(Gone)
        }
    }
}
