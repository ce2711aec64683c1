use thiserror::Error;

use super::Rejection;
use crate::FileId;

/// Why a [`Library`](super::Library) refuses a command: one variant a rule. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LibraryError {
    #[error("file {0} does not exist")]
    UnknownFile(FileId),
    #[error("file id {0} was used for another file")]
    FileIdTaken(FileId),
    #[error("name must be 1 to 255 characters without control characters, / and \\")]
    InvalidName,
    #[error("content_type must have the form type/subtype, without parameters")]
    InvalidContentType,
    #[error("images of type {0} are not taken: send a JPEG, PNG, GIF or WebP")]
    UnsupportedImage(String),
    #[error("file is empty")]
    Empty,
    #[error("file has {actual} bytes, at most {max} are allowed")]
    TooLarge { max: u64, actual: u64 },
    #[error("{asked} bytes do not fit: {used} of {quota} bytes are in use")]
    QuotaExceeded { quota: u64, used: u64, asked: u64 },
    #[error("the library has {max} files, remove one first")]
    TooManyFiles { max: usize },
    #[error("the upload is not completed")]
    NotCompleted,
    #[error("file was rejected: {0}")]
    Rejected(Rejection),
    #[error("file is published already")]
    AlreadyPublished,
    #[error("file is not published yet")]
    NotPublished,
    #[error("file is not an image")]
    NotAnImage,
    #[error("what is published has {actual} bytes, at most {max} were set aside")]
    PublishedTooLarge { max: u64, actual: u64 },
    #[error("file is attached to {max} messages of its kind, upload it again to send it once more")]
    TooManyAttachments { max: usize },
    #[error("file is in use by {attachments} messages{}", if *.avatar { ", and as the avatar" } else { "" })]
    InUse { attachments: usize, avatar: bool },
}
