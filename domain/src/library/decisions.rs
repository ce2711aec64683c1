//! What is decided about a file.

use chrono::{DateTime, Utc};

use super::aggregate::Library;
use super::file::{File, Stage, reserved};
use super::names::{is_image, is_unsupported_image, object_key};
use super::{
    Arrived, FILES_MAX, FileLimits, ImageFacts, LibraryError, LibraryEvent, Rejection, Removal,
    RemovalReason, Sha256,
};
use crate::{AccountId, ChatId, FileId, MessageId};

pub(super) type Decision = Result<Vec<LibraryEvent>, LibraryError>;

impl Library {
    /// Whether the very same was requested before; refuses what does not fit.
    pub(super) fn is_requested(
        &self,
        file_id: FileId,
        size: u64,
        sha256: Sha256,
        content_type: &str,
        limits: &FileLimits,
    ) -> Result<bool, LibraryError> {
        if let Some(file) = self.files.get(&file_id) {
            let same = file.size == size && file.sha256 == sha256;
            return if same { Ok(true) } else { Err(LibraryError::FileIdTaken(file_id)) };
        }
        if is_unsupported_image(content_type) {
            return Err(LibraryError::UnsupportedImage(content_type.to_owned()));
        }
        if size == 0 {
            return Err(LibraryError::Empty);
        }
        let max = if is_image(content_type) { limits.image_max } else { limits.file_max };
        if size > max {
            return Err(LibraryError::TooLarge { max, actual: size });
        }
        if self.files.len() >= FILES_MAX {
            return Err(LibraryError::TooManyFiles { max: FILES_MAX });
        }
        self.has_room(reserved(content_type, size), limits)?;
        Ok(false)
    }

    /// Refuses what does not fit into the quota.
    fn has_room(&self, asked: u64, limits: &FileLimits) -> Result<(), LibraryError> {
        let (quota, used) = (limits.quota, self.used);
        if asked > quota.saturating_sub(used) {
            return Err(LibraryError::QuotaExceeded { quota, used, asked });
        }
        Ok(())
    }

    pub(super) fn complete(
        &self,
        file_id: FileId,
        arrived: Arrived,
        limits: &FileLimits,
        now: DateTime<Utc>,
    ) -> Decision {
        let (owner, file) = self.known(file_id)?;
        match file.stage {
            Stage::Requested => Ok(vec![match file.judge(arrived, limits.image_max) {
                Ok(content_type) => LibraryEvent::UploadCompleted {
                    owner,
                    file_id,
                    reserved: self.room_for(file, &content_type, limits)?,
                    content_type,
                    completed_at: now,
                },
                Err(reason) => {
                    LibraryEvent::FileRejected { owner, file_id, reason, rejected_at: now }
                }
            }]),
            Stage::Completed | Stage::Published | Stage::Rejected(_) => {
                file.arrived().map(|()| vec![])
            }
        }
    }

    /// What is to count of a file that is of another type than was set aside for; nothing when that
    /// is enough.
    fn room_for(
        &self,
        file: &File,
        content_type: &str,
        limits: &FileLimits,
    ) -> Result<Option<u64>, LibraryError> {
        let needed = reserved(content_type, file.size);
        let more = needed.saturating_sub(file.counted);
        if more == 0 {
            return Ok(None);
        }
        self.has_room(more, limits)?;
        Ok(Some(needed))
    }

    pub(super) fn reject(
        &self,
        file_id: FileId,
        reason: Rejection,
        now: DateTime<Utc>,
    ) -> Decision {
        let (owner, file) = self.known(file_id)?;
        match file.stage {
            Stage::Requested | Stage::Completed => {
                Ok(vec![LibraryEvent::FileRejected { owner, file_id, reason, rejected_at: now }])
            }
            Stage::Published => Err(LibraryError::AlreadyPublished),
            Stage::Rejected(_) => Ok(vec![]),
        }
    }

    pub(super) fn publish(
        &self,
        file_id: FileId,
        size: u64,
        image: Option<ImageFacts>,
        now: DateTime<Utc>,
    ) -> Decision {
        let (owner, file) = self.known(file_id)?;
        file.arrived()?;
        if file.stage == Stage::Published {
            return Ok(vec![]);
        }
        file.fits(size, image.as_ref())?;
        let object = object_key(file_id, file.sha256);
        Ok(vec![LibraryEvent::FilePublished {
            owner,
            file_id,
            object,
            size,
            image,
            published_at: now,
        }])
    }

