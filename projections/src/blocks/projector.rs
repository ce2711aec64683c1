use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::ChatEvent;
use domain::{AccountId, ChatId, Event};
use eventlog::Position;
use sqlx::PgConnection;

use crate::error::{ProjectionError, contradiction};

/// What a run of events changes in who has blocked whom: the last word on each chat and member.
#[derive(Default)]
pub(crate) struct Changes(HashMap<(ChatId, AccountId), Option<Block>>);

struct Block {
    blocked: AccountId,
    position: Position,
    at: DateTime<Utc>,
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
            Event::Chat(ChatEvent::Blocked { chat_id, members, by, blocked_at }) => {
                let blocked = members.iter().find(|it| *it != by);
                let blocked = *blocked.ok_or_else(|| contradiction("nobody else is a member"))?;
                let block = Block { blocked, position, at: *blocked_at };
                self.0.insert((*chat_id, *by), Some(block));
            }
            Event::Chat(ChatEvent::Unblocked { chat_id, by, .. }) => {
                self.0.insert((*chat_id, *by), None);
            }
            Event::Chat(_) | Event::Account(_) | Event::Library(_) | Event::Devices(_) => {}
        }
        Ok(())
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (chat_ids, account_ids): (Vec<_>, Vec<_>) =
            self.0.keys().map(|(chat, account)| (chat.0, account.0)).unzip();
        sqlx::query!(
            "DELETE FROM blocks b
             USING unnest($1::uuid[], $2::uuid[]) AS c (chat_id, account_id)
             WHERE b.chat_id = c.chat_id AND b.account_id = c.account_id",
            &chat_ids,
            &account_ids
        )
        .execute(&mut *db)
        .await?;
        let blocks = self.0.into_iter().filter_map(|(key, block)| Some((key, block?)));
        let (mut chat_ids, mut account_ids, mut blocked_ids) = (vec![], vec![], vec![]);
        let (mut positions, mut times) = (vec![], vec![]);
        for ((chat, account), block) in blocks {
            chat_ids.push(chat.0);
            account_ids.push(account.0);
            blocked_ids.push(block.blocked.0);
            positions.push(block.position.0);
            times.push(block.at);
        }
        if chat_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO blocks (chat_id, account_id, blocked_id, position, blocked_at)
             SELECT *
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[])",
            &chat_ids,
            &account_ids,
            &blocked_ids,
            &positions,
            &times
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
