//! The rows of the read models, in a form in which any two can be compared.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Difference, Findings};
use crate::ReadModel;

/// Rows without a stream that are reported of each read model.
const STRAYS: i64 = 100;

/// Fields with their values, by key.
pub(super) type Rows = BTreeMap<String, Vec<(&'static str, String)>>;
pub(super) type Entry = (String, Vec<(&'static str, String)>);

pub(super) struct AccountRow {
    pub(super) account_id: Uuid,
    pub(super) username: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) registered_at: DateTime<Utc>,
}

pub(super) struct ChatRow {
    pub(super) chat_id: Uuid,
    pub(super) account_id: Uuid,
    pub(super) participant_id: Uuid,
    pub(super) total_messages: i64,
    pub(super) unread_count: i64,
    pub(super) read_up_to: i64,
    pub(super) active: bool,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) activity: i64,
}

pub(super) struct MessageRow {
    pub(super) chat_id: Uuid,
    pub(super) number: i64,
    pub(super) message_id: Uuid,
    pub(super) sender_id: Uuid,
    pub(super) text: Option<String>,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) deleted_at: Option<DateTime<Utc>>,
    pub(super) hidden_for: Vec<Uuid>,
}

impl AccountRow {
    pub(super) fn into_entry(self) -> Entry {
        let fields = vec![
            ("username", veiled(self.username.as_deref())),
            ("display_name", veiled(self.display_name.as_deref())),
            ("email", veiled(self.email.as_deref())),
            ("registered_at", self.registered_at.to_string()),
        ];
        (format!("account {}", self.account_id), fields)
    }
}

impl ChatRow {
    pub(super) fn into_entry(self) -> Entry {
        let fields = vec![
            ("participant_id", self.participant_id.to_string()),
            ("total_messages", self.total_messages.to_string()),
            ("unread_count", self.unread_count.to_string()),
            ("read_up_to", self.read_up_to.to_string()),
            ("active", self.active.to_string()),
            ("opened_at", self.opened_at.to_string()),
            ("activity", self.activity.to_string()),
        ];
        (format!("chat {} of account {}", self.chat_id, self.account_id), fields)
    }
}

impl MessageRow {
    pub(super) fn into_entry(mut self) -> Entry {
        self.hidden_for.sort();
        let fields = vec![
            ("message_id", self.message_id.to_string()),
            ("sender_id", self.sender_id.to_string()),
            ("text", veiled(self.text.as_deref())),
            ("sent_at", self.sent_at.to_string()),
            ("deleted_at", shown(self.deleted_at)),
            ("hidden_for", format!("{:?}", self.hidden_for)),
        ];
        (format!("chat {} message {}", self.chat_id, self.number), fields)
    }
}

fn shown(value: Option<impl Display>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |it| it.to_string())
}

/// What a person wrote, as something that differs when it differs, and tells nothing.
fn veiled(value: Option<&str>) -> String {
    shown(value.map(|it| {
        let mut hasher = DefaultHasher::new();
        it.hash(&mut hasher);
        format!("{} characters ({:016x})", it.chars().count(), hasher.finish())
    }))
}

/// The rows of `model` that belong to these streams.
pub(super) async fn read(
    db: &mut PgConnection,
    model: ReadModel,
    aggregate_type: &str,
    ids: &[Uuid],
) -> sqlx::Result<Rows> {
    match (model, aggregate_type) {
        (ReadModel::Accounts, "account") => accounts(db, ids).await,
        (ReadModel::Chats, "chat") => chats(db, ids).await,
        (ReadModel::Messages, "chat") => messages(db, ids).await,
        (ReadModel::Accounts | ReadModel::Chats | ReadModel::Messages, _) => Ok(Rows::new()),
    }
}

async fn accounts(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        AccountRow,
        "SELECT account_id, username, display_name, email, registered_at
         FROM accounts
         WHERE account_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(AccountRow::into_entry).collect())
}

async fn chats(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        ChatRow,
        "SELECT chat_id, account_id, participant_id, total_messages, unread_count, read_up_to,
                active, opened_at, activity
         FROM chats
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(ChatRow::into_entry).collect())
}

async fn messages(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        MessageRow,
        "SELECT chat_id, number, message_id, sender_id, text, sent_at, deleted_at, hidden_for
         FROM messages
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(MessageRow::into_entry).collect())
}

/// Finds rows of which the log knows nothing at all.
pub(super) async fn check_strays(
    db: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let rows = sqlx::query!(
        r#"SELECT place AS "place!", id AS "id!"
           FROM (
               SELECT DISTINCT 'accounts' AS place, 'account' AS type, account_id AS id FROM accounts
               UNION ALL
               SELECT DISTINCT 'chats', 'chat', chat_id FROM chats
               UNION ALL
               SELECT DISTINCT 'messages', 'chat', chat_id FROM messages
           ) r
           WHERE NOT EXISTS (
               SELECT FROM streams WHERE aggregate_type = r.type AND aggregate_id = r.id::text
           )
           LIMIT $1"#,
        STRAYS
    )
    .fetch_all(db)
    .await?;
    for row in rows {
        let model: Option<ReadModel> = row.place.parse().ok();
        findings.add(Difference {
            place: model.map_or("log", ReadModel::name),
            key: row.id.to_string(),
            field: "stream",
            expected: "events".to_owned(),
            found: "none".to_owned(),
        });
    }
    Ok(())
}
