//! Firebase Cloud Messaging, HTTP v1.

mod answer;
mod message;
mod token;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::devices::{Address, Platform};
use eventlog::Clock;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};

use self::token::{AccessTokens, ServiceAccount};
use super::http::{Http, NoReply, Protocol, Reply};
use super::{Answer, FcmSettings, Notice, PushError, Verdict};

const ENDPOINT: &str = "https://fcm.googleapis.com";

/// Google takes some hundred requests at once on a connection; these are for a thousand a second at
/// a quarter of a second each.
const CONNECTIONS: usize = 4;

pub(super) struct Fcm {
    url: String,
    tokens: AccessTokens,
    connections: [Http; CONNECTIONS],
    next: AtomicUsize,
}

impl Fcm {
    pub(super) fn open(settings: FcmSettings, clock: Clock) -> Result<Self, PushError> {
        let encrypted = settings.endpoint.as_ref().is_none_or(|it| it.starts_with("https://"));
        let account = ServiceAccount::read(&settings.credentials, encrypted)?;
        let project = settings.project_id.or_else(|| account.project_id.clone());
        let project =
            project.ok_or_else(|| PushError::Credentials("it names no project".to_owned()))?;
        let connect = || Http::new(Protocol::Http2, encrypted).map_err(PushError::Tls);
        let endpoint = settings.endpoint.unwrap_or_else(|| ENDPOINT.to_owned());
        let http = Http::new(Protocol::Any, encrypted).map_err(PushError::Tls)?;
        Ok(Self {
            url: format!("{}/v1/projects/{project}/messages:send", endpoint.trim_end_matches('/')),
            tokens: AccessTokens::new(account, http, clock)?,
            connections: [connect()?, connect()?, connect()?, connect()?],
            next: AtomicUsize::new(0),
        })
    }

    pub(super) async fn send(
        &self,
        notice: &Notice,
        address: &Address,
        platform: Platform,
        now: DateTime<Utc>,
    ) -> Answer {
        let message = message::message(notice, address, platform, now);
        let body = Bytes::from(message.to_string());
        let (answer, token) = self.attempt(&body, now).await;
        if answer.code != answer::UNAUTHENTICATED {
            return answer;
        }
        // A token may end before its time. With another one the answer stands.
        self.tokens.discard(&token).await;
        self.attempt(&body, now).await.0
    }

    /// Sends once. Returns the access token as well that it was sent with.
    async fn attempt(&self, body: &Bytes, now: DateTime<Utc>) -> (Answer, String) {
        let Some(token) = self.tokens.current().await else {
            let later = Verdict::Later { after: None };
            return (Answer::new(later, "no_access_token"), String::new());
        };
        let request = Request::post(&self.url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()));
        let Ok(request) = request else {
            return (Answer::new(Verdict::Refused, "bad_request"), token);
        };
        let connection = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let answer = match self.connections[connection].call(request).await {
            Ok(Reply { status: StatusCode::OK, .. }) => Answer::new(Verdict::Accepted, "ok"),
            Ok(reply) => answer::judge(&reply, now),
            Err(NoReply) => Answer::new(Verdict::Later { after: None }, "no_answer"),
        };
        (answer, token)
    }
}
