//! A file that has arrived is read, scanned, stripped of its metadata and published, or rejected.

use domain::library::{Library, LibraryCommand, LibraryError, LibraryEvent, Stage};
use domain::{AccountId, Event, FileId};
use serde::{Deserialize, Serialize};

use super::work::Change;
use super::{Effect, EffectError, Policy};
use crate::files::{Files, Outcome};
use crate::gateway::{CommandError, Gateway};

pub(crate) struct ProcessFiles {
    pub(super) gateway: Gateway,
    pub(super) files: Files,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    owner: AccountId,
    file_id: FileId,
}

impl Policy for ProcessFiles {
    const NAME: &'static str = "process_files";
    type Task = Process;

    fn react(event: &Event) -> Vec<Change<Process>> {
        let Event::Library(event) = event else { return vec![] };
        match *event {
            LibraryEvent::UploadCompleted { owner, file_id, completed_at, .. } => {
                let task = Process { owner, file_id };
                vec![Change::set(file_id.to_string(), Some(completed_at), task)]
            }
            LibraryEvent::UploadRequested { .. }
            | LibraryEvent::FilePublished { .. }
            | LibraryEvent::FileRejected { .. }
            | LibraryEvent::FileAttached { .. }
            | LibraryEvent::FileReleased { .. }
            | LibraryEvent::FileRemoved { .. }
            | LibraryEvent::AvatarSet { .. } => vec![],
        }
    }

    async fn perform(&self, task: Process, effect: &Effect) -> Result<(), EffectError> {
        let Process { owner, file_id } = task;
        let library = owner.to_string();
        let file = self.gateway.inspect(&library, |it: &Library| it.file(file_id).cloned());
        let Some(file) = file.await?.filter(|it| it.stage == Stage::Completed) else {
            return Ok(()); // removed, or done before
        };
        let now = effect.now;
        let command = match self.files.process(owner, file_id, &file).await? {
            Outcome::Publish { size, image } => {
                LibraryCommand::PublishFile { file_id, size, image, now }
            }
            Outcome::Reject(reason) => LibraryCommand::RejectFile { file_id, reason, now },
            Outcome::Gone => {
                return Err(EffectError::Transient("there is nothing in quarantine".to_owned()));
            }
        };
        match self.gateway.execute::<Library>(&library, command, &effect.context()).await {
            Err(CommandError::Rule(LibraryError::UnknownFile(_))) => {
                // Removed while it was read: so is what was stored of it just now.
                Ok(self.files.delete(&file.leavings(file_id), None).await?)
            }
            executed => Ok(executed.map(drop)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_has_arrived_is_processed_at_once() {
        let (owner, file_id) = (AccountId(Uuid::from_u128(1)), FileId(Uuid::from_u128(2)));
        let completed = LibraryEvent::UploadCompleted {
            owner,
            file_id,
            content_type: "image/png".to_owned(),
            reserved: None,
            completed_at: DateTime::UNIX_EPOCH,
        };
        let expected = Change::set(
            file_id.to_string(),
            Some(DateTime::UNIX_EPOCH),
            Process { owner, file_id },
        );
        assert_eq!(ProcessFiles::react(&completed.into()), [expected]);
    }
}
