use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::AccountId;
use eventlog::Position;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Place;
use super::keys::{self, Key};
use crate::{ChatView, MessageView, ReadModel, ReadsError, chats, messages, reads};

/// What a chat and a message are read from. A page is complete up to the lowest of their checkpoints.
pub const MODELS: [ReadModel; 5] = [
    ReadModel::Accounts,
    ReadModel::Chats,
    ReadModel::Messages,
    ReadModel::Blocks,
    ReadModel::Files,
];

/// So many changes are told one by one; more cost the device and the server more than the latest
/// page of each chat, which is how it started the first time.
const CHANGES_MAX: i64 = 20_000;

/// What a device that was away is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    Changes(Changes),
    /// Read everything anew, at this position or later, and go on from it.
    StartAfresh(Position),
}

/// Changes that follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// In the order of their places.
    pub items: Vec<Item>,
    /// Where to go on. Without `more`, everything up to its position has been told.
    pub next: Place,
    pub more: bool,
    /// What the read models reflect.
    pub reflects: Position,
}

/// What is to be seen now of something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Of its last change.
    pub position: i64,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Messages up to its `cleared_up_to` are gone.
    Chat(Box<ChatView>),
    Message(Box<MessageView>),
    /// The member has deleted it for themselves.
    MessageGone {
        chat_id: Uuid,
        number: i64,
    },
}

/// At most `limit` changes after `since` in the chats of `caller`, as they see them at the time
/// `at`. Without `since`: where to go on after reading everything.
///
/// `reached` is what [`Reads`](crate::Reads) has said that [`MODELS`] reflect: checkpoints in the
/// database may lag behind events that left nothing to write.
///
/// # Errors
///
/// When the database fails, and when one read model is so far behind another that the page would
/// lead nowhere.
pub async fn page(
    db: &PgPool,
    caller: AccountId,
    since: Option<Place>,
    limit: i64,
    reached: Position,
    at: DateTime<Utc>,
) -> Result<Delta, ReadsError> {
    let mut tx = db.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let reflects = reads::reached(&mut *tx, &MODELS).await?.max(reached);
    let Some(since) = since else {
        return Ok(Delta::StartAfresh(reflects));
    };
    // In the middle of what one event changed, the changes were counted a page or more ago.
    if since.is_after_position()
        && keys::are_more(&mut tx, caller, since.position, CHANGES_MAX).await?
    {
        return Ok(Delta::StartAfresh(reflects));
    }
    // One more than asked for tells whether there is a next page.
    let mut keys = keys::after(&mut tx, caller, since, limit.saturating_add(1)).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = keys.len() > shown;
    keys.truncate(shown);
    let next = next(since, reflects, keys.last().filter(|_| more))?;
    let items = items(&mut tx, caller, keys, at).await?;
    tx.commit().await?;
    Ok(Delta::Changes(Changes { items, next, more, reflects }))
}

/// Where to go on: never above what all read models reflect, since one that lags may yet write there.
fn next(since: Place, reflects: Position, last: Option<&Key>) -> Result<Place, ReadsError> {
    let complete = Place::after(reflects.0).max(since);
    let Some(last) = last.map(Key::place) else {
        return Ok(complete);
    };
    let next = last.min(complete);
    if next <= since {
        return Err(ReadsError::Behind { wanted: Position(last.position), reached: reflects });
    }
    Ok(next)
}

/// The changes behind `keys`, in their order.
async fn items(
    db: &mut PgConnection,
    caller: AccountId,
    keys: Vec<Key>,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<Item>> {
    let changed = keys.iter().filter(|it| it.number > 0 && !it.gone);
    let (chat_ids, numbers): (Vec<_>, Vec<_>) = changed.map(|it| (it.chat_id, it.number)).unzip();
    let messages = messages::by_keys(&mut *db, caller, &chat_ids, &numbers, at).await?;
    let mut messages: HashMap<_, _> =
        messages.into_iter().map(|it| ((it.chat_id, it.number), it)).collect();
    let chat_ids: Vec<_> = keys.iter().filter(|it| it.number == 0).map(|it| it.chat_id).collect();
    let chats = chats::by_ids(db, caller, &chat_ids, at).await?;
    let mut chats: HashMap<_, _> = chats.into_iter().map(|it| (it.chat_id, it)).collect();
    let item = |key: Key| {
        let change = if key.number == 0 {
            Change::Chat(Box::new(chats.remove(&key.chat_id)?))
        } else if key.gone {
            Change::MessageGone { chat_id: key.chat_id, number: key.number }
        } else {
            // Changed for both and for the caller alone: the second time, it is there already.
            Change::Message(Box::new(messages.remove(&(key.chat_id, key.number))?))
        };
        Some(Item { position: key.position, change })
    };
    Ok(keys.into_iter().filter_map(item).collect())
}
