use cqrs_es::Aggregate;
use uuid::Uuid;

use super::{
    FIRST, LETTER, NEVER_REQUESTED, PDF, PHOTO, SECOND, attach, attached, chat_id, completed,
    folded, given, photo, rejected, release, released, requested,
};
use crate::library::{ATTACHMENTS_MAX, LibraryError, Rejection};
use crate::{Decider, MessageId};

#[test]
fn a_file_that_arrived_is_attached() {
    given([requested(LETTER, PDF), completed(LETTER, PDF)])
        .when(attach(LETTER, FIRST))
        .then_expect_events(vec![attached(LETTER, FIRST, 1)]);
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1)]))
        .when(attach(PHOTO, SECOND))
        .then_expect_events(vec![attached(PHOTO, SECOND, 2)]);
}

#[test]
fn attaching_to_the_same_message_again_records_nothing() {
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1)]))
        .when(attach(PHOTO, FIRST))
        .then_expect_events(vec![]);
}

#[test]
fn what_did_not_arrive_or_was_rejected_is_not_attached() {
    given([requested(LETTER, PDF)])
        .when(attach(LETTER, FIRST))
        .then_expect_error(LibraryError::NotCompleted);
    given([requested(LETTER, PDF), rejected(LETTER, Rejection::Infected)])
        .when(attach(LETTER, FIRST))
        .then_expect_error(LibraryError::Rejected(Rejection::Infected));
    given([]).when(attach(LETTER, FIRST)).then_expect_error(LibraryError::UnknownFile(LETTER));
}

#[test]
fn a_file_is_attached_so_often_and_no_more() {
    let mut library = folded(photo());
    for number in 0..ATTACHMENTS_MAX {
        let message = MessageId(Uuid::from_u128(number as u128));
        for event in library.decide(attach(PHOTO, message)).unwrap() {
            library.apply(event);
        }
    }
    assert_eq!(library.file(PHOTO).unwrap().attachments().len(), ATTACHMENTS_MAX);
    let one_more = MessageId(Uuid::from_u128(ATTACHMENTS_MAX as u128));
    assert_eq!(
        library.decide(attach(PHOTO, one_more)),
        Err(LibraryError::TooManyAttachments { max: ATTACHMENTS_MAX })
    );
    assert_eq!(library.decide(attach(PHOTO, MessageId(Uuid::from_u128(7)))), Ok(vec![]));
}

#[test]
fn a_file_is_released() {
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1), attached(PHOTO, SECOND, 2)]))
        .when(release(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 1)]);
}

#[test]
fn releasing_what_is_not_attached_records_nothing() {
    given(photo()).when(release(PHOTO, FIRST)).then_expect_events(vec![]);
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1), released(PHOTO, FIRST, 0)]))
        .when(release(PHOTO, FIRST))
        .then_expect_events(vec![]);
    given(photo()).when(release(NEVER_REQUESTED, FIRST)).then_expect_events(vec![]);
    given([]).when(release(PHOTO, FIRST)).then_expect_events(vec![]);
}

#[test]
fn a_file_says_where_it_is_attached() {
    let library = folded(photo().into_iter().chain([attached(PHOTO, FIRST, 1)]));
    let attachments: Vec<_> = library.file(PHOTO).unwrap().attachments().collect();
    assert_eq!(attachments, [(chat_id(), FIRST)]);
}
