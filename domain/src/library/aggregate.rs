use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::decisions::Decision;
use super::file::{File, Stage, reserved};
use super::names::{normalise_type, quarantine_key, trim_name};
use super::{LibraryCommand, LibraryError, LibraryEvent};
use crate::{AccountId, ClaimChange, Decider, FileId, Personal};

/// The state that decisions about a person's files depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Library {
    /// None while it is empty and always was.
    pub(super) owner: Option<AccountId>,
    pub(super) files: BTreeMap<FileId, File>,
    /// Bytes that count against the quota.
    pub(super) used: u64,
    pub(super) avatar: Option<FileId>,
}

impl Library {
    /// A file that is not removed.
    #[must_use]
    pub fn file(&self, file_id: FileId) -> Option<&File> {
        self.files.get(&file_id)
    }

    /// Bytes that count against the quota: of all files neither rejected nor removed, and what is
    /// set aside for thumbnails.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Files that are not removed.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    #[must_use]
    pub const fn avatar(&self) -> Option<FileId> {
        self.avatar
    }
}

impl Decider for Library {
    const STATE_SCHEMA: &'static str = "library-2";

    fn decide(&self, command: LibraryCommand) -> Decision {
        match command {
            LibraryCommand::RequestUpload {
                owner,
                file_id,
                name,
                content_type,
                size,
                sha256,
                multipart,
                limits,
                now,
            } => {
                let name = Personal::new(owner, trim_name(&name)?);
                let content_type = normalise_type(&content_type)?;
                if self.is_requested(file_id, size, sha256, &content_type, &limits)? {
                    return Ok(vec![]);
                }
                let reserved = reserved(&content_type, size);
                let object = quarantine_key(file_id, now);
                Ok(vec![LibraryEvent::UploadRequested {
                    owner,
                    file_id,
                    name,
                    content_type,
                    size,
                    reserved,
                    sha256,
                    object,
                    multipart,
                    requested_at: now,
                }])
            }
            LibraryCommand::CompleteUpload { file_id, arrived, limits, now } => {
                self.complete(file_id, arrived, &limits, now)
            }
            LibraryCommand::RejectFile { file_id, reason, now } => {
                self.reject(file_id, reason, now)
            }
            LibraryCommand::PublishFile { file_id, size, image, now } => {
                self.publish(file_id, size, image, now)
            }
            LibraryCommand::Attach { file_id, by, chat_id, message_id, now } => {
                self.attach(file_id, by, (chat_id, message_id), now)
            }
            LibraryCommand::Release { file_id, chat_id, message_id, was_sent, now } => {
                Ok(self.release(file_id, (chat_id, message_id), was_sent, now))
            }
            LibraryCommand::RemoveFile { file_id, why, now } => self.remove(file_id, why, now),
            LibraryCommand::SetAvatar { file_id, now } => self.set_avatar(file_id, now),
        }
    }

    fn claims(&self, _event: &LibraryEvent) -> Vec<ClaimChange> {
        vec![]
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.files.values().map(File::weight).sum::<usize>()
    }
}

impl Library {
    /// Changes a file, and what counts of it against the quota.
    fn change(&mut self, file_id: FileId, at: DateTime<Utc>, change: impl FnOnce(&mut File)) {
        if let Some(file) = self.files.get_mut(&file_id) {
            let before = file.counted;
            change(file);
            file.idle_since = at;
            self.used = self.used.saturating_sub(before).saturating_add(file.counted);
        }
    }
}

impl Aggregate for Library {
    const TYPE: &'static str = "library";
    type Command = LibraryCommand;
    type Event = LibraryEvent;
    type Error = LibraryError;
    type Services = ();

    async fn handle(
        &mut self,
        command: LibraryCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), LibraryError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Folds one recorded event into the state. Never fails and never judges: it already happened.
    fn apply(&mut self, event: LibraryEvent) {
        match event {
            LibraryEvent::UploadRequested {
                owner,
                file_id,
                name: _,
                content_type,
                size,
                reserved,
                sha256,
                object,
                multipart,
                requested_at,
            } => {
                self.owner = Some(owner);
                self.used = self.used.saturating_add(reserved);
                let file = File {
                    stage: Stage::Requested,
                    content_type,
                    size,
                    sha256,
                    objects: vec![object],
                    multipart,
                    counted: reserved,
                    attachments: BTreeSet::new(),
                    forwards: BTreeSet::new(),
                    idle_since: requested_at,
                };
                self.files.insert(file_id, file);
            }
            LibraryEvent::UploadCompleted {
                owner: _,
                file_id,
                content_type,
                reserved,
                completed_at,
            } => {
                self.change(file_id, completed_at, |file| file.complete(content_type, reserved));
            }
            LibraryEvent::FilePublished { file_id, object, size, image, published_at, .. } => {
                self.change(file_id, published_at, |file| file.publish(object, size, image));
            }
            LibraryEvent::FileRejected { file_id, reason, rejected_at, .. } => {
                self.change(file_id, rejected_at, |file| file.reject(reason));
            }
            LibraryEvent::FileAttached {
                owner,
                file_id,
                by,
                chat_id,
                message_id,
                attachments: _,
                attached_at,
            } => {
                self.change(file_id, attached_at, |file| {
                    file.attached_by(by == owner).insert((chat_id, message_id));
                });
            }
            LibraryEvent::FileReleased { file_id, chat_id, message_id, released_at, .. } => {
                self.change(file_id, released_at, |file| {
                    file.release((chat_id, message_id));
                });
            }
            LibraryEvent::FileRemoved { file_id, .. } => {
                if let Some(file) = self.files.remove(&file_id) {
                    self.used = self.used.saturating_sub(file.counted);
                }
            }
            LibraryEvent::AvatarSet { file_id, replaced, set_at, .. } => {
                self.avatar = file_id;
                for file_id in file_id.into_iter().chain(replaced) {
                    self.change(file_id, set_at, |_| {});
                }
            }
        }
    }
}
