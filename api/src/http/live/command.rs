//! What a socket is asked, and how it answers: commands with the answers that HTTP gives, from the same
//! handlers.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use axum::response::{IntoResponse, Response};
use domain::AccountId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::http::caller::Caller;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{self, Id, parse_json, read_value};
use crate::http::idempotency;
use crate::live::Frame;

/// Bytes of an answer: of a message with everything that can be in it, and then some.
const ANSWER_MAX: usize = 512 * 1024;

/// Characters of a request's id.
const REQUEST_ID_MAX: usize = 64;

/// Headers of an answer that say more than its body.
const HEADERS: [&str; 5] =
    ["parlance-position", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"];

/// What is asked, and under which id it is answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request_id: Option<String>,
    pub(super) what: ApiResult<Incoming>,
}

/// What a socket may be asked, by its `type`.
#[derive(Debug)]
pub(super) enum Incoming {
    Send(Send),
    Read(UpTo),
    Delivered(UpTo),
    Typing(Typing),
    Watch(Watch),
    Look(Look),
    Authenticate(Authenticate),
}

/// `POST /v1/chats/{id}/messages`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    chat_id: Id,
    idempotency_key: Option<String>,
    /// The body.
    message: Map<String, Value>,
}

/// `PUT /v1/chats/{id}/read`, or `delivered`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpTo {
    chat_id: Id,
    #[serde(deserialize_with = "extract::count")]
    up_to: u64,
}

/// `PUT /v1/chats/{id}/typing`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    chat_id: Id,
    typing: bool,
}

/// `PUT /v1/connections/{id}/watching`, of this connection
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watch {
    account_ids: Value,
}

/// Whether the app is in the foreground from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    pub(super) looking: bool,
}

/// Goes on with a newer access token of the same person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authenticate {
    pub(super) access_token: SecretString,
}

impl std::fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authenticate")
    }
}

impl Incoming {
    fn read(mut members: Map<String, Value>) -> ApiResult<Self> {
        let kind = members.remove("type");
        let rest = Value::Object(members);
        match kind.as_ref().and_then(Value::as_str) {
            Some("send") => read_value(rest).map(Self::Send),
            Some("read") => read_value(rest).map(Self::Read),
            Some("delivered") => read_value(rest).map(Self::Delivered),
            Some("typing") => read_value(rest).map(Self::Typing),
            Some("watch") => read_value(rest).map(Self::Watch),
            Some("look") => read_value(rest).map(Self::Look),
            Some("authenticate") => read_value(rest).map(Self::Authenticate),
            Some(_) | None => Err(ApiError::invalid(
                "type",
                "must be send, read, delivered, typing, watch, look or authenticate",
            )),
        }
    }
}

/// What concerns the connection alone.
#[derive(Debug)]
pub(super) enum Own {
    Look(Look),
    Authenticate(Authenticate),
}

/// A request to the API, as it would come by HTTP.
#[derive(Debug)]
pub(super) struct Command {
    method: Method,
    path: String,
    key: Option<String>,
    body: Value,
}

/// The API without its streams and sockets.
#[derive(Clone)]
pub(crate) struct Commands(pub(crate) Router);

impl Asked {
    /// Reads a JSON object with a `request_id`, and what else [`Incoming`] says.
    pub(super) fn read(text: &str) -> Self {
        let mut members: Map<String, Value> = match parse_json(text.as_bytes()) {
            Ok(members) => members,
            Err(error) => return Self { request_id: None, what: Err(error) },
        };
        match members.remove("request_id") {
            Some(Value::String(it)) if it.chars().count() <= REQUEST_ID_MAX => {
                Self { request_id: Some(it), what: Incoming::read(members) }
            }
            _ => {
                let says = format!("must be a text of at most {REQUEST_ID_MAX} characters");
                Self { request_id: None, what: Err(ApiError::invalid("request_id", says)) }
            }
        }
    }
}

