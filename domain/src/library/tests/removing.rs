use super::{
    FIRST, JPEG, LATER, LETTER, NOW, PDF, PHOTO, SHA256, attached, avatar_set, completed, folded,
    given, photo, rejected, released, remove, removed, requested,
};
use crate::library::{
    LibraryError, Rejection, Removal, RemovalReason, object_key, quarantine_key, thumbnail_key,
};

const UNUSED: Removal = Removal::Unused { idle_before: LATER };

#[test]
fn its_owner_removes_a_file() {
    given(photo()).when(remove(PHOTO, Removal::ByOwner)).then_expect_events(vec![removed(
        PHOTO,
        RemovalReason::ByOwner,
        photos_objects(),
    )]);
}

#[test]
fn a_file_that_nothing_refers_to_is_removed_at_any_stage() {
    given([requested(PHOTO, JPEG)]).when(remove(PHOTO, UNUSED)).then_expect_events(vec![removed(
        PHOTO,
        RemovalReason::Unused,
        vec![quarantine_key(PHOTO, NOW)],
    )]);
    let before = photo().into_iter().chain([attached(PHOTO, FIRST, 1), released(PHOTO, FIRST, 0)]);
    given(before).when(remove(PHOTO, UNUSED)).then_expect_events(vec![removed(
        PHOTO,
        RemovalReason::Unused,
        photos_objects(),
    )]);
}

#[test]
fn what_may_have_been_stored_before_it_could_be_published_is_removed_as_well() {
    let letters = vec![quarantine_key(LETTER, NOW), object_key(LETTER, SHA256)];
    let photos = vec![
        quarantine_key(PHOTO, NOW),
        object_key(PHOTO, SHA256),
        thumbnail_key(PHOTO, SHA256, 256),
        thumbnail_key(PHOTO, SHA256, 1024),
    ];
    let infected = |file_id| rejected(file_id, Rejection::Infected);
    for (file_id, content_type, objects) in [(LETTER, PDF, letters), (PHOTO, JPEG, photos)] {
        let arrived = vec![requested(file_id, content_type), completed(file_id, content_type)];
        let rejected = [arrived.clone(), vec![infected(file_id)]].concat();
        for before in [arrived, rejected] {
            given(before).when(remove(file_id, UNUSED)).then_expect_events(vec![removed(
                file_id,
                RemovalReason::Unused,
                objects.clone(),
            )]);
        }
    }
}

#[test]
fn a_file_to_which_something_happened_since_is_not_unused() {
    given(photo())
        .when(remove(PHOTO, Removal::Unused { idle_before: NOW }))
        .then_expect_events(vec![]);
}

#[test]
fn a_file_in_use_is_not_removed() {
    for why in [Removal::ByOwner, UNUSED] {
        given(photo().into_iter().chain([attached(PHOTO, FIRST, 1)]))
            .when(remove(PHOTO, why))
            .then_expect_error(LibraryError::InUse { attachments: 1, avatar: false });
        given(photo().into_iter().chain([avatar_set(Some(PHOTO), None)]))
            .when(remove(PHOTO, why))
            .then_expect_error(LibraryError::InUse { attachments: 0, avatar: true });
    }
}

#[test]
fn who_is_erased_keeps_no_file() {
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1), avatar_set(Some(PHOTO), None)]))
        .when(remove(PHOTO, Removal::Erased))
        .then_expect_events(vec![
            avatar_set(None, Some(PHOTO)),
            removed(PHOTO, RemovalReason::Erased, photos_objects()),
        ]);
}

#[test]
fn removing_again_records_nothing() {
    let gone = removed(PHOTO, RemovalReason::ByOwner, photos_objects());
    for why in [Removal::ByOwner, UNUSED, Removal::Erased] {
        given(photo().into_iter().chain([gone.clone()]))
            .when(remove(PHOTO, why))
            .then_expect_events(vec![]);
        given([]).when(remove(PHOTO, why)).then_expect_events(vec![]);
    }
}

#[test]
fn what_is_removed_counts_no_more() {
    let gone = removed(PHOTO, RemovalReason::ByOwner, photos_objects());
    let library = folded(photo().into_iter().chain([requested(LETTER, PDF), gone]));
    assert_eq!(library.used(), super::SIZE);
    assert_eq!(library.files(), 1);
    assert_eq!(library.file(PHOTO), None);
}

fn photos_objects() -> Vec<String> {
    vec![
        object_key(PHOTO, SHA256),
        thumbnail_key(PHOTO, SHA256, 256),
        thumbnail_key(PHOTO, SHA256, 1024),
        quarantine_key(PHOTO, NOW),
    ]
}
