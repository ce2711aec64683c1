//! Tokens with which an app signs in to Firebase, to listen to the mirror in Firestore.
//!
//! Firebase believes a service account of the project who somebody is ("custom token"). What the token
//! opens is up to the security rules, which look at its claim `until`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::SignInError;

/// How long a token is good for, and what it opens is open: the longest that Firebase takes.
const LIFETIME: Duration = Duration::from_hours(1);

/// Who such tokens are for: what firebase-admin writes.
const AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";

/// The key file of a service account, as Google's console writes it: what is needed of it.
#[derive(Deserialize)]
struct KeyFile {
    r#type: String,
    client_email: String,
    private_key_id: String,
    private_key: SecretString,
}

/// The file is no key of a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidKeyFile {
    #[error("is no JSON with type, client_email, private_key_id and private_key")]
    Shape,
    #[error("is not of type service_account")]
    Type,
    #[error("has a private_key that is no RSA key")]
    Key,
}

/// A token, and for how long it is good.
#[derive(Clone)]
pub struct FirebaseToken {
    pub token: String,
    /// Seconds. What it opens closes then, too.
    pub expires_in: u64,
}

/// Issues tokens as one service account.
#[derive(Clone)]
pub struct FirebaseTokens {
    email: String,
    kid: String,
    key: EncodingKey,
    clock: Clock,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'static str,
    iat: i64,
    exp: i64,
    uid: String,
    claims: Lasting,
}

/// What Firebase copies into the tokens that it gives in exchange, which it renews for ever.
#[derive(Serialize)]
struct Lasting {
    /// In seconds since 1970.
    until: i64,
}

impl FirebaseTokens {
    /// As the service account whose key file this is.
    ///
    /// # Errors
    ///
    /// When it is not one.
    pub fn new(key_file: &SecretString, clock: Clock) -> Result<Self, InvalidKeyFile> {
        let file: KeyFile =
            serde_json::from_str(key_file.expose_secret()).map_err(|_| InvalidKeyFile::Shape)?;
        if file.r#type != "service_account" {
            return Err(InvalidKeyFile::Type);
        }
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
            .map_err(|_| InvalidKeyFile::Key)?;
        let tokens = Self { email: file.client_email, kid: file.private_key_id, key, clock };
        // The key is looked at when it is first used: here, and not by the first who asks.
        tokens
            .sign(AccountId::MODERATORS, DateTime::UNIX_EPOCH)
            .map_err(|_| InvalidKeyFile::Key)?;
        Ok(tokens)
    }

    /// A token for `account`.
    ///
    /// # Errors
    ///
    /// When it cannot be signed.
    pub fn issue(&self, account: AccountId) -> Result<FirebaseToken, SignInError> {
        let token = self.sign(account, self.clock.now()).map_err(SignInError::internal)?;
        Ok(FirebaseToken { token, expires_in: LIFETIME.as_secs() })
    }

    fn sign(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let exp = (now + LIFETIME).timestamp();
        let payload = Payload {
            iss: &self.email,
            sub: &self.email,
            aud: AUDIENCE,
            iat: now.timestamp(),
            exp,
            uid: account.to_string(),
            claims: Lasting { until: exp },
        };
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &payload, &self.key)
    }
}
