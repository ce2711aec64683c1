use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{ImageFacts, Rejection, RemovalReason, Sha256};
use crate::{AccountId, ChatId, FileId, MessageId, Personal};

/// What has happened in a [`Library`](super::Library). Past tense, and permanent.
///
/// A variant's serialized form is stored for ever: `tests/golden/library/*.json` pins it. To change
/// one, raise its version and add an upcaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum LibraryEvent {
    UploadRequested {
        owner: AccountId,
        file_id: FileId,
        name: Personal<String>,
        /// As declared.
        content_type: String,
        size: u64,
        /// Bytes that count against the quota until it is published: its own, and room for
        /// thumbnails.
        reserved: u64,
        sha256: Sha256,
        /// Where it is to be uploaded.
        object: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        multipart: Option<String>,
        requested_at: DateTime<Utc>,
    },
    /// What was requested has arrived.
    UploadCompleted {
        owner: AccountId,
        file_id: FileId,
        /// As it turned out.
        content_type: String,
        /// Bytes that count from now on, when it turned out to be an image and was requested as
        /// something else: it needs room for thumbnails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<u64>,
        completed_at: DateTime<Utc>,
    },
    FilePublished {
        owner: AccountId,
        file_id: FileId,
        /// Where it is from now on.
        object: String,
        /// Of the object as it is published.
        size: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<ImageFacts>,
        published_at: DateTime<Utc>,
    },
    FileRejected {
        owner: AccountId,
        file_id: FileId,
        reason: Rejection,
        rejected_at: DateTime<Utc>,
    },
    FileAttached {
        owner: AccountId,
        file_id: FileId,
        /// Who sends it.
        by: AccountId,
        chat_id: ChatId,
        message_id: MessageId,
        /// To how many messages it is attached after this: counted where all of them are known.
        attachments: u32,
        attached_at: DateTime<Utc>,
    },
    FileReleased {
        owner: AccountId,
        file_id: FileId,
        chat_id: ChatId,
        message_id: MessageId,
        attachments: u32,
        released_at: DateTime<Utc>,
    },
    FileRemoved {
        owner: AccountId,
        file_id: FileId,
        reason: RemovalReason,
        /// What is to be deleted where files are stored: also what nobody knows to be there.
        objects: Vec<String>,
        /// An upload in parts that was never completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        multipart: Option<String>,
        removed_at: DateTime<Utc>,
    },
    AvatarSet {
        owner: AccountId,
        /// None: no avatar any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_id: Option<FileId>,
        /// The one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced: Option<FileId>,
        set_at: DateTime<Utc>,
    },
}

impl LibraryEvent {
    /// The newest stored version of each event, by its stored name.
    pub(crate) fn newest_version(event_type: &str) -> Option<u32> {
        match event_type {
            "upload_completed" | "file_rejected" | "file_attached" => Some(2),
            "upload_requested" | "file_published" | "file_released" | "file_removed"
            | "avatar_set" => Some(1),
            _ => None,
        }
    }

    /// Whose library it is.
    #[must_use]
    pub const fn owner(&self) -> AccountId {
        match *self {
            Self::UploadRequested { owner, .. }
            | Self::UploadCompleted { owner, .. }
            | Self::FilePublished { owner, .. }
            | Self::FileRejected { owner, .. }
            | Self::FileAttached { owner, .. }
            | Self::FileReleased { owner, .. }
            | Self::FileRemoved { owner, .. }
            | Self::AvatarSet { owner, .. } => owner,
        }
    }
}

impl DomainEvent for LibraryEvent {
    fn event_type(&self) -> String {
        match self {
            Self::UploadRequested { .. } => "upload_requested",
            Self::UploadCompleted { .. } => "upload_completed",
            Self::FilePublished { .. } => "file_published",
            Self::FileRejected { .. } => "file_rejected",
            Self::FileAttached { .. } => "file_attached",
            Self::FileReleased { .. } => "file_released",
            Self::FileRemoved { .. } => "file_removed",
            Self::AvatarSet { .. } => "avatar_set",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        Self::newest_version(&self.event_type()).unwrap_or(1).to_string()
    }
}
