use cqrs_es::Aggregate;
use uuid::Uuid;

use super::{
    BOB, FIRST, LETTER, NEVER_REQUESTED, PDF, PHOTO, SECOND, attach, attach_by, attached,
    attached_by, avatar_set, chat_id, completed, folded, given, let_go, photo, rejected, release,
    released, removed, requested,
};
use crate::library::{ATTACHMENTS_MAX, LibraryError, Rejection, RemovalReason};
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
    assert_eq!(library.file(PHOTO).unwrap().uses(), ATTACHMENTS_MAX);
    let one_more = MessageId(Uuid::from_u128(ATTACHMENTS_MAX as u128));
    assert_eq!(
        library.decide(attach(PHOTO, one_more)),
        Err(LibraryError::TooManyAttachments { max: ATTACHMENTS_MAX })
    );
    assert_eq!(library.decide(attach(PHOTO, MessageId(Uuid::from_u128(7)))), Ok(vec![]));
}

#[test]
fn others_who_forward_a_file_take_nothing_from_its_owner() {
    let id = |number: usize| MessageId(Uuid::from_u128(number as u128));
    let mut library = folded(photo());
    for number in 0..ATTACHMENTS_MAX {
        let forward = attach_by(BOB, PHOTO, id(number));
        for event in library.decide(forward).unwrap() {
            library.apply(event);
        }
    }
    let one_more = id(ATTACHMENTS_MAX);
    assert_eq!(
        library.decide(attach_by(BOB, PHOTO, one_more)),
        Err(LibraryError::TooManyAttachments { max: ATTACHMENTS_MAX })
    );
    assert_eq!(library.decide(attach(PHOTO, id(7))), Ok(vec![]), "it is attached already");
    let attachments = u32::try_from(ATTACHMENTS_MAX + 1).unwrap();
    assert_eq!(
        library.decide(attach(PHOTO, one_more)),
        Ok(vec![attached(PHOTO, one_more, attachments)])
    );
}

#[test]
fn a_file_is_released() {
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1), attached(PHOTO, SECOND, 2)]))
        .when(release(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 1)]);
}

#[test]
fn a_file_goes_with_the_last_message_that_it_was_sent_in() {
    let objects = || folded(photo()).file(PHOTO).unwrap().objects.clone();
    let gone = || removed(PHOTO, RemovalReason::Unused, objects());
    given(photo().into_iter().chain([attached(PHOTO, FIRST, 1)]))
        .when(let_go(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 0), gone()]);
    given(photo().into_iter().chain([attached_by(BOB, PHOTO, FIRST, 1)]))
        .when(let_go(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 0), gone()]);
}

#[test]
fn a_file_that_something_else_refers_to_or_that_was_never_sent_stays() {
    let attached_first = || photo().into_iter().chain([attached(PHOTO, FIRST, 1)]);
    given(attached_first().chain([attached_by(BOB, PHOTO, SECOND, 2)]))
        .when(let_go(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 1)]);
    given(attached_first().chain([avatar_set(Some(PHOTO), None)]))
        .when(let_go(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 0)]);
    given(attached_first())
        .when(release(PHOTO, FIRST))
        .then_expect_events(vec![released(PHOTO, FIRST, 0)]);
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
