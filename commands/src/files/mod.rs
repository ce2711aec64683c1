//! Files: bytes in S3, facts in the log.
//!
//! An app sends a file to S3 itself, with a request that only this file fits: its length, type and
//! SHA-256 are part of the signature. The file lies in quarantine until the policy
//! `process_files` has read it, scanned it, taken its metadata out, and published it under another
//! key. It is fetched with a request that is good for some minutes.
//!
//! - [`Files::request_upload`], [`Files::ticket`], [`Files::part_tickets`]: sending
//! - [`Files::complete`]: what arrived is compared with what was requested
//! - [`Files::download`], [`Files::thumbnail`], [`Files::read`]: fetching
//! - [`Files::reported`]: what moderators look at

mod arrival;
mod bucket;
mod download;
mod embedded;
mod error;
mod images;
mod parts;
mod publish;
mod reported;
mod scanner;
mod settings;
mod validity;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::library::{
    File, FileLimits, Library, LibraryCommand, LibraryError, LibraryEvent, Sha256, Stage,
    quarantine_key,
};
use domain::{AccountId, Decider, FileId};
use eventlog::Position;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::bucket::Bucket;
use self::images::Images;
use crate::gateway::{CommandError, Context, Executed, Gateway};
use crate::in_flight::InFlight;

pub use self::bucket::{Reading, Ticket};
pub use self::error::FilesError;
pub use self::parts::{PART_SIZE, WHOLE_MAX};
pub(crate) use self::publish::Outcome;
pub use self::reported::ReportedFile;
pub use self::settings::{
    EmbeddedSettings, FilesSettings, S3Settings, ScannerAddress, StorageSettings,
};
pub(crate) use self::validity::UPLOAD_VALID;
pub use self::validity::Validity;

/// A file that somebody wants to send.
#[derive(Debug, Clone)]
pub struct NewUpload {
    pub owner: AccountId,
    pub file_id: FileId,
    pub name: String,
    pub content_type: String,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256,
}

/// An upload that was requested.
#[derive(Debug, Clone)]
pub struct RequestedUpload {
    /// That of the first request, when a key was used again.
    pub file_id: FileId,
    /// None, when the file of that first request is not to be sent any more.
    pub upload: Option<Upload>,
    pub position: Position,
}

/// How a file is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    Whole(Ticket),
    /// All parts but the last have `part_size` bytes.
    Parts {
        part_size: u64,
        count: u32,
    },
}

/// A part that is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPart {
    /// From 1.
    pub number: u32,
    /// In bytes.
    pub size: u64,
    pub sha256: Sha256,
}

/// A part that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivedPart {
    pub number: u32,
    /// In bytes.
    pub size: u64,
}

/// Where something can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

/// Files of everybody. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    bucket: Bucket,
    images: Images,
    scanner: Option<ScannerAddress>,
    limits: FileLimits,
    /// The files that are being verified in this process.
    verifying: InFlight<FileId>,
    tasks: TaskTracker,
}

