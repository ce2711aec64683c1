//! Who we are to push services (VAPID, RFC 8292): a key that browsers subscribe with, made once and
//! kept wrapped. With another one every subscription would be void.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use eventlog::MasterKey;
use hyper::Uri;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use sqlx::PgPool;

use crate::gateway::Cause;

/// What the key is wrapped under.
const NAME: &[u8] = b"web push";

/// How long a proof is good: at most 24 hours (RFC 8292, section 2).
const VALID: TimeDelta = TimeDelta::hours(12);

pub(super) struct Identity {
    contact: String,
    signing: EncodingKey,
    /// An uncompressed point, in base64url.
    public_key: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl Identity {
    pub(super) async fn open(
        contact: String,
        db: &PgPool,
        master: &MasterKey,
    ) -> Result<Self, Cause> {
        let private =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let fresh = master.wrap(NAME, private.as_ref())?;
        // Of processes that start together the first one's stays.
        sqlx::query!(
            "INSERT INTO web_push_key (wrapped_key) VALUES ($1) ON CONFLICT DO NOTHING",
            fresh
        )
        .execute(db)
        .await?;
        let kept =
            sqlx::query_scalar!("SELECT wrapped_key FROM web_push_key").fetch_one(db).await?;
        let private = master.unwrap(NAME, &kept)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private)?;
        let public_key = BASE64.encode(pair.public_key().as_ref());
        Ok(Self { contact, signing: EncodingKey::from_ec_der(&private), public_key })
    }

    pub(super) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The header that proves who we are to the service of `endpoint`.
    pub(super) fn authorization(&self, endpoint: &Uri, now: DateTime<Utc>) -> Option<String> {
        let aud = format!("{}://{}", endpoint.scheme_str()?, endpoint.authority()?);
        let claims = Claims { aud: &aud, exp: (now + VALID).timestamp(), sub: &self.contact };
        let header = Header::new(Algorithm::ES256);
        let proof = jsonwebtoken::encode(&header, &claims, &self.signing).ok()?;
        Some(format!("vapid t={proof}, k={}", self.public_key))
    }
}
