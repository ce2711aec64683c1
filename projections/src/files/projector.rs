use std::collections::HashMap;
use std::collections::hash_map::Entry;

use domain::library::{ImageFacts, LibraryEvent, counted};
use domain::{AccountId, Event, FileId};
use sqlx::PgConnection;

use super::rows::{Gone, Patched, Requested};
use crate::error::{ProjectionError, contradiction, count};

/// What a run of events changes of the files.
#[derive(Default)]
pub(crate) struct Changes(HashMap<FileId, Change>);

/// What becomes of one file: its row goes, a new one comes, and that or the one that was there is
/// changed.
#[derive(Default)]
struct Change {
    is_removed: bool,
    requested: Option<Request>,
    patch: Option<Patch>,
}

/// A file as it was requested.
pub(super) struct Request {
    pub(super) owner: AccountId,
    pub(super) name: Option<String>,
    pub(super) content_type: String,
    pub(super) size: i64,
    pub(super) counted: i64,
    pub(super) object: String,
}

/// What changes of a row; the rest stays.
#[derive(Default)]
pub(super) struct Patch {
    pub(super) state: Option<&'static str>,
    pub(super) content_type: Option<String>,
    pub(super) counted: Option<i64>,
    pub(super) attachments: Option<i32>,
    pub(super) published: Option<Published>,
    pub(super) rejection: Option<String>,
    pub(super) avatar: Option<bool>,
}

/// What publishing brings.
pub(super) struct Published {
    pub(super) object: String,
    pub(super) size: i64,
    pub(super) image: Option<ImageFacts>,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        match event {
            Event::Library(event) => self.fold_library(event),
            Event::Account(_) | Event::Chat(_) | Event::Devices(_) => Ok(()),
        }
    }

    fn fold_library(&mut self, event: &LibraryEvent) -> Result<(), ProjectionError> {
        match event {
            LibraryEvent::UploadRequested {
                owner,
                file_id,
                name,
                content_type,
                size,
                reserved,
                sha256: _,
                object,
                multipart: _,
                requested_at: _,
            } => self.request(
                *file_id,
                Request {
                    owner: *owner,
                    name: name.value().cloned(),
                    content_type: content_type.clone(),
                    size: count(*size)?,
                    counted: count(*reserved)?,
                    object: object.clone(),
                },
            ),
            LibraryEvent::UploadCompleted {
                owner: _,
                file_id,
                content_type,
                reserved,
                completed_at: _,
            } => {
                let reserved = reserved.map(count).transpose()?;
                let patch = self.patch(*file_id)?;
                patch.state = Some("completed");
                patch.content_type = Some(content_type.clone());
                patch.counted = reserved.or(patch.counted);
                Ok(())
            }
            LibraryEvent::FilePublished {
                owner: _,
                file_id,
                object,
                size,
                image,
                published_at: _,
            } => {
                let counted = count(counted(*size, image.as_ref()))?;
                let published =
                    Published { object: object.clone(), size: count(*size)?, image: image.clone() };
                let patch = self.patch(*file_id)?;
                patch.state = Some("published");
                patch.counted = Some(counted);
                patch.published = Some(published);
                Ok(())
            }
            LibraryEvent::FileRejected { owner: _, file_id, reason, rejected_at: _ } => {
                let patch = self.patch(*file_id)?;
                patch.state = Some("rejected");
                patch.counted = Some(0);
                patch.rejection = Some(reason.to_string());
                Ok(())
            }
            // In how many messages it is; who sees them is known to the messages.
            LibraryEvent::FileAttached { file_id, attachments, .. }
            | LibraryEvent::FileReleased { file_id, attachments, .. } => {
                let attachments = i32::try_from(*attachments).unwrap_or(i32::MAX);
                self.patch(*file_id)?.attachments = Some(attachments);
                Ok(())
            }
            LibraryEvent::FileRemoved { file_id, .. } => self.remove(*file_id),
            LibraryEvent::AvatarSet { owner: _, file_id, replaced, set_at: _ } => {
                for file_id in [file_id, replaced].into_iter().flatten() {
                    self.there(*file_id)?;
                }
                if let Some(file_id) = replaced {
                    self.patch(*file_id)?.avatar = Some(false);
                }
                if let Some(file_id) = file_id {
                    self.patch(*file_id)?.avatar = Some(true);
                }
                Ok(())
            }
        }
    }

    fn request(&mut self, file_id: FileId, request: Request) -> Result<(), ProjectionError> {
        match self.0.entry(file_id) {
            Entry::Occupied(mut entry) if entry.get().is_gone() => {
                entry.get_mut().requested = Some(request);
            }
            Entry::Occupied(_) => return Err(contradiction("the file was requested already")),
            Entry::Vacant(entry) => {
                entry.insert(Change { requested: Some(request), ..Change::default() });
            }
        }
        Ok(())
    }

    fn remove(&mut self, file_id: FileId) -> Result<(), ProjectionError> {
        self.there(file_id)?;
        let change = self.0.entry(file_id).or_default();
        // A row that only this run would have written need not be.
        let was_there = change.is_removed || change.requested.is_none();
        *change = Change { is_removed: was_there, ..Change::default() };
        if !was_there {
            self.0.remove(&file_id);
        }
        Ok(())
    }

    fn patch(&mut self, file_id: FileId) -> Result<&mut Patch, ProjectionError> {
        self.there(file_id)?;
        Ok(self.0.entry(file_id).or_default().patch.get_or_insert_default())
    }

    /// Refuses a file that is known to be gone.
    fn there(&self, file_id: FileId) -> Result<(), ProjectionError> {
        if self.0.get(&file_id).is_some_and(Change::is_gone) {
            return Err(contradiction("the file was removed"));
        }
        Ok(())
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut gone = Gone::default();
        let mut requested = Requested::default();
        let mut patched = Patched::default();
        for (file_id, change) in self.0 {
            if change.is_removed {
                gone.push(file_id);
            }
            if let Some(request) = change.requested {
                requested.push(file_id, request);
            }
            if let Some(patch) = change.patch {
                patched.push(file_id, patch)?;
            }
        }
        gone.write(db).await?;
        requested.write(db).await?;
        patched.write(db).await
    }
}

impl Change {
    /// Removed, and not requested since.
    const fn is_gone(&self) -> bool {
        self.is_removed && self.requested.is_none()
    }
}
