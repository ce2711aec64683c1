//! One file, as far as decisions depend on it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::names::{contradicts, is_image, is_unsupported_image, object_key, thumbnail_key};
use super::{
    ATTACHMENTS_MAX, Arrived, ImageFacts, LibraryError, Rejection, Sha256, THUMBNAIL_EDGES,
    THUMBNAILS_MAX, counted,
};
use crate::{ChatId, FileId, MessageId};

/// A message that a file is attached to.
type Place = (ChatId, MessageId);

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It may be uploaded.
    Requested,
    /// It has arrived, and waits in quarantine.
    Completed,
    Published,
    Rejected(Rejection),
}

/// A file that is not removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub stage: Stage,
    /// As declared; as it turned out, once it is completed.
    pub content_type: String,
    /// In bytes, as declared.
    pub size: u64,
    pub sha256: Sha256,
    /// Everything that is stored of it: where it is, then its thumbnails, then where it was.
    pub objects: Vec<String>,
    /// The storage's name for its upload in parts, until it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipart: Option<String>,
    /// Bytes that count against the quota.
    pub(super) counted: u64,
    /// The messages it is attached to: its owner's, and those of others. How often others forward
    /// it takes nothing from its owner.
    pub(super) attachments: BTreeSet<Place>,
    pub(super) forwards: BTreeSet<Place>,
    /// When something last happened to it.
    pub(super) idle_since: DateTime<Utc>,
}

impl File {
    /// Where its bytes are.
    #[must_use]
    pub fn object(&self) -> &str {
        self.objects.first().map_or("", String::as_str)
    }

    /// The messages it is attached to.
    pub fn attachments(&self) -> impl Iterator<Item = (ChatId, MessageId)> {
        self.attachments.iter().chain(&self.forwards).copied()
    }

    /// To how many messages it is attached.
    #[must_use]
    pub fn uses(&self) -> usize {
        self.attachments.len() + self.forwards.len()
    }

    /// Refuses what was rejected, and what has not arrived.
    pub(super) const fn arrived(&self) -> Result<(), LibraryError> {
        match self.stage {
            Stage::Requested => Err(LibraryError::NotCompleted),
            Stage::Completed | Stage::Published => Ok(()),
            Stage::Rejected(reason) => Err(LibraryError::Rejected(reason)),
        }
    }

    /// What this file is, now that it is seen what arrived; or why it is rejected. An image is one
    /// whatever it was requested as, so that none keeps its metadata.
    pub(super) fn judge(&self, arrived: Arrived, image_max: u64) -> Result<String, Rejection> {
        if arrived.size != self.size {
            return Err(Rejection::SizeMismatch);
        }
        if arrived.sha256 != self.sha256 {
            return Err(Rejection::ChecksumMismatch);
        }
        let requested = self.content_type.as_str();
        match arrived.sniffed_type {
            Some(sniffed) if is_image(&sniffed) => {
                let fits = is_image(requested) || self.size <= image_max;
                if fits { Ok(sniffed) } else { Err(Rejection::TypeMismatch) }
            }
            Some(sniffed) if is_unsupported_image(&sniffed) => Err(Rejection::UnsupportedImage),
            Some(sniffed) if contradicts(requested, &sniffed) => Err(Rejection::TypeMismatch),
            _ if is_image(requested) => Err(Rejection::TypeMismatch),
            _ => Ok(requested.to_owned()),
        }
    }

    /// Refuses to publish what was not asked for.
    pub(super) fn fits(&self, size: u64, image: Option<&ImageFacts>) -> Result<(), LibraryError> {
        if image.is_some() && !is_image(&self.content_type) {
            return Err(LibraryError::NotAnImage);
        }
        let actual = counted(size, image);
        if actual > self.counted {
            return Err(LibraryError::PublishedTooLarge { max: self.counted, actual });
        }
        Ok(())
    }

    /// Whether it is attached to this message.
    pub(super) fn is_attached(&self, to: Place) -> bool {
        self.attachments.contains(&to) || self.forwards.contains(&to)
    }

    /// Refuses one message too many: of its owner, or of all others together.
    pub(super) fn takes_one_more(&self, by_owner: bool) -> Result<(), LibraryError> {
        let attached = if by_owner { &self.attachments } else { &self.forwards };
        if attached.len() >= ATTACHMENTS_MAX {
            return Err(LibraryError::TooManyAttachments { max: ATTACHMENTS_MAX });
        }
        Ok(())
    }

    /// Everything that is to be deleted with it. Who was about to publish it may have stored more
    /// than was recorded.
    #[must_use]
    pub fn leavings(&self, file_id: FileId) -> Vec<String> {
        let mut objects = self.objects.clone();
        match self.stage {
            Stage::Requested | Stage::Published => {}
            Stage::Completed | Stage::Rejected(_) => {
                objects.push(object_key(file_id, self.sha256));
                if is_image(&self.content_type) {
                    let thumbnail = |edge| thumbnail_key(file_id, self.sha256, edge);
                    objects.extend(THUMBNAIL_EDGES.map(thumbnail));
                }
            }
        }
        objects
    }

    pub(super) fn complete(&mut self, content_type: String, reserved: Option<u64>) {
        self.stage = Stage::Completed;
        self.content_type = content_type;
        self.counted = reserved.unwrap_or(self.counted);
        self.multipart = None;
    }

    pub(super) const fn attached_by(&mut self, owner: bool) -> &mut BTreeSet<Place> {
        if owner { &mut self.attachments } else { &mut self.forwards }
    }

    pub(super) fn release(&mut self, from: Place) {
        self.attachments.remove(&from);
        self.forwards.remove(&from);
    }

    pub(super) fn publish(&mut self, object: String, size: u64, image: Option<ImageFacts>) {
        self.stage = Stage::Published;
        self.counted = counted(size, image.as_ref());
        let thumbnails = image.into_iter().flat_map(|it| it.thumbnails).map(|it| it.object);
        // The copy in quarantine is deleted after this is recorded, or with the rest.
        let before = std::mem::take(&mut self.objects);
        self.objects = std::iter::once(object).chain(thumbnails).chain(before).collect();
    }

    /// It stays known, so that its owner can be told. Its bytes go at once.
    pub(super) const fn reject(&mut self, reason: Rejection) {
        self.stage = Stage::Rejected(reason);
        self.counted = 0;
    }

    pub(super) fn weight(&self) -> usize {
        let texts: usize = self.objects.iter().map(|it| it.capacity() + size_of::<String>()).sum();
        size_of::<(FileId, Self)>()
            + texts
            + self.content_type.capacity()
            + self.multipart.as_ref().map_or(0, String::capacity)
            + self.uses() * size_of::<Place>()
    }
}

/// Bytes that an upload may need, thumbnails included.
pub(super) fn reserved(content_type: &str, size: u64) -> u64 {
    size.saturating_add(if is_image(content_type) { THUMBNAILS_MAX } else { 0 })
}
