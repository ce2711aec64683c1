use chrono::{DateTime, Utc};

use super::{Arrived, FileLimits, ImageFacts, Rejection, Removal, Sha256};
use crate::{AccountId, ChatId, FileId, MessageId};

/// What a caller may ask of a [`Library`](super::Library). Imperative, and refusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LibraryCommand {
    RequestUpload {
        /// Whose library it is.
        owner: AccountId,
        file_id: FileId,
        name: String,
        content_type: String,
        /// In bytes.
        size: u64,
        sha256: Sha256,
        /// The storage's name for the upload, when the file comes in parts.
        multipart: Option<String>,
        limits: FileLimits,
        now: DateTime<Utc>,
    },
    /// Judges what arrived: the file is completed then, or rejected.
    CompleteUpload {
        file_id: FileId,
        arrived: Arrived,
        limits: FileLimits,
        now: DateTime<Utc>,
    },
    RejectFile {
        file_id: FileId,
        reason: Rejection,
        now: DateTime<Utc>,
    },
    PublishFile {
        file_id: FileId,
        /// Of the object as it is published, in bytes: an image without its metadata is smaller.
        size: u64,
        /// Of an image, and of nothing else.
        image: Option<ImageFacts>,
        now: DateTime<Utc>,
    },
    /// To a message that is about to be sent.
    Attach {
        file_id: FileId,
        /// Who sends it: not the owner, when the file is forwarded.
        by: AccountId,
        chat_id: ChatId,
        message_id: MessageId,
        now: DateTime<Utc>,
    },
    /// From a message that was never sent, or is gone.
    Release {
        file_id: FileId,
        chat_id: ChatId,
        message_id: MessageId,
        /// It was sent, and is gone: a file that nothing else refers to goes with it.
        was_sent: bool,
        now: DateTime<Utc>,
    },
    RemoveFile {
        file_id: FileId,
        why: Removal,
        now: DateTime<Utc>,
    },
    /// None: no avatar any more.
    SetAvatar {
        file_id: Option<FileId>,
        now: DateTime<Utc>,
    },
}
