//! New rows.

use chrono::{DateTime, Utc};
use domain::chat::{ChatEvent, Content};
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use super::key::{Keys, joined};
use crate::error::{ProjectionError, contradiction, count};

/// Messages that were sent, as arrays. Those that are a text and nothing else are nearly all, and
/// have a statement of their own, which costs no more than they need.
#[derive(Default)]
pub(super) struct Sent {
    texts: Rows,
    others: Rows,
    more: More,
}

/// What every message has.
#[derive(Default)]
struct Rows {
    keys: Keys,
    message_ids: Vec<Uuid>,
    sender_ids: Vec<Uuid>,
    positions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    texts: Vec<Option<String>>,
}

/// What a message may have besides.
#[derive(Default)]
struct More {
    kinds: Vec<String>,
    tags: Vec<Option<String>>,
    expires_at: Vec<Option<DateTime<Utc>>>,
    reply_to: Vec<Option<i64>>,
    origin_chats: Vec<Option<Uuid>>,
    origin_numbers: Vec<Option<i64>>,
    origin_senders: Vec<Option<Uuid>>,
    origin_sent_at: Vec<Option<DateTime<Utc>>>,
    hops: Vec<Option<i32>>,
    file_ids: Vec<Option<Uuid>>,
    file_owners: Vec<Option<Uuid>>,
    withheld: Vec<bool>,
    reference_types: Vec<Option<String>>,
    reference_ids: Vec<Option<String>>,
    actions: Vec<Option<String>>,
    action_params: Vec<Option<String>>,
}

impl Sent {
    pub(super) const fn len(&self) -> usize {
        self.texts.keys.len() + self.others.keys.len()
    }

    /// Takes in a `message_sent`.
    pub(super) fn push(
        &mut self,
        position: Position,
        event: &ChatEvent,
    ) -> Result<(), ProjectionError> {
        if is_text_alone(event) {
            self.texts.push(position, event)
        } else {
            self.others.push(position, event)?;
            self.more.push(event)
        }
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.texts.keys.len() > 0 {
            self.texts.write(db).await?;
        }
        if self.others.keys.len() > 0 {
            self.more.write(&self.others, db).await?;
        }
        Ok(())
    }
}

fn is_text_alone(event: &ChatEvent) -> bool {
    matches!(
        event,
        ChatEvent::MessageSent {
            content: Content::Text { .. },
            reply_to: None,
            reference: None,
            tags: None,
            forwarded: None,
            expires_at: None,
            withheld: false,
            ..
        }
    )
}

impl Rows {
    fn push(&mut self, position: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessageSent {
            chat_id, message_id, number, sender, content, sent_at, ..
        } = event
        else {
            return Err(contradiction("nothing was sent"));
        };
        self.keys.push((*chat_id, count(*number)?));
        self.message_ids.push(message_id.0);
        self.sender_ids.push(sender.0);
        self.positions.push(position.0);
        self.times.push(*sent_at);
        self.texts.push(content.text().and_then(|it| it.value().cloned()));
        Ok(())
    }

