//! Access tokens: JWTs of type `at+jwt` (RFC 9068), signed with ES256.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use eventlog::{Bus, Clock, Ids, MasterKey};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Caller, InvalidToken, SessionRevoked, SignInError, SignInSettings};

/// How long an access token lives.
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// Clocks of other machines may be off by this much.
const LEEWAY_SECONDS: i64 = 30;

/// Longer ones are not looked at.
const TOKEN_LEN_MAX: usize = 4_096;

/// Who the tokens are for.
const AUDIENCE: &str = "parlance";

const TYPE: &str = "at+jwt";

/// Tokens that were found good, in each of two generations: about 100 bytes each. Checking a
/// signature costs more than all the rest of a small request.
const VERIFIED_MAX: usize = 20_000;

/// How often revocations by other processes are asked for, of which the bus may have lost some.
const REVOCATIONS_POLL: Duration = Duration::from_secs(1);

/// Serialises the making of the first key among processes that start together.
const FIRST_KEY_LOCK: i64 = 0x7061_726c_616e_6365;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: Uuid,
    aud: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// The session; its end is the token's.
    sid: Uuid,
}

pub(super) struct Tokens {
    settings: SignInSettings,
    bus: Bus,
    clock: Clock,
    ids: Ids,
    kid: String,
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    jwks: serde_json::Value,
    validation: Validation,
    verified: Mutex<Verified>,
    revoked: RwLock<Revoked>,
}

/// What was found good, by the SHA-256 of the token: a look-up tells nothing of the token's bytes.
#[derive(Default)]
struct Verified {
    young: HashMap<[u8; 32], Caller>,
    old: HashMap<[u8; 32], Caller>,
}

/// Sessions whose access tokens are refused.
#[derive(Default)]
struct Revoked {
    sessions: HashSet<Uuid>,
    /// Of these, what this process revoked since it last began to ask the database: the answer may
    /// not know of it yet.
    fresh: HashSet<Uuid>,
}

struct KeyRow {
    kid: String,
    wrapped_key: Vec<u8>,
    public_jwk: serde_json::Value,
}

impl Tokens {
    pub(super) async fn open(
        db: &PgPool,
        master: &MasterKey,
        settings: SignInSettings,
        bus: Bus,
        clock: Clock,
        ids: Ids,
    ) -> Result<Self, SignInError> {
        let rows = keys(db, master).await?;
        let newest = rows.first().ok_or_else(|| SignInError::internal("there is no key"))?;
        let private = master
            .unwrap(newest.kid.as_bytes(), &newest.wrapped_key)
            .map_err(SignInError::internal)?;
        let mut verifying = HashMap::new();
        for row in &rows {
            let jwk: Jwk =
                serde_json::from_value(row.public_jwk.clone()).map_err(SignInError::internal)?;
            let key = DecodingKey::from_jwk(&jwk).map_err(SignInError::internal)?;
            verifying.insert(row.kid.clone(), key);
        }
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.validate_exp = false; // by our own clock, below
        Ok(Self {
            settings,
            bus,
            clock,
            ids,
            kid: newest.kid.clone(),
            signing: EncodingKey::from_ec_der(&private),
            verifying,
            jwks: json!({ "keys": rows.iter().map(|it| &it.public_jwk).collect::<Vec<_>>() }),
            validation,
            verified: Mutex::default(),
            revoked: RwLock::default(),
        })
    }

    pub(super) fn jwks(&self) -> serde_json::Value {
        self.jwks.clone()
    }

