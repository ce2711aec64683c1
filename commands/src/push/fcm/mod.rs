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
use secrecy::{ExposeSecret, SecretString};

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
    clock: Clock,
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
            tokens: AccessTokens::new(account, http, clock.clone())?,
            connections: [connect()?, connect()?, connect()?, connect()?],
            next: AtomicUsize::new(0),
            clock,
        })
    }

    /// What messages are sent with. When there is none just now: when there may be one.
    pub(super) async fn token(&self) -> Result<SecretString, DateTime<Utc>> {
        self.tokens.current().await
    }

    /// Sends with `token`, in one call.
    pub(super) async fn send(
        &self,
        notice: &Notice,
        address: &Address,
        platform: Platform,
        token: &SecretString,
    ) -> Answer {
        let message = message::message(notice, address, platform, self.clock.now());
        let request = Request::post(&self.url)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(message.to_string())));
        let Ok(request) = request else {
            return Answer::new(Verdict::Refused, "bad_request");
        };
        let connection = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let answer = match self.connections[connection].call(request).await {
            Ok(Reply { status: StatusCode::OK, .. }) => Answer::new(Verdict::Accepted, "ok"),
            Ok(reply) => answer::judge(&reply, self.clock.now()),
            Err(NoReply) => Answer::new(Verdict::Later { after: None }, "no_answer"),
        };
        if answer.code == answer::UNAUTHENTICATED {
            // A token may end before its time: the next attempt gets another.
            self.tokens.discard(token).await;
        }
        answer
    }
}
