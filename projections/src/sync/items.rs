use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Place;
use super::keys::Key;
use crate::{AccountView, ChatView, MessageView, accounts, chats, messages};

/// What is to be seen now of something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Of its last change.
    pub place: Place,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The member's own account.
    Account(Box<AccountView>),
    /// Messages up to its `cleared_up_to` are gone.
    Chat(Box<ChatView>),
    Message(Box<MessageView>),
    /// The member has deleted it for themselves.
    MessageGone {
        chat_id: Uuid,
        number: i64,
    },
}

/// What is to be seen at the time `at` of what `keys` name, in their order, each with who sees it. What
/// is gone meanwhile is left out.
pub(super) async fn items(
    db: &mut PgConnection,
    keys: Vec<Key>,
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, Item)>> {
    let (mut people, mut listed, mut said) = (vec![], [vec![], vec![]], (vec![], vec![], vec![]));
    for key in &keys {
        if key.chat_id.is_nil() {
            people.push(key.account_id);
        } else if key.number == 0 {
            listed[0].push(key.account_id);
            listed[1].push(key.chat_id);
        } else if !key.gone {
            said.0.push(key.account_id);
            said.1.push(key.chat_id);
            said.2.push(key.number);
        }
    }
    let messages = messages::by_viewers(&mut *db, &said.0, &said.1, &said.2, at).await?;
    let messages = messages.into_iter().map(|(viewer, it)| ((viewer, it.chat_id, it.number), it));
    let mut messages: HashMap<_, _> = messages.collect();
    let chats = chats::by_viewers(&mut *db, &listed[0], &listed[1], at).await?;
    let chats = chats.into_iter().map(|(viewer, it)| ((viewer, it.chat_id), it));
    let mut chats: HashMap<_, _> = chats.collect();
    let mut accounts = HashMap::new();
    if !people.is_empty() {
        let found = accounts::by_ids(db, &people).await?;
        accounts.extend(found.into_iter().map(|it| (it.account_id, it)));
    }
    let item = |key: Key| {
        let (place, viewer) = (key.place(), key.account_id);
        let Key { chat_id, number, .. } = key;
        let change = if chat_id.is_nil() {
            Change::Account(Box::new(accounts.remove(&viewer)?))
        } else if number == 0 {
            Change::Chat(Box::new(chats.remove(&(viewer, chat_id))?))
        } else if key.gone {
            Change::MessageGone { chat_id, number }
        } else {
            // Changed for both and for them alone: the second time, it is there already.
            Change::Message(Box::new(messages.remove(&(viewer, chat_id, number))?))
        };
        Some((viewer, Item { place, change }))
    };
    Ok(keys.into_iter().filter_map(item).collect())
}
