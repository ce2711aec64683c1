//! What is rare in a run, and the statements that only then are needed.

use std::collections::HashMap;

use domain::{AccountId, ChatId, FileId};
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ProjectionError;

/// Rare changes, with the last position of each.
#[derive(Default)]
pub(super) struct Extras {
    clears: Vec<(ChatId, AccountId, i64, Position)>,
    /// Where copies of which message went, and the first of them to each chat.
    forwards: HashMap<(ChatId, (ChatId, i64)), Position>,
    /// Messages that are gone: for everyone, or for their sender alone.
    removed: HashMap<(ChatId, i64), (Option<AccountId>, Position)>,
    /// Which member was first shown which file where.
    attachments: HashMap<(ChatId, AccountId, FileId), Position>,
    /// Files that show something else now.
    files: HashMap<FileId, Position>,
    /// Sides that something happened to, if the chat was ever opened.
    if_open: HashMap<(ChatId, AccountId), Position>,
    /// Whose every chat changed.
    own: HashMap<AccountId, Position>,
    /// The chats that others have with whom changed.
    participants: HashMap<AccountId, Position>,
}

impl Extras {
    pub(super) fn len(&self) -> usize {
        self.clears.len()
            + self.forwards.len()
            + self.removed.len()
            + self.attachments.len()
            + self.files.len()
            + self.if_open.len()
            + self.own.len()
            + self.participants.len()
    }

    pub(super) fn clear(&mut self, chat: ChatId, by: AccountId, up_to: i64, at: Position) {
        self.clears.push((chat, by, up_to, at));
    }

    pub(super) fn forward(&mut self, chat: ChatId, origin: (ChatId, i64), at: Position) {
        self.forwards.entry((chat, origin)).or_insert(at);
    }

    pub(super) fn remove(&mut self, chat: ChatId, number: i64, at: Position) {
        self.removed.insert((chat, number), (None, at));
    }

    pub(super) fn take_back(&mut self, chat: ChatId, number: i64, by: AccountId, at: Position) {
        self.removed.insert((chat, number), (Some(by), at));
    }

    pub(super) fn attach(&mut self, chat: ChatId, to: AccountId, file: FileId, at: Position) {
        self.attachments.entry((chat, to, file)).or_insert(at);
    }

    pub(super) fn touch_file(&mut self, file: FileId, at: Position) {
        self.files.insert(file, at);
    }

    pub(super) fn touch_if_open(&mut self, chat: ChatId, account: AccountId, at: Position) {
        self.if_open.insert((chat, account), at);
    }

    pub(super) fn touch_own(&mut self, account: AccountId, at: Position) {
        self.own.insert(account, at);
    }

    pub(super) fn touch_participants(&mut self, account: AccountId, at: Position) {
        self.participants.insert(account, at);
    }

    pub(super) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        write_clears(db, &self.clears).await?;
        write_forwards(db, self.forwards).await?;
        touch_copies(db, self.removed).await?;
        write_attachments(db, self.attachments).await?;
        touch_with_files(db, self.files).await?;
        touch_if_open(db, self.if_open).await?;
        touch_own(db, self.own).await?;
        touch_participants(db, self.participants).await
    }
}