    pub(super) fn issue(
        &self,
        account_id: AccountId,
        session_id: Uuid,
    ) -> Result<String, SignInError> {
        let now = self.clock.now().timestamp();
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: account_id.0,
            aud: AUDIENCE.to_owned(),
            client_id: AUDIENCE.to_owned(),
            iat: now,
            exp: now + i64::try_from(LIFETIME.as_secs()).unwrap_or(0),
            jti: self.ids.next(),
            sid: session_id,
        };
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(SignInError::internal)
    }

    pub(super) fn verify(&self, token: &str) -> Result<Caller, InvalidToken> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(InvalidToken);
        }
        let name = fingerprint(token);
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&name);
        let caller = match known {
            Some(known) => known,
            None => self.verify_signature(token)?,
        };
        if self.is_over(&caller) {
            return Err(InvalidToken);
        }
        if known.is_none() {
            let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
            verified.insert(name, caller);
        }
        Ok(caller)
    }

    /// Whether the token of `caller` has ended by now, or its session.
    pub(super) fn is_over(&self, caller: &Caller) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let end = caller.expires_at + TimeDelta::seconds(LEEWAY_SECONDS);
        self.clock.now() >= end || revoked.sessions.contains(&caller.session_id)
    }

    /// Who the token is for and when it ends, when one of our keys signed it.
    fn verify_signature(&self, token: &str) -> Result<Caller, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken)?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(InvalidToken);
        }
        let key = header.kid.and_then(|it| self.verifying.get(&it)).ok_or(InvalidToken)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| InvalidToken)?
            .claims;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(InvalidToken)?;
        Ok(Caller { account_id: AccountId(claims.sub), session_id: claims.sid, expires_at })
    }

    /// From now on no token of this session is good here. Others are told.
    pub(super) fn revoke(&self, revoked: SessionRevoked) {
        self.refuse(revoked.session_id);
        self.bus.tell(&revoked);
    }

    fn refuse(&self, session_id: Uuid) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.sessions.insert(session_id);
        revoked.fresh.insert(session_id);
    }

    /// Takes in all that are revoked. Of those that the bus has lost, everybody here is told.
    fn learn(&self, sessions: &[SessionRevoked]) {
        let mut lost = vec![];
        {
            let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
            lost.extend(sessions.iter().filter(|it| !revoked.sessions.contains(&it.session_id)));
            let sessions = sessions.iter().map(|it| it.session_id);
            revoked.sessions = revoked.fresh.iter().copied().chain(sessions).collect();
        }
        for revoked in lost {
            self.bus.tell(revoked);
        }
    }

    pub(super) async fn follow_revocations(&self, db: &PgPool, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(REVOCATIONS_POLL);
        let mut told = self.bus.listen::<SessionRevoked>();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                revoked = told.next() => {
                    self.refuse(revoked.session_id);
                    continue;
                }
                _ = ticks.tick() => {}
            }
            // Older revocations need no remembering: the access tokens have ended by themselves.
            let since = self.clock.now() - lifetime() - TimeDelta::seconds(2 * LEEWAY_SECONDS);
            self.revoked.write().unwrap_or_else(PoisonError::into_inner).fresh.clear();
            match revoked_since(db, since).await {
                Ok(sessions) => self.learn(&sessions),
                Err(error) => tracing::warn!(%error, "revocations could not be read"),
            }
        }
    }
}

impl Verified {
    fn get(&self, name: &[u8; 32]) -> Option<Caller> {
        self.young.get(name).or_else(|| self.old.get(name)).copied()
    }

    fn insert(&mut self, name: [u8; 32], caller: Caller) {
        if self.young.len() >= VERIFIED_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, caller);
    }
}

fn lifetime() -> TimeDelta {
    TimeDelta::seconds(i64::try_from(LIFETIME.as_secs()).unwrap_or(0))
}

fn fingerprint(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

async fn revoked_since(db: &PgPool, since: DateTime<Utc>) -> sqlx::Result<Vec<SessionRevoked>> {
    let rows =
        sqlx::query!("SELECT account_id, session_id FROM sessions WHERE revoked_at > $1", since);
    let rows = rows.fetch_all(db).await?.into_iter();
    let revoked = rows.map(|row| SessionRevoked {
        account_id: AccountId(row.account_id),
        session_id: row.session_id,
    });
    Ok(revoked.collect())
}

/// All keys that are not retired, the newest first. Makes the first one.
async fn keys(db: &PgPool, master: &MasterKey) -> Result<Vec<KeyRow>, SignInError> {
    let mut tx = db.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", FIRST_KEY_LOCK).execute(&mut *tx).await?;
    let mut rows = select_keys(&mut tx).await?;
    if rows.is_empty() {
        let row = make_key(master).map_err(SignInError::internal)?;
        sqlx::query!(
            "INSERT INTO signing_keys (kid, wrapped_key, public_jwk) VALUES ($1, $2, $3)",
            row.kid,
            row.wrapped_key,
            row.public_jwk
        )
        .execute(&mut *tx)
        .await?;
        rows = vec![row];
    }
    tx.commit().await?;
    Ok(rows)
}

async fn select_keys(db: &mut sqlx::PgConnection) -> sqlx::Result<Vec<KeyRow>> {
    sqlx::query_as!(
        KeyRow,
        "SELECT kid, wrapped_key, public_jwk
         FROM signing_keys
         WHERE retired_at IS NULL
         ORDER BY created_at DESC"
    )
    .fetch_all(db)
    .await
}

/// A new P-256 key, named by its RFC 7638 thumbprint.
fn make_key(master: &MasterKey) -> Result<KeyRow, Box<dyn std::error::Error + Send + Sync>> {
    let private =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref())?;
    // An uncompressed point (SEC 1, section 2.3.3): 4, then x and y of 32 bytes each.
    let point = pair.public_key().as_ref();
    let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).ok_or("not a point")?;
    let mut public_jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": BASE64.encode(x),
        "y": BASE64.encode(y),
        "use": "sig",
        "alg": "ES256",
    });
    let jwk: Jwk = serde_json::from_value(public_jwk.clone())?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    if let Some(fields) = public_jwk.as_object_mut() {
        fields.insert("kid".to_owned(), json!(kid));
    }
    let wrapped_key = master.wrap(kid.as_bytes(), private.as_ref())?;
    Ok(KeyRow { kid, wrapped_key, public_jwk })
}
