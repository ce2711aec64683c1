//! `Idempotency-Key`: the same key by the same caller leads to what it first led to, for ever.
//!
//! The key is written in the transaction of the append and points at the events recorded then, so
//! there is no moment at which one exists without the other, and no copy of what was said.

use aws_lc_rs::digest;
use domain::AccountId;
use sqlx::PgPool;

/// A caller's key for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub caller: AccountId,
    pub key: String,
    /// Of the request, by [`fingerprint`]: the same key with another request is a mistake.
    pub fingerprint: [u8; 32],
}

/// SHA-256 over method, path and body, each with its length before it.
#[must_use]
pub fn fingerprint(method: &str, path: &str, body: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [method.as_bytes(), path.as_bytes(), body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// What a key stands for: events `first..=last` of a stream; none when `last < first`.
pub(crate) struct Recorded {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// What `key` of `caller` stands for, if it was ever used.
pub(crate) async fn find(
    db: &PgPool,
    caller: AccountId,
    key: &str,
) -> sqlx::Result<Option<Recorded>> {
    sqlx::query_as!(
        Recorded,
        "SELECT fingerprint, aggregate_type, aggregate_id,
                first_sequence AS first, last_sequence AS last
         FROM idempotency_keys
         WHERE caller = $1 AND key = $2",
        caller.0,
        key
    )
    .fetch_optional(db)
    .await
}
