use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::ChatEvent;
use domain::{AccountId, ChatId, Event};
use eventlog::Position;
use sqlx::PgConnection;

use super::rows::{Changed, Opened};
use crate::error::{ProjectionError, contradiction, count};

/// What a run of events changes in the lists of chats: one entry a chat, however much happens in it.
#[derive(Default)]
pub(crate) struct Changes(HashMap<ChatId, Change>);

#[derive(Default)]
pub(super) struct Change {
    pub(super) opening: Option<Opening>,
    pub(super) total_messages: Option<i64>,
    pub(super) activity: Option<i64>,
    pub(super) active: Option<bool>,
    /// Those to whom something happened. A chat has two members.
    pub(super) members: [Option<(AccountId, Member)>; 2],
}

pub(super) struct Opening {
    pub(super) members: [AccountId; 2],
    pub(super) at: DateTime<Utc>,
    pub(super) position: Position,
}

/// What happened to one member's side.
#[derive(Default, Clone, Copy)]
pub(super) struct Member {
    /// The count that was recorded when the member last read, if they did in this run.
    pub(super) unread: Option<i64>,
    /// What has come and gone since.
    pub(super) unread_change: i64,
    pub(super) read_up_to: Option<i64>,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match event {
            Event::Account(_) => Ok(()),
            Event::Chat(event) => self.fold_chat(position, event),
        }
    }

    fn fold_chat(&mut self, position: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        match event {
            ChatEvent::Opened { chat_id, members, opened_by: _, opened_at } => {
                if self.0.contains_key(chat_id) {
                    return Err(contradiction("the chat is open already"));
                }
                let change = self.chat(*chat_id);
                change.members = members.map(|it| Some((it, Member::default())));
                change.opening = Some(Opening { members: *members, at: *opened_at, position });
            }
            ChatEvent::TextSent { chat_id, number, recipient, .. } => {
                let number = count(*number)?;
                let change = self.chat(*chat_id);
                change.member(*recipient)?.unread_change += 1;
                change.total_messages = Some(number);
                change.activity = Some(position.0);
            }
            ChatEvent::MessagesRead { chat_id, reader, up_to, unread, read_at: _ } => {
                let (up_to, unread) = (count(*up_to)?, count(*unread)?);
                *self.chat(*chat_id).member(*reader)? =
                    Member { unread: Some(unread), unread_change: 0, read_up_to: Some(up_to) };
            }
            ChatEvent::MessageDeletedForMe { chat_id, by: member, was_unread, .. }
            | ChatEvent::MessageDeletedForEveryone {
                chat_id, recipient: member, was_unread, ..
            } => {
                if *was_unread {
                    self.chat(*chat_id).member(*member)?.unread_change -= 1;
                }
            }
            ChatEvent::Deactivated { chat_id, .. } => self.chat(*chat_id).active = Some(false),
            ChatEvent::Reactivated { chat_id, .. } => self.chat(*chat_id).active = Some(true),
        }
        Ok(())
    }

    fn chat(&mut self, chat: ChatId) -> &mut Change {
        self.0.entry(chat).or_default()
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut opened = Opened::default();
        let mut changed = Changed::default();
        for (chat_id, change) in self.0 {
            match &change.opening {
                Some(opening) => opened.push(chat_id, opening, &change),
                None => changed.push(chat_id, &change),
            }
        }
        opened.write(db).await?;
        changed.write(db).await
    }
}

impl Change {
    fn member(&mut self, account: AccountId) -> Result<&mut Member, ProjectionError> {
        let known = |it: &Option<(AccountId, Member)>| it.is_none_or(|(id, _)| id == account);
        self.members
            .iter_mut()
            .find(|it| known(it))
            .map(|it| &mut it.get_or_insert((account, Member::default())).1)
            .ok_or_else(|| contradiction("a chat has two members, and this is a third"))
    }
}
