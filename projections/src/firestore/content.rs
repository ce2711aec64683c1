//! What the documents are to hold: read from the read models, which know who may see what.
//!
//! A chat's document is read by both of its members, so it says what both know. See decision 21.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use eventlog::{Position, database};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::document::{self, ChatContent, Collection, ExternalEventContent, Fields, Key};
use crate::{ReadModel, reads};

/// The read models that documents are made from.
pub(super) const MODELS: [ReadModel; 4] =
    [ReadModel::Accounts, ReadModel::Blocks, ReadModel::Chats, ReadModel::Messages];

/// Some documents as they should be, all at one moment.
pub(super) struct Contents {
    /// Every read model has applied this at least.
    pub(super) position: Position,
    /// What is not here should not be there.
    pub(super) fields: BTreeMap<Key, Fields>,
    /// The rows that presence was made from.
    pub(super) presence: BTreeMap<Uuid, Presence>,
}

/// Whether somebody is there, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presence {
    pub(super) online: bool,
    pub(super) since: DateTime<Utc>,
}

/// What these documents should hold now.
pub(super) async fn read(db: &PgPool, keys: &[Key]) -> sqlx::Result<Contents> {
    let mut tx = database::snapshot(db).await?;
    let position = reads::reached(&mut *tx, &MODELS).await?;
    let (mut fields, mut there) = (BTreeMap::new(), BTreeMap::new());
    for collection in Collection::ALL {
        let keys: Vec<_> = keys.iter().filter(|it| it.collection == collection).collect();
        if keys.is_empty() {
            continue;
        }
        let ids: Vec<_> = keys.iter().filter_map(|it| it.uuid()).collect();
        match collection {
            Collection::Chats => fields.extend(chats(&mut tx, &ids).await?),
            Collection::Pairs => {
                let two = keys.iter().filter_map(|it| it.two());
                fields.extend(pairs(&mut tx, two).await?);
            }
            Collection::Presence => {
                there = presence(&mut tx, &ids).await?;
                fields.extend(there.iter().map(|(id, it)| shown(AccountId(*id), *it)));
            }
            Collection::Users => fields.extend(users(&mut tx, &ids).await?),
            Collection::ExternalEvents => fields.extend(external_events(&mut tx, &ids).await?),
        }
    }
    tx.commit().await?;
    Ok(Contents { position, fields, presence: there })
}

