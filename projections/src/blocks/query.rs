use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgPool;

use crate::accounts::{AccountView, audience};

/// Somebody whom the caller has blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    /// One the directory has not met yet reads like one that was erased.
    pub account: AccountView,
    pub blocked_at: DateTime<Utc>,
    /// Position of the block: no two of a list share it.
    pub cursor: i64,
}

/// At most `limit` of those whom `caller` has blocked, the latest first: those with a cursor below
/// `before`, or from the top.
///
/// # Errors
///
/// When the database fails.
pub async fn list(
    db: &PgPool,
    caller: AccountId,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<BlockView>> {
    let rows = sqlx::query!(
        r#"SELECT b.blocked_id,
                  b.blocked_at,
                  b.position,
                  a.username AS "username?",
                  a.display_name AS "display_name?",
                  a.email AS "email?",
                  coalesce(a.registered_at, b.blocked_at) AS "registered_at!",
                  coalesce(a.read_receipts, true) AS "read_receipts!",
                  a.presence_shown_to AS "presence_shown_to?"
           FROM blocks b
           LEFT JOIN accounts a ON a.account_id = b.blocked_id
           WHERE b.account_id = $1 AND b.position < $2
           ORDER BY b.position DESC
           LIMIT $3"#,
        caller.0,
        before.unwrap_or(i64::MAX),
        limit
    )
    .fetch_all(db)
    .await?;
    let views = rows.into_iter().map(|row| BlockView {
        account: AccountView {
            account_id: row.blocked_id,
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            registered_at: row.registered_at,
            read_receipts: row.read_receipts,
            presence_shown_to: audience::of(row.presence_shown_to.as_deref()),
        },
        blocked_at: row.blocked_at,
        cursor: row.position,
    });
    Ok(views.collect())
}

/// Whether one of the two has blocked the other: neither then sees whether the other is there.
///
/// # Errors
///
/// When the database fails.
pub async fn exists_between(db: &PgPool, one: AccountId, other: AccountId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM blocks WHERE chat_id = $1) AS "exists!""#,
        ChatId::between(one, other).0
    )
    .fetch_one(db)
    .await
}
