//! What a library does with each command. The vocabulary is here; the modules hold the tests.

mod attaching;
mod avatar;
mod histories;
mod model;
mod names;
mod publishing;
mod removing;
mod size;
mod uploading;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{
    Arrived, FileLimits, ImageFacts, Library, LibraryCommand, LibraryEvent, Rejection, Removal,
    RemovalReason, Sha256, THUMBNAILS_MAX, Thumbnail, is_image, object_key, quarantine_key,
    thumbnail_key,
};
use crate::{AccountId, ChatId, FileId, MessageId, Personal};

const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));

const PHOTO: FileId = FileId(Uuid::from_u128(0xF1));
const LETTER: FileId = FileId(Uuid::from_u128(0xF2));
const NEVER_REQUESTED: FileId = FileId(Uuid::from_u128(0xDEAD));

const FIRST: MessageId = MessageId(Uuid::from_u128(1));
const SECOND: MessageId = MessageId(Uuid::from_u128(2));

const JPEG: &str = "image/jpeg";
const PDF: &str = "application/pdf";
const SIZE: u64 = 1_000;
const SHA256: Sha256 = Sha256([0xAB; 32]);
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
const LATER: DateTime<Utc> = DateTime::from_timestamp(1_800_000_001, 0).unwrap();

const LIMITS: FileLimits =
    FileLimits { file_max: 10_000_000, image_max: 5_000_000, quota: 20_000_000 };

fn given(events: impl IntoIterator<Item = LibraryEvent>) -> AggregateTestExecutor<Library> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn folded(events: impl IntoIterator<Item = LibraryEvent>) -> Library {
    let mut library = Library::default();
    for event in events {
        library.apply(event);
    }
    library
}

fn chat_id() -> ChatId {
    ChatId::between(ALICE, BOB)
}

fn request(file_id: FileId, content_type: &str, size: u64) -> LibraryCommand {
    request_within(LIMITS, file_id, content_type, size)
}

fn request_within(
    limits: FileLimits,
    file_id: FileId,
    content_type: &str,
    size: u64,
) -> LibraryCommand {
    LibraryCommand::RequestUpload {
        owner: ALICE,
        file_id,
        name: "a name".to_owned(),
        content_type: content_type.to_owned(),
        size,
        sha256: SHA256,
        multipart: None,
        limits,
        now: NOW,
    }
}

fn arrived(sniffed_type: &str) -> Arrived {
    Arrived { size: SIZE, sha256: SHA256, sniffed_type: Some(sniffed_type.to_owned()) }
}

fn complete(file_id: FileId, arrived: Arrived) -> LibraryCommand {
    complete_within(LIMITS, file_id, arrived)
}

fn complete_within(limits: FileLimits, file_id: FileId, arrived: Arrived) -> LibraryCommand {
    LibraryCommand::CompleteUpload { file_id, arrived, limits, now: NOW }
}

fn reject(file_id: FileId, reason: Rejection) -> LibraryCommand {
    LibraryCommand::RejectFile { file_id, reason, now: NOW }
}

fn publish(file_id: FileId, size: u64, image: Option<ImageFacts>) -> LibraryCommand {
    LibraryCommand::PublishFile { file_id, size, image, now: NOW }
}

fn attach(file_id: FileId, message_id: MessageId) -> LibraryCommand {
    attach_by(ALICE, file_id, message_id)
}

fn attach_by(by: AccountId, file_id: FileId, message_id: MessageId) -> LibraryCommand {
    LibraryCommand::Attach { file_id, by, chat_id: chat_id(), message_id, now: NOW }
}

fn release(file_id: FileId, message_id: MessageId) -> LibraryCommand {
    let (chat_id, was_sent) = (chat_id(), false);
    LibraryCommand::Release { file_id, chat_id, message_id, was_sent, now: NOW }
}

/// From a message that was sent, and is gone.
fn let_go(file_id: FileId, message_id: MessageId) -> LibraryCommand {
    let (chat_id, was_sent) = (chat_id(), true);
    LibraryCommand::Release { file_id, chat_id, message_id, was_sent, now: NOW }
}

