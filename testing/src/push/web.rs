//! A push service of browsers (RFC 8030): takes what has the headers that it must have.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value};

use super::{Behaviour, State, reply, retry_after};

pub(super) const PATH: &str = "/push/";

/// None: never.
pub(super) fn answer(
    state: &State,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Option<Response<Full<Bytes>>> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_whole = text("ttl").parse::<u32>().is_ok()
        && text("content-encoding") == "aes128gcm"
        && text("authorization").starts_with("vapid t=")
        && ["very-low", "low", "normal", "high"].contains(&text("urgency"));
    let is_topic = |it: &u8| it.is_ascii_alphanumeric() || *it == b'-' || *it == b'_';
    let topic = text("topic");
    if !is_whole || topic.len() > 32 || !topic.bytes().all(|it| is_topic(&it)) {
        return Some(reply(StatusCode::BAD_REQUEST, Bytes::new()));
    }
    if body.len() > 4_096 {
        return Some(reply(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()));
    }
    let named = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), Value::from(value.to_str().ok()?))));
    let message = Value::Object(named.collect::<Map<_, _>>());
    let target = path.strip_prefix(PATH).unwrap_or_default();
    let status = |it| reply(it, Bytes::new());
    Some(match state.arrive(target, message, body) {
        Behaviour::Hang => return None,
        Behaviour::Accept => status(StatusCode::CREATED),
        Behaviour::Gone => status(StatusCode::GONE),
        Behaviour::Mismatch | Behaviour::ThirdParty => status(StatusCode::FORBIDDEN),
        Behaviour::Invalid | Behaviour::InvalidField => status(StatusCode::NOT_FOUND),
        Behaviour::Quota(seconds) => retry_after(status(StatusCode::TOO_MANY_REQUESTS), seconds),
        Behaviour::Unavailable(seconds) => {
            retry_after(status(StatusCode::SERVICE_UNAVAILABLE), seconds)
        }
        Behaviour::Internal => status(StatusCode::INTERNAL_SERVER_ERROR),
        Behaviour::Unauthenticated => status(StatusCode::UNAUTHORIZED),
    })
}