impl Command {
    /// What `asked` comes to on `connection`; the rest concerns the connection itself.
    pub(super) fn of(asked: Incoming, connection: Uuid) -> Result<Self, Own> {
        let put = |path, body| Ok(Self { method: Method::PUT, path, key: None, body });
        let in_chat = |chat: Id, name| format!("/v1/chats/{}/{name}", chat.0);
        match asked {
            Incoming::Send(Send { chat_id, idempotency_key, message }) => Ok(Self {
                method: Method::POST,
                path: in_chat(chat_id, "messages"),
                key: idempotency_key,
                body: Value::Object(message),
            }),
            Incoming::Read(UpTo { chat_id, up_to }) => {
                put(in_chat(chat_id, "read"), json!({ "up_to": up_to }))
            }
            Incoming::Delivered(UpTo { chat_id, up_to }) => {
                put(in_chat(chat_id, "delivered"), json!({ "up_to": up_to }))
            }
            Incoming::Typing(Typing { chat_id, typing }) => {
                put(in_chat(chat_id, "typing"), json!({ "typing": typing }))
            }
            Incoming::Watch(Watch { account_ids }) => put(
                format!("/v1/connections/{connection}/watching"),
                json!({ "account_ids": account_ids }),
            ),
            Incoming::Look(look) => Err(Own::Look(look)),
            Incoming::Authenticate(token) => Err(Own::Authenticate(token)),
        }
    }

    fn request(self, caller: AccountId) -> ApiResult<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = self.key {
            let key = HeaderValue::from_str(&key);
            let key = key.map_err(|_| ApiError::invalid("idempotency_key", "is not a key"))?;
            request = request.header(idempotency::HEADER, key);
        }
        let mut request =
            request.body(Body::from(self.body.to_string())).map_err(ApiError::internal)?;
        // Who asks was found out when the connection was opened.
        request.extensions_mut().insert(Caller(caller));
        Ok(request)
    }
}

impl Commands {
    /// Has `command` of `caller` answered.
    pub(super) async fn answer(
        self,
        caller: AccountId,
        request_id: Option<String>,
        command: Command,
    ) -> Frame {
        let response = match command.request(caller) {
            // It cannot fail: whatever goes wrong is an answer.
            Ok(request) => self.0.oneshot(request).await.unwrap_or_default(),
            Err(error) => error.into_response(),
        };
        answer(request_id, response).await
    }
}

/// An answer, as a frame of the socket.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// `null`: what was asked could not be read so far.
    request_id: Option<String>,
    status: u16,
    headers: Map<String, Value>,
    /// `null`: there is none.
    body: Option<&'a RawValue>,
}

pub(super) async fn answer(request_id: Option<String>, response: Response) -> Frame {
    let (parts, body) = response.into_parts();
    let mut headers = Map::new();
    for name in HEADERS {
        let value = parts.headers.get(HeaderName::from_static(name));
        if let Some(value) = value.and_then(|it| it.to_str().ok()) {
            headers.insert(name.to_owned(), Value::from(value));
        }
    }
    let bytes = to_bytes(body, ANSWER_MAX).await.unwrap_or_default();
    let body = std::str::from_utf8(&bytes).ok().and_then(|it| serde_json::from_str(it).ok());
    let (kind, status) = ("answer", parts.status.as_u16());
    let json = crate::live::json(&Answer { kind, request_id, status, headers, body });
    Frame { name: kind, place: None, json }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Option<String>, String) {
        let asked = Asked::read(text);
        (asked.request_id, asked.what.expect_err("it is refused").told())
    }

    #[test]
    fn what_cannot_be_read_names_its_field_and_is_answered_under_its_id() {
        let id = "0190f6f4-7c1e-7b1a-8f7e-0123456789ab";
        for (text, request_id, says) in [
            ("", None, "the body must be a JSON object"),
            ("[]", None, "the body must be a JSON object"),
            ("{}", None, "request_id: must be a text"),
            (r#"{"request_id": 1}"#, None, "request_id: must be a text"),
            (r#"{"request_id": "1"}"#, Some("1"), "type: must be send, "),
            (
                r#"{"type": "send", "request_id": "1"}"#,
                Some("1"),
                "chat_id: missing field `chat_id`",
            ),
            (r#"{"type": "fly", "request_id": "1"}"#, Some("1"), "type: must be send, "),
        ] {
            let (of, told) = told(text);
            assert_eq!(of.as_deref(), request_id, "{text}");
            assert!(told.starts_with(says), "{text}: {told}");
        }
        let more = format!(
            r#"{{"type": "read", "request_id": "1", "chat_id": "{id}", "up_to": 3, "more": 1}}"#
        );
        assert!(told(&more).1.contains("unknown field `more`"), "{:?}", told(&more));
        let long = format!(r#"{{"type": "look", "looking": true, "request_id": "{id}{id}"}}"#);
        assert_eq!(told(&long).0, None);
        assert!(told(&long).1.starts_with("request_id: must be a text of at most 64"));
    }
}
