//! Files, told anew: each by all that happened to it.

use std::collections::{BTreeMap, BTreeSet};

use domain::library::{ImageFacts, LibraryEvent, Rejection};
use domain::{AccountId, ChatId, Event, FileId, MessageId};
use eventlog::RecordedEvent;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows::{Entry, Rows, number, shown, veiled};

struct FileRow {
    file_id: Uuid,
    owner_id: Uuid,
    size: i64,
    counted: i64,
    width: Option<i32>,
    height: Option<i32>,
    avatar: bool,
    attachments: i32,
    state: String,
    rejection: Option<String>,
    name: Option<String>,
    content_type: String,
    object: String,
    blur_hash: Option<String>,
    thumbnails: Value,
}

impl FileRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("owner_id", self.owner_id.to_string()),
            ("size", self.size.to_string()),
            ("counted", self.counted.to_string()),
            ("width", shown(self.width)),
            ("height", shown(self.height)),
            ("avatar", self.avatar.to_string()),
            ("attachments", self.attachments.to_string()),
            ("state", self.state),
            ("rejection", shown(self.rejection)),
            ("name", veiled(self.name.as_deref())),
            ("content_type", self.content_type),
            ("object", self.object),
            ("blur_hash", veiled(self.blur_hash.as_deref())),
            ("thumbnails", objects(&self.thumbnails)),
        ];
        (format!("file {}", self.file_id), fields)
    }
}

/// Where the thumbnails are, and how large.
fn objects(thumbnails: &Value) -> String {
    let each = thumbnails.as_array().into_iter().flatten();
    let each = each.map(|it| format!("{} {} {}", it["width"], it["height"], it["object"]));
    each.collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct FileFold {
    /// The events that brought it where it is.
    happened: Vec<LibraryEvent>,
    /// That it is attached to.
    messages: BTreeSet<(ChatId, MessageId)>,
    is_avatar: bool,
}

pub(super) fn fold<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> Rows {
    let mut files: BTreeMap<FileId, FileFold> = BTreeMap::new();
    for recorded in events {
        let Ok(Event::Library(event)) = &recorded.event else { continue };
        match *event {
            LibraryEvent::UploadRequested { file_id, .. } => {
                let happened = vec![event.clone()];
                files.insert(file_id, FileFold { happened, ..FileFold::default() });
            }
            LibraryEvent::UploadCompleted { file_id, .. }
            | LibraryEvent::FilePublished { file_id, .. }
            | LibraryEvent::FileRejected { file_id, .. } => {
                files.entry(file_id).or_default().happened.push(event.clone());
            }
            LibraryEvent::FileAttached { file_id, chat_id, message_id, .. } => {
                files.entry(file_id).or_default().messages.insert((chat_id, message_id));
            }
            LibraryEvent::FileReleased { file_id, chat_id, message_id, .. } => {
                files.entry(file_id).or_default().messages.remove(&(chat_id, message_id));
            }
            LibraryEvent::FileRemoved { file_id, .. } => _ = files.remove(&file_id),
            LibraryEvent::AvatarSet { owner, file_id, .. } => {
                for (id, file) in files.iter_mut().filter(|(_, it)| it.is_of(owner)) {
                    file.is_avatar = file_id == Some(*id);
                }
            }
        }
    }
    files.into_iter().filter_map(|(id, file)| file.row(id)).map(FileRow::into_entry).collect()
}

impl FileFold {
    fn is_of(&self, owner: AccountId) -> bool {
        self.happened.first().is_some_and(|it| it.owner() == owner)
    }

    fn row(self, file_id: FileId) -> Option<FileRow> {
        let mut row: Option<FileRow> = None;
        for event in self.happened {
            match (event, &mut row) {
                (
                    LibraryEvent::UploadRequested {
                        owner,
                        name,
                        content_type,
                        size,
                        reserved,
                        object,
                        ..
                    },
                    row,
                ) => {
                    *row = Some(FileRow {
                        file_id: file_id.0,
                        owner_id: owner.0,
                        size: number(size),
                        counted: number(reserved),
                        width: None,
                        height: None,
                        avatar: self.is_avatar,
                        attachments: i32::try_from(self.messages.len()).unwrap_or(i32::MAX),
                        state: "requested".to_owned(),
                        rejection: None,
                        name: name.into_value(),
                        content_type,
                        object,
                        blur_hash: None,
                        thumbnails: Value::Array(vec![]),
                    });
                }
                (LibraryEvent::UploadCompleted { content_type, reserved, .. }, Some(row)) => {
                    "completed".clone_into(&mut row.state);
                    row.content_type = content_type;
                    row.counted = reserved.map_or(row.counted, number);
                }
                (LibraryEvent::FilePublished { object, size, image, .. }, Some(row)) => {
                    row.publish(object, size, image);
                }
                (LibraryEvent::FileRejected { reason, .. }, Some(row)) => row.reject(reason),
                (
                    LibraryEvent::UploadCompleted { .. }
                    | LibraryEvent::FilePublished { .. }
                    | LibraryEvent::FileRejected { .. }
                    | LibraryEvent::FileAttached { .. }
                    | LibraryEvent::FileReleased { .. }
                    | LibraryEvent::FileRemoved { .. }
                    | LibraryEvent::AvatarSet { .. },
                    _,
                ) => {}
            }
        }
        row
    }
}

impl FileRow {
    fn publish(&mut self, object: String, size: u64, image: Option<ImageFacts>) {
        "published".clone_into(&mut self.state);
        self.object = object;
        self.size = number(size);
        self.counted = self.size;
        let Some(image) = image else { return };
        self.counted += image.thumbnails.iter().map(|it| number(it.size)).sum::<i64>();
        self.width = i32::try_from(image.width).ok();
        self.height = i32::try_from(image.height).ok();
        self.thumbnails = serde_json::to_value(&image.thumbnails).unwrap_or_default();
        self.blur_hash = image.blur_hash.into_value();
    }

    fn reject(&mut self, reason: Rejection) {
        "rejected".clone_into(&mut self.state);
        self.rejection = Some(reason.to_string());
        self.counted = 0;
    }
}

/// The files of these libraries, as the read model has them.
pub(super) async fn read(db: &mut PgConnection, owners: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        FileRow,
        "SELECT file_id, owner_id, size, counted, width, height, avatar, attachments, state,
                rejection, name, content_type, object, blur_hash, thumbnails
         FROM files
         WHERE owner_id = ANY ($1)",
        owners
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(FileRow::into_entry).collect())
}
