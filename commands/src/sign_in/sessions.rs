//! Sessions and their refresh tokens.
//!
//! A refresh token is `version ‖ session ‖ generation ‖ HMAC` in base64url: nothing of it is
//! stored, and the same generation is always the same token. That makes a retry safe: a client that
//! lost our answer and asks again with the token it had gets what it was meant to get. A token that
//! comes back later than that has been copied, and its session ends (RFC 9700, section 4.14.2).

use std::collections::HashSet;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use eventlog::{Clock, Ids, MasterKey, database};
use sqlx::PgPool;
use thiserror::Error;
use uuid::Uuid;

use super::SessionRevoked;

/// A session that nobody refreshes ends after this (NIST SP 800-63B, AAL1: at most 30 days).
const IDLE: TimeDelta = TimeDelta::days(30);

/// A session ends after this, however often it is refreshed.
const ABSOLUTE: TimeDelta = TimeDelta::days(90);

/// How long an exchanged token still leads to the same successor: the retries of a lost answer.
const RETRY: TimeDelta = TimeDelta::seconds(10);

/// Sessions of one account. One more ends the one that was refreshed the longest ago.
const PER_ACCOUNT_MAX: i64 = 20;

const VERSION: u8 = 1;
const BODY_LEN: usize = 1 + 16 + 8;
const TOKEN_LEN: usize = BODY_LEN + 32;

/// A session and the newest token that names it.
pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) account_id: AccountId,
    pub(super) refresh_token: String,
}

/// What came of a refresh token.
pub(super) struct Refreshed {
    pub(super) session: Session,
    /// The session, when the token had been copied: it has ended.
    pub(super) revoked: Option<SessionRevoked>,
}

#[derive(Debug, Error)]
pub(super) enum RefreshError {
    #[error("refresh token is not valid")]
    Invalid,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

pub(super) struct Sessions {
    db: PgPool,
    key: hmac::Key,
    clock: Clock,
    ids: Ids,
}

/// A row of `sessions`, as far as an exchange needs it.
struct Row {
    account_id: Uuid,
    generation: i64,
    parent: i64,
    refreshed_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// What an exchange does to its session.
#[derive(Debug, PartialEq, Eq)]
enum Exchange {
    /// A token's first exchange, or a retry after the successor stayed unused: a new generation,
    /// whose parent is the token shown. Every other one is dead.
    Advance,
    /// A retry: the same successor again.
    Repeat,
    /// Somebody else has used the token, or its successor.
    Revoke,
    /// The session has ended.
    Ended,
}

impl Row {
    fn exchange(&self, generation: i64, now: DateTime<Utc>) -> Exchange {
        if self.revoked_at.is_some() || self.expires_at <= now || self.refreshed_at + IDLE <= now {
            Exchange::Ended
        } else if generation == self.generation {
            Exchange::Advance
        } else if generation == self.parent && now < self.refreshed_at + RETRY {
            Exchange::Repeat
        } else if generation == self.parent {
            Exchange::Advance
        } else {
            Exchange::Revoke
        }
    }
}

impl Sessions {
    pub(super) fn new(db: PgPool, master: &MasterKey, clock: Clock, ids: Ids) -> Self {
        Self { db, key: master.derive("refresh tokens"), clock, ids }
    }

    /// A new session, and those that had to end for it.
    pub(super) async fn start(&self, account_id: AccountId) -> sqlx::Result<(Session, Vec<Uuid>)> {
        let (session_id, now) = (self.ids.next(), self.clock.now());
        let evicted = sqlx::query_scalar!(
            "WITH surplus AS (
                 SELECT session_id
                 FROM sessions
                 WHERE account_id = $2 AND revoked_at IS NULL
                 ORDER BY refreshed_at DESC
                 OFFSET $5
             ), started AS (
                 INSERT INTO sessions (session_id, account_id, created_at, refreshed_at, expires_at)
                 VALUES ($1, $2, $3, $3, $4)
             )
             UPDATE sessions SET revoked_at = $3
             WHERE session_id IN (SELECT session_id FROM surplus)
             RETURNING session_id",
            session_id,
            account_id.0,
            now,
            now + ABSOLUTE,
            PER_ACCOUNT_MAX - 1
        )
        .fetch_all(&self.db)
        .await?;
        let refresh_token = self.token(session_id, 1);
        Ok((Session { id: session_id, account_id, refresh_token }, evicted))
    }

