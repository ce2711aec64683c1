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
use tokio::time::timeout;

use crate::push::PushError;
use crate::push::http::{Http, Reply};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

/// What Google calls an assertion that is a JWT.
const GRANT_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// How long an assertion is good: as long as Google allows.
const ASSERTION_VALID: TimeDelta = TimeDelta::hours(1);

/// A token is renewed so long before it ends.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// After none was granted, nobody asks again for so long.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// How long others wait for whoever asks. Google grants a token in a tenth of it; in an outage
/// nobody else is to be held up.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// Whoever finds none asks for one, while others wait for it.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// Nobody asks before: the last time none was granted.
    not_before: Option<DateTime<Utc>>,
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

    /// A token that is good for some minutes at least. When there is none just now: when there may be
    /// one.
    pub(super) async fn current(&self) -> Result<SecretString, DateTime<Utc>> {
        let Ok(mut state) = timeout(PATIENCE, self.state.lock()).await else {
            return Err(self.clock.now() + PATIENCE);
        };
        let now = self.clock.now();
        if let Some(token) = state.token.as_ref().filter(|it| now < it.renew_at) {
            return Ok(token.text.clone());
        }
        if let Some(not_before) = state.not_before.filter(|it| now < *it) {
            return Err(not_before);
        }
        let Some(granted) = self.ask(now).await else {
            // Whoever does not answer takes longer for that than the pause is.
            let not_before = self.clock.now() + PAUSE;
            *state = State { token: None, not_before: Some(not_before) };
            return Err(not_before);
        };
        let valid = TimeDelta::seconds(granted.expires_in.max(0));
        let renew_at = now + valid - MARGIN.min(valid / 2);
        let token = Token { text: granted.access_token.clone(), renew_at };
        *state = State { token: Some(token), not_before: None };
        Ok(granted.access_token)
    }

    /// `text` is not taken any more.
    pub(super) async fn discard(&self, text: &SecretString) {
        // While somebody asks there is another one soon.
        let Ok(mut state) = timeout(PATIENCE, self.state.lock()).await else { return };
        let text = text.expose_secret();
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
