//! Web Push: RFC 8030, encrypted by RFC 8291, with a key that says who we are by RFC 8292.

mod encrypt;
mod hosts;
mod identity;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::ChatId;
use domain::devices::Subscription;
use eventlog::{Clock, MasterKey};
use http_body_util::Full;
use hyper::{HeaderMap, Request, StatusCode, Uri, header};
use serde_json::json;
use sqlx::PgPool;

pub use self::hosts::{InvalidPushHost, PushHosts};
use self::identity::Identity;
use super::http::{Http, NoReply, Protocol, retry_after};
use super::{Answer, Notice, PushError, Verdict};

/// How long a service that is too busy is left alone when it does not say.
const PAUSE: std::time::Duration = std::time::Duration::from_mins(1);

pub(super) struct WebPush {
    http: Http,
    hosts: PushHosts,
    identity: Identity,
    clock: Clock,
}

impl WebPush {
    pub(super) async fn open(
        contact: String,
        hosts: PushHosts,
        db: &PgPool,
        master: &MasterKey,
        clock: Clock,
    ) -> Result<Self, PushError> {
        let http = Http::new(Protocol::Any, !hosts.has_plain()).map_err(PushError::Tls)?;
        let identity = Identity::open(contact, db, master).await.map_err(PushError::Key)?;
        Ok(Self { http, hosts, identity, clock })
    }

    pub(super) fn public_key(&self) -> &str {
        self.identity.public_key()
    }

    pub(super) async fn send(&self, notice: &Notice, subscription: &Subscription) -> Answer {
        // A browser must show something each time: what nobody is to see is not for it.
        if notice.shown.is_none() {
            return Answer::new(Verdict::Refused, "nothing_to_show");
        }
        // The list may have become shorter since the device was registered.
        if !self.hosts.allow(&subscription.endpoint) {
            return Answer::new(Verdict::Gone, "foreign_endpoint");
        }
        let payload = json!(notice.with_body()).to_string();
        let Some(body) = encrypt::encrypt(payload.as_bytes(), subscription) else {
            return Answer::new(Verdict::Gone, "invalid_keys");
        };
        let Some(request) = self.request(notice, subscription, body) else {
            return Answer::new(Verdict::Refused, "bad_request");
        };
        match self.http.call(request).await {
            Ok(reply) => judge(reply.status, &reply.headers, self.clock.now()),
            Err(NoReply) => Answer::new(Verdict::Later { after: None }, "no_answer"),
        }
    }

    fn request(
        &self,
        notice: &Notice,
        subscription: &Subscription,
        body: Vec<u8>,
    ) -> Option<Request<Full<Bytes>>> {
        let endpoint: Uri = subscription.endpoint.parse().ok()?;
        let authorization = self.identity.authorization(&endpoint, self.clock.now())?;
        Request::post(endpoint)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("TTL", notice.ttl.as_secs())
            .header("Urgency", "high")
            .header("Topic", topic(notice.chat_id))
            .body(Full::new(Bytes::from(body)))
            .ok()
    }
}

/// Of the messages that wait for a browser, the last of a chat stays: 32 characters at most (RFC 8030,
/// section 5.4), which is a UUID without its hyphens.
fn topic(chat_id: ChatId) -> String {
    chat_id.0.simple().to_string()
}

fn judge(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Answer {
    let asked = retry_after(headers, now);
    let later = |after| Verdict::Later { after };
    match status {
        it if it.is_success() => Answer::new(Verdict::Accepted, "ok"),
        StatusCode::NOT_FOUND | StatusCode::GONE => Answer::new(Verdict::Gone, "gone"),
        StatusCode::PAYLOAD_TOO_LARGE => Answer::new(Verdict::Refused, "too_large"),
        StatusCode::TOO_MANY_REQUESTS => {
            Answer::new(later(asked.or(Some(PAUSE))), "quota_exceeded")
        }
        it if it.is_server_error() => Answer::new(later(asked), "unavailable"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Answer::new(Verdict::Refused, "permission_denied")
        }
        _ => Answer::new(Verdict::Refused, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
        let value = |it: &str| (header::RETRY_AFTER, it.parse().unwrap());
        let headers = HeaderMap::from_iter(retry_after.map(value));
        judge(StatusCode::from_u16(status).unwrap(), &headers, NOW).verdict
    }

    #[test]
    fn an_answer_says_whether_the_browser_is_there() {
        let later =
            |seconds: Option<u64>| Verdict::Later { after: seconds.map(Duration::from_secs) };
        for (status, retry_after, expected) in [
            (200, None, Verdict::Accepted),
            (201, None, Verdict::Accepted),
            (202, None, Verdict::Accepted),
            (301, None, Verdict::Refused),
            (400, None, Verdict::Refused),
            (401, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (404, None, Verdict::Gone),
            (410, None, Verdict::Gone),
            (413, None, Verdict::Refused),
            (429, Some("5"), later(Some(5))),
            (429, None, later(Some(60))),
            (500, None, later(None)),
            (503, Some("9"), later(Some(9))),
        ] {
            assert_eq!(verdict(status, retry_after), expected, "{status}");
        }
    }

    #[test]
    fn a_topic_is_32_characters_of_base64url() {
        let topic = topic(ChatId(Uuid::from_u128(u128::MAX)));
        assert_eq!(topic.len(), 32);
        assert!(topic.bytes().all(|it| it.is_ascii_alphanumeric()));
    }
}
