//! Of libraries.

use cqrs_es::Aggregate;
use domain::library::{
    ImageFacts, Library, LibraryEvent, Rejection, RemovalReason, Sha256, Thumbnail,
};
use domain::{FileId, Personal};
use uuid::Uuid;

use super::{ALICE, BOB, GREETING, NOW, REPLY, chat_id};

pub(crate) const PHOTO: FileId = FileId(Uuid::from_u128(0xF1));
const LETTER: FileId = FileId(Uuid::from_u128(0xF2));
const FILM: FileId = FileId(Uuid::from_u128(0xF3));

pub(crate) fn events() -> Vec<LibraryEvent> {
    samples!(LibraryEvent {
        UploadRequested {
            owner: ALICE,
            file_id: PHOTO,
            name: Personal::new(ALICE, "Ålicia \"at the sea\".jpg".to_owned()),
            content_type: "image/jpeg".to_owned(),
            size: 1_000,
            reserved: 1_049_576,
            sha256: Sha256([0xAB; 32]),
            object: object("q/2027"),
            multipart: Some("an upload in parts".to_owned()),
            requested_at: NOW,
        }
        UploadCompleted {
            owner: ALICE,
            file_id: PHOTO,
            content_type: "image/png".to_owned(),
            reserved: Some(1_049_576),
            completed_at: NOW,
        }
        FilePublished {
            owner: ALICE,
            file_id: PHOTO,
            object: object("m/ab"),
            size: 900,
            image: Some(ImageFacts {
                width: 4_000,
                height: 3_000,
                blur_hash: Personal::new(ALICE, "LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned()),
                thumbnails: vec![Thumbnail {
                    edge: 256,
                    width: 256,
                    height: 192,
                    content_type: "image/webp".to_owned(),
                    size: 40,
                    object: object("t/ab") + "-256",
                }],
            }),
            published_at: NOW,
        }
        FileRejected {
            owner: ALICE,
            file_id: LETTER,
            reason: Rejection::UnsupportedImage,
            rejected_at: NOW,
        }
        FileAttached {
            owner: ALICE,
            file_id: PHOTO,
            by: BOB,
            chat_id: chat_id(),
            message_id: GREETING,
            attachments: 1,
            attached_at: NOW,
        }
        FileReleased {
            owner: ALICE,
            file_id: PHOTO,
            chat_id: chat_id(),
            message_id: GREETING,
            attachments: 0,
            released_at: NOW,
        }
        FileRemoved {
            owner: ALICE,
            file_id: FILM,
            reason: RemovalReason::Unused,
            objects: vec!["q/2027/film".to_owned()],
            multipart: Some("another upload in parts".to_owned()),
            removed_at: NOW,
        }
        AvatarSet {
            owner: ALICE,
            file_id: Some(PHOTO),
            replaced: Some(LETTER),
            set_at: NOW,
        }
    })
}

fn object(folder: &str) -> String {
    format!("{folder}/{PHOTO}")
}

/// With something in every field: a rejected file and an upload in parts beside the photo.
pub(crate) fn state() -> Library {
    let requested = |file_id, multipart: Option<&str>| LibraryEvent::UploadRequested {
        owner: ALICE,
        file_id,
        name: Personal::new(ALICE, "a name".to_owned()),
        content_type: "application/pdf".to_owned(),
        size: 2_000,
        reserved: 2_000,
        sha256: Sha256([0xCD; 32]),
        object: format!("q/2027/{file_id}"),
        multipart: multipart.map(str::to_owned),
        requested_at: NOW,
    };
    let attached = |by, message_id, attachments| LibraryEvent::FileAttached {
        owner: ALICE,
        file_id: PHOTO,
        by,
        chat_id: chat_id(),
        message_id,
        attachments,
        attached_at: NOW,
    };
    let attached = [attached(ALICE, REPLY, 1), attached(BOB, GREETING, 2)];
    let mut library = Library::default();
    let before = [requested(LETTER, None), requested(FILM, None)];
    let after = attached.into_iter().chain([requested(FILM, Some("an upload"))]);
    for event in before.into_iter().chain(events()).chain(after) {
        library.apply(event);
    }
    library
}
