use super::{
    JPEG, LETTER, NEVER_REQUESTED, PDF, PHOTO, SIZE, avatar_set, completed, folded, given, photo,
    photo_of, published, rejected, requested, set_avatar,
};
use crate::library::{LibraryError, Rejection};

#[test]
fn a_published_image_becomes_the_avatar() {
    given(photo())
        .when(set_avatar(Some(PHOTO)))
        .then_expect_events(vec![avatar_set(Some(PHOTO), None)]);
}

#[test]
fn an_avatar_replaces_the_one_before() {
    let before = photo().into_iter().chain(photo_of(LETTER)).chain([avatar_set(Some(PHOTO), None)]);
    given(before)
        .when(set_avatar(Some(LETTER)))
        .then_expect_events(vec![avatar_set(Some(LETTER), Some(PHOTO))]);
}

#[test]
fn an_avatar_is_taken_away() {
    given(photo().into_iter().chain([avatar_set(Some(PHOTO), None)]))
        .when(set_avatar(None))
        .then_expect_events(vec![avatar_set(None, Some(PHOTO))]);
}

#[test]
fn setting_what_is_set_records_nothing() {
    given(photo().into_iter().chain([avatar_set(Some(PHOTO), None)]))
        .when(set_avatar(Some(PHOTO)))
        .then_expect_events(vec![]);
    given(photo()).when(set_avatar(None)).then_expect_events(vec![]);
    given([]).when(set_avatar(None)).then_expect_events(vec![]);
}

#[test]
fn nothing_else_becomes_the_avatar() {
    given([requested(PHOTO, JPEG)])
        .when(set_avatar(Some(PHOTO)))
        .then_expect_error(LibraryError::NotCompleted);
    given([requested(PHOTO, JPEG), completed(PHOTO, JPEG)])
        .when(set_avatar(Some(PHOTO)))
        .then_expect_error(LibraryError::NotPublished);
    given([requested(PHOTO, JPEG), rejected(PHOTO, Rejection::Unreadable)])
        .when(set_avatar(Some(PHOTO)))
        .then_expect_error(LibraryError::Rejected(Rejection::Unreadable));
    given([requested(LETTER, PDF), completed(LETTER, PDF), published(LETTER, SIZE, None)])
        .when(set_avatar(Some(LETTER)))
        .then_expect_error(LibraryError::NotAnImage);
    given(photo())
        .when(set_avatar(Some(NEVER_REQUESTED)))
        .then_expect_error(LibraryError::UnknownFile(NEVER_REQUESTED));
}

#[test]
fn the_library_knows_the_avatar() {
    let set = avatar_set(Some(PHOTO), None);
    assert_eq!(folded(photo().into_iter().chain([set.clone()])).avatar(), Some(PHOTO));
    let taken_away = avatar_set(None, Some(PHOTO));
    assert_eq!(folded(photo().into_iter().chain([set, taken_away])).avatar(), None);
}
