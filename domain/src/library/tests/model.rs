//! The same library, told by its events alone, and less cleverly: everything is counted anew.

use std::collections::{BTreeMap, BTreeSet};

use super::LibraryEvent;
use crate::library::{RemovalReason, THUMBNAILS_MAX, is_image};
use crate::{ChatId, FileId, MessageId};

#[derive(Default)]
pub(super) struct Model {
    files: BTreeMap<FileId, Kept>,
    avatar: Option<FileId>,
}

struct Kept {
    /// Names of the events that brought it where it is.
    stages: Vec<&'static str>,
    requested: u64,
    published: Option<u64>,
    attachments: BTreeSet<(ChatId, MessageId)>,
}

impl Model {
    /// Takes in an event; panics at one that must not follow what happened before.
    pub(super) fn record(&mut self, event: &LibraryEvent) {
        match event {
            LibraryEvent::UploadRequested { file_id, size, content_type, .. } => {
                let room = if is_image(content_type) { THUMBNAILS_MAX } else { 0 };
                let kept = Kept {
                    stages: vec!["requested"],
                    requested: size + room,
                    published: None,
                    attachments: BTreeSet::new(),
                };
                assert!(self.files.insert(*file_id, kept).is_none());
            }
            LibraryEvent::UploadCompleted { file_id, reserved, .. } => {
                self.reach(*file_id, "completed");
                let kept = self.kept(*file_id);
                kept.requested = reserved.unwrap_or(kept.requested);
            }
            LibraryEvent::FilePublished { file_id, size, image, .. } => {
                self.reach(*file_id, "published");
                let thumbnails = image.iter().flat_map(|it| &it.thumbnails).map(|it| it.size);
                self.kept(*file_id).published = Some(size + thumbnails.sum::<u64>());
            }
            LibraryEvent::FileRejected { file_id, .. } => self.reach(*file_id, "rejected"),
            LibraryEvent::FileAttached { file_id, chat_id, message_id, attachments, .. } => {
                let kept = self.kept(*file_id);
                assert!(matches!(kept.stages.last(), Some(&("completed" | "published"))));
                assert!(kept.attachments.insert((*chat_id, *message_id)));
                assert_eq!(kept.attachments.len(), *attachments as usize);
            }
            LibraryEvent::FileReleased { file_id, chat_id, message_id, attachments, .. } => {
                let kept = self.kept(*file_id);
                assert!(kept.attachments.remove(&(*chat_id, *message_id)));
                assert_eq!(kept.attachments.len(), *attachments as usize);
            }
            LibraryEvent::FileRemoved { file_id, reason, .. } => {
                let kept = self.files.remove(file_id).unwrap();
                let is_erased = *reason == RemovalReason::Erased;
                assert!(is_erased || kept.attachments.is_empty());
                assert_ne!(self.avatar, Some(*file_id));
            }
            LibraryEvent::AvatarSet { file_id, replaced, .. } => {
                assert_eq!(self.avatar, *replaced);
                assert_ne!(self.avatar, *file_id);
                if let Some(file_id) = file_id {
                    assert_eq!(self.kept(*file_id).stages.last(), Some(&"published"));
                }
                self.avatar = *file_id;
            }
        }
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> u64 {
        let counts = |it: &&Kept| it.stages.last() != Some(&"rejected");
        self.files.values().filter(counts).map(|it| it.published.unwrap_or(it.requested)).sum()
    }

    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    pub(super) fn avatar(&self) -> Option<FileId> {
        self.avatar
    }

    fn reach(&mut self, file_id: FileId, stage: &'static str) {
        let stages = &mut self.kept(file_id).stages;
        stages.push(stage);
        let possible: [&[&str]; 4] = [
            &["requested", "completed"],
            &["requested", "rejected"],
            &["requested", "completed", "published"],
            &["requested", "completed", "rejected"],
        ];
        assert!(possible.contains(&stages.as_slice()), "{stages:?}");
    }

    fn kept(&mut self, file_id: FileId) -> &mut Kept {
        self.files.get_mut(&file_id).unwrap()
    }
}
