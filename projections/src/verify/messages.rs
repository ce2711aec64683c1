//! Messages, told anew.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::Content;
use domain::{ChatId, FileId};
use eventlog::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::elsewhere::{self, Removed};
use super::hanging;
use super::history::{self, Edit, Message};
use super::rows::{Entry, Rows, number, shown, veiled};
use super::scope::Scope;
use crate::ReadModel;

#[derive(Default)]
struct MessageRow {
    chat_id: Uuid,
    number: i64,
    message_id: Uuid,
    sender_id: Uuid,
    position: i64,
    changed: i64,
    sent_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    taken_back_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    reply_to: Option<i64>,
    origin_chat: Option<Uuid>,
    origin_number: Option<i64>,
    origin_sender: Option<Uuid>,
    origin_sent_at: Option<DateTime<Utc>>,
    hops: Option<i32>,
    file_id: Option<Uuid>,
    file_owner: Option<Uuid>,
    revision: i32,
    withheld_revision: Option<i32>,
    withheld: bool,
    expired: bool,
    kind: String,
    text: Option<String>,
    tags: Option<Vec<String>>,
    reference_type: Option<String>,
    reference_id: Option<String>,
    action: Option<String>,
    action_params: Option<String>,
    answer: Option<String>,
    answered_by: Option<Uuid>,
    answered_at: Option<DateTime<Utc>>,
    answer_position: Option<i64>,
    answer_withheld: Option<bool>,
}

impl MessageRow {
    fn into_entry(self) -> Entry {
        let tags = self.tags.map(|it| it.join(" "));
        let fields = vec![
            ("message_id", self.message_id.to_string()),
            ("sender_id", self.sender_id.to_string()),
            ("position", self.position.to_string()),
            ("changed", self.changed.to_string()),
            ("sent_at", self.sent_at.to_string()),
            ("edited_at", shown(self.edited_at)),
            ("deleted_at", shown(self.deleted_at)),
            ("taken_back_at", shown(self.taken_back_at)),
            ("expires_at", shown(self.expires_at)),
            ("reply_to", shown(self.reply_to)),
            ("origin_chat", shown(self.origin_chat)),
            ("origin_number", shown(self.origin_number)),
            ("origin_sender", shown(self.origin_sender)),
            ("origin_sent_at", shown(self.origin_sent_at)),
            ("hops", shown(self.hops)),
            ("file_id", shown(self.file_id)),
            ("file_owner", shown(self.file_owner)),
            ("revision", self.revision.to_string()),
            ("withheld_revision", shown(self.withheld_revision)),
            ("withheld", self.withheld.to_string()),
            ("expired", self.expired.to_string()),
            ("kind", self.kind),
            ("text", veiled(self.text.as_deref())),
            ("tags", veiled(tags.as_deref())),
            ("reference_type", shown(self.reference_type)),
            ("reference_id", veiled(self.reference_id.as_deref())),
            ("action", shown(self.action)),
            ("action_params", veiled(self.action_params.as_deref())),
            ("answer", veiled(self.answer.as_deref())),
            ("answered_by", shown(self.answered_by)),
            ("answered_at", shown(self.answered_at)),
            ("answer_position", shown(self.answer_position)),
            ("answer_withheld", shown(self.answer_withheld)),
        ];
        (format!("chat {} message {}", self.chat_id, self.number), fields)
    }
}

/// When messages changed for what happened in other streams.
struct Elsewhere {
    removed: Removed,
    files: HashMap<FileId, i64>,
}

/// What the log says.
pub(super) async fn fold<'a>(
    db: &mut PgConnection,
    scope: &Scope,
    events: impl Iterator<Item = &'a RecordedEvent>,
) -> sqlx::Result<Rows> {
    let chats = history::of(events);
    let copies = chats.values().flat_map(|it| it.messages.values()).filter_map(|it| it.forwarded);
    let origins = copies.map(|it| it.origin_chat);
    let removed = elsewhere::removed(db, scope, ReadModel::Messages, origins).await?;
    let files = chats.values().flat_map(|it| it.messages.values()).filter_map(Message::file);
    let files = elsewhere::file_changes(db, scope, ReadModel::Messages, files).await?;
    let elsewhere = Elsewhere { removed, files };
    let mut rows = Rows::new();
    for (id, chat) in chats {
        let Some(members) = chat.members else { continue };
        for (place, message) in chat.messages {
            let key = (id, number(place));
            rows.extend(hanging::entries(key, members, &message));
            rows.extend([row(key, message, &elsewhere).into_entry()]);
        }
    }
    Ok(rows)
}