async fn write_clears(
    db: &mut PgConnection,
    clears: &[(ChatId, AccountId, i64, Position)],
) -> Result<(), ProjectionError> {
    if clears.is_empty() {
        return Ok(());
    }
    let chat_ids: Vec<_> = clears.iter().map(|it| it.0.0).collect();
    let account_ids: Vec<_> = clears.iter().map(|it| it.1.0).collect();
    let up_to: Vec<_> = clears.iter().map(|it| it.2).collect();
    let positions: Vec<_> = clears.iter().map(|it| it.3.0).collect();
    sqlx::query!(
        "INSERT INTO clears (chat_id, account_id, position, up_to)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])",
        &chat_ids,
        &account_ids,
        &positions,
        &up_to
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn write_forwards(
    db: &mut PgConnection,
    forwards: HashMap<(ChatId, (ChatId, i64)), Position>,
) -> Result<(), ProjectionError> {
    if forwards.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut origin_chats) = (vec![], vec![]);
    let (mut origin_numbers, mut positions) = (vec![], vec![]);
    for ((chat, (origin_chat, origin_number)), position) in forwards {
        chat_ids.push(chat.0);
        origin_chats.push(origin_chat.0);
        origin_numbers.push(origin_number);
        positions.push(position.0);
    }
    sqlx::query!(
        "INSERT INTO forwards (chat_id, origin_chat, origin_number, position)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
         ON CONFLICT DO NOTHING",
        &chat_ids,
        &origin_chats,
        &origin_numbers,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The one UPDATE that says that chats `c` have changed at positions `t.position`, with the clauses
/// that say which.
macro_rules! touch {
    ($which:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query!(
            "UPDATE chats c
             SET changed = greatest(c.changed, t.position),
                 changed_apart = greatest(c.changed_apart, t.position) " + $which,
            $($argument),+
        )
    };
}

/// Copies of a message that is gone no longer say whose it was; of one that its sender took back, to them.
async fn touch_copies(
    db: &mut PgConnection,
    removed: HashMap<(ChatId, i64), (Option<AccountId>, Position)>,
) -> Result<(), ProjectionError> {
    if removed.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut numbers) = (vec![], vec![]);
    let (mut account_ids, mut positions) = (vec![], vec![]);
    for ((chat, number), (account, position)) in removed {
        chat_ids.push(chat.0);
        numbers.push(number);
        account_ids.push(account.map(|it| it.0));
        positions.push(position.0);
    }
    touch!(
        "FROM (
             SELECT f.chat_id, r.account_id, max(r.position) AS position
             FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[])
                  AS r (chat_id, number, account_id, position)
             JOIN forwards f ON f.origin_chat = r.chat_id AND f.origin_number = r.number
             WHERE r.position > f.position
             GROUP BY f.chat_id, r.account_id
         ) t
         WHERE c.chat_id = t.chat_id AND c.account_id = coalesce(t.account_id, c.account_id)",
        &chat_ids,
        &numbers,
        &account_ids as &[Option<Uuid>],
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn write_attachments(
    db: &mut PgConnection,
    attachments: HashMap<(ChatId, AccountId, FileId), Position>,
) -> Result<(), ProjectionError> {
    if attachments.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut account_ids) = (vec![], vec![]);
    let (mut file_ids, mut positions) = (vec![], vec![]);
    for ((chat, account, file), position) in attachments {
        chat_ids.push(chat.0);
        account_ids.push(account.0);
        file_ids.push(file.0);
        positions.push(position.0);
    }
    sqlx::query!(
        "INSERT INTO attachments (chat_id, account_id, file_id, position)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])
         ON CONFLICT DO NOTHING",
        &chat_ids,
        &account_ids,
        &file_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A message with a file shows whether that can be fetched.
async fn touch_with_files(
    db: &mut PgConnection,
    files: HashMap<FileId, Position>,
) -> Result<(), ProjectionError> {
    if files.is_empty() {
        return Ok(());
    }
    let (file_ids, positions): (Vec<_>, Vec<_>) =
        files.into_iter().map(|(file, position)| (file.0, position.0)).unzip();
    touch!(
        "FROM (
             SELECT a.chat_id, a.account_id, max(f.position) AS position
             FROM unnest($1::uuid[], $2::bigint[]) AS f (file_id, position)
             JOIN attachments a ON a.file_id = f.file_id
             WHERE f.position > a.position
             GROUP BY a.chat_id, a.account_id
         ) t
         WHERE c.chat_id = t.chat_id AND c.account_id = t.account_id",
        &file_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn touch_if_open(
    db: &mut PgConnection,
    sides: HashMap<(ChatId, AccountId), Position>,
) -> Result<(), ProjectionError> {
    if sides.is_empty() {
        return Ok(());
    }
    let (mut chat_ids, mut account_ids, mut positions) = (vec![], vec![], vec![]);
    for ((chat, account), position) in sides {
        chat_ids.push(chat.0);
        account_ids.push(account.0);
        positions.push(position.0);
    }
    touch!(
        "FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS t (chat_id, account_id, position)
         WHERE c.chat_id = t.chat_id AND c.account_id = t.account_id",
        &chat_ids,
        &account_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

fn arrays(accounts: HashMap<AccountId, Position>) -> (Vec<Uuid>, Vec<i64>) {
    accounts.into_iter().map(|(account, position)| (account.0, position.0)).unzip()
}

async fn touch_own(
    db: &mut PgConnection,
    accounts: HashMap<AccountId, Position>,
) -> Result<(), ProjectionError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let (account_ids, positions) = arrays(accounts);
    touch!(
        "FROM unnest($1::uuid[], $2::bigint[]) AS t (account_id, position)
         WHERE c.account_id = t.account_id",
        &account_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn touch_participants(
    db: &mut PgConnection,
    accounts: HashMap<AccountId, Position>,
) -> Result<(), ProjectionError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let (account_ids, positions) = arrays(accounts);
    touch!(
        "FROM unnest($1::uuid[], $2::bigint[]) AS t (account_id, position)
         JOIN chats own ON own.account_id = t.account_id
         WHERE c.chat_id = own.chat_id AND c.account_id = own.participant_id",
        &account_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}
