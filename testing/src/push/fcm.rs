//! `messages:send` of FCM HTTP v1, and its errors
//! (firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode).

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::{Behaviour, PROJECT, State, json as json_reply, retry_after};

/// Bytes of a message.
const PAYLOAD_MAX: usize = 4_096;

/// Keys of data that FCM keeps for itself.
const RESERVED: [&str; 2] = ["from", "message_type"];
const RESERVED_PREFIXES: [&str; 2] = ["google", "gcm"];

/// None: never.
pub(super) fn answer(
    state: &State,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<Response<Full<Bytes>>> {
    if path != format!("/v1/projects/{PROJECT}/messages:send") {
        return Some(error(StatusCode::NOT_FOUND, "NOT_FOUND", None, None));
    }
    if !state.is_granted(headers) {
        return Some(error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None, None));
    }
    let message = match read(body) {
        Ok(message) => message,
        Err(field) => return Some(bad_request(&field, None)),
    };
    let target = ["token", "fid"].into_iter().find_map(|it| message[it].as_str());
    let target = target.unwrap_or_default().to_owned();
    let field = if message["fid"].is_string() { "message.fid" } else { "message.token" };
    behave(state.arrive(&target, message, Bytes::new()), field)
}

/// `field`: which names the target.
fn behave(behaviour: Behaviour, field: &str) -> Option<Response<Full<Bytes>>> {
    let fcm = |status, name, code| error(status, name, Some(code), None);
    Some(match behaviour {
        Behaviour::Hang => return None,
        Behaviour::Accept => {
            let name = format!("projects/{PROJECT}/messages/0:1");
            json_reply(StatusCode::OK, &json!({ "name": name }))
        }
        Behaviour::Gone => fcm(StatusCode::NOT_FOUND, "NOT_FOUND", "UNREGISTERED"),
        Behaviour::Mismatch => {
            fcm(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")
        }
        Behaviour::Invalid => fcm(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        Behaviour::InvalidField => bad_request(field, Some("INVALID_ARGUMENT")),
        Behaviour::Quota(seconds) => retry_after(
            fcm(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
            seconds,
        ),
        Behaviour::Unavailable(seconds) => {
            retry_after(fcm(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "UNAVAILABLE"), seconds)
        }
        Behaviour::Internal => fcm(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "INTERNAL"),
        Behaviour::ThirdParty => {
            fcm(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
        }
        Behaviour::Unauthenticated => {
            error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None, None)
        }
    })
}

/// The message, or the field that is wrong.
fn read(body: &Bytes) -> Result<Value, String> {
    let mut body: Value = serde_json::from_slice(body).map_err(|_| "body".to_owned())?;
    let message = body["message"].take();
    let targets = ["token", "fid", "topic", "condition"];
    let given = targets.iter().filter(|it| message[**it].is_string()).count();
    if given != 1 {
        return Err("message.target".to_owned());
    }
    for (key, value) in message["data"].as_object().into_iter().flatten() {
        let is_reserved = RESERVED.contains(&key.as_str())
            || RESERVED_PREFIXES.iter().any(|it| key.starts_with(it));
        if is_reserved || !value.is_string() {
            return Err(format!("message.data[{key}]"));
        }
    }
    let ttl = &message["android"]["ttl"];
    let is_duration = |it: &str| it.strip_suffix('s').is_some_and(|it| it.parse::<f64>().is_ok());
    if !ttl.is_null() && !ttl.as_str().is_some_and(is_duration) {
        return Err("message.android.ttl".to_owned());
    }
    let priority = &message["android"]["priority"];
    if !priority.is_null() && !["HIGH", "NORMAL", "high", "normal"].iter().any(|it| priority == it)
    {
        return Err("message.android.priority".to_owned());
    }
    if payload(&message) > PAYLOAD_MAX {
        return Err("message".to_owned());
    }
    Ok(message)
}

/// What counts of a message: data and what is shown, and on iOS all that arrives there.
fn payload(message: &Value) -> usize {
    let length = |it: &Value| if it.is_null() { 0 } else { it.to_string().len() };
    let data = length(&message["data"]);
    let apns = length(&message["apns"]["payload"]);
    data + length(&message["notification"]) + apns
}

fn bad_request(field: &str, fcm: Option<&str>) -> Response<Full<Bytes>> {
    let violation = json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{ "field": field, "description": "Invalid value" }],
    });
    error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", fcm, Some(violation))
}

fn error(
    status: StatusCode,
    name: &str,
    fcm: Option<&str>,
    detail: Option<Value>,
) -> Response<Full<Bytes>> {
    let fcm = fcm.map(|code| {
        json!({
            "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
            "errorCode": code,
        })
    });
    let details: Vec<_> = fcm.into_iter().chain(detail).collect();
    let mut error = json!({
        "code": status.as_u16(),
        "message": "This is what the double says.",
        "status": name,
    });
    if !details.is_empty() {
        error["details"] = json!(details);
    }
    json_reply(status, &json!({ "error": error }))
}
