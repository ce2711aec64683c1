//! Chats, counted anew.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId, FileId};
use eventlog::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::elsewhere::{self, AccountChanges, Removed};
use super::history::{self, Chat, Draft, Message};
use super::rows::{Entry, Rows, number, shown, veiled};
use super::scope::Scope;
use crate::ReadModel;

#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
struct ChatRow {
    chat_id: Uuid,
    account_id: Uuid,
    participant_id: Uuid,
    total_messages: i64,
    unread_count: i64,
    read_up_to: i64,
    delivered_up_to: i64,
    participant_read_up_to: i64,
    participant_delivered_up_to: i64,
    cleared_up_to: i64,
    marked_unread: bool,
    active: bool,
    archived: bool,
    muted: bool,
    muted_until: Option<DateTime<Utc>>,
    disappearing_days: Option<i32>,
    draft_text: Option<String>,
    draft_reply_to: Option<Uuid>,
    draft_at: Option<DateTime<Utc>>,
    opened_at: DateTime<Utc>,
    activity: i64,
    changed: i64,
    changed_apart: i64,
}

impl ChatRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("participant_id", self.participant_id.to_string()),
            ("total_messages", self.total_messages.to_string()),
            ("unread_count", self.unread_count.to_string()),
            ("read_up_to", self.read_up_to.to_string()),
            ("delivered_up_to", self.delivered_up_to.to_string()),
            ("participant_read_up_to", self.participant_read_up_to.to_string()),
            ("participant_delivered_up_to", self.participant_delivered_up_to.to_string()),
            ("cleared_up_to", self.cleared_up_to.to_string()),
            ("marked_unread", self.marked_unread.to_string()),
            ("active", self.active.to_string()),
            ("archived", self.archived.to_string()),
            ("muted", self.muted.to_string()),
            ("muted_until", shown(self.muted_until)),
            ("disappearing_days", shown(self.disappearing_days)),
            ("draft_text", veiled(self.draft_text.as_deref())),
            ("draft_reply_to", shown(self.draft_reply_to)),
            ("draft_at", shown(self.draft_at)),
            ("opened_at", self.opened_at.to_string()),
            ("activity", self.activity.to_string()),
            ("changed", self.changed.to_string()),
            ("changed_apart", self.changed_apart.to_string()),
        ];
        (format!("chat {} of account {}", self.chat_id, self.account_id), fields)
    }
}

struct ClearRow {
    chat_id: Uuid,
    account_id: Uuid,
    position: i64,
    up_to: i64,
}

impl ClearRow {
    fn into_entry(self) -> Entry {
        let Self { chat_id, account_id, position, up_to } = self;
        let key = format!("chat {chat_id} cleared by account {account_id} at {position}");
        (key, vec![("up_to", up_to.to_string())])
    }
}

struct AttachmentRow {
    chat_id: Uuid,
    account_id: Uuid,
    file_id: Uuid,
    position: i64,
}

impl AttachmentRow {
    fn into_entry(self) -> Entry {
        let Self { chat_id, account_id, file_id, position } = self;
        let key = format!("chat {chat_id} file {file_id} shown to account {account_id}");
        (key, vec![("position", position.to_string())])
    }
}

struct ExpiringRow {
    chat_id: Uuid,
    number: i64,
    account_id: Uuid,
    expires_at: DateTime<Utc>,
}

impl ExpiringRow {
    fn into_entry(self) -> Entry {
        let Self { chat_id, number, account_id, expires_at } = self;
        let fields =
            vec![("account_id", account_id.to_string()), ("expires_at", expires_at.to_string())];
        (format!("chat {chat_id} expiring message {number}"), fields)
    }
}

struct ForwardRow {
    chat_id: Uuid,
    origin_chat: Uuid,
    origin_number: i64,
    position: i64,
}

impl ForwardRow {
    fn into_entry(self) -> Entry {
        let Self { chat_id, origin_chat, origin_number, position } = self;
        let key = format!("chat {chat_id} copy of chat {origin_chat} message {origin_number}");
        (key, vec![("position", position.to_string())])
    }
}

/// When chats changed for what happened in other streams.
struct Elsewhere {
    accounts: AccountChanges,
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
    let members = chats.values().filter_map(|it| it.members).flatten();
    let accounts = elsewhere::account_changes(db, scope, members).await?;
    let origins = chats.values().flat_map(Chat::origins).map(|it| it.0.0);
    let removed = elsewhere::removed(db, scope, ReadModel::Chats, origins).await?;
    let files = chats.values().flat_map(|it| it.messages.values()).filter_map(Message::file);
    let files = elsewhere::file_changes(db, scope, ReadModel::Chats, files).await?;
    let elsewhere = Elsewhere { accounts, removed, files };
    Ok(chats.iter().flat_map(|(id, chat)| rows(*id, chat, &elsewhere)).collect())
}

impl Chat {
    /// Of what there are copies in the chat, and since when.
    fn origins(&self) -> impl Iterator<Item = ((ChatId, u64), i64)> {
        let forwarded = self.messages.values().filter_map(|it| Some((it.forwarded?, it.position)));
        forwarded.map(|(it, position)| ((it.origin_chat, it.origin_number), position))
    }

    /// The files that `account` was shown, and since when.
    fn files(&self, account: AccountId) -> BTreeMap<FileId, i64> {
        let mut files = BTreeMap::new();
        for message in self.messages.values().filter(|it| !it.is_withheld_from(account)) {
            if let Some(file) = message.file() {
                files.entry(file.file_id).or_insert(message.position);
            }
        }
        files
    }