impl Files {
    /// Opens the storage; starts one inside the process when the settings say so, until `stop`.
    ///
    /// # Errors
    ///
    /// When the storage inside cannot be started. Whether another one answers is not asked.
    pub async fn open(
        settings: FilesSettings,
        gateway: Gateway,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, FilesError> {
        let storage = match settings.storage {
            StorageSettings::S3(s3) => s3,
            StorageSettings::Embedded(folder) => {
                let started = embedded::start(folder, tasks, stop).await;
                let started = started.map_err(FilesError::internal)?;
                let endpoint = started.endpoint.as_deref();
                tracing::info!(endpoint, "no S3_BUCKET is set: files are kept in a folder");
                started
            }
        };
        let inner = Inner {
            gateway,
            bucket: Bucket::new(&storage),
            images: Images::new(),
            scanner: settings.scanner,
            limits: settings.limits,
            verifying: InFlight::default(),
            tasks: tasks.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What a person may keep.
    #[must_use]
    pub fn limits(&self) -> FileLimits {
        self.inner.limits
    }

    /// Asks to send a file, and says how.
    ///
    /// # Errors
    ///
    /// What the library refuses; nothing is left behind then.
    pub async fn request_upload(
        &self,
        upload: NewUpload,
        now: DateTime<Utc>,
        context: &Context,
    ) -> Result<RequestedUpload, FilesError> {
        let (owner, file_id) = (upload.owner, upload.file_id);
        // What was requested before is answered, whatever would be decided today.
        let executed = match self.inner.gateway.earlier::<Library>(context).await? {
            Some(first) => first,
            None => self.record_request(upload, now, context).await?,
        };
        let file_id = executed.events.iter().find_map(requested).unwrap_or(file_id);
        let upload = match self.ticket(owner, file_id, now).await {
            Ok(upload) => Some(upload),
            Err(FilesError::NotRequested | FilesError::Library(CommandError::Rule(_))) => None,
            Err(error) => return Err(error),
        };
        Ok(RequestedUpload { file_id, upload, position: executed.position })
    }

    async fn record_request(
        &self,
        upload: NewUpload,
        now: DateTime<Utc>,
        context: &Context,
    ) -> Result<Executed<LibraryEvent>, FilesError> {
        let Inner { gateway, limits, .. } = &*self.inner;
        let (owner, id) = (upload.owner, upload.owner.to_string());
        let object = quarantine_key(upload.file_id, now);
        let command = |multipart| LibraryCommand::RequestUpload {
            owner,
            file_id: upload.file_id,
            name: upload.name.clone(),
            content_type: upload.content_type.clone(),
            size: upload.size,
            sha256: upload.sha256,
            multipart,
            limits: *limits,
            now,
        };
        let opened = if upload.size > WHOLE_MAX {
            let decided = gateway.inspect(&id, |it: &Library| it.decide(command(None))).await?;
            decided.map_err(CommandError::Rule)?;
            Some(self.inner.bucket.begin_parts(&object, &upload.content_type).await?)
        } else {
            None
        };
        let executed = gateway.execute::<Library>(&id, command(opened.clone()), context).await;
        if let Some(opened) = &opened
            && !executed.as_ref().is_ok_and(|it| it.events.iter().any(|it| names(it, opened)))
        {
            // Best effort: what stays costs room until the bucket's own rule clears it away.
            self.inner.bucket.abort_parts(&object, opened).await.ok();
        }
        Ok(executed?)
    }

    /// How to send a file whose upload was requested.
    ///
    /// # Errors
    ///
    /// [`FilesError::NotRequested`] when it has arrived already.
    pub async fn ticket(
        &self,
        owner: AccountId,
        file_id: FileId,
        now: DateTime<Utc>,
    ) -> Result<Upload, FilesError> {
        let file = self.requested(owner, file_id).await?;
        if file.multipart.is_some() {
            let count = u32::try_from(parts::count(file.size)).map_err(FilesError::internal)?;
            return Ok(Upload::Parts { part_size: PART_SIZE, count });
        }
        let valid = Validity::of_upload(now);
        let (key, bucket) = (file.object(), &self.inner.bucket);
        let ticket = bucket.presign_put(key, &file.content_type, file.size, file.sha256, valid);
        Ok(Upload::Whole(ticket.await?))
    }

    /// A ticket for each of `parts`, in their order.
    ///
    /// # Errors
    ///
    /// The first part that is none of this file's, or another reason why none is to be sent.
    pub async fn part_tickets(
        &self,
        owner: AccountId,
        file_id: FileId,
        parts: &[NewPart],
        now: DateTime<Utc>,
    ) -> Result<Vec<Ticket>, FilesError> {
        let file = self.requested(owner, file_id).await?;
        let upload = file.multipart.as_deref().ok_or(FilesError::NotInParts)?;
        let valid = Validity::of_upload(now);
        let mut tickets = Vec::with_capacity(parts.len());
        for part in parts {
            let number = fitting(part, file.size)?;
            let (key, bucket) = (file.object(), &self.inner.bucket);
            let ticket = bucket.presign_part(key, upload, number, part.size, part.sha256, valid);
            tickets.push(ticket.await?);
        }
        parts::note(self.inner.gateway.db(), upload, parts).await?;
        Ok(tickets)
    }

    /// The parts that were sent, by their number: what else there is, is still to be sent.
    ///
    /// # Errors
    ///
    /// When the file is not sent in parts, or is completed.
    pub async fn arrived_parts(
        &self,
        owner: AccountId,
        file_id: FileId,
    ) -> Result<Vec<ArrivedPart>, FilesError> {
        let file = self.requested(owner, file_id).await?;
        let upload = file.multipart.as_deref().ok_or(FilesError::NotInParts)?;
        let stored = self.inner.bucket.stored_parts(file.object(), upload).await?;
        let arrived =
            |(number, part): (u32, parts::StoredPart)| ArrivedPart { number, size: part.size };
        Ok(stored.unwrap_or_default().into_iter().map(arrived).collect())
    }

    /// Where `object` can be saved from, as `name`. Whether the caller may have it was asked before.
    ///
    /// # Errors
    ///
    /// When nothing can be signed.
    pub async fn download(
        &self,
        object: &str,
        name: Option<&str>,
        content_type: &str,
        valid: Validity,
    ) -> Result<Link, FilesError> {
        let named = object.rsplit('/').next().unwrap_or_default();
        let disposition = download::attachment(name.unwrap_or(named));
        self.link(object, download::safe_type(content_type), disposition, valid).await
    }

    /// Where a thumbnail can be shown from.
    ///
    /// # Errors
    ///
    /// When nothing can be signed.
    pub async fn thumbnail(
        &self,
        object: &str,
        content_type: &str,
        valid: Validity,
    ) -> Result<Link, FilesError> {
        self.link(object, download::safe_type(content_type), "inline".to_owned(), valid).await
    }

    /// Reads `object` through this process; nothing when there is none.
    ///
    /// # Errors
    ///
    /// When the storage is out of reach.
    pub async fn read(&self, object: &str) -> Result<Option<Reading>, FilesError> {
        self.inner.bucket.get(object).await
    }

    async fn link(
        &self,
        object: &str,
        content_type: &str,
        disposition: String,
        valid: Validity,
    ) -> Result<Link, FilesError> {
        let ticket =
            self.inner.bucket.presign_get(object, content_type, disposition, valid).await?;
        Ok(Link { url: ticket.url, expires_at: ticket.expires_at })
    }

    async fn file(&self, owner: AccountId, file_id: FileId) -> Result<File, FilesError> {
        let look = |it: &Library| it.file(file_id).cloned();
        let file = self.inner.gateway.inspect(&owner.to_string(), look).await?;
        file.ok_or(FilesError::Library(CommandError::Rule(LibraryError::UnknownFile(file_id))))
    }

    /// A file that is still to be sent.
    async fn requested(&self, owner: AccountId, file_id: FileId) -> Result<File, FilesError> {
        let file = self.file(owner, file_id).await?;
        match file.stage {
            Stage::Requested => Ok(file),
            Stage::Completed | Stage::Published => Err(FilesError::NotRequested),
            Stage::Rejected(reason) => {
                Err(FilesError::Library(CommandError::Rule(LibraryError::Rejected(reason))))
            }
        }
    }
}

/// The number of `part` as S3 counts, if it is one of a file of `size` bytes.
fn fitting(part: &NewPart, size: u64) -> Result<i32, FilesError> {
    let NewPart { number, .. } = *part;
    let invalid = |reason, expected| FilesError::InvalidPart { number, reason, expected };
    let expected = parts::size_of(number, size)
        .ok_or_else(|| invalid("there are fewer parts", parts::count(size)))?;
    if part.size != expected {
        return Err(invalid("it has another size", expected));
    }
    i32::try_from(number).map_err(FilesError::internal)
}

fn requested(event: &LibraryEvent) -> Option<FileId> {
    match event {
        LibraryEvent::UploadRequested { file_id, .. } => Some(*file_id),
        LibraryEvent::UploadCompleted { .. }
        | LibraryEvent::FilePublished { .. }
        | LibraryEvent::FileRejected { .. }
        | LibraryEvent::FileAttached { .. }
        | LibraryEvent::FileReleased { .. }
        | LibraryEvent::FileRemoved { .. }
        | LibraryEvent::AvatarSet { .. } => None,
    }
}

/// Whether the upload in parts `opened` is the one of this request.
fn names(event: &LibraryEvent, opened: &str) -> bool {
    matches!(event, LibraryEvent::UploadRequested { multipart: Some(named), .. } if named == opened)
}
