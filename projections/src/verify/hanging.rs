//! What hangs on messages, told anew: marks, wordings, reactions, pins.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::history::Message;
use super::rows::{Entry, Rows, shown, veiled};

struct MarkRow {
    chat_id: Uuid,
    number: i64,
    account_id: Uuid,
    changed: i64,
    hidden: Option<i64>,
    starred: Option<i64>,
    starred_at: Option<DateTime<Utc>>,
}

impl MarkRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("changed", self.changed.to_string()),
            ("hidden", shown(self.hidden)),
            ("starred", shown(self.starred)),
            ("starred_at", shown(self.starred_at)),
        ];
        let Self { chat_id, number, account_id, .. } = self;
        (format!("chat {chat_id} message {number} mark of account {account_id}"), fields)
    }
}

struct RevisionRow {
    chat_id: Uuid,
    number: i64,
    revision: i32,
    position: i64,
    edited_at: DateTime<Utc>,
    withheld: bool,
    text: Option<String>,
    tags: Option<Vec<String>>,
}

impl RevisionRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("position", self.position.to_string()),
            ("edited_at", self.edited_at.to_string()),
            ("withheld", self.withheld.to_string()),
            ("text", veiled(self.text.as_deref())),
            ("tags", veiled(self.tags.map(|it| it.join(" ")).as_deref())),
        ];
        let Self { chat_id, number, revision, .. } = self;
        (format!("chat {chat_id} message {number} revision {revision}"), fields)
    }
}

struct ReactionRow {
    chat_id: Uuid,
    number: i64,
    account_id: Uuid,
    position: i64,
    until: Option<i64>,
    shown_until: Option<i64>,
    reacted_at: DateTime<Utc>,
    emoji: Option<String>,
}

impl ReactionRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("account_id", self.account_id.to_string()),
            ("until", shown(self.until)),
            ("shown_until", shown(self.shown_until)),
            ("reacted_at", self.reacted_at.to_string()),
            ("emoji", veiled(self.emoji.as_deref())),
        ];
        let Self { chat_id, number, position, .. } = self;
        (format!("chat {chat_id} message {number} reaction at {position}"), fields)
    }
}

struct PinRow {
    chat_id: Uuid,
    number: i64,
    position: i64,
    until: Option<i64>,
    shown_until: Option<i64>,
    pinned_by: Uuid,
    pinned_at: DateTime<Utc>,
}

impl PinRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("until", shown(self.until)),
            ("shown_until", shown(self.shown_until)),
            ("pinned_by", self.pinned_by.to_string()),
            ("pinned_at", self.pinned_at.to_string()),
        ];
        let Self { chat_id, number, position, .. } = self;
        (format!("chat {chat_id} message {number} pin at {position}"), fields)
    }
}

/// What hangs on a message. On one that is gone only marks do, of who had hidden it or done
/// something to it.
pub(super) fn entries(
    (chat, number): (ChatId, i64),
    members: [AccountId; 2],
    message: &Message,
) -> Vec<Entry> {
    let (chat_id, mut entries) = (chat.0, vec![]);
    for (account, mark) in members.iter().zip(&message.marks) {
        let Some(changed) = mark.changed else { continue };
        let (starred, starred_at) = mark.starred.unzip();
        let (account_id, hidden) = (account.0, mark.hidden);
        entries.push(
            MarkRow { chat_id, number, account_id, changed, hidden, starred, starred_at }
                .into_entry(),
        );
    }
    if message.gone.is_some() {
        return entries;
    }
    let edits = message.edits.iter().map(|it| RevisionRow {
        chat_id,
        number,
        revision: i32::try_from(it.revision).unwrap_or(i32::MAX),
        position: it.position,
        edited_at: it.at,
        withheld: it.withheld,
        text: it.text.clone(),
        tags: it.tags.clone(),
    });
    let sent = (!message.edits.is_empty()).then(|| RevisionRow {
        chat_id,
        number,
        revision: 0,
        position: message.position,
        edited_at: message.sent_at,
        withheld: false,
        text: message.content.text().and_then(|it| it.value().cloned()),
        tags: message.tags.clone(),
    });
    entries.extend(edits.chain(sent).map(RevisionRow::into_entry));
    entries.extend(message.reactions.iter().map(|it| {
        ReactionRow {
            chat_id,
            number,
            account_id: it.by.0,
            position: it.position,
            until: it.until,
            shown_until: it.shown_until,
            reacted_at: it.at,
            emoji: it.emoji.clone(),
        }
        .into_entry()
    }));
    entries.extend(message.pins.iter().map(|it| {
        let (position, until, shown_until) = (it.position, it.until, it.shown_until);
        let (pinned_by, pinned_at) = (it.by.0, it.at);
        PinRow { chat_id, number, position, until, shown_until, pinned_by, pinned_at }.into_entry()
    }));
    entries
}

/// Adds what hangs on the messages of these streams in the read model.
pub(super) async fn read(db: &mut PgConnection, ids: &[Uuid], rows: &mut Rows) -> sqlx::Result<()> {
    let marks = sqlx::query_as!(
        MarkRow,
        "SELECT chat_id, number, account_id, changed, hidden, starred, starred_at
         FROM message_marks
         WHERE chat_id = ANY ($1)",
        ids
    );
    rows.extend(marks.fetch_all(&mut *db).await?.into_iter().map(MarkRow::into_entry));
    let revisions = sqlx::query_as!(
        RevisionRow,
        "SELECT chat_id, number, revision, position, edited_at, withheld, text, tags
         FROM message_revisions
         WHERE chat_id = ANY ($1)",
        ids
    );
    rows.extend(revisions.fetch_all(&mut *db).await?.into_iter().map(RevisionRow::into_entry));
    let reactions = sqlx::query_as!(
        ReactionRow,
        "SELECT chat_id, number, account_id, position, until, shown_until, reacted_at, emoji
         FROM reactions
         WHERE chat_id = ANY ($1)",
        ids
    );
    rows.extend(reactions.fetch_all(&mut *db).await?.into_iter().map(ReactionRow::into_entry));
    let pins = sqlx::query_as!(
        PinRow,
        "SELECT chat_id, number, position, until, shown_until, pinned_by, pinned_at
         FROM pins
         WHERE chat_id = ANY ($1)",
        ids
    );
    rows.extend(pins.fetch_all(db).await?.into_iter().map(PinRow::into_entry));
    Ok(())
}