    pub(super) fn attach(
        &self,
        file_id: FileId,
        by: AccountId,
        to: (ChatId, MessageId),
        now: DateTime<Utc>,
    ) -> Decision {
        let (owner, file) = self.known(file_id)?;
        file.arrived()?;
        if file.is_attached(to) {
            return Ok(vec![]);
        }
        file.takes_one_more(by == owner)?;
        Ok(vec![LibraryEvent::FileAttached {
            owner,
            file_id,
            by,
            chat_id: to.0,
            message_id: to.1,
            attachments: count(file.uses() + 1),
            attached_at: now,
        }])
    }

    /// What is not attached, or not even there, needs no release. A file whose last message is gone
    /// goes with it, at once: that it may be sent yet is promised of uploads alone.
    pub(super) fn release(
        &self,
        file_id: FileId,
        from: (ChatId, MessageId),
        was_sent: bool,
        now: DateTime<Utc>,
    ) -> Vec<LibraryEvent> {
        let Ok((owner, file)) = self.known(file_id) else { return vec![] };
        if !file.is_attached(from) {
            return vec![];
        }
        let left = file.uses() - 1;
        let mut events = vec![LibraryEvent::FileReleased {
            owner,
            file_id,
            chat_id: from.0,
            message_id: from.1,
            attachments: count(left),
            released_at: now,
        }];
        if was_sent && left == 0 && self.avatar != Some(file_id) {
            events.push(removed(owner, file_id, file, RemovalReason::Unused, now));
        }
        events
    }

    pub(super) fn remove(&self, file_id: FileId, why: Removal, now: DateTime<Utc>) -> Decision {
        let Ok((owner, file)) = self.known(file_id) else { return Ok(vec![]) };
        let (attachments, avatar) = (file.uses(), self.avatar == Some(file_id));
        let in_use = attachments > 0 || avatar;
        let reason = match why {
            Removal::ByOwner | Removal::Unused { .. } if in_use => {
                return Err(LibraryError::InUse { attachments, avatar });
            }
            Removal::Unused { idle_before } if file.idle_since >= idle_before => {
                return Ok(vec![]);
            }
            Removal::ByOwner => RemovalReason::ByOwner,
            Removal::Unused { .. } => RemovalReason::Unused,
            Removal::Erased => RemovalReason::Erased,
        };
        let mut events = Vec::new();
        if avatar {
            let replaced = self.avatar;
            events.push(LibraryEvent::AvatarSet { owner, file_id: None, replaced, set_at: now });
        }
        events.push(removed(owner, file_id, file, reason, now));
        Ok(events)
    }

    pub(super) fn set_avatar(&self, file_id: Option<FileId>, now: DateTime<Utc>) -> Decision {
        if let Some(file_id) = file_id {
            let (_, file) = self.known(file_id)?;
            file.arrived()?;
            if !is_image(&file.content_type) {
                return Err(LibraryError::NotAnImage);
            }
            if file.stage != Stage::Published {
                return Err(LibraryError::NotPublished);
            }
        }
        let Some(owner) = self.owner.filter(|_| self.avatar != file_id) else {
            return Ok(vec![]);
        };
        let replaced = self.avatar;
        Ok(vec![LibraryEvent::AvatarSet { owner, file_id, replaced, set_at: now }])
    }

    fn known(&self, file_id: FileId) -> Result<(AccountId, &File), LibraryError> {
        let unknown = LibraryError::UnknownFile(file_id);
        self.owner.zip(self.files.get(&file_id)).ok_or(unknown)
    }
}

fn removed(
    owner: AccountId,
    file_id: FileId,
    file: &File,
    reason: RemovalReason,
    now: DateTime<Utc>,
) -> LibraryEvent {
    let (objects, multipart) = (file.leavings(file_id), file.multipart.clone());
    LibraryEvent::FileRemoved { owner, file_id, reason, objects, multipart, removed_at: now }
}

fn count(attachments: usize) -> u32 {
    u32::try_from(attachments).unwrap_or(u32::MAX)
}
