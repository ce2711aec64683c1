//! Who is shown whether somebody is there. Who it is, `commands` writes down.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgPool;
use uuid::Uuid;

/// What somebody is shown of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceView {
    pub viewer: AccountId,
    pub account: AccountId,
    /// Nothing: the viewer is not shown it.
    pub seen: Option<Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub online: bool,
    /// Since when they are there, or when they were last; nothing when they never were.
    pub since: Option<DateTime<Utc>>,
}

/// What each viewer is shown of the account beside them, in this order.
///
/// Both must show themselves to somebody, the account to this viewer, and neither may have blocked the
/// other. An account that is not there looks like one that does not show itself.
///
/// # Errors
///
/// When the database fails.
pub async fn seen(
    db: &PgPool,
    pairs: &[(AccountId, AccountId)],
) -> sqlx::Result<Vec<PresenceView>> {
    if pairs.is_empty() {
        return Ok(vec![]);
    }
    let (viewers, accounts): (Vec<_>, Vec<_>) = pairs.iter().map(|it| (it.0.0, it.1.0)).unzip();
    let chat_ids: Vec<_> = pairs.iter().map(|it| ChatId::between(it.0, it.1).0).collect();
    let rows = sqlx::query!(
        r#"SELECT v.viewer AS "viewer!",
                  v.account_id AS "account_id!",
                  coalesce(
                      own.presence_shown_to <> 'nobody'
                          AND CASE a.presence_shown_to
                              WHEN 'everyone' THEN true
                              WHEN 'chats' THEN EXISTS (
                                  SELECT FROM chats c
                                  WHERE c.chat_id = v.chat_id AND c.account_id = v.account_id
                              )
                              ELSE false
                          END
                          AND NOT EXISTS (SELECT FROM blocks b WHERE b.chat_id = v.chat_id),
                      false
                  ) AS "shown!",
                  coalesce(p.online, false) AS "online!",
                  p.since AS "since?"
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY
                AS v (viewer, account_id, chat_id, n)
           LEFT JOIN accounts own ON own.account_id = v.viewer
           LEFT JOIN accounts a ON a.account_id = v.account_id
           LEFT JOIN presence p ON p.account_id = v.account_id
           ORDER BY v.n"#,
        &viewers,
        &accounts,
        &chat_ids
    )
    .fetch_all(db)
    .await?;
    let views = rows.into_iter().map(|row| PresenceView {
        viewer: AccountId(row.viewer),
        account: AccountId(row.account_id),
        seen: row.shown.then_some(Seen { online: row.online, since: row.since }),
    });
    Ok(views.collect())
}

/// Of these accounts, whether they are there and since when, for whoever is not told when it changes.
///
/// # Errors
///
/// When the database fails.
pub async fn standing(db: &PgPool, accounts: &[Uuid]) -> sqlx::Result<Vec<(Uuid, Seen)>> {
    let rows = sqlx::query!(
        "SELECT account_id, online, since FROM presence WHERE account_id = ANY ($1)",
        accounts
    )
    .fetch_all(db)
    .await?;
    let seen = |online, since| Seen { online, since: Some(since) };
    Ok(rows.into_iter().map(|it| (it.account_id, seen(it.online, it.since))).collect())
}

/// Who would hear that `caller` types in `chat`; nothing when it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn hears_typing(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
) -> sqlx::Result<Option<Typing>> {
    let row = sqlx::query!(
        r#"SELECT c.participant_id,
                  c.active AND NOT EXISTS (SELECT FROM blocks b WHERE b.chat_id = c.chat_id)
                      AND EXISTS (
                          SELECT FROM chats o
                          WHERE o.chat_id = c.chat_id AND o.account_id = c.participant_id
                      ) AS "is_heard!"
           FROM chats c
           WHERE c.chat_id = $1 AND c.account_id = $2"#,
        chat.0,
        caller.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|it| Typing { to: AccountId(it.participant_id), is_heard: it.is_heard }))
}

/// The other member of a chat in which somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    pub to: AccountId,
    /// Otherwise they are not told.
    pub is_heard: bool,
}