    /// Exchanges `token` for its successor.
    pub(super) async fn refresh(&self, token: &str) -> Result<Refreshed, RefreshError> {
        let (session_id, shown) = self.read(token).ok_or(RefreshError::Invalid)?;
        let now = self.clock.now();
        let mut tx = database::begin(&self.db).await?;
        let row = sqlx::query_as!(
            Row,
            "SELECT account_id, generation, parent, refreshed_at, expires_at, revoked_at
             FROM sessions
             WHERE session_id = $1
             FOR UPDATE",
            session_id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(RefreshError::Invalid)?;
        let (generation, revoked) = match row.exchange(shown, now) {
            Exchange::Ended => return Err(RefreshError::Invalid),
            Exchange::Repeat => (row.generation, None),
            Exchange::Advance => {
                sqlx::query!(
                    "UPDATE sessions SET generation = $2, parent = $3, refreshed_at = $4
                     WHERE session_id = $1",
                    session_id,
                    row.generation + 1,
                    shown,
                    now
                )
                .execute(&mut *tx)
                .await?;
                (row.generation + 1, None)
            }
            Exchange::Revoke => {
                sqlx::query!(
                    "UPDATE sessions SET revoked_at = $2 WHERE session_id = $1",
                    session_id,
                    now
                )
                .execute(&mut *tx)
                .await?;
                tracing::warn!(%session_id, "a refresh token came back; its session is revoked");
                metrics::counter!("parlance_refresh_reuse_total").increment(1);
                let account_id = AccountId(row.account_id);
                (row.generation, Some(SessionRevoked { account_id, session_id }))
            }
        };
        tx.commit().await?;
        let refresh_token = self.token(session_id, generation);
        let account_id = AccountId(row.account_id);
        Ok(Refreshed { session: Session { id: session_id, account_id, refresh_token }, revoked })
    }

    /// Ends the session that `token` names.
    pub(super) async fn revoke(&self, token: &str) -> Result<SessionRevoked, RefreshError> {
        let (session_id, _) = self.read(token).ok_or(RefreshError::Invalid)?;
        let account_id = sqlx::query_scalar!(
            "UPDATE sessions SET revoked_at = coalesce(revoked_at, $2)
             WHERE session_id = $1
             RETURNING account_id",
            session_id,
            self.clock.now()
        )
        .fetch_optional(&self.db)
        .await?
        .ok_or(RefreshError::Invalid)?;
        Ok(SessionRevoked { account_id: AccountId(account_id), session_id })
    }

    fn token(&self, session_id: Uuid, generation: i64) -> String {
        let mut bytes = Vec::with_capacity(TOKEN_LEN);
        bytes.push(VERSION);
        bytes.extend_from_slice(session_id.as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let tag = hmac::sign(&self.key, &bytes);
        bytes.extend_from_slice(tag.as_ref());
        BASE64.encode(bytes)
    }

    /// The session and generation that `token` names, when we made it.
    fn read(&self, token: &str) -> Option<(Uuid, i64)> {
        let bytes = BASE64.decode(token).ok().filter(|it| it.len() == TOKEN_LEN)?;
        let (body, tag) = bytes.split_at_checked(BODY_LEN)?;
        hmac::verify(&self.key, body, tag).ok()?; // in constant time
        let (version, rest) = body.split_first()?;
        let (session, generation) = rest.split_first_chunk::<16>()?;
        let generation = i64::from_be_bytes(*generation.first_chunk::<8>()?);
        (*version == VERSION).then(|| (Uuid::from_bytes(*session), generation))
    }
}

/// Those of `sessions` that have not ended by `now`.
pub(crate) async fn alive_sessions(
    db: &PgPool,
    sessions: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<HashSet<Uuid>> {
    let alive = sqlx::query_scalar!(
        "SELECT session_id
         FROM sessions
         WHERE session_id = ANY ($1)
           AND revoked_at IS NULL
           AND expires_at > $2
           AND refreshed_at > $3",
        sessions,
        now,
        now - IDLE
    );
    Ok(alive.fetch_all(db).await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn session() -> Row {
        Row {
            account_id: Uuid::nil(),
            generation: 7,
            parent: 5,
            refreshed_at: NOON,
            expires_at: NOON + ABSOLUTE,
            revoked_at: None,
        }
    }

    #[test]
    fn the_newest_token_is_exchanged() {
        assert_eq!(session().exchange(7, NOON + TimeDelta::hours(1)), Exchange::Advance);
    }

    #[test]
    fn a_lost_answer_is_given_again() {
        assert_eq!(session().exchange(5, NOON + TimeDelta::seconds(9)), Exchange::Repeat);
    }

    #[test]
    fn a_late_retry_gets_a_successor_of_its_own() {
        assert_eq!(session().exchange(5, NOON + TimeDelta::seconds(10)), Exchange::Advance);
    }

    #[test]
    fn a_token_that_was_replaced_ends_the_session() {
        for dead in [1, 4, 6, 8] {
            assert_eq!(session().exchange(dead, NOON), Exchange::Revoke, "generation {dead}");
        }
    }

    #[test]
    fn a_session_ends_when_idle_when_old_and_when_revoked() {
        assert_eq!(session().exchange(7, NOON + IDLE), Exchange::Ended);
        let old = Row { expires_at: NOON, ..session() };
        assert_eq!(old.exchange(7, NOON), Exchange::Ended);
        let revoked = Row { revoked_at: Some(NOON), ..session() };
        assert_eq!(revoked.exchange(7, NOON), Exchange::Ended);
    }
}
