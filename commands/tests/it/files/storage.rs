//! A library on a storage.

use std::path::PathBuf;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use commands::{
    Context, EmbeddedSettings, Files, FilesError, FilesSettings, NewUpload, RequestedUpload,
    S3Settings, StorageSettings, Ticket, Upload,
};
use domain::library::{File, FileLimits, Library, LibraryEvent, Sha256};
use domain::{AccountId, FileId};
use eventlog::{Clock, Ids};
use tempfile::TempDir;
use testing::{SeaweedFs, TestDatabase};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::client::Access;
use crate::node::{ALICE, Node};

/// Where files are kept.
pub(crate) enum Storage {
    /// In the process.
    Embedded,
    SeaweedFs,
}

pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) files: Files,
    pub(crate) owner: AccountId,
    /// Scratch, and where the storage in the process is.
    pub(crate) folder: TempDir,
    seaweed: Option<SeaweedFs>,
    _stop: DropGuard,
    /// The last to go: everything else uses it.
    pub(crate) database: TestDatabase,
}

impl World {
    pub(crate) async fn on(storage: Storage) -> Self {
        Self::with(storage, Clock::system(), |_| {}).await
    }

    pub(crate) async fn with(
        storage: Storage,
        clock: Clock,
        change: impl FnOnce(&mut FilesSettings),
    ) -> Self {
        let database = TestDatabase::create().await;
        let node = Node::with_clock(&database, clock);
        let folder = TempDir::new().expect("a folder");
        let seaweed = match storage {
            Storage::Embedded => None,
            Storage::SeaweedFs => Some(SeaweedFs::start().await),
        };
        let storage = match &seaweed {
            None => {
                let folder = folder.path().join("files");
                StorageSettings::Embedded(EmbeddedSettings { folder, port: 0 })
            }
            Some(seaweed) => StorageSettings::S3(s3(seaweed)),
        };
        let mut settings = FilesSettings { storage, limits: FileLimits::default(), scanner: None };
        change(&mut settings);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let gateway = node.gateway.clone();
        let files = Files::open(settings, gateway, &tasks, stop.clone()).await.expect("it opens");
        let stop = stop.drop_guard();
        Self { node, files, owner: ALICE, folder, seaweed, database, _stop: stop }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.node.clock.now()
    }

    /// Asks to send `bytes`.
    pub(crate) async fn request(
        &self,
        bytes: &[u8],
        content_type: &str,
    ) -> Result<RequestedUpload, FilesError> {
        self.request_as(bytes.len() as u64, sha256(bytes), content_type, self.now()).await
    }

    pub(crate) async fn request_as(
        &self,
        size: u64,
        sha256: Sha256,
        content_type: &str,
        now: DateTime<Utc>,
    ) -> Result<RequestedUpload, FilesError> {
        let upload = NewUpload {
            owner: self.owner,
            file_id: FileId(Ids::random().next()),
            name: "a file".to_owned(),
            content_type: content_type.to_owned(),
            size,
            sha256,
        };
        self.files.request_upload(upload, now, &Context::default()).await
    }

    /// Asks to send `bytes` in one piece.
    pub(crate) async fn ticket(&self, bytes: &[u8], content_type: &str) -> (FileId, Ticket) {
        let requested = self.request(bytes, content_type).await.expect("it is allowed");
        (requested.file_id, whole(requested.upload.expect("it is to be sent")))
    }

    pub(crate) async fn complete(&self, file_id: FileId) -> Result<Vec<LibraryEvent>, FilesError> {
        let (now, context) = (self.now(), Context::default());
        Ok(self.files.complete(self.owner, file_id, now, &context).await?.events)
    }

    /// What the library knows of a file.
    pub(crate) async fn file(&self, file_id: FileId) -> Option<File> {
        let look = |it: &Library| it.file(file_id).cloned();
        self.node.gateway.inspect(&self.owner.to_string(), look).await.expect("it loads")
    }

    /// A file of `bytes` to be sent by other programs.
    pub(crate) fn scratch(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(Ids::random().next().to_string());
        std::fs::write(&path, bytes).expect("it is written");
        path
    }

    /// For somebody who goes behind Parlance's back. `ticket` says where the storage is.
    pub(crate) fn access(&self, ticket: &Ticket) -> Access {
        if let Some(seaweed) = &self.seaweed {
            let (id, secret) = seaweed.credentials();
            return Access {
                endpoint: seaweed.endpoint(),
                bucket: seaweed.bucket().to_owned(),
                credentials: (id.to_owned(), secret.to_owned()),
            };
        }
        let secret = std::fs::read_to_string(self.folder.path().join("files/secret"));
        let mut parts = ticket.url.splitn(4, '/');
        let (scheme, host) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        Access {
            endpoint: format!("{scheme}//{host}"),
            bucket: "parlance".to_owned(),
            credentials: ("parlance".to_owned(), secret.expect("it has a secret")),
        }
    }
}

fn s3(seaweed: &SeaweedFs) -> S3Settings {
    let (id, secret) = seaweed.credentials();
    S3Settings {
        endpoint: Some(seaweed.endpoint()),
        public_endpoint: None,
        region: "us-east-1".to_owned(),
        bucket: seaweed.bucket().to_owned(),
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned().into(),
    }
}

pub(crate) fn whole(upload: Upload) -> Ticket {
    match upload {
        Upload::Whole(ticket) => ticket,
        Upload::Parts { count, .. } => panic!("{count} parts"),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    let digest = digest::digest(&digest::SHA256, bytes);
    Sha256(digest.as_ref().try_into().expect("it has 32 bytes"))
}

/// `length` bytes that do not repeat soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