fn remove(file_id: FileId, why: Removal) -> LibraryCommand {
    LibraryCommand::RemoveFile { file_id, why, now: NOW }
}

fn set_avatar(file_id: Option<FileId>) -> LibraryCommand {
    LibraryCommand::SetAvatar { file_id, now: NOW }
}

/// Of a picture whose thumbnails have `bytes` each.
fn image(file_id: FileId, bytes: u64) -> ImageFacts {
    let thumbnail = |edge| Thumbnail {
        edge,
        width: edge,
        height: edge / 2,
        content_type: JPEG.to_owned(),
        size: bytes,
        object: thumbnail_key(file_id, SHA256, edge),
    };
    ImageFacts {
        width: 4_000,
        height: 2_000,
        blur_hash: Personal::new(ALICE, "LEHV6nWB2yk8".to_owned()),
        thumbnails: vec![thumbnail(256), thumbnail(1024)],
    }
}

fn requested(file_id: FileId, content_type: &str) -> LibraryEvent {
    requested_as(file_id, "a name", content_type, SIZE)
}

fn requested_as(file_id: FileId, name: &str, content_type: &str, size: u64) -> LibraryEvent {
    LibraryEvent::UploadRequested {
        owner: ALICE,
        file_id,
        name: Personal::new(ALICE, name.to_owned()),
        content_type: content_type.to_owned(),
        size,
        reserved: size + if is_image(content_type) { THUMBNAILS_MAX } else { 0 },
        sha256: SHA256,
        object: quarantine_key(file_id, NOW),
        multipart: None,
        requested_at: NOW,
    }
}

fn completed(file_id: FileId, content_type: &str) -> LibraryEvent {
    LibraryEvent::UploadCompleted {
        owner: ALICE,
        file_id,
        content_type: content_type.to_owned(),
        reserved: None,
        completed_at: NOW,
    }
}

fn published(file_id: FileId, size: u64, image: Option<ImageFacts>) -> LibraryEvent {
    LibraryEvent::FilePublished {
        owner: ALICE,
        file_id,
        object: object_key(file_id, SHA256),
        size,
        image,
        published_at: NOW,
    }
}

fn rejected(file_id: FileId, reason: Rejection) -> LibraryEvent {
    LibraryEvent::FileRejected { owner: ALICE, file_id, reason, rejected_at: NOW }
}

fn attached(file_id: FileId, message_id: MessageId, attachments: u32) -> LibraryEvent {
    attached_by(ALICE, file_id, message_id, attachments)
}

fn attached_by(
    by: AccountId,
    file_id: FileId,
    message_id: MessageId,
    attachments: u32,
) -> LibraryEvent {
    LibraryEvent::FileAttached {
        owner: ALICE,
        file_id,
        by,
        chat_id: chat_id(),
        message_id,
        attachments,
        attached_at: NOW,
    }
}

fn released(file_id: FileId, message_id: MessageId, attachments: u32) -> LibraryEvent {
    LibraryEvent::FileReleased {
        owner: ALICE,
        file_id,
        chat_id: chat_id(),
        message_id,
        attachments,
        released_at: NOW,
    }
}

fn removed(file_id: FileId, reason: RemovalReason, objects: Vec<String>) -> LibraryEvent {
    LibraryEvent::FileRemoved {
        owner: ALICE,
        file_id,
        reason,
        objects,
        multipart: None,
        removed_at: NOW,
    }
}

fn avatar_set(file_id: Option<FileId>, replaced: Option<FileId>) -> LibraryEvent {
    LibraryEvent::AvatarSet { owner: ALICE, file_id, replaced, set_at: NOW }
}

/// A picture that everybody may see.
fn photo() -> [LibraryEvent; 3] {
    photo_of(PHOTO)
}

fn photo_of(file_id: FileId) -> [LibraryEvent; 3] {
    [
        requested(file_id, JPEG),
        completed(file_id, JPEG),
        published(file_id, SIZE, Some(image(file_id, 100))),
    ]
}
