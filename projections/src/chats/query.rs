use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::accounts::AccountView;
use crate::messages::MessageView;

/// A chat as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatView {
    pub chat_id: Uuid,
    /// The other member. One the directory has not met yet reads like one that was erased, and as
    /// registered when the chat was opened at the latest.
    pub participant: AccountView,
    /// The latest that the member has not deleted for themselves.
    pub last_message: Option<MessageView>,
    pub unread_count: i64,
    pub read_up_to: i64,
    pub total_messages: i64,
    pub active: bool,
    /// Position of the last message, or of the opening: no two chats of a list share it.
    pub activity: i64,
}

struct Row {
    chat_id: Uuid,
    participant_id: Uuid,
    unread_count: i64,
    read_up_to: i64,
    total_messages: i64,
    active: bool,
    activity: i64,
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    registered_at: DateTime<Utc>,
    number: Option<i64>,
    message_id: Option<Uuid>,
    sender_id: Option<Uuid>,
    text: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    deleted: Option<bool>,
}

impl Row {
    fn view(self) -> ChatView {
        let last_message =
            match (self.number, self.message_id, self.sender_id, self.sent_at, self.deleted) {
                (Some(number), Some(message_id), Some(sender_id), Some(sent_at), Some(deleted)) => {
                    Some(MessageView {
                        message_id,
                        chat_id: self.chat_id,
                        number,
                        sender_id,
                        text: self.text,
                        sent_at,
                        deleted,
                    })
                }
                _ => None,
            };
        ChatView {
            chat_id: self.chat_id,
            participant: AccountView {
                account_id: self.participant_id,
                username: self.username,
                display_name: self.display_name,
                email: self.email,
                registered_at: self.registered_at,
            },
            last_message,
            unread_count: self.unread_count,
            read_up_to: self.read_up_to,
            total_messages: self.total_messages,
            active: self.active,
            activity: self.activity,
        }
    }
}

/// The one SELECT of chats, with the clauses that say which.
macro_rules! rows {
    ($which:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"SELECT c.chat_id,
                      c.participant_id,
                      c.unread_count,
                      c.read_up_to,
                      c.total_messages,
                      c.active,
                      c.activity,
                      a.username AS "username?",
                      a.display_name AS "display_name?",
                      a.email AS "email?",
                      coalesce(a.registered_at, c.opened_at) AS "registered_at!",
                      m.number AS "number?",
                      m.message_id AS "message_id?",
                      m.sender_id AS "sender_id?",
                      m.text AS "text?",
                      m.sent_at AS "sent_at?",
                      m.deleted_at IS NOT NULL AS deleted
               FROM chats c
               LEFT JOIN accounts a ON a.account_id = c.participant_id
               LEFT JOIN LATERAL (
                   SELECT *
                   FROM messages
                   WHERE chat_id = c.chat_id AND NOT (c.account_id = ANY (hidden_for))
                   ORDER BY number DESC
                   LIMIT 1
               ) m ON true
               WHERE c.account_id = $1 AND "# + $which,
            $($argument),+
        )
    };
}

/// The chat of this id as `caller` sees it; nothing when it is not their chat.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(db: &PgPool, caller: AccountId, chat: ChatId) -> sqlx::Result<Option<ChatView>> {
    let row = rows!("c.chat_id = $2", caller.0, chat.0);
    Ok(row.fetch_optional(db).await?.map(Row::view))
}

/// At most `limit` chats of `caller`, the latest activity first: those whose activity is below
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
) -> sqlx::Result<Vec<ChatView>> {
    let rows = rows!(
        "c.activity < $2 ORDER BY c.activity DESC LIMIT $3",
        caller.0,
        before.unwrap_or(i64::MAX),
        limit
    );
    let rows = rows.fetch_all(db).await?;
    Ok(rows.into_iter().map(Row::view).collect())
}
