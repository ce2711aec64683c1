use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgPool;
use uuid::Uuid;

/// A message as one member of its chat sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    pub message_id: Uuid,
    pub chat_id: Uuid,
    pub number: i64,
    pub sender_id: Uuid,
    /// `None` once deleted for everyone, or its sender erased.
    pub text: Option<String>,
    pub sent_at: DateTime<Utc>,
    /// For everyone.
    pub deleted: bool,
}

/// Which messages of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    Latest,
    /// Those with lower numbers, the nearest of them.
    Before(i64),
    /// Those with higher numbers, the nearest of them.
    After(i64),
}

/// Some messages of a chat that follow one another, without those that the caller has deleted for
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    /// By ascending number.
    pub items: Vec<MessageView>,
    pub more_before: bool,
    pub more_after: bool,
}

/// A row of a page. Every chat that is the caller's gives one, even if the page is empty.
struct Row {
    more_behind: bool,
    number: Option<i64>,
    message_id: Option<Uuid>,
    sender_id: Option<Uuid>,
    text: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    deleted: Option<bool>,
}

impl Row {
    fn view(self, chat: ChatId) -> Option<MessageView> {
        Some(MessageView {
            message_id: self.message_id?,
            chat_id: chat.0,
            number: self.number?,
            sender_id: self.sender_id?,
            text: self.text,
            sent_at: self.sent_at?,
            deleted: self.deleted?,
        })
    }
}

/// At most `limit` messages of `chat` as `caller` sees them; nothing when it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn page(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    range: Range,
    limit: i64,
) -> sqlx::Result<Option<MessagePage>> {
    // One more than asked for tells whether the page is the last in its direction.
    let fetched = limit.saturating_add(1);
    let rows = match range {
        Range::Latest => backwards(db, caller, chat, i64::MAX, fetched).await?,
        Range::Before(number) => backwards(db, caller, chat, number, fetched).await?,
        Range::After(number) => forwards(db, caller, chat, number, fetched).await?,
    };
    let Some(more_behind) = rows.first().map(|it| it.more_behind) else {
        return Ok(None);
    };
    let mut items: Vec<_> = rows.into_iter().filter_map(|it| it.view(chat)).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more_ahead = items.len() > limit;
    items.truncate(limit);
    Ok(Some(match range {
        Range::Latest | Range::Before(_) => {
            items.reverse();
            MessagePage { items, more_before: more_ahead, more_after: more_behind }
        }
        Range::After(_) => MessagePage { items, more_before: more_behind, more_after: more_ahead },
    }))
}

async fn backwards(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT EXISTS (
                      SELECT FROM messages
                      WHERE chat_id = $2 AND number >= $3 AND NOT ($1 = ANY (hidden_for))
                  ) AS "more_behind!",
                  m.number AS "number?",
                  m.message_id AS "message_id?",
                  m.sender_id AS "sender_id?",
                  m.text,
                  m.sent_at AS "sent_at?",
                  m.deleted_at IS NOT NULL AS "deleted?"
           FROM chats c
           LEFT JOIN LATERAL (
               SELECT *
               FROM messages
               WHERE chat_id = c.chat_id AND number < $3 AND NOT ($1 = ANY (hidden_for))
               ORDER BY number DESC
               LIMIT $4
           ) m ON true
           WHERE c.account_id = $1 AND c.chat_id = $2
           ORDER BY m.number DESC"#,
        caller.0,
        chat.0,
        before,
        limit
    )
    .fetch_all(db)
    .await
}

async fn forwards(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT EXISTS (
                      SELECT FROM messages
                      WHERE chat_id = $2 AND number <= $3 AND NOT ($1 = ANY (hidden_for))
                  ) AS "more_behind!",
                  m.number AS "number?",
                  m.message_id AS "message_id?",
                  m.sender_id AS "sender_id?",
                  m.text,
                  m.sent_at AS "sent_at?",
                  m.deleted_at IS NOT NULL AS "deleted?"
           FROM chats c
           LEFT JOIN LATERAL (
               SELECT *
               FROM messages
               WHERE chat_id = c.chat_id AND number > $3 AND NOT ($1 = ANY (hidden_for))
               ORDER BY number
               LIMIT $4
           ) m ON true
           WHERE c.account_id = $1 AND c.chat_id = $2
           ORDER BY m.number"#,
        caller.0,
        chat.0,
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// The message of this number as `caller` sees it; nothing when it is not theirs to see.
///
/// # Errors
///
/// When the database fails.
pub async fn by_number(
    db: &PgPool,
    caller: AccountId,
    chat: ChatId,
    number: i64,
) -> sqlx::Result<Option<MessageView>> {
    sqlx::query_as!(
        MessageView,
        r#"SELECT m.message_id,
                  m.chat_id,
                  m.number,
                  m.sender_id,
                  m.text,
                  m.sent_at,
                  m.deleted_at IS NOT NULL AS "deleted!"
           FROM chats c
           JOIN messages m ON m.chat_id = c.chat_id
           WHERE c.account_id = $1
             AND c.chat_id = $2
             AND m.number = $3
             AND NOT ($1 = ANY (m.hidden_for))"#,
        caller.0,
        chat.0,
        number
    )
    .fetch_optional(db)
    .await
}
