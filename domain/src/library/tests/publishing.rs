use super::{
    JPEG, LETTER, PDF, PHOTO, SHA256, SIZE, completed, folded, given, image, photo, publish,
    published, rejected, requested,
};
use crate::library::{
    LibraryError, Rejection, THUMBNAILS_MAX, object_key, quarantine_key, thumbnail_key,
};

#[test]
fn a_completed_file_is_published() {
    given([requested(LETTER, PDF), completed(LETTER, PDF)])
        .when(publish(LETTER, SIZE, None))
        .then_expect_events(vec![published(LETTER, SIZE, None)]);
    given([requested(PHOTO, JPEG), completed(PHOTO, JPEG)])
        .when(publish(PHOTO, SIZE - 10, Some(image(PHOTO, 100))))
        .then_expect_events(vec![published(PHOTO, SIZE - 10, Some(image(PHOTO, 100)))]);
}

#[test]
fn publishing_again_records_nothing() {
    given(photo()).when(publish(PHOTO, SIZE, None)).then_expect_events(vec![]);
}

#[test]
fn what_did_not_arrive_or_was_rejected_is_not_published() {
    given([requested(LETTER, PDF)])
        .when(publish(LETTER, SIZE, None))
        .then_expect_error(LibraryError::NotCompleted);
    given([requested(LETTER, PDF), rejected(LETTER, Rejection::Infected)])
        .when(publish(LETTER, SIZE, None))
        .then_expect_error(LibraryError::Rejected(Rejection::Infected));
}

#[test]
fn only_an_image_looks_like_something() {
    given([requested(LETTER, PDF), completed(LETTER, PDF)])
        .when(publish(LETTER, SIZE, Some(image(LETTER, 0))))
        .then_expect_error(LibraryError::NotAnImage);
}

#[test]
fn what_is_published_fits_into_what_was_set_aside() {
    given([requested(LETTER, PDF), completed(LETTER, PDF)])
        .when(publish(LETTER, SIZE + 1, None))
        .then_expect_error(LibraryError::PublishedTooLarge { max: SIZE, actual: SIZE + 1 });
    let half = THUMBNAILS_MAX / 2;
    let arrived = [requested(PHOTO, JPEG), completed(PHOTO, JPEG)];
    given(arrived.clone())
        .when(publish(PHOTO, SIZE, Some(image(PHOTO, half))))
        .then_expect_events(vec![published(PHOTO, SIZE, Some(image(PHOTO, half)))]);
    let max = SIZE + THUMBNAILS_MAX;
    given(arrived.clone())
        .when(publish(PHOTO, SIZE + 1, Some(image(PHOTO, half))))
        .then_expect_error(LibraryError::PublishedTooLarge { max, actual: max + 1 });
    given(arrived)
        .when(publish(PHOTO, SIZE, Some(image(PHOTO, u64::MAX))))
        .then_expect_error(LibraryError::PublishedTooLarge { max, actual: u64::MAX });
}

#[test]
fn what_is_published_counts_as_it_is() {
    assert_eq!(folded(photo()).used(), SIZE + 200);
}

#[test]
fn a_file_knows_everything_that_is_stored_of_it() {
    let library = folded(photo());
    let file = library.file(PHOTO).unwrap();
    assert_eq!(file.object(), object_key(PHOTO, SHA256));
    assert_eq!(
        file.objects,
        [
            object_key(PHOTO, SHA256),
            thumbnail_key(PHOTO, SHA256, 256),
            thumbnail_key(PHOTO, SHA256, 1024),
            quarantine_key(PHOTO, super::NOW),
        ]
    );
}
