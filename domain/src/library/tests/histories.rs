//! What holds after any history of commands.

use cqrs_es::Aggregate;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::model::Model;
use super::{
    BOB, FileLimits, LATER, Library, LibraryCommand, LibraryEvent, NOW, Rejection, Removal, SHA256,
    SIZE, Sha256, arrived, attach, attach_by, complete_within, folded, image, let_go, publish,
    reject, release, remove, request_within, set_avatar,
};
use crate::library::{Arrived, LibraryError, THUMBNAILS_MAX};
use crate::{Decider, FileId, MessageId};

/// Room for two images, or for some dozen of other files.
const TIGHT: FileLimits =
    FileLimits { file_max: 600_000, image_max: 1_000, quota: 2 * (THUMBNAILS_MAX + SIZE) + 500 };

proptest! {
    #[test]
    fn a_library_is_what_its_events_say(history in histories()) {
        let mut library = Library::default();
        let mut model = Model::default();
        for command in history {
            for event in library.decide(command).unwrap_or_default() {
                model.record(&event);
                library.apply(event);
            }
            prop_assert_eq!(library.used(), model.used());
            prop_assert_eq!(library.files(), model.files());
            prop_assert_eq!(library.avatar(), model.avatar());
        }
    }

    #[test]
    fn the_quota_is_never_exceeded(history in histories()) {
        let mut library = Library::default();
        for command in history {
            apply(&mut library, command);
            prop_assert!(library.used() <= TIGHT.quota);
        }
    }

    #[test]
    fn a_command_that_was_done_records_nothing_when_repeated(history in histories()) {
        let mut library = Library::default();
        for command in history {
            let events = library.decide(command.clone()).unwrap_or_default();
            events.iter().cloned().for_each(|it| library.apply(it));
            let again = library.decide(command);
            let rejected = events.iter().find_map(|event| match event {
                LibraryEvent::FileRejected { reason, .. } => Some(*reason),
                LibraryEvent::UploadRequested { .. }
                | LibraryEvent::UploadCompleted { .. }
                | LibraryEvent::FilePublished { .. }
                | LibraryEvent::FileAttached { .. }
                | LibraryEvent::FileReleased { .. }
                | LibraryEvent::FileRemoved { .. }
                | LibraryEvent::AvatarSet { .. } => None,
            });
            if let Some(reason) = rejected {
                let same = [Ok(vec![]), Err(LibraryError::Rejected(reason))];
                prop_assert!(same.contains(&again), "{:?}", again);
            } else if !events.is_empty() {
                prop_assert_eq!(again, Ok(vec![]));
            }
        }
    }

    #[test]
    fn folding_stored_events_gives_the_state_that_recorded_them(history in histories()) {
        let mut library = Library::default();
        let mut stored = vec![];
        for command in history {
            let events = apply(&mut library, command);
            stored.extend(events.iter().map(|it| serde_json::to_string(it).unwrap()));
        }
        let read = stored.iter().map(|it| serde_json::from_str(it).unwrap());
        prop_assert_eq!(folded(read), library);
    }

    #[test]
    fn a_restored_state_is_the_state(history in histories()) {
        let mut library = Library::default();
        for command in history {
            apply(&mut library, command);
        }
        let stored = serde_json::to_vec(&library).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Library>(&stored).unwrap(), library);
    }
}

fn apply(library: &mut Library, command: LibraryCommand) -> Vec<LibraryEvent> {
    let events = library.decide(command).unwrap_or_default();
    events.iter().cloned().for_each(|it| library.apply(it));
    events
}

fn histories() -> impl Strategy<Value = Vec<LibraryCommand>> {
    vec(commands(), 0..80)
}

fn commands() -> impl Strategy<Value = LibraryCommand> {
    prop_oneof![
        6 => (files(), types(), sizes()).prop_map(|(file, content_type, size)| {
            request_within(TIGHT, file, content_type, size)
        }),
        6 => (files(), arrivals()).prop_map(|(file, arrived)| complete_within(TIGHT, file, arrived)),
        1 => files().prop_map(|file| reject(file, Rejection::Infected)),
        4 => (files(), sizes()).prop_map(|(file, size)| publish(file, size, None)),
        6 => (files(), sizes(), sizes()).prop_map(|(file, size, thumbnail)| {
            publish(file, size, Some(image(file, thumbnail)))
        }),
        3 => (files(), messages()).prop_map(|(file, message)| attach(file, message)),
        2 => (files(), messages()).prop_map(|(file, message)| attach_by(BOB, file, message)),
        2 => (files(), messages()).prop_map(|(file, message)| release(file, message)),
        3 => (files(), messages()).prop_map(|(file, message)| let_go(file, message)),
        4 => (files(), removals()).prop_map(|(file, why)| remove(file, why)),
        3 => proptest::option::of(files()).prop_map(set_avatar),
    ]
}

fn files() -> impl Strategy<Value = FileId> {
    (0..6_u128).prop_map(|it| FileId(Uuid::from_u128(it)))
}

fn messages() -> impl Strategy<Value = MessageId> {
    (0..3_u128).prop_map(|it| MessageId(Uuid::from_u128(it)))
}

fn types() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("image/png"), 2 => Just("application/octet-stream")]
}

fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(SIZE), 1 => 0..700_000_u64]
}

fn arrivals() -> impl Strategy<Value = Arrived> {
    let as_requested = || arrived("image/webp");
    prop_oneof![
        8 => Just(as_requested()),
        1 => Just(Arrived { sha256: Sha256([1; 32]), ..as_requested() }),
        1 => Just(Arrived { size: SIZE + 1, sha256: SHA256, sniffed_type: None }),
        3 => Just(arrived("text/html")),
    ]
}

fn removals() -> impl Strategy<Value = Removal> {
    prop_oneof![
        4 => Just(Removal::ByOwner),
        2 => Just(Removal::Unused { idle_before: NOW }),
        4 => Just(Removal::Unused { idle_before: LATER }),
        1 => Just(Removal::Erased),
    ]
}
