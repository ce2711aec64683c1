//! Tickets: what stands for an access token where no header can be set. Good once, and soon or never.

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::TimeDelta;
use domain::AccountId;
use eventlog::Clock;
use sqlx::PgPool;

use super::{Caller, StreamTicket};

/// From the answer to the connection that it is for.
const LIFETIME: TimeDelta = TimeDelta::seconds(30);

/// Bytes of a ticket: nobody guesses 256 bits.
const TICKET_LEN: usize = 32;

/// Tickets that were never used are deleted so many at a time, whenever another is issued.
const SWEPT: i64 = 100;

pub(super) struct Tickets {
    db: PgPool,
    clock: Clock,
    random: SystemRandom,
}

impl Tickets {
    pub(super) fn new(db: PgPool, clock: Clock) -> Self {
        Self { db, clock, random: SystemRandom::new() }
    }

    pub(super) async fn issue(&self, caller: Caller) -> sqlx::Result<StreamTicket> {
        let mut bytes = [0; TICKET_LEN];
        self.random
            .fill(&mut bytes)
            .map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?;
        let now = self.clock.now();
        sqlx::query!(
            "WITH swept AS (
                 DELETE FROM stream_tickets
                 WHERE ticket IN (
                     SELECT ticket FROM stream_tickets WHERE expires_at <= $6 LIMIT $7
                 )
             )
             INSERT INTO stream_tickets
                 (ticket, account_id, session_id, token_expires_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
            name(&bytes),
            caller.account_id.0,
            caller.session_id,
            caller.expires_at,
            now + LIFETIME,
            now,
            SWEPT
        )
        .execute(&self.db)
        .await?;
        let expires_in = LIFETIME.num_seconds().unsigned_abs();
        Ok(StreamTicket { ticket: BASE64.encode(bytes), expires_in })
    }

    /// Whom the ticket was issued to, the first time that it is shown.
    pub(super) async fn redeem(&self, ticket: &str) -> sqlx::Result<Option<Caller>> {
        let Some(bytes) = BASE64.decode(ticket).ok().filter(|it| it.len() == TICKET_LEN) else {
            return Ok(None);
        };
        let row = sqlx::query!(
            "DELETE FROM stream_tickets
             WHERE ticket = $1
             RETURNING account_id, session_id, token_expires_at, expires_at",
            name(&bytes)
        )
        .fetch_optional(&self.db)
        .await?;
        let row = row.filter(|it| it.expires_at > self.clock.now());
        Ok(row.map(|row| Caller {
            account_id: AccountId(row.account_id),
            session_id: row.session_id,
            expires_at: row.token_expires_at,
        }))
    }
}

/// Under which it is stored: whoever reads the table can use none. A look-up by it tells nothing of the
/// ticket's bytes, however long it takes.
fn name(ticket: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, ticket).as_ref().to_vec()
}