    /// Messages that are to disappear, and that their recipient has not had deleted while unread.
    fn expiring(&self, id: ChatId, members: [AccountId; 2]) -> impl Iterator<Item = ExpiringRow> {
        let there = self.messages.iter().filter(|(_, it)| !it.withheld && it.gone.is_none());
        there.filter_map(move |(place, message)| {
            let index = usize::from(members[0] == message.sender);
            let expires_at = message.expires_at.filter(|_| !message.marks[index].was_unread)?;
            let (chat_id, account_id) = (id.0, members[index].0);
            Some(ExpiringRow { chat_id, number: number(*place), account_id, expires_at })
        })
    }

    /// Messages of the other member, after the read pointer, that are there for `account`.
    fn unread(&self, account: AccountId, index: usize) -> u64 {
        let unread = self.messages.range(self.sides[index].read_up_to + 1..).filter(|(_, it)| {
            it.sender != account
                && !it.withheld
                && it.gone.is_none()
                && it.marks[index].hidden.is_none()
        });
        unread.count() as u64
    }
}

fn rows(id: ChatId, chat: &Chat, elsewhere: &Elsewhere) -> Vec<Entry> {
    let Elsewhere { accounts, removed, files } = elsewhere;
    let Some(members) = chat.members else {
        return vec![];
    };
    let mut copies: HashMap<(ChatId, u64), i64> = HashMap::new();
    for (origin, position) in chat.origins() {
        copies.entry(origin).or_insert(position);
    }
    let mut entries = vec![];
    for (index, side) in chat.sides.iter().enumerate() {
        let Some((opened, opened_at)) = side.opened else { continue };
        let (account, participant) = (members[index], members[1 - index]);
        let seen = chat.messages.iter().rev().find(|(_, it)| !it.is_withheld_from(account));
        let shown = chat.files(account);
        let fared = shown.iter().filter_map(|(it, since)| files.get(it).filter(|at| *at > since));
        let gone = copies.iter().flat_map(|(origin, since)| {
            removed.concerning(account, *origin).filter(move |position| position > since)
        });
        let elsewhere = [
            gone.max().unwrap_or_default(),
            accounts.for_others(participant),
            accounts.for_themselves(account),
            fared.max().copied().unwrap_or_default(),
        ];
        let elsewhere = elsewhere.into_iter().max().unwrap_or_default();
        let draft = side.draft.as_ref();
        let row = ChatRow {
            chat_id: id.0,
            account_id: account.0,
            participant_id: participant.0,
            total_messages: number(seen.map_or(0, |it| *it.0)),
            unread_count: number(chat.unread(account, index)),
            read_up_to: number(side.read_up_to),
            delivered_up_to: number(side.delivered_up_to),
            participant_read_up_to: number(side.told_read),
            participant_delivered_up_to: number(side.told_delivered),
            cleared_up_to: number(side.clears.last().map_or(0, |it| it.1)),
            marked_unread: side.marked_unread,
            active: !chat.is_inactive,
            archived: side.archived,
            muted: side.muted,
            muted_until: side.muted_until,
            disappearing_days: side.disappearing.and_then(|it| i32::try_from(it.days()).ok()),
            draft_text: draft.and_then(|it: &Draft| it.text.clone()),
            draft_reply_to: draft.and_then(|it| it.reply_to),
            draft_at: draft.map(|it| it.at),
            opened_at,
            activity: seen.map_or(opened, |it| it.1.position.max(opened)),
            changed: side.changed.max(elsewhere),
            changed_apart: side.changed_apart.max(elsewhere),
        };
        entries.push(row.into_entry());
        entries.extend(side.clears.iter().map(|(position, up_to)| {
            ClearRow {
                chat_id: id.0,
                account_id: account.0,
                position: *position,
                up_to: number(*up_to),
            }
            .into_entry()
        }));
        entries.extend(shown.into_iter().map(|(file, position)| {
            let (chat_id, account_id, file_id) = (id.0, account.0, file.0);
            AttachmentRow { chat_id, account_id, file_id, position }.into_entry()
        }));
    }
    entries.extend(copies.into_iter().map(|((origin_chat, origin_number), position)| {
        let (chat_id, origin_chat) = (id.0, origin_chat.0);
        ForwardRow { chat_id, origin_chat, origin_number: number(origin_number), position }
            .into_entry()
    }));
    entries.extend(chat.expiring(id, members).map(ExpiringRow::into_entry));
    entries
}

/// What the read model holds of these streams.
pub(super) async fn read(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let chats = sqlx::query_as!(
        ChatRow,
        "SELECT chat_id, account_id, participant_id, total_messages, unread_count, read_up_to,
                delivered_up_to, participant_read_up_to, participant_delivered_up_to,
                cleared_up_to, marked_unread, active, archived, muted, muted_until,
                disappearing_days, draft_text, draft_reply_to, draft_at, opened_at, activity,
                changed, changed_apart
         FROM chats
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let clears = sqlx::query_as!(
        ClearRow,
        "SELECT chat_id, account_id, position, up_to FROM clears WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let expiring = sqlx::query_as!(
        ExpiringRow,
        "SELECT chat_id, number, account_id, expires_at FROM expiring WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let forwards = sqlx::query_as!(
        ForwardRow,
        "SELECT chat_id, origin_chat, origin_number, position
         FROM forwards
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let attachments = sqlx::query_as!(
        AttachmentRow,
        "SELECT chat_id, account_id, file_id, position
         FROM attachments
         WHERE chat_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    let mut rows: Rows = chats.into_iter().map(ChatRow::into_entry).collect();
    rows.extend(clears.into_iter().map(ClearRow::into_entry));
    rows.extend(expiring.into_iter().map(ExpiringRow::into_entry));
    rows.extend(forwards.into_iter().map(ForwardRow::into_entry));
    rows.extend(attachments.into_iter().map(AttachmentRow::into_entry));
    Ok(rows)
}
