use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, FileId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It may be uploaded.
    Requested,
    /// It has arrived, and is being looked at.
    Completed,
    /// It can be fetched.
    Published,
    Rejected,
}

/// A file, for those who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    pub file_id: Uuid,
    pub owner_id: Uuid,
    /// None once erased.
    pub name: Option<String>,
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    pub state: FileState,
    /// Why it was rejected.
    pub rejection: Option<String>,
    /// Where its bytes are.
    pub object: String,
    /// Of an image that is published, in pixels.
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub blur_hash: Option<String>,
    /// Ascending by edge.
    pub thumbnails: Vec<ThumbnailView>,
}

/// A file as somebody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    pub view: FileView,
    /// When it is gone for them, if that is known: with the last of the messages that they see it in.
    pub until: Option<DateTime<Utc>>,
}

/// A smaller copy of an image. Also the form in which the table holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThumbnailView {
    /// The square that it fits into, in pixels.
    pub edge: u32,
    pub width: u32,
    pub height: u32,
    pub content_type: String,
    /// Where it is stored.
    pub object: String,
}

/// What a person's files take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that count against the quota.
    pub used: i64,
    pub files: i64,
}

struct Row {
    file_id: Uuid,
    owner_id: Uuid,
    name: Option<String>,
    content_type: String,
    size: i64,
    state: String,
    rejection: Option<String>,
    object: String,
    width: Option<i32>,
    height: Option<i32>,
    blur_hash: Option<String>,
    thumbnails: Json<Vec<ThumbnailView>>,
}

impl Row {
    fn view(self) -> FileView {
        let state = match self.state.as_str() {
            "completed" => FileState::Completed,
            "published" => FileState::Published,
            "rejected" => FileState::Rejected,
            // The table has no other.
            _ => FileState::Requested,
        };
        FileView {
            file_id: self.file_id,
            owner_id: self.owner_id,
            name: self.name,
            content_type: self.content_type,
            size: self.size,
            state,
            rejection: self.rejection,
            object: self.object,
            width: self.width,
            height: self.height,
            blur_hash: self.blur_hash,
            thumbnails: self.thumbnails.0,
        }
    }
}

/// The one SELECT of files, with the clause that says which.
macro_rules! rows {
    ($which:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"SELECT f.file_id,
                      f.owner_id,
                      f.name,
                      f.content_type,
                      f.size,
                      f.state,
                      f.rejection,
                      f.object,
                      f.width,
                      f.height,
                      f.blur_hash,
                      f.thumbnails AS "thumbnails: Json<Vec<ThumbnailView>>"
               FROM files f
               WHERE "# + $which,
            $($argument),+
        )
    };
}

/// The file of this id, when `caller` may see it at `at`, and until when, if that is known: it stands
/// in messages that they see in chats of theirs, and is gone for them with the last; or it is theirs,
/// and in no message yet, or their picture. `OFFSET 0` has PostgreSQL look at the messages with the
/// file first: they are as many as a file can be attached to at most, and the caller's chats may be
/// more.
///
/// # Errors
///
/// When the database fails.
pub async fn by_id(
    db: &PgPool,
    caller: AccountId,
    file: FileId,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<SeenFile>> {
    let seen = sqlx::query!(
        r#"SELECT CASE WHEN o.is_own OR s.for_good THEN NULL ELSE s.until END AS until
           FROM files f
           CROSS JOIN LATERAL (
               SELECT f.owner_id = $1 AND (f.avatar OR f.attachments = 0) AS is_own
           ) o
           CROSS JOIN LATERAL (
               SELECT bool_or(m.expires_at IS NULL) AS for_good, max(m.expires_at) AS until
               FROM (SELECT * FROM messages WHERE file_id = $2 OFFSET 0) m
               JOIN chats c ON c.chat_id = m.chat_id AND c.account_id = $1
               WHERE m.deleted_at IS NULL
                 AND (m.expires_at IS NULL OR m.expires_at > $3)
                 AND (NOT m.withheld OR m.sender_id = $1)
                 AND (m.taken_back_at IS NULL OR m.sender_id <> $1)
                 AND m.number > c.cleared_up_to
                 AND NOT EXISTS (
                     SELECT
                     FROM message_marks k
                     WHERE k.chat_id = m.chat_id
                       AND k.account_id = $1
                       AND k.number = m.number
                       AND k.hidden IS NOT NULL
                 )
           ) s
           WHERE f.file_id = $2 AND (o.is_own OR s.for_good OR s.until IS NOT NULL)"#,
        caller.0,
        file.0,
        at
    );
    let Some(seen) = seen.fetch_optional(db).await? else { return Ok(None) };
    let file = by_ids(db, &[file.0]).await?.remove(&file.0);
    Ok(file.map(|view| SeenFile { view, until: seen.until }))
}

/// The files of these ids, by id. Who may see them, the caller has asked before.
///
/// # Errors
///
/// When the database fails.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    files: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, FileView>> {
    if files.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = rows!("f.file_id = ANY ($1)", files);
    let rows = rows.fetch_all(db).await?;
    Ok(rows.into_iter().map(|it| (it.file_id, it.view())).collect())
}

/// The avatars of those of `accounts` who have one, by account.
///
/// # Errors
///
/// When the database fails.
pub async fn avatars(db: &PgPool, accounts: &[Uuid]) -> sqlx::Result<HashMap<Uuid, FileView>> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = rows!("f.owner_id = ANY ($1) AND f.avatar", accounts);
    let rows = rows.fetch_all(db).await?;
    Ok(rows.into_iter().map(|it| (it.owner_id, it.view())).collect())
}

/// What the files of `owner` take up.
///
/// # Errors
///
/// When the database fails.
pub async fn usage(db: &PgPool, owner: AccountId) -> sqlx::Result<Usage> {
    sqlx::query_as!(
        Usage,
        r#"SELECT coalesce(sum(counted), 0)::bigint AS "used!", count(*) AS "files!"
           FROM files
           WHERE owner_id = $1"#,
        owner.0
    )
    .fetch_one(db)
    .await
}
