//! What FCM says when it does not take a message
//! (firebase.google.com/docs/cloud-messaging/error-codes).

use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use serde::Deserialize;

use crate::push::http::{Reply, retry_after};
use crate::push::{Answer, Verdict};

pub(super) const UNAUTHENTICATED: &str = "unauthenticated";

/// Google asks for a minute at least when a quota is used up and it does not say for how long.
const QUOTA_PAUSE: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
struct Body {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    details: Vec<Detail>,
}

/// How a message names what it is for.
const ADDRESSES: [&str; 2] = ["message.token", "message.fid"];

/// A detail of any type: `FcmError` has a code, `BadRequest` says which fields are wrong.
#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "@type", default)]
    kind: String,
    #[serde(rename = "errorCode", default)]
    error_code: String,
    #[serde(rename = "fieldViolations", default)]
    violations: Vec<Violation>,
}

#[derive(Deserialize)]
struct Violation {
    #[serde(default)]
    field: String,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Address,
    Message,
    /// It is not said.
    Unsaid,
}

impl Wrong {
    fn of(details: &[Detail]) -> Self {
        let mut blames = details.iter().filter(|it| it.kind.ends_with("google.rpc.BadRequest"));
        let is_address = |it: &Violation| ADDRESSES.contains(&it.field.as_str());
        match blames.next().map(|it| &it.violations[..]) {
            None => Self::Unsaid,
            Some(fields) if !fields.is_empty() && fields.iter().all(is_address) => Self::Address,
            Some(_) => Self::Message,
        }
    }
}

/// What to do about an answer that is no success.
pub(super) fn judge(reply: &Reply, now: DateTime<Utc>) -> Answer {
    let details = serde_json::from_slice::<Body>(&reply.body).map(|it| it.error.details);
    let details = details.unwrap_or_default();
    let code = details.iter().find(|it| it.kind.ends_with("google.firebase.fcm.v1.FcmError"));
    let code = code.map_or("", |it| it.error_code.as_str());
    let wrong = Wrong::of(&details);
    let asked = retry_after(&reply.headers, now);
    let later = |after| Verdict::Later { after };
    match (code, reply.status) {
        ("UNREGISTERED", _) => Answer::new(Verdict::Gone, "unregistered"),
        ("SENDER_ID_MISMATCH", _) => Answer::new(Verdict::Gone, "sender_id_mismatch"),
        (_, StatusCode::BAD_REQUEST) if wrong == Wrong::Address => {
            Answer::new(Verdict::Gone, "invalid_argument")
        }
        // Without a word about the message it is the address.
        ("INVALID_ARGUMENT", _) if wrong == Wrong::Unsaid => {
            Answer::new(Verdict::Gone, "invalid_argument")
        }
        ("THIRD_PARTY_AUTH_ERROR" | "APNS_AUTH_ERROR", _) => {
            Answer::new(later(asked), "third_party_auth_error")
        }
        ("QUOTA_EXCEEDED", _) | (_, StatusCode::TOO_MANY_REQUESTS) => {
            Answer::new(later(asked.or(Some(QUOTA_PAUSE))), "quota_exceeded")
        }
        ("UNAVAILABLE", _) | (_, StatusCode::SERVICE_UNAVAILABLE) => {
            Answer::new(later(asked), "unavailable")
        }
        ("INTERNAL", _) => Answer::new(later(asked), "internal"),
        (_, StatusCode::UNAUTHORIZED) => Answer::new(later(asked), UNAUTHENTICATED),
        (_, StatusCode::FORBIDDEN) => Answer::new(later(asked), "permission_denied"),
        (_, status) if status.is_server_error() => Answer::new(later(asked), "internal"),
        _ => Answer::new(Verdict::Refused, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::{HeaderMap, header};
    use serde_json::json;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

    /// `wrong`: the fields that `BadRequest` names, if that is there.
    fn answer(
        status: u16,
        code: &str,
        wrong: Option<&[&str]>,
        retry_after: Option<&str>,
    ) -> Answer {
        let mut details = vec![];
        if !code.is_empty() {
            let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
            details.push(json!({ "@type": kind, "errorCode": code }));
        }
        let violation = |it: &&str| json!({ "field": it, "description": "Invalid value" });
        details.extend(wrong.map(|it| {
            let violations: Vec<_> = it.iter().map(violation).collect();
            json!({ "@type": BAD_REQUEST, "fieldViolations": violations })
        }));
        let body = json!({ "error": { "code": status, "message": "no", "details": details } });
        let value = |it: &str| (header::RETRY_AFTER, it.parse().unwrap());
        let reply = Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter(retry_after.map(value)),
            body: Bytes::from(body.to_string()),
        };
        judge(&reply, NOW)
    }

    #[test]
    fn a_token_that_is_gone_is_told_from_a_message_that_is_wrong() {
        assert_eq!(answer(404, "UNREGISTERED", None, None).verdict, Verdict::Gone);
        assert_eq!(answer(403, "SENDER_ID_MISMATCH", None, None).verdict, Verdict::Gone);
        assert_eq!(answer(400, "INVALID_ARGUMENT", None, None).verdict, Verdict::Gone);
        // No such project: nothing is said about the token.
        assert_eq!(answer(404, "", None, None).verdict, Verdict::Refused);
    }

    #[test]
    fn a_bad_request_says_what_is_wrong() {
        for (fields, expected) in [
            (&["message.token"][..], Verdict::Gone),
            (&["message.fid"], Verdict::Gone),
            (&["message.android.ttl"], Verdict::Refused),
            (&["message.token", "message.data"], Verdict::Refused),
            (&["message"], Verdict::Refused),
            (&[], Verdict::Refused),
        ] {
            for code in ["INVALID_ARGUMENT", ""] {
                let answer = answer(400, code, Some(fields), None);
                assert_eq!(answer.verdict, expected, "{fields:?} {code}");
            }
        }
    }

    #[test]
    fn what_passes_is_tried_again_when_google_says_so() {
        let later = |after: Option<u64>| Verdict::Later { after: after.map(Duration::from_secs) };
        for (status, code, retry_after, expected) in [
            (429, "QUOTA_EXCEEDED", Some("7"), Some(7)),
            (429, "QUOTA_EXCEEDED", None, Some(60)),
            (429, "", None, Some(60)),
            (503, "UNAVAILABLE", Some("30"), Some(30)),
            (503, "", None, None),
            (500, "INTERNAL", None, None),
            (502, "", Some("1"), Some(1)),
            (401, "THIRD_PARTY_AUTH_ERROR", None, None),
            (401, "APNS_AUTH_ERROR", None, None),
            (401, "", None, None),
            (403, "", None, None),
        ] {
            let answer = answer(status, code, None, retry_after);
            assert_eq!(answer.verdict, later(expected), "{status} {code}");
        }
        assert_eq!(answer(401, "", None, None).code, UNAUTHENTICATED);
        assert_eq!(answer(401, "APNS_AUTH_ERROR", None, None).code, "third_party_auth_error");
    }

    #[test]
    fn an_answer_that_is_no_json_counts_by_its_status() {
        let body = Bytes::from_static(b"<html>");
        let reply = Reply { status: StatusCode::BAD_GATEWAY, headers: HeaderMap::new(), body };
        assert_eq!(judge(&reply, NOW).verdict, Verdict::Later { after: None });
    }
}
