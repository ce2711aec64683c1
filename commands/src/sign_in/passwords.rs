//! Passwords: argon2id, off the async threads and bounded in number.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use domain::AccountId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::SignInError;

/// Characters a password must have when it is the only factor (NIST SP 800-63B-4, 3.1.1.2).
const LENGTH_MIN: usize = 15;

/// Longer ones are refused, never cut.
const LENGTH_MAX: usize = 256;

/// Different characters a password must have: a held-down key is no password.
const DISTINCT_MIN: usize = 5;

/// How long somebody waits for a turn before being told to come back.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    #[error("password must have at least {LENGTH_MIN} characters")]
    TooShort,
    #[error("password must have at most {LENGTH_MAX} characters")]
    TooLong,
    #[error("password must have at least {DISTINCT_MIN} different characters")]
    TooPlain,
}

/// Stores and checks passwords.
pub(super) struct Passwords {
    db: PgPool,
    /// As many at a time as there are cores: each takes 19 MiB and all of a core.
    turns: Arc<Semaphore>,
    /// What an unknown account's password is checked against, so that it takes as long.
    dummy: String,
}

impl Passwords {
    pub(super) fn new(db: PgPool) -> Result<Self, SignInError> {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let dummy = hash("nobody's password").map_err(SignInError::internal)?;
        Ok(Self { db, turns: Arc::new(Semaphore::new(cores)), dummy })
    }

    /// The PHC string of a new password, if it may be one.
    pub(super) async fn hash(&self, password: SecretString) -> Result<String, SignInError> {
        let password = normalise(&password);
        check(&password)?;
        let _turn = self.turn().await?;
        tokio::task::spawn_blocking(move || hash(&password))
            .await
            .map_err(SignInError::internal)?
            .map_err(SignInError::internal)
    }

    pub(super) async fn store(&self, account_id: AccountId, phc: &str) -> sqlx::Result<()> {
        sqlx::query!("INSERT INTO passwords (account_id, phc) VALUES ($1, $2)", account_id.0, phc)
            .execute(&self.db)
            .await
            .map(drop)
    }

    /// Takes back what [`store`](Self::store) wrote.
    pub(super) async fn discard(&self, account_id: AccountId) -> sqlx::Result<()> {
        sqlx::query!("DELETE FROM passwords WHERE account_id = $1", account_id.0)
            .execute(&self.db)
            .await
            .map(drop)
    }

    /// `account_id`, when `password` is its password. Does the same work for nobody.
    pub(super) async fn verify(
        &self,
        account_id: Option<AccountId>,
        password: SecretString,
    ) -> Result<AccountId, SignInError> {
        let asked = account_id.map(|it| it.0).unwrap_or_default();
        let phc = sqlx::query_scalar!("SELECT phc FROM passwords WHERE account_id = $1", asked)
            .fetch_optional(&self.db)
            .await?;
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.dummy.clone());
        let password = normalise(&password);
        let _turn = self.turn().await?;
        let matches = tokio::task::spawn_blocking(move || {
            // A password that could never have been chosen costs its sender as much as any other,
            // and us no more.
            let short: String = password.chars().take(LENGTH_MAX).collect();
            let whole = short.len() == password.len();
            Argon2::default().verify_password(short.as_bytes(), phc.as_str()).is_ok() && whole
        })
        .await
        .map_err(SignInError::internal)?;
        account_id.filter(|_| known && matches).ok_or(SignInError::InvalidCredentials)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, SignInError> {
        match timeout(TURN_TIMEOUT, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(SignInError::Busy),
        }
    }
}

/// NFC, so that the same password typed on another keyboard is the same password.
fn normalise(password: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(password.expose_secret().nfc().collect())
}

fn check(password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < LENGTH_MIN {
        return Err(PasswordError::TooShort);
    }
    if length > LENGTH_MAX {
        return Err(PasswordError::TooLong);
    }
    let mut distinct: Vec<char> = password.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < DISTINCT_MIN { Err(PasswordError::TooPlain) } else { Ok(()) }
}

/// argon2id with the crate's defaults, which are OWASP's: 19 MiB, 2 passes, 1 lane.
fn hash(password: &str) -> argon2::password_hash::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}
