//! Access tokens of a service account: a signed assertion is exchanged for one (RFC 7523), which is
//! good for an hour.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use eventlog::Clock;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::push::PushError;
use crate::push::http::{Http, Reply};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

/// What Google calls an assertion that is a JWT.
const GRANT_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// How long an assertion is good: as long as Google allows.
const ASSERTION_VALID: TimeDelta = TimeDelta::hours(1);

/// A token is renewed so long before it ends.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// After a token was refused us, nobody asks again for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// The key file of a service account, as Google hands it out.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    pub(super) project_id: Option<String>,
    client_email: String,
    private_key_id: Option<String>,
    private_key: SecretString,
    token_uri: String,
}

impl ServiceAccount {
    /// `encrypted`: its tokens are asked for over TLS, or not at all.
    pub(super) fn read(path: &Path, encrypted: bool) -> Result<Self, PushError> {
        // What stands in the file is a secret, also in an error.
        let wrong = |what: &str| PushError::Credentials(what.to_owned());
        let text = std::fs::read(path).map_err(|it| PushError::Credentials(it.to_string()))?;
        let account: Self = serde_json::from_slice(&text)
            .map_err(|_| wrong("it is not the JSON key file of a service account"))?;
        if encrypted && !account.token_uri.starts_with("https://") {
            return Err(wrong("its token_uri must begin with https://"));
        }
        Ok(account)
    }
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    /// Seconds.
    expires_in: i64,
}

pub(super) struct AccessTokens {
    account: ServiceAccount,
    key: EncodingKey,
    http: Http,
    clock: Clock,
    /// Whoever finds none asks for one while all others wait for it.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// When none was granted the last time.
    failed_at: Option<DateTime<Utc>>,
}

struct Token {
    text: SecretString,
    renew_at: DateTime<Utc>,
}

impl AccessTokens {
    pub(super) fn new(
        account: ServiceAccount,
        http: Http,
        clock: Clock,
    ) -> Result<Self, PushError> {
        let key = EncodingKey::from_rsa_pem(account.private_key.expose_secret().as_bytes());
        let key = key.map_err(|_| {
            PushError::Credentials("its private_key is no RSA key in PEM".to_owned())
        })?;
        Ok(Self { account, key, http, clock, state: Mutex::default() })
    }

    /// A token that is good for some minutes at least. None when Google grants none just now.
    pub(super) async fn current(&self) -> Option<String> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(token) = state.token.as_ref().filter(|it| now < it.renew_at) {
            return Some(token.text.expose_secret().to_owned());
        }
        let pause = TimeDelta::from_std(PAUSE).unwrap_or_default();
        if state.failed_at.is_some_and(|it| now < it + pause) {
            return None;
        }
        let granted = self.ask(now).await;
        state.failed_at = granted.is_none().then_some(now);
        state.token = granted.map(|it| {
            let valid = TimeDelta::seconds(it.expires_in.max(0));
            Token { text: it.access_token, renew_at: now + valid - MARGIN.min(valid / 2) }
        });
        state.token.as_ref().map(|it| it.text.expose_secret().to_owned())
    }

    /// `text` is not taken any more.
    pub(super) async fn discard(&self, text: &str) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|it| it.text.expose_secret() == text) {
            state.token = None;
        }
    }

    async fn ask(&self, now: DateTime<Utc>) -> Option<Granted> {
        let assertion = Assertion {
            iss: &self.account.client_email,
            scope: SCOPE,
            aud: &self.account.token_uri,
            iat: now.timestamp(),
            exp: (now + ASSERTION_VALID).timestamp(),
        };
        let mut head = Header::new(Algorithm::RS256);
        head.kid.clone_from(&self.account.private_key_id);
        let assertion = jsonwebtoken::encode(&head, &assertion, &self.key).ok()?;
        let form = format!("grant_type={GRANT_TYPE}&assertion={assertion}");
        let request = Request::post(&self.account.token_uri)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)));
        let reply = self.http.call(request.ok()?).await;
        let granted = match reply {
            Ok(Reply { status: StatusCode::OK, body, .. }) => serde_json::from_slice(&body).ok(),
            Ok(Reply { status, .. }) => {
                tracing::error!(%status, "Google grants the service account no access token");
                None
            }
            Err(_) => {
                tracing::warn!("Google's server of access tokens does not answer");
                None
            }
        };
        if granted.is_none() {
            metrics::counter!("parlance_push_token_failures_total").increment(1);
        }
        granted
    }
}
