//! What has arrived, before it is believed.

use std::time::Duration;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use domain::library::{Arrived, File, Library, LibraryCommand, LibraryEvent, Sha256, Stage};
use domain::{AccountId, FileId};
use tokio::time::timeout;

use super::bucket::Standing;
use super::{Files, FilesError, parts};
use crate::gateway::{Context, Executed};

/// The first bytes of a file, which tell its type. No signature that is known ends further back.
const BEGINNING: u64 = 8 << 10;

/// How long a request waits for a large file to be read. Verifying goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long reading 2 GiB may take in all.
const VERIFY_MAX: Duration = Duration::from_mins(10);

impl Files {
    /// Compares what arrived with what was requested, and records what came of it.
    ///
    /// # Errors
    ///
    /// [`FilesError::NotArrived`] when something is still to be sent; [`FilesError::Verifying`]
    /// when reading takes longer than a request should: it goes on, and the next call sees its end.
    pub async fn complete(
        &self,
        owner: AccountId,
        file_id: FileId,
        now: DateTime<Utc>,
        context: &Context,
    ) -> Result<Executed<LibraryEvent>, FilesError> {
        let file = self.file(owner, file_id).await?;
        if file.stage != Stage::Requested {
            // It was judged before, and is not judged again.
            let arrived = Arrived { size: file.size, sha256: file.sha256, sniffed_type: None };
            return self.record(owner, file_id, arrived, now, context).await;
        }
        let held = self.inner.verifying.hold(file_id).ok_or(FilesError::Verifying)?;
        let (files, context) = (self.clone(), context.clone());
        let verify = self.inner.tasks.spawn(async move {
            let arrived = timeout(VERIFY_MAX, files.arrived(&file)).await;
            let arrived = arrived.map_err(|_| FilesError::Unavailable).flatten();
            let recorded = match arrived {
                Ok(arrived) => files.record(owner, file_id, arrived, now, &context).await,
                Err(error) => Err(error),
            };
            drop(held);
            recorded
        });
        match timeout(PATIENCE, verify).await {
            Ok(verified) => verified.map_err(FilesError::internal)?,
            Err(_) => Err(FilesError::Verifying),
        }
    }

    async fn record(
        &self,
        owner: AccountId,
        file_id: FileId,
        arrived: Arrived,
        now: DateTime<Utc>,
        context: &Context,
    ) -> Result<Executed<LibraryEvent>, FilesError> {
        let limits = self.inner.limits;
        let command = LibraryCommand::CompleteUpload { file_id, arrived, limits, now };
        Ok(self.inner.gateway.execute::<Library>(&owner.to_string(), command, context).await?)
    }

    /// What lies where `file` was to be sent.
    async fn arrived(&self, file: &File) -> Result<Arrived, FilesError> {
        let standing = self.standing(file).await?;
        let size = standing.size;
        let sha256 = match standing.sha256 {
            Some(sha256) => sha256,
            // Another size is reason enough to reject it: its bytes need not be read.
            None if size != file.size => file.sha256,
            None => self.sha256(file.object()).await?,
        };
        let beginning = self.inner.bucket.beginning(file.object(), BEGINNING).await?;
        let sniffed_type = sniffed(&beginning).map(ToOwned::to_owned);
        Ok(Arrived { size, sha256, sniffed_type })
    }

    /// Puts the parts together, if it is sent in parts and all are there.
    async fn standing(&self, file: &File) -> Result<Standing, FilesError> {
        let (bucket, object) = (&self.inner.bucket, file.object());
        if let Some(standing) = bucket.head(object).await? {
            return Ok(standing);
        }
        let upload = file.multipart.as_deref().ok_or(FilesError::NotArrived)?;
        let stored = bucket.stored_parts(object, upload).await?.unwrap_or_default();
        let sizes = stored.iter().map(|(number, part)| (*number, part.size));
        let expected = (1..).map_while(|it| Some((it, parts::size_of(it, file.size)?)));
        if !sizes.eq(expected) {
            return Err(FilesError::NotArrived);
        }
        let db = self.inner.gateway.db();
        let noted = parts::noted(db, upload).await?;
        bucket.join_parts(object, upload, stored, &noted).await?;
        parts::forget(db, upload).await?;
        bucket.head(object).await?.ok_or(FilesError::NotArrived)
    }

    /// Reads the whole object.
    async fn sha256(&self, object: &str) -> Result<Sha256, FilesError> {
        let mut reading = self.inner.bucket.get(object).await?.ok_or(FilesError::NotArrived)?;
        let mut hash = digest::Context::new(&digest::SHA256);
        while let Some(bytes) = reading.next().await? {
            hash.update(&bytes);
        }
        finished(hash)
    }
}

/// The type that the first bytes of a file tell.
fn sniffed(beginning: &[u8]) -> Option<&'static str> {
    // Every TIFF, which most raw images of cameras are: `infer` knows some.
    if beginning.starts_with(b"II*\0") || beginning.starts_with(b"MM\0*") {
        return Some("image/tiff");
    }
    let told = infer::get(beginning)?.mime_type();
    // Some signatures are two letters long: a text may well begin with BM, MZ or GIF. It has no NUL,
    // and none of what these stand for is without.
    let is_text = !beginning.contains(&0);
    Some(told).filter(|it| !is_text || it.starts_with("text/"))
}

pub(super) fn finished(hash: digest::Context) -> Result<Sha256, FilesError> {
    hash.finish().as_ref().try_into().map(Sha256).map_err(FilesError::internal)
}
