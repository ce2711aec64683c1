use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::chat::ChatEvent;
use domain::library::LibraryEvent;
use domain::{AccountId, Event, FileId, Personal};
use eventlog::Position;
use sqlx::PgConnection;

use super::answers::{Answer, Answers};
use super::edits::{Edit, Edits};
use super::gone::{Gone, TakenBack};
use super::key::{Key, Keys, expect_all, joined};
use super::marks::Marks;
use super::pins::{Pin, Pins};
use super::reactions::{Reaction, Reactions};
use super::sent::Sent;
use crate::error::{ProjectionError, count};

/// What a run of events changes in the messages. The order of writing makes it right for messages
/// that are sent, changed and deleted in one run: first what was sent, then what became of it, and
/// at last what is gone.
#[derive(Default)]
pub(crate) struct Changes {
    sent: Sent,
    /// Positions at which messages changed for both members.
    touched: HashMap<Key, i64>,
    /// Positions at which files began to show something else.
    files: HashMap<FileId, i64>,
    edits: Edits,
    reactions: Reactions,
    pins: Pins,
    answers: Answers,
    marks: Marks,
    taken_back: TakenBack,
    gone: Gone,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.sent.len()
            + self.touched.len()
            + self.files.len()
            + self.edits.len()
            + self.reactions.len()
            + self.pins.len()
            + self.answers.len()
            + self.marks.len()
            + self.taken_back.len()
            + self.gone.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match event {
            Event::Account(_) | Event::Devices(_) => Ok(()),
            Event::Library(event) => {
                self.fold_library(position, event);
                Ok(())
            }
            Event::Chat(event) => self.fold_chat(position, event),
        }
    }

    /// A message shows whether its file can be fetched.
    fn fold_library(&mut self, position: Position, event: &LibraryEvent) {
        match event {
            LibraryEvent::FilePublished { file_id, .. }
            | LibraryEvent::FileRejected { file_id, .. }
            | LibraryEvent::FileRemoved { file_id, .. } => {
                self.files.insert(*file_id, position.0);
            }
            // A file that was not completed is in no message; that it is in one, the message says.
            LibraryEvent::UploadRequested { .. }
            | LibraryEvent::UploadCompleted { .. }
            | LibraryEvent::FileAttached { .. }
            | LibraryEvent::FileReleased { .. }
            | LibraryEvent::AvatarSet { .. } => {}
        }
    }

    fn fold_chat(&mut self, position: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        match event {
            ChatEvent::MessageSent { .. } => self.sent.push(position, event)?,
            ChatEvent::MessageEdited { .. } => self.edit(position, event)?,
            ChatEvent::MessageDeletedForMe { chat_id, number, by, .. } => {
                self.marks.hide((*chat_id, count(*number)?), *by, position);
            }
            ChatEvent::MessageDeletedForEveryone {
                chat_id,
                number,
                by,
                kept: true,
                deleted_at,
                ..
            } => {
                let message = (*chat_id, count(*number)?);
                self.marks.unstar(message, *by, position);
                self.taken_back.push(message, position.0, *deleted_at);
            }
            ChatEvent::MessageDeletedForEveryone {
                chat_id,
                number,
                kept: false,
                deleted_at,
                ..
            } => {
                self.remove((*chat_id, count(*number)?), position, *deleted_at, false);
            }
            ChatEvent::MessagesExpired { chat_id, numbers, expired_at, .. } => {
                let numbers = numbers.iter().map(|it| count(*it));
                for number in numbers.collect::<Result<Vec<_>, _>>()? {
                    self.remove((*chat_id, number), position, *expired_at, true);
                }
            }
            ChatEvent::Reacted { chat_id, number, by, emoji, withheld, reacted_at, .. } => {
                let put = Some((emoji.value().cloned(), *reacted_at));
                let reaction = Reaction { position, is_shown: !withheld, put };
                self.react((*chat_id, count(*number)?), *by, reaction);
            }
            ChatEvent::ReactionRemoved { chat_id, number, by, withheld, .. } => {
                let reaction = Reaction { position, is_shown: !withheld, put: None };
                self.react((*chat_id, count(*number)?), *by, reaction);
            }
            ChatEvent::MessagePinned { chat_id, number, by, withheld, pinned_at, .. } => {
                let (by, is_shown, put) = (*by, !withheld, Some(*pinned_at));
                self.pin((*chat_id, count(*number)?), Pin { position, by, is_shown, put });
            }
            ChatEvent::MessageUnpinned { chat_id, number, by, withheld, .. } => {
                let (by, is_shown, put) = (*by, !withheld, None);
                self.pin((*chat_id, count(*number)?), Pin { position, by, is_shown, put });
            }
            ChatEvent::MessageStarred { chat_id, number, by, starred_at, .. } => {
                self.marks.star((*chat_id, count(*number)?), *by, position, *starred_at);
            }
            ChatEvent::MessageUnstarred { chat_id, number, by, .. } => {
                self.marks.unstar((*chat_id, count(*number)?), *by, position);
            }
            ChatEvent::ActionAnswered {
                chat_id,
                number,
                by,
                answer,
                withheld,
                answered_at,
                ..
            } => {
                let message = (*chat_id, count(*number)?);
                let (by, at, withheld) = (*by, *answered_at, *withheld);
                let value = answer.value().map(ToString::to_string);
                self.touch(message, by, position, withheld);
                self.answers.push(message, Answer { by, at, position, withheld, value });
            }
            ChatEvent::Opened { .. }
            | ChatEvent::Revealed { .. }
            | ChatEvent::MessagesRead { .. }
            | ChatEvent::MessagesDelivered { .. }
            | ChatEvent::MarkedUnread { .. }
            | ChatEvent::Cleared { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::DraftSaved { .. }
            | ChatEvent::DisappearingSet { .. }
            | ChatEvent::Muted { .. }
            | ChatEvent::Unmuted { .. }
            | ChatEvent::Archived { .. }
            | ChatEvent::Unarchived { .. }
            | ChatEvent::Blocked { .. }
            | ChatEvent::Unblocked { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
        }
        Ok(())
    }

    fn edit(&mut self, position: Position, event: &ChatEvent) -> Result<(), ProjectionError> {
        if let ChatEvent::MessageEdited {
            chat_id,
            message_id: _,
            number,
            by,
            text,
            tags,
            revision,
            withheld,
            edited_at,
        } = event
        {
            let message = (*chat_id, count(*number)?);
            let edit = Edit {
                revision: i32::try_from(*revision).unwrap_or(i32::MAX),
                position,
                edited_at: *edited_at,
                withheld: *withheld,
                text: text.as_ref().and_then(Personal::value).cloned(),
                tags: joined(tags.as_ref()),
            };
            self.touch(message, *by, position, *withheld);
            self.edits.push(message, edit);
        }
        Ok(())
    }

    fn react(&mut self, message: Key, by: AccountId, reaction: Reaction) {
        self.touch(message, by, reaction.position, !reaction.is_shown);
        self.reactions.push(message, by, reaction);
    }

    fn pin(&mut self, message: Key, pin: Pin) {
        self.touch(message, pin.by, pin.position, !pin.is_shown);
        self.pins.push(message, pin);
    }

    fn remove(&mut self, message: Key, position: Position, at: DateTime<Utc>, expired: bool) {
        self.gone.push(message, position.0, at, expired);
    }

    /// The message changed: for both members, or for `by` alone.
    fn touch(&mut self, message: Key, by: AccountId, position: Position, withheld: bool) {
        if withheld {
            self.marks.touch(message, by, position);
        } else {
            self.touched.insert(message, position.0);
        }
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        self.sent.write(db).await?;
        touch(self.touched, db).await?;
        touch_with_files(self.files, db).await?;
        self.edits.write(db).await?;
        self.reactions.write(db).await?;
        self.pins.write(db).await?;
        self.answers.write(db).await?;
        self.marks.write(db).await?;
        self.taken_back.write(db).await?;
        self.gone.write(db).await
    }
}

async fn touch(touched: HashMap<Key, i64>, db: &mut PgConnection) -> Result<(), ProjectionError> {
    if touched.is_empty() {
        return Ok(());
    }
    let (keys, positions): (Keys, Vec<i64>) = touched.into_iter().unzip();
    let done = sqlx::query!(
        "UPDATE messages m
         SET changed = c.position
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS c (chat_id, number, position)
         WHERE m.chat_id = c.chat_id AND m.number = c.number",
        &keys.chat_ids,
        &keys.numbers,
        &positions
    )
    .execute(db)
    .await?;
    expect_all(done.rows_affected(), keys.len())
}

/// What is sent or changed later in the run has gone further already.
async fn touch_with_files(
    files: HashMap<FileId, i64>,
    db: &mut PgConnection,
) -> Result<(), ProjectionError> {
    if files.is_empty() {
        return Ok(());
    }
    let (file_ids, positions): (Vec<_>, Vec<_>) =
        files.into_iter().map(|(file, position)| (file.0, position)).unzip();
    sqlx::query!(
        "UPDATE messages m
         SET changed = f.position
         FROM unnest($1::uuid[], $2::bigint[]) AS f (file_id, position)
         WHERE m.file_id = f.file_id AND m.changed < f.position",
        &file_ids,
        &positions
    )
    .execute(db)
    .await?;
    Ok(())
}
