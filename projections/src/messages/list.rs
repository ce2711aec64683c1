//! What hangs on messages: their earlier wordings, and those that are pinned or starred.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId, MessageId};
use sqlx::PgPool;
use uuid::Uuid;

use super::page::{by_id, by_keys};
use super::view::MessageView;

/// A wording of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionView {
    /// 0 for what was sent.
    pub revision: i32,
    /// `None` once its sender is erased, or for no caption.
    pub text: Option<String>,
    pub tags: Vec<String>,
    /// Of what was sent: when it was sent.
    pub edited_at: DateTime<Utc>,
}

/// A pinned message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinView {
    pub message: MessageView,
    pub pinned_by: Uuid,
    pub pinned_at: DateTime<Utc>,
}

/// A message that the caller has starred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarView {
    pub message: MessageView,
    pub starred_at: DateTime<Utc>,
    /// Position of the star: no two share it.
    pub cursor: i64,
}

/// Every wording of a message that `caller` has seen, the oldest first: at most 101. None of one
/// that is deleted for everyone; nothing when the message is not theirs to see.
///
/// # Errors
///
/// When the database fails.
pub async fn history(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    message: MessageId,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Vec<RevisionView>>> {
    let Some(message) = by_id(db, caller, chat, message, at).await? else {
        return Ok(None);
    };
    if message.deleted {
        return Ok(Some(vec![]));
    }
    let rows = sqlx::query!(
        "SELECT revision, text, tags, edited_at
         FROM message_revisions
         WHERE chat_id = $1 AND number = $2 AND (NOT withheld OR $3)
         ORDER BY revision",
        chat.0,
        message.number,
        message.sender_id == caller.0
    )
    .fetch_all(db)
    .await?;
    if rows.is_empty() {
        let MessageView { text, tags, sent_at, .. } = message;
        return Ok(Some(vec![RevisionView { revision: 0, text, tags, edited_at: sent_at }]));
    }
    let revisions = rows.into_iter().map(|row| RevisionView {
        revision: row.revision,
        text: row.text,
        tags: row.tags.unwrap_or_default(),
        edited_at: row.edited_at,
    });
    Ok(Some(revisions.collect()))
}

/// The messages of `chat` that are pinned for `caller`, the last pinned first: at most 50. Nothing when
/// it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn pins(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Vec<PinView>>> {
    let rows = sqlx::query!(
        r#"SELECT p.number AS "number?", p.pinned_by AS "pinned_by?", p.pinned_at AS "pinned_at?"
           FROM chats c
           LEFT JOIN LATERAL (
               SELECT p.number, p.pinned_by, p.pinned_at, p.position
               FROM pins p
               JOIN messages m ON m.chat_id = p.chat_id AND m.number = p.number
               LEFT JOIN message_marks k
                   ON k.chat_id = p.chat_id AND k.number = p.number AND k.account_id = $1
               WHERE p.chat_id = c.chat_id
                 AND (p.until IS NULL OR p.shown_until IS NULL)
                 AND CASE WHEN p.pinned_by = $1 THEN p.until ELSE p.shown_until END IS NULL
                 AND p.number > c.cleared_up_to
                 AND (NOT m.withheld OR m.sender_id = $1)
                 AND (m.taken_back_at IS NULL OR m.sender_id <> $1)
                 AND coalesce(m.expires_at > $3, true)
                 AND k.hidden IS NULL
           ) p ON true
           WHERE c.chat_id = $2 AND c.account_id = $1
           ORDER BY p.position DESC"#,
        caller.0,
        chat.0,
        at
    )
    .fetch_all(db)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let numbers: Vec<_> = rows.iter().filter_map(|it| it.number).collect();
    let mut db = db.acquire().await?;
    let messages = by_keys(&mut db, caller, &vec![chat.0; numbers.len()], &numbers, at).await?;
    let pins = rows.into_iter().filter_map(|row| {
        let message = messages.iter().find(|it| Some(it.number) == row.number)?.clone();
        Some(PinView { message, pinned_by: row.pinned_by?, pinned_at: row.pinned_at? })
    });
    Ok(Some(pins.collect()))
}

/// At most `limit` messages of any chat that `caller` has starred, the last starred first: those
/// with a cursor below `before`, or from the top.
///
/// # Errors
///
/// When the database fails.
pub async fn starred(
    db: &PgPool,
    caller: AccountId,
    before: Option<i64>,
    limit: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<StarView>> {
    let rows = sqlx::query!(
        r#"SELECT k.chat_id, k.number, k.starred AS "starred!", k.starred_at AS "starred_at!"
           FROM message_marks k
           JOIN chats c ON c.chat_id = k.chat_id AND c.account_id = k.account_id
           JOIN messages m ON m.chat_id = k.chat_id AND m.number = k.number
           WHERE k.account_id = $1
             AND k.starred < $2
             AND k.hidden IS NULL
             AND k.number > c.cleared_up_to
             AND coalesce(m.expires_at > $4, true)
           ORDER BY k.starred DESC
           LIMIT $3"#,
        caller.0,
        before.unwrap_or(i64::MAX),
        limit,
        at
    )
    .fetch_all(db)
    .await?;
    let (chat_ids, numbers): (Vec<_>, Vec<_>) =
        rows.iter().map(|it| (it.chat_id, it.number)).unzip();
    let mut db = db.acquire().await?;
    let messages = by_keys(&mut db, caller, &chat_ids, &numbers, at).await?;
    let stars = rows.into_iter().filter_map(|row| {
        let is_it = |it: &&MessageView| (it.chat_id, it.number) == (row.chat_id, row.number);
        let message = messages.iter().find(is_it)?.clone();
        Some(StarView { message, starred_at: row.starred_at, cursor: row.starred })
    });
    Ok(stars.collect())
}
