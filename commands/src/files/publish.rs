//! Out of quarantine: read once more, scanned, and published without metadata.

use aws_lc_rs::digest;
use domain::library::{File, ImageFacts, Rejection, Thumbnail, object_key, thumbnail_key};
use domain::{AccountId, FileId, Personal};

use super::arrival::finished;
use super::download::safe_type;
use super::images::{self, Prepared, Rendered, Unfit};
use super::scanner::{Scan, Verdict};
use super::{Files, FilesError, parts};

/// What came of a file in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Publish {
        size: u64,
        image: Option<ImageFacts>,
    },
    Reject(Rejection),
    /// It is not there any more.
    Gone,
}

/// A file that has been read to its end.
struct Read {
    etag: Option<String>,
    /// Of an image.
    bytes: Vec<u8>,
}

impl Files {
    /// Reads `file`, and stores what may be seen of it under the keys that it will be published
    /// with. Doing it again stores the same again.
    pub(crate) async fn process(
        &self,
        owner: AccountId,
        file_id: FileId,
        file: &File,
    ) -> Result<Outcome, FilesError> {
        let format = images::format_of(&file.content_type);
        let read = match self.inspected(file, format.is_some()).await? {
            Ok(read) => read,
            Err(outcome) => return Ok(outcome),
        };
        let target = object_key(file_id, file.sha256);
        let Some(format) = format else {
            let (from, etag) = (file.object(), read.etag.as_deref());
            let content_type = safe_type(&file.content_type);
            self.inner.bucket.copy(from, &target, etag, content_type, file.size).await?;
            return Ok(Outcome::Publish { size: file.size, image: None });
        };
        match self.inner.images.prepare(read.bytes, format).await {
            Ok(prepared) => self.store(owner, file_id, file, prepared).await,
            Err(Unfit::Unreadable) => Ok(Outcome::Reject(Rejection::Unreadable)),
            Err(Unfit::TooLarge | Unfit::TooSlow) => Ok(Outcome::Reject(Rejection::TooManyPixels)),
        }
    }

    /// Deletes objects and an upload in parts. What is not there is deleted.
    pub(crate) async fn delete(
        &self,
        objects: &[String],
        multipart: Option<&str>,
    ) -> Result<(), FilesError> {
        if let (Some(object), Some(upload)) = (objects.first(), multipart) {
            self.inner.bucket.abort_parts(object, upload).await?;
            parts::forget(self.inner.gateway.db(), upload).await?;
        }
        for object in objects {
            self.inner.bucket.delete(object).await?;
        }
        Ok(())
    }

    /// Reads the file past the checksum and the scanner; keeps its bytes if `keep`.
    async fn inspected(
        &self,
        file: &File,
        keep: bool,
    ) -> Result<Result<Read, Outcome>, FilesError> {
        let Some(mut reading) = self.inner.bucket.get(file.object()).await? else {
            return Ok(Err(Outcome::Gone));
        };
        if reading.size != file.size {
            return Ok(Err(Outcome::Reject(Rejection::SizeMismatch)));
        }
        let mut scan = match &self.inner.scanner {
            Some(address) => Some(Scan::begin(address).await.map_err(FilesError::internal)?),
            None => None,
        };
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut kept = Vec::new();
        while let Some(bytes) = reading.next().await? {
            hash.update(&bytes);
            if let Some(scan) = &mut scan {
                scan.feed(&bytes).await.map_err(FilesError::internal)?;
            }
            if keep {
                kept.extend_from_slice(&bytes);
            }
        }
        if finished(hash)? != file.sha256 {
            return Ok(Err(Outcome::Reject(Rejection::ChecksumMismatch)));
        }
        if let Some(scan) = scan
            && let Verdict::Infected(found) = scan.verdict().await.map_err(FilesError::internal)?
        {
            tracing::warn!(object = file.object(), found, "a file is infected");
            return Ok(Err(Outcome::Reject(Rejection::Infected)));
        }
        Ok(Ok(Read { etag: reading.etag, bytes: kept }))
    }

    async fn store(
        &self,
        owner: AccountId,
        file_id: FileId,
        file: &File,
        prepared: Prepared,
    ) -> Result<Outcome, FilesError> {
        let Prepared { original, width, height, blur_hash, thumbnails } = prepared;
        let (bucket, size) = (&self.inner.bucket, original.len() as u64);
        let target = object_key(file_id, file.sha256);
        bucket.put(&target, original, &file.content_type).await?;
        let mut stored = Vec::with_capacity(thumbnails.len());
        for (edge, rendered) in thumbnails {
            let object = thumbnail_key(file_id, file.sha256, edge);
            stored.push(facts(edge, &rendered, object.clone()));
            bucket.put(&object, rendered.bytes, rendered.content_type).await?;
        }
        let blur_hash = Personal::new(owner, blur_hash);
        let image = ImageFacts { width, height, blur_hash, thumbnails: stored };
        Ok(Outcome::Publish { size, image: Some(image) })
    }
}

fn facts(edge: u32, rendered: &Rendered, object: String) -> Thumbnail {
    Thumbnail {
        edge,
        width: rendered.width,
        height: rendered.height,
        content_type: rendered.content_type.to_owned(),
        size: rendered.bytes.len() as u64,
        object,
    }
}
