//! Messages that are to disappear: whoever is told how many are unread is not told of those whose
//! time is up.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ProjectionError;

/// Those that came in a run, and those that nobody can have unread any more.
#[derive(Default)]
pub(super) struct Expiring {
    chat_ids: Vec<Uuid>,
    numbers: Vec<i64>,
    account_ids: Vec<Uuid>,
    times: Vec<DateTime<Utc>>,
    gone_chats: Vec<Uuid>,
    gone_numbers: Vec<i64>,
}

impl Expiring {
    pub(super) const fn len(&self) -> usize {
        self.numbers.len() + self.gone_numbers.len()
    }

    pub(super) fn push(
        &mut self,
        chat: ChatId,
        number: i64,
        recipient: AccountId,
        at: DateTime<Utc>,
    ) {
        self.chat_ids.push(chat.0);
        self.numbers.push(number);
        self.account_ids.push(recipient.0);
        self.times.push(at);
    }

    pub(super) fn remove(&mut self, chat: ChatId, number: i64) {
        self.gone_chats.push(chat.0);
        self.gone_numbers.push(number);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if !self.numbers.is_empty() {
            sqlx::query!(
                "INSERT INTO expiring (chat_id, number, account_id, expires_at)
                 SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[])",
                &self.chat_ids,
                &self.numbers,
                &self.account_ids,
                &self.times
            )
            .execute(&mut *db)
            .await?;
        }
        if !self.gone_numbers.is_empty() {
            sqlx::query!(
                "DELETE FROM expiring e
                 USING unnest($1::uuid[], $2::bigint[]) AS g (chat_id, number)
                 WHERE e.chat_id = g.chat_id AND e.number = g.number",
                &self.gone_chats,
                &self.gone_numbers
            )
            .execute(db)
            .await?;
        }
        Ok(())
    }
}
