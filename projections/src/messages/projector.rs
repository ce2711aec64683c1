use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::ChatEvent;
use domain::{AccountId, ChatId, Event};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::{ProjectionError, contradiction, count};

/// What a run of events changes in the messages. The order of writing makes it right for messages
/// that are sent and deleted in one run: first what was sent, then what became of it.
#[derive(Default)]
pub(crate) struct Changes {
    sent: Sent,
    hidden: HashMap<(ChatId, i64), Vec<AccountId>>,
    deleted: HashMap<(ChatId, i64), DateTime<Utc>>,
}

/// New rows, as arrays.
#[derive(Default)]
struct Sent {
    chat_ids: Vec<Uuid>,
    numbers: Vec<i64>,
    message_ids: Vec<Uuid>,
    sender_ids: Vec<Uuid>,
    texts: Vec<Option<String>>,
    times: Vec<DateTime<Utc>>,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.sent.chat_ids.len() + self.hidden.len() + self.deleted.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        match event {
            Event::Account(_) => Ok(()),
            Event::Chat(event) => self.fold_chat(event),
        }
    }

    fn fold_chat(&mut self, event: &ChatEvent) -> Result<(), ProjectionError> {
        match event {
            ChatEvent::TextSent {
                chat_id,
                message_id,
                number,
                sender,
                recipient: _,
                text,
                sent_at,
            } => {
                let number = count(*number)?;
                self.sent.chat_ids.push(chat_id.0);
                self.sent.numbers.push(number);
                self.sent.message_ids.push(message_id.0);
                self.sent.sender_ids.push(sender.0);
                self.sent.texts.push(text.value().cloned());
                self.sent.times.push(*sent_at);
            }
            ChatEvent::MessageDeletedForMe { chat_id, number, by, .. } => {
                let members = self.hidden.entry((*chat_id, count(*number)?)).or_default();
                if !members.contains(by) {
                    members.push(*by);
                }
            }
            ChatEvent::MessageDeletedForEveryone { chat_id, number, deleted_at, .. } => {
                let message = (*chat_id, count(*number)?);
                self.deleted.entry(message).or_insert(*deleted_at);
            }
            ChatEvent::Opened { .. }
            | ChatEvent::MessagesRead { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
        }
        Ok(())
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        self.sent.write(db).await?;
        hide(self.hidden, db).await?;
        delete(self.deleted, db).await
    }
}

impl Sent {
    async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.chat_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO messages (chat_id, number, message_id, sender_id, text, sent_at)
             SELECT *
             FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[])",
            &self.chat_ids,
            &self.numbers,
            &self.message_ids,
            &self.sender_ids,
            &self.texts as &[Option<String>],
            &self.times
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

async fn hide(
    hidden: HashMap<(ChatId, i64), Vec<AccountId>>,
    db: &mut PgConnection,
) -> Result<(), ProjectionError> {
    if hidden.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut numbers) = (vec![], vec![]);
    let (mut first, mut second) = (vec![], vec![]);
    for ((chat_id, number), members) in &hidden {
        chat_ids.push(chat_id.0);
        numbers.push(*number);
        first.push(members.first().map(|it| it.0));
        second.push(members.get(1).map(|it| it.0));
    }
    let done = sqlx::query!(
        "UPDATE messages m
         SET hidden_for = m.hidden_for || array_remove(ARRAY[c.first, c.second], NULL)
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[])
              AS c (chat_id, number, first, second)
         WHERE m.chat_id = c.chat_id AND m.number = c.number",
        &chat_ids,
        &numbers,
        &first as &[Option<Uuid>],
        &second as &[Option<Uuid>]
    )
    .execute(db)
    .await?;
    expect_all(done.rows_affected(), hidden.len())
}

async fn delete(
    deleted: HashMap<(ChatId, i64), DateTime<Utc>>,
    db: &mut PgConnection,
) -> Result<(), ProjectionError> {
    if deleted.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut numbers, mut deleted_at) = (vec![], vec![], vec![]);
    for ((chat_id, number), at) in &deleted {
        chat_ids.push(chat_id.0);
        numbers.push(*number);
        deleted_at.push(*at);
    }
    let done = sqlx::query!(
        "UPDATE messages m
         SET text = NULL, deleted_at = c.deleted_at
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS c (chat_id, number, deleted_at)
         WHERE m.chat_id = c.chat_id AND m.number = c.number",
        &chat_ids,
        &numbers,
        &deleted_at
    )
    .execute(db)
    .await?;
    expect_all(done.rows_affected(), deleted.len())
}

fn expect_all(found: u64, changed: usize) -> Result<(), ProjectionError> {
    if found == changed as u64 { Ok(()) } else { Err(contradiction("the message was never sent")) }
}