/// Chats that both members have. Messages count that reached both, so that who has blocked the other
/// sees no more of what was withheld than in their own list. What one has unread tells the other how
/// far they have read: it is told where receipts are, and where nobody has blocked anybody.
async fn chats(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<(Key, Fields)>> {
    let rows = sqlx::query!(
        r#"SELECT c.chat_id,
                  c.account_id AS first,
                  o.account_id AS second,
                  c.unread_count > 0 AS "first_unread!",
                  o.unread_count > 0 AS "second_unread!",
                  coalesce(a.read_receipts, true) AND coalesce(b.read_receipts, true)
                      AND NOT EXISTS (
                          SELECT FROM blocks k WHERE k.chat_id = c.chat_id
                      ) AS "is_told!",
                  last.number - withheld.messages AS total,
                  last.sent_at AS "sent_at?"
           FROM chats c
           JOIN chats o ON o.chat_id = c.chat_id AND o.account_id = c.participant_id
           LEFT JOIN accounts a ON a.account_id = c.account_id
           LEFT JOIN accounts b ON b.account_id = o.account_id
           LEFT JOIN LATERAL (
               SELECT m.number, m.sent_at
               FROM messages m
               WHERE m.chat_id = c.chat_id AND NOT m.withheld
               ORDER BY m.number DESC
               LIMIT 1
           ) last ON true
           LEFT JOIN LATERAL (
               SELECT count(*) AS messages
               FROM messages m
               WHERE m.chat_id = c.chat_id AND m.withheld AND m.number < last.number
           ) withheld ON true
           WHERE c.chat_id = ANY ($1) AND c.account_id < c.participant_id"#,
        ids
    )
    .fetch_all(db)
    .await?;
    let chats = rows.into_iter().map(|row| {
        let content = ChatContent {
            members: [AccountId(row.first), AccountId(row.second)],
            total_messages: row.total.unwrap_or_default(),
            last_message_at: row.sent_at,
            notify: [row.first_unread, row.second_unread].map(|it| it && row.is_told),
        };
        (Key::chat(ChatId(row.chat_id)), content.fields())
    });
    Ok(chats.collect())
}

/// Those who may see each other's presence: both have the chat, neither has blocked the other, and both
/// show themselves to somebody. What is shown to everyone is shown to strangers by the API alone.
async fn pairs(
    db: &mut PgConnection,
    pairs: impl Iterator<Item = [AccountId; 2]>,
) -> sqlx::Result<Vec<(Key, Fields)>> {
    let ids: Vec<_> = pairs.map(|[one, other]| ChatId::between(one, other).0).collect();
    let rows = sqlx::query!(
        r#"SELECT c.account_id AS first,
                  o.account_id AS second,
                  coalesce(
                      a.presence_shown_to <> 'nobody' AND b.presence_shown_to <> 'nobody', false
                  ) AND NOT EXISTS (
                      SELECT FROM blocks k WHERE k.chat_id = c.chat_id
                  ) AS "open!"
           FROM chats c
           JOIN chats o ON o.chat_id = c.chat_id AND o.account_id = c.participant_id
           LEFT JOIN accounts a ON a.account_id = c.account_id
           LEFT JOIN accounts b ON b.account_id = o.account_id
           WHERE c.chat_id = ANY ($1) AND c.account_id < c.participant_id"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    let pairs = rows.into_iter().map(|row| {
        let key = Key::pair(AccountId(row.first), AccountId(row.second));
        (key, document::pair(row.open))
    });
    Ok(pairs.collect())
}

async fn presence(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<BTreeMap<Uuid, Presence>> {
    let rows = sqlx::query!(
        "SELECT account_id, online, since FROM presence WHERE account_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    let presence = rows
        .into_iter()
        .map(|row| (row.account_id, Presence { online: row.online, since: row.since }));
    Ok(presence.collect())
}

/// What those see of somebody's presence to whom it is shown: [`pairs`] says who they are.
fn shown(account: AccountId, presence: Presence) -> (Key, Fields) {
    let key = Key::of_account(Collection::Presence, account);
    (key, document::presence(presence.online))
}

async fn users(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<(Key, Fields)>> {
    let rows =
        sqlx::query!("SELECT account_id, username FROM accounts WHERE account_id = ANY ($1)", ids)
            .fetch_all(db)
            .await?;
    let users = rows.into_iter().map(|row| {
        let key = Key::of_account(Collection::Users, AccountId(row.account_id));
        (key, document::user(row.username))
    });
    Ok(users.collect())
}

/// What is unread, as `GET /v1/chats/unread` counts it: without archived chats. Messages whose time is
/// up count until the log says that they are gone, which is within a second.
async fn external_events(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<(Key, Fields)>> {
    let rows = sqlx::query!(
        r#"SELECT a.account_id,
                  coalesce(sum(c.unread_count), 0)::bigint AS "messages!",
                  count(c.chat_id) AS "chats!"
           FROM accounts a
           LEFT JOIN chats c ON c.account_id = a.account_id AND c.unread
           WHERE a.account_id = ANY ($1)
           GROUP BY a.account_id"#,
        ids
    )
    .fetch_all(db)
    .await?;
    let events = rows.into_iter().map(|row| {
        let key = Key::of_account(Collection::ExternalEvents, AccountId(row.account_id));
        let content =
            ExternalEventContent { unread_messages: row.messages, unread_chats: row.chats };
        (key, content.fields())
    });
    Ok(events.collect())
}
