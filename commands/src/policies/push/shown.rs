//! What devices may show of a chat. It is noted before a message is sent: one that is on its way, or whose
//! answer was lost, may be shown as well, and has to be taken away once it is read or deleted.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::News;

/// What somebody may be shown of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The last message that was sent to a device, whatever became of that.
    pub(super) number: u64,
    /// The last one that a push service has taken, if any.
    pub(super) told: u64,
    /// When it took that.
    pub(super) pushed_at: Option<DateTime<Utc>>,
}

/// A message of a chat, and to whom.
pub(super) type Showing = (ChatId, AccountId, u64);

/// Of which messages devices may show, by chat and member.
pub(super) async fn shown(
    db: &PgPool,
    news: impl Iterator<Item = &News>,
) -> sqlx::Result<HashMap<(ChatId, AccountId), Shown>> {
    let (chats, accounts): (Vec<_>, Vec<_>) =
        news.filter_map(News::shown).map(|(chat, account)| (chat.0, account.0)).unzip();
    if chats.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        "SELECT s.chat_id, s.account_id, s.number, s.told, s.pushed_at
         FROM unnest($1::uuid[], $2::uuid[]) AS w(chat_id, account_id)
         JOIN push_shown s ON s.chat_id = w.chat_id AND s.account_id = w.account_id",
        &chats,
        &accounts
    )
    .fetch_all(db)
    .await?;
    let shown = rows.into_iter().map(|row| {
        let key = (ChatId(row.chat_id), AccountId(row.account_id));
        let (number, told) = (row.number.cast_unsigned(), row.told.cast_unsigned());
        (key, Shown { number, told, pushed_at: row.pushed_at })
    });
    Ok(shown.collect())
}

/// Notes what is about to be sent.
pub(super) async fn sending(db: &mut PgConnection, showing: &[Showing]) -> sqlx::Result<()> {
    if showing.is_empty() {
        return Ok(());
    }
    let (chats, accounts, numbers) = columns(showing);
    sqlx::query!(
        "INSERT INTO push_shown AS s (chat_id, account_id, number)
         SELECT w.chat_id, w.account_id, max(w.number)
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS w(chat_id, account_id, number)
         GROUP BY w.chat_id, w.account_id
         ORDER BY w.chat_id, w.account_id
         ON CONFLICT (chat_id, account_id) DO UPDATE
         SET number = greatest(s.number, excluded.number)",
        &chats,
        &accounts,
        &numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes what push services have taken.
pub(super) async fn told(db: &PgPool, showing: &[Showing], now: DateTime<Utc>) -> sqlx::Result<()> {
    if showing.is_empty() {
        return Ok(());
    }
    let (chats, accounts, numbers) = columns(showing);
    sqlx::query!(
        "INSERT INTO push_shown AS s (chat_id, account_id, number, told, pushed_at)
         SELECT w.chat_id, w.account_id, w.number, w.number, $4
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS w(chat_id, account_id, number)
         ORDER BY w.chat_id, w.account_id
         ON CONFLICT (chat_id, account_id) DO UPDATE
         SET number = greatest(s.number, excluded.number),
             told = greatest(s.told, excluded.told),
             pushed_at = excluded.pushed_at",
        &chats,
        &accounts,
        &numbers,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what is read, unless something newer may be shown by now.
pub(super) async fn hidden(db: &PgPool, read: &[Showing]) -> sqlx::Result<()> {
    if read.is_empty() {
        return Ok(());
    }
    let (chats, accounts, numbers) = columns(read);
    sqlx::query!(
        "DELETE FROM push_shown AS s
         USING unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS w(chat_id, account_id, number)
         WHERE s.chat_id = w.chat_id AND s.account_id = w.account_id AND s.number <= w.number",
        &chats,
        &accounts,
        &numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

fn columns(rows: &[Showing]) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    let chats = rows.iter().map(|(it, ..)| it.0).collect();
    let accounts = rows.iter().map(|(_, it, _)| it.0).collect();
    (chats, accounts, rows.iter().map(|(.., it)| it.cast_signed()).collect())
}