fn row((chat, place): (ChatId, i64), message: Message, elsewhere: &Elsewhere) -> MessageRow {
    let kind = match &message.content {
        Content::Text { .. } => "text",
        Content::File { .. } => "file",
        Content::Image { .. } => "image",
        Content::Actionable { .. } => "actionable",
    };
    let row = MessageRow {
        chat_id: chat.0,
        number: place,
        message_id: message.id,
        sender_id: message.sender.0,
        position: message.position,
        changed: message.changed,
        sent_at: message.sent_at,
        withheld: message.withheld,
        taken_back_at: message.taken_back_at,
        kind: kind.to_owned(),
        ..MessageRow::default()
    };
    match message.gone {
        Some((at, expired)) => MessageRow { deleted_at: Some(at), expired, ..row },
        None => present(row, message, elsewhere),
    }
}

/// A message that is still there.
fn present(row: MessageRow, message: Message, elsewhere: &Elsewhere) -> MessageRow {
    let revision = |it: &Edit| i32::try_from(it.revision).unwrap_or(i32::MAX);
    let withheld = message.edits.last().filter(|it| it.withheld);
    let seen = message.edits.iter().rev().find(|it| !it.withheld);
    let sent_text = message.content.text().and_then(|it| it.value().cloned());
    let (text, tags) = seen
        .map_or_else(|| (sent_text, message.tags.clone()), |it| (it.text.clone(), it.tags.clone()));
    let origin = message.forwarded;
    let gone = origin.map(|it| elsewhere.removed.for_anybody((it.origin_chat, it.origin_number)));
    let file = message.content.file();
    let fared = file.and_then(|it| elsewhere.files.get(&it.file_id)).copied();
    let changed = [gone, fared].into_iter().flatten().fold(message.changed, i64::max);
    let (action, action_params) = match &message.content {
        Content::Actionable { action, action_params, .. } => {
            (Some(action.clone()), action_params.value().map(ToString::to_string))
        }
        Content::Text { .. } | Content::File { .. } | Content::Image { .. } => (None, None),
    };
    let answer = message.answer;
    MessageRow {
        changed,
        edited_at: seen.map(|it| it.at),
        expires_at: message.expires_at,
        reply_to: message.reply_to.map(number),
        origin_chat: origin.map(|it| it.origin_chat.0),
        origin_number: origin.map(|it| number(it.origin_number)),
        origin_sender: origin.map(|it| it.sender.0),
        origin_sent_at: origin.map(|it| it.sent_at),
        hops: origin.and_then(|it| i32::try_from(it.hops).ok()),
        file_id: file.map(|it| it.file_id.0),
        file_owner: file.map(|it| it.owner.0),
        revision: seen.map_or(0, revision),
        withheld_revision: withheld.map(revision),
        text,
        tags,
        reference_type: message.reference.as_ref().map(|it| it.kind.clone()),
        reference_id: message.reference.map(|it| it.id),
        action,
        action_params,
        answered_by: answer.as_ref().map(|it| it.by.0),
        answered_at: answer.as_ref().map(|it| it.at),
        answer_position: answer.as_ref().map(|it| it.position),
        answer_withheld: answer.as_ref().map(|it| it.withheld),
        answer: answer.and_then(|it| it.value),
        ..row
    }
}

/// What the read model holds of these streams.
pub(super) async fn read(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        MessageRow,
        "SELECT chat_id, number, message_id, sender_id, position, changed, sent_at, edited_at,
                deleted_at, taken_back_at, expires_at, reply_to, origin_chat, origin_number,
                origin_sender, origin_sent_at, hops, file_id, file_owner, revision,
                withheld_revision, withheld, expired, kind, text, tags, reference_type, reference_id, action, action_params,
                answer, answered_by, answered_at, answer_position, answer_withheld
         FROM messages
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let mut rows: Rows = rows.into_iter().map(MessageRow::into_entry).collect();
    hanging::read(db, ids, &mut rows).await?;
    Ok(rows)
}
