//! The master key, and each person's own key under it.
//!
//! A person's data key is random, wrapped by the master key (AES-256-GCM) and kept in
//! `subject_keys`. Destroying that row erases the person from the log and from everything that was
//! copied out of it sealed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::AccountId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of every key here.
const KEY_LEN: usize = 32;

/// Keys kept in memory, in each of two generations: about 0.6 KB each.
const CACHED_MAX: usize = 50_000;

/// The secret that every other key of an installation is wrapped with or derived from.
#[derive(Clone)]
pub struct MasterKey {
    wrapping: Arc<LessSafeKey>,
    deriving: hmac::Key,
}

/// Something was not sealed by the key at hand, or was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("sealed bytes do not open with this key")]
pub struct SealError;

/// The master key is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the master key must be 32 bytes in base64")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// Reads the key from base64.
    ///
    /// # Errors
    ///
    /// When it is not 32 bytes in base64.
    pub fn from_base64(text: &SecretString) -> Result<Self, InvalidMasterKey> {
        let bytes = BASE64.decode(text.expose_secret().trim()).map_err(|_| InvalidMasterKey)?;
        let bytes = Zeroizing::new(bytes);
        if bytes.len() != KEY_LEN {
            return Err(InvalidMasterKey);
        }
        let deriving = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let wrapping = hmac::sign(&deriving, b"parlance wrapping 1");
        let wrapping = cipher(wrapping.as_ref()).map_err(|SealError| InvalidMasterKey)?;
        Ok(Self { wrapping: Arc::new(wrapping), deriving })
    }

    /// A key for keyed hashes of one purpose. The same purpose gives the same key, for ever.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> hmac::Key {
        let derived = hmac::sign(&self.deriving, purpose.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }

    /// Seals a key of ours. `name` is bound to it: under another name it does not open.
    ///
    /// # Errors
    ///
    /// When the system has no randomness to give.
    pub fn wrap(&self, name: &[u8], secret: &[u8]) -> Result<Vec<u8>, SealError> {
        seal(&self.wrapping, name, secret)
    }

    /// Opens what [`wrap`](Self::wrap) sealed.
    ///
    /// # Errors
    ///
    /// When it was sealed under another name or another master key, or was changed.
    pub fn unwrap(&self, name: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.wrapping, name, wrapped).map(Zeroizing::new)
    }
}

/// A person's data key, or the knowledge that it was destroyed.
#[derive(Clone)]
pub(crate) enum SubjectKey {
    Live(Arc<LessSafeKey>),
    Destroyed,
}

impl SubjectKey {
    pub(crate) fn seal(&self, subject: AccountId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        match self {
            Self::Live(key) => seal(key, subject.0.as_bytes(), plain),
            Self::Destroyed => Err(SealError),
        }
    }

    /// The plain bytes, or nothing when the key was destroyed.
    pub(crate) fn open(
        &self,
        subject: AccountId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        match self {
            Self::Live(key) => open(key, subject.0.as_bytes(), sealed).map(Some),
            Self::Destroyed => Ok(None),
        }
    }
}

/// Every person's key: from memory, else from the database.
pub(crate) struct Keyring {
    pool: PgPool,
    master: MasterKey,
    cached: Mutex<Generations>,
}

/// Two generations of recently used keys. When the younger is full it becomes the elder, and what
/// nobody has asked for since is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<AccountId, SubjectKey>,
    old: HashMap<AccountId, SubjectKey>,
}

/// Why the keys of some people could not be had.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("keys could not be read")]
    Database(#[from] sqlx::Error),
    #[error("the key of {0} does not open with this master key")]
    Unwrap(AccountId),
    #[error("the system has no randomness to give")]
    Random,
}

impl Keyring {
    pub(crate) fn new(pool: PgPool, master: MasterKey) -> Self {
        Self { pool, master, cached: Mutex::default() }
    }

    /// The keys of `subjects`. With `create`, who has none yet gets one; without, who has none is
    /// missing from the answer.
    pub(crate) async fn keys(
        &self,
        subjects: impl IntoIterator<Item = AccountId>,
        create: bool,
    ) -> Result<HashMap<AccountId, SubjectKey>, KeyError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            for subject in subjects {
                if found.contains_key(&subject) || missing.contains(&subject.0) {
                    continue;
                }
                match cached.get(subject) {
                    Some(key) => _ = found.insert(subject, key),
                    None => missing.push(subject.0),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        if create {
            self.create(&missing).await?;
        }
        let rows = sqlx::query!(
            "SELECT subject, wrapped_key FROM subject_keys WHERE subject = ANY ($1)",
            &missing
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let subject = AccountId(row.subject);
            let key = self.unwrap(subject, row.wrapped_key.as_deref())?;
            self.cached.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, key.clone());
            found.insert(subject, key);
        }
        Ok(found)
    }

    async fn create(&self, subjects: &[Uuid]) -> Result<(), KeyError> {
        let mut wrapped = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            rand::fill(key.as_mut()).map_err(|_| KeyError::Random)?;
            let sealed = self.master.wrap(subject.as_bytes(), key.as_ref());
            wrapped.push(sealed.map_err(|SealError| KeyError::Random)?);
        }
        sqlx::query!(
            "INSERT INTO subject_keys (subject, wrapped_key)
             SELECT subject, key FROM unnest($1::uuid[], $2::bytea[]) AS k (subject, key)
             ORDER BY subject
             ON CONFLICT DO NOTHING",
            subjects,
            &wrapped
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    fn unwrap(&self, subject: AccountId, wrapped: Option<&[u8]>) -> Result<SubjectKey, KeyError> {
        let Some(wrapped) = wrapped else {
            return Ok(SubjectKey::Destroyed);
        };
        let key = self
            .master
            .unwrap(subject.0.as_bytes(), wrapped)
            .and_then(|it| cipher(&it))
            .map_err(|SealError| KeyError::Unwrap(subject))?;
        Ok(SubjectKey::Live(Arc::new(key)))
    }
}

impl Generations {
    fn get(&mut self, subject: AccountId) -> Option<SubjectKey> {
        if let Some(key) = self.young.get(&subject) {
            return Some(key.clone());
        }
        let key = self.old.remove(&subject)?;
        self.insert(subject, key.clone());
        Some(key)
    }

    fn insert(&mut self, subject: AccountId, key: SubjectKey) {
        if self.young.len() >= CACHED_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(subject, key);
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError)
}

/// nonce ‖ ciphertext ‖ tag. The nonce is random: 2^32 seals under one key keep the risk of a
/// repeat below 2^-32 (NIST SP 800-38D, section 8.3).
fn seal(key: &LessSafeKey, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| SealError)?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    let mut text = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut text)
        .map_err(|_| SealError)?;
    sealed.append(&mut text);
    Ok(sealed)
}

fn open(key: &LessSafeKey, bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
    let mut text = text.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plain = key.open_in_place(nonce, Aad::from(bound), &mut text).map_err(|_| SealError)?;
    let length = plain.len();
    text.truncate(length);
    Ok(text)
}
