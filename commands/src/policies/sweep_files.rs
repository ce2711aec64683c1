//! What nobody needs is removed: uploads that never arrived, files that no message carries (any
//! more), and the objects of what was removed or has left quarantine.

use chrono::{DateTime, TimeDelta, Utc};
use domain::library::{Library, LibraryCommand, LibraryError, LibraryEvent, Removal};
use domain::{AccountId, Event, FileId};
use serde::{Deserialize, Serialize};

use super::perform::ATTEMPT_MAX;
use super::work::Change;
use super::{Effect, EffectError, Policy};
use crate::files::{Files, UPLOAD_VALID};
use crate::gateway::{CommandError, Gateway};

/// How long a file may lie without anything happening to it and without anybody using it. Long
/// enough to finish an upload tomorrow, and to send today what was uploaded yesterday.
const GRACE: TimeDelta = TimeDelta::hours(24);

/// How long after a file has left quarantine something may still be put there: as long as a ticket
/// is good, and a minute for clocks that disagree.
const LATE_UPLOADS: TimeDelta = TimeDelta::seconds(UPLOAD_VALID.as_secs().cast_signed() + 60);

/// How long after a file was removed whoever was about to publish it may still store something.
const LATE_COPIES: TimeDelta = TimeDelta::seconds(ATTEMPT_MAX.as_secs().cast_signed() + 60);

pub(crate) struct SweepFiles {
    pub(super) gateway: Gateway,
    pub(super) files: Files,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub(crate) enum Sweep {
    RemoveUnused {
        owner: AccountId,
        file_id: FileId,
    },
    DeleteObjects {
        objects: Vec<String>,
        /// An upload in parts to the first of them.
        multipart: Option<String>,
    },
}

impl Policy for SweepFiles {
    const NAME: &'static str = "sweep_files";
    type Task = Sweep;

    fn react(event: &Event) -> Vec<Change<Sweep>> {
        let Event::Library(event) = event else { return vec![] };
        let owner = event.owner();
        match event {
            LibraryEvent::UploadRequested { file_id, object, multipart, requested_at, .. } => {
                let (objects, multipart) = (vec![object.clone()], multipart.clone());
                let arrived = Sweep::DeleteObjects { objects, multipart };
                vec![
                    unless_used(owner, *file_id, *requested_at),
                    Change::set(quarantine(*file_id), None, arrived),
                ]
            }
            LibraryEvent::FilePublished { file_id, published_at: at, .. }
            | LibraryEvent::FileRejected { file_id, rejected_at: at, .. } => vec![
                unless_used(owner, *file_id, *at),
                Change::wake(quarantine(*file_id), *at + LATE_UPLOADS),
            ],
            LibraryEvent::UploadCompleted { file_id, completed_at: at, .. }
            | LibraryEvent::FileAttached { file_id, attached_at: at, .. }
            | LibraryEvent::FileReleased { file_id, released_at: at, .. } => {
                vec![unless_used(owner, *file_id, *at)]
            }
            LibraryEvent::AvatarSet { file_id, replaced, set_at, .. } => {
                let files = [file_id, replaced].into_iter().flatten();
                files.map(|file_id| unless_used(owner, *file_id, *set_at)).collect()
            }
            LibraryEvent::FileRemoved { file_id, objects, multipart, removed_at, .. } => {
                let (objects, multipart) = (objects.clone(), multipart.clone());
                let removed = Sweep::DeleteObjects { objects, multipart };
                vec![
                    Change::drop(unused(*file_id)),
                    Change::set(format!("removed:{file_id}"), Some(*removed_at), removed.clone()),
                    Change::set(
                        format!("late:{file_id}"),
                        Some(*removed_at + LATE_COPIES),
                        removed,
                    ),
                    Change::wake(quarantine(*file_id), *removed_at + LATE_UPLOADS),
                ]
            }
        }
    }

    async fn perform(&self, task: Sweep, effect: &Effect) -> Result<(), EffectError> {
        match task {
            Sweep::RemoveUnused { owner, file_id } => self.remove(owner, file_id, effect).await,
            Sweep::DeleteObjects { objects, multipart } => {
                Ok(self.files.delete(&objects, multipart.as_deref()).await?)
            }
        }
    }
}

impl SweepFiles {
    /// The library has the last word: what is in use stays, and what something happened to
    /// meanwhile is looked at again for that.
    async fn remove(
        &self,
        owner: AccountId,
        file_id: FileId,
        effect: &Effect,
    ) -> Result<(), EffectError> {
        let why = Removal::Unused { idle_before: effect.now - GRACE };
        let command = LibraryCommand::RemoveFile { file_id, why, now: effect.now };
        let (library, context) = (owner.to_string(), effect.context());
        match self.gateway.execute::<Library>(&library, command, &context).await {
            Err(CommandError::Rule(LibraryError::InUse { .. })) => Ok(()),
            executed => Ok(executed.map(drop)?),
        }
    }
}

/// Removed once `GRACE` has passed since `at`. Idle is what was idle before, not at, that moment.
fn unless_used(owner: AccountId, file_id: FileId, at: DateTime<Utc>) -> Change<Sweep> {
    let due = at + GRACE + TimeDelta::seconds(1);
    Change::set(unused(file_id), Some(due), Sweep::RemoveUnused { owner, file_id })
}

fn unused(file_id: FileId) -> String {
    format!("unused:{file_id}")
}

fn quarantine(file_id: FileId) -> String {
    format!("quarantine:{file_id}")
}

#[cfg(test)]
mod tests {
    use domain::library::RemovalReason;
    use uuid::Uuid;

    use super::*;

    const OWNER: AccountId = AccountId(Uuid::from_u128(1));
    const FILE: FileId = FileId(Uuid::from_u128(2));
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn what_is_removed_is_deleted_at_once_and_what_comes_late_later() {
        let removed = LibraryEvent::FileRemoved {
            owner: OWNER,
            file_id: FILE,
            reason: RemovalReason::Unused,
            objects: vec!["m/aa/x".to_owned()],
            multipart: None,
            removed_at: NOW,
        };
        let task = Sweep::DeleteObjects { objects: vec!["m/aa/x".to_owned()], multipart: None };
        let expected = [
            Change::drop(unused(FILE)),
            Change::set(format!("removed:{FILE}"), Some(NOW), task.clone()),
            Change::set(format!("late:{FILE}"), Some(NOW + TimeDelta::minutes(21)), task),
            Change::wake(quarantine(FILE), NOW + TimeDelta::minutes(16)),
        ];
        assert_eq!(SweepFiles::react(&removed.into()), expected);
    }

    #[test]
    fn an_avatar_that_is_replaced_is_looked_at_after_a_day() {
        let other = FileId(Uuid::from_u128(3));
        let set = LibraryEvent::AvatarSet {
            owner: OWNER,
            file_id: Some(FILE),
            replaced: Some(other),
            set_at: NOW,
        };
        let expected = [FILE, other].map(|it| unless_used(OWNER, it, NOW));
        assert_eq!(SweepFiles::react(&set.into()), expected);
    }
}