    async fn write(&self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        sqlx::query!(
            "INSERT INTO messages (
                 chat_id, number, message_id, sender_id, position, changed, sent_at, text
             )
             SELECT chat_id, number, message_id, sender_id, position, position, sent_at, text
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[],
                 $7::text[]
             ) AS s (chat_id, number, message_id, sender_id, position, sent_at, text)",
            &self.keys.chat_ids,
            &self.keys.numbers,
            &self.message_ids,
            &self.sender_ids,
            &self.positions,
            &self.times,
            &self.texts as &[Option<String>]
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

impl More {
    fn push(&mut self, event: &ChatEvent) -> Result<(), ProjectionError> {
        let ChatEvent::MessageSent {
            content,
            reply_to,
            reference,
            tags,
            forwarded,
            expires_at,
            withheld,
            ..
        } = event
        else {
            return Err(contradiction("nothing was sent"));
        };
        let origin = forwarded.as_ref();
        let reply_to = reply_to.map(|it| count(it.number)).transpose()?;
        let origin_number = origin.map(|it| count(it.origin_number)).transpose()?;
        let hops = origin.map(|it| i32::try_from(it.hops).unwrap_or(i32::MAX));
        self.tags.push(joined(tags.as_ref()));
        self.expires_at.push(*expires_at);
        self.reply_to.push(reply_to);
        self.origin_chats.push(origin.map(|it| it.origin_chat.0));
        self.origin_numbers.push(origin_number);
        self.origin_senders.push(origin.map(|it| it.sender.0));
        self.origin_sent_at.push(origin.map(|it| it.sent_at));
        self.hops.push(hops);
        self.file_ids.push(content.file().map(|it| it.file_id.0));
        self.file_owners.push(content.file().map(|it| it.owner.0));
        self.withheld.push(*withheld);
        self.reference_types.push(reference.as_ref().map(|it| it.kind.clone()));
        self.reference_ids.push(reference.as_ref().map(|it| it.id.clone()));
        self.push_action(content);
        Ok(())
    }

    fn push_action(&mut self, content: &Content) {
        let (kind, action) = match content {
            Content::Text { .. } => ("text", None),
            Content::File { .. } => ("file", None),
            Content::Image { .. } => ("image", None),
            Content::Actionable { action, action_params, .. } => {
                ("actionable", Some((action.clone(), action_params.value())))
            }
        };
        self.kinds.push(kind.to_owned());
        let (action, params) = action.unzip();
        self.actions.push(action);
        self.action_params.push(params.flatten().map(ToString::to_string));
    }

    async fn write(self, rows: &Rows, db: &mut PgConnection) -> Result<(), ProjectionError> {
        sqlx::query!(
            "INSERT INTO messages (
                 chat_id, number, message_id, sender_id, position, changed, sent_at, text,
                 kind, tags, expires_at, reply_to,
                 origin_chat, origin_number, origin_sender, origin_sent_at, hops,
                 file_id, file_owner, withheld,
                 reference_type, reference_id, action, action_params
             )
             SELECT chat_id, number, message_id, sender_id, position, position, sent_at, text,
                    kind, string_to_array(tags, ' '), expires_at, reply_to,
                    origin_chat, origin_number, origin_sender, origin_sent_at, hops,
                    file_id, file_owner, withheld,
                    reference_type, reference_id, action, action_params
             FROM unnest(
                 $1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[],
                 $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::bigint[],
                 $12::uuid[], $13::bigint[], $14::uuid[], $15::timestamptz[], $16::int[],
                 $17::uuid[], $18::uuid[], $19::boolean[],
                 $20::text[], $21::text[], $22::text[], $23::text[]
             ) AS s (
                 chat_id, number, message_id, sender_id, position, sent_at, text,
                 kind, tags, expires_at, reply_to,
                 origin_chat, origin_number, origin_sender, origin_sent_at, hops,
                 file_id, file_owner, withheld,
                 reference_type, reference_id, action, action_params
             )",
            &rows.keys.chat_ids,
            &rows.keys.numbers,
            &rows.message_ids,
            &rows.sender_ids,
            &rows.positions,
            &rows.times,
            &rows.texts as &[Option<String>],
            &self.kinds,
            &self.tags as &[Option<String>],
            &self.expires_at as &[Option<DateTime<Utc>>],
            &self.reply_to as &[Option<i64>],
            &self.origin_chats as &[Option<Uuid>],
            &self.origin_numbers as &[Option<i64>],
            &self.origin_senders as &[Option<Uuid>],
            &self.origin_sent_at as &[Option<DateTime<Utc>>],
            &self.hops as &[Option<i32>],
            &self.file_ids as &[Option<Uuid>],
            &self.file_owners as &[Option<Uuid>],
            &self.withheld,
            &self.reference_types as &[Option<String>],
            &self.reference_ids as &[Option<String>],
            &self.actions as &[Option<String>],
            &self.action_params as &[Option<String>]
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
