//! Copies of reported files, for moderators alone: what was seen stays to be looked at when the owner's
//! file is gone, and counts against nobody's quota.
//!
//! A copy is stored in pieces of [`PIECE`] bytes, so that no more of it is ever in memory. Each is
//! sealed under the copy's own key, which stands in `reported_files`, sealed under the moderators'
//! key: as the text of a reported message is in the log. A copy that was begun is begun again with the
//! same key, so it does not matter which attempt has stored which piece.

mod seal;

use aws_lc_rs::rand;
use domain::library::File;
use domain::{AccountId, FileId};
use zeroize::Zeroizing;

use self::seal::{Key, Place};
use super::bucket::Reading;
use super::{Files, FilesError};

/// Bytes of a piece before it is sealed.
const PIECE: u64 = 8 << 20;

/// A copy of a file that was reported.
pub struct ReportedFile {
    pub content_type: String,
    /// In bytes.
    pub size: u64,
    file_id: FileId,
    key: Key,
    files: Files,
    next: u64,
}

/// A row of `reported_files`.
struct Row {
    sealed_key: Vec<u8>,
    content_type: String,
    size: i64,
    is_kept: bool,
}

impl Files {
    /// Copies a published file for the moderators. Doing it again does nothing, or what is left.
    pub(crate) async fn keep_reported(
        &self,
        file_id: FileId,
        file: &File,
    ) -> Result<(), FilesError> {
        let row = self.reported_row(file_id).await?;
        if row.as_ref().is_some_and(|it| it.is_kept) {
            return Ok(());
        }
        let reading = self.inner.bucket.get(file.object()).await?;
        let mut reading = reading.ok_or(FilesError::NotArrived)?;
        let row = match row {
            Some(begun) => begun,
            None => self.begin_reported(file_id, &file.content_type, reading.size).await?,
        };
        let key = self.open_key(&row.sealed_key).await?;
        let key = key.ok_or_else(|| FilesError::internal("the moderators' key is destroyed"))?;
        let pieces = pieces(reading.size);
        let mut read = Vec::new();
        for number in 0..pieces {
            let piece = piece(&mut reading, &mut read, number).await?;
            let place = Place { file_id, number, is_last: number + 1 == pieces };
            let sealed = key.seal(place, piece).map_err(FilesError::internal)?;
            self.inner.bucket.put(&object(file_id, number), sealed, SEALED_TYPE).await?;
        }
        self.end_reported(file_id).await
    }

    /// Deletes the copy of a file, if there is one.
    pub(crate) async fn forget_reported(&self, file_id: FileId) -> Result<(), FilesError> {
        let Some(row) = self.reported_row(file_id).await? else { return Ok(()) };
        for number in 0..pieces(row.size.unsigned_abs()) {
            self.inner.bucket.delete(&object(file_id, number)).await?;
        }
        sqlx::query!("DELETE FROM reported_files WHERE file_id = $1", file_id.0)
            .execute(self.inner.gateway.db())
            .await?;
        Ok(())
    }

    /// The copy of a reported file, to be read from its beginning; nothing when there is none (yet, or
    /// any more), or when the moderators' key is destroyed. That it is a moderator who asks is for the
    /// caller to know.
    ///
    /// # Errors
    ///
    /// When the database or its keys cannot be had.
    pub async fn reported(&self, file_id: FileId) -> Result<Option<ReportedFile>, FilesError> {
        let row = self.reported_row(file_id).await?.filter(|it| it.is_kept);
        let Some(row) = row else { return Ok(None) };
        let Some(key) = self.open_key(&row.sealed_key).await? else { return Ok(None) };
        Ok(Some(ReportedFile {
            content_type: row.content_type,
            size: row.size.unsigned_abs(),
            file_id,
            key,
            files: self.clone(),
            next: 0,
        }))
    }

    /// The row of a copy, made with a new key unless another process is faster.
    async fn begin_reported(
        &self,
        file_id: FileId,
        content_type: &str,
        size: u64,
    ) -> Result<Row, FilesError> {
        let mut key = Zeroizing::new([0; seal::KEY_LEN]);
        rand::fill(key.as_mut()).map_err(|_| FilesError::internal("no randomness"))?;
        let codec = self.inner.gateway.codec();
        let sealed = codec.seal_bytes(AccountId::MODERATORS, key.as_ref()).await;
        sqlx::query!(
            "INSERT INTO reported_files (file_id, sealed_key, content_type, size)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            file_id.0,
            sealed.map_err(FilesError::internal)?,
            content_type,
            i64::try_from(size).map_err(FilesError::internal)?
        )
        .execute(self.inner.gateway.db())
        .await?;
        // The key that stands is the one.
        let row = self.reported_row(file_id).await?;
        row.ok_or_else(|| FilesError::internal("the copy was forgotten meanwhile"))
    }

    async fn end_reported(&self, file_id: FileId) -> Result<(), FilesError> {
        let now = self.inner.gateway.clock().now();
        sqlx::query!("UPDATE reported_files SET kept_at = $2 WHERE file_id = $1", file_id.0, now)
            .execute(self.inner.gateway.db())
            .await?;
        Ok(())
    }

    async fn reported_row(&self, file_id: FileId) -> Result<Option<Row>, FilesError> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT sealed_key, content_type, size, kept_at IS NOT NULL AS "is_kept!"
               FROM reported_files
               WHERE file_id = $1"#,
            file_id.0
        );
        Ok(row.fetch_optional(self.inner.gateway.db()).await?)
    }

    /// The key of a copy; nothing once the moderators' is destroyed.
    async fn open_key(&self, sealed: &[u8]) -> Result<Option<Key>, FilesError> {
        let codec = self.inner.gateway.codec();
        let opened = codec.open_bytes(AccountId::MODERATORS, sealed).await;
        let Some(bytes) = opened.map_err(FilesError::internal)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        Key::new(&bytes).map(Some).map_err(FilesError::internal)
    }
}

impl ReportedFile {
    /// What comes next; nothing at the end.
    ///
    /// # Errors
    ///
    /// When the storage is out of reach, or has something else than was stored.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, FilesError> {
        let (number, pieces) = (self.next, pieces(self.size));
        if number == pieces {
            return Ok(None);
        }
        let reading = self.files.inner.bucket.get(&object(self.file_id, number)).await?;
        let reading = reading.ok_or_else(|| FilesError::internal("a piece is missing"))?;
        let sealed = reading.rest().await?;
        let place = Place { file_id: self.file_id, number, is_last: number + 1 == pieces };
        self.next += 1;
        self.key.open(place, sealed).map(Some).map_err(FilesError::internal)
    }
}

/// What a sealed piece is to the storage.
const SEALED_TYPE: &str = "application/octet-stream";

/// Where a piece is.
fn object(file_id: FileId, number: u64) -> String {
    format!("r/{file_id}/{number}")
}

const fn pieces(size: u64) -> u64 {
    size.div_ceil(PIECE)
}

/// Piece `number` of what is read. `read` holds what was read beyond it.
async fn piece(
    reading: &mut Reading,
    read: &mut Vec<u8>,
    number: u64,
) -> Result<Vec<u8>, FilesError> {
    let left = reading.size - number * PIECE;
    let length = usize::try_from(left.min(PIECE)).map_err(FilesError::internal)?;
    while read.len() < length {
        let bytes = reading.next().await?.ok_or(FilesError::Unavailable)?; // it broke off
        read.extend_from_slice(&bytes);
    }
    let beyond = read.split_off(length);
    Ok(std::mem::replace(read, beyond))
}
