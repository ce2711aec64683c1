//! A message is reported to the moderators, as it was seen.

use super::commands::{copy_of, file_of, report};
use super::events::{deactivated, deleted_for_everyone, deleted_for_me, opened, reported, sent};
use super::{ALICE, BOB, FIRST, NEVER_SENT, SECOND, given};
use crate::AccountId;
use crate::chat::{ChatError, ChatEvent, ReportedCopy};

#[test]
fn a_message_of_the_other_is_reported_once() {
    let seen = copy_of(ALICE, "spam");
    given([opened(), sent(1, FIRST, ALICE)])
        .when(report(FIRST, BOB, seen.clone()))
        .then_expect_events(vec![reported(1, FIRST, BOB, seen.clone())]);
    given([opened(), sent(1, FIRST, ALICE), reported(1, FIRST, BOB, seen.clone())])
        .when(report(FIRST, BOB, copy_of(ALICE, "another reason")))
        .then_expect_events(vec![]);
    given([
        opened(),
        sent(1, FIRST, ALICE),
        sent(2, SECOND, ALICE),
        reported(1, FIRST, BOB, seen.clone()),
    ])
    .when(report(SECOND, BOB, seen.clone()))
    .then_expect_events(vec![reported(2, SECOND, BOB, seen)]);
}

/// It outlives the erasure of both, and only moderators read it.
#[test]
fn the_copy_is_sealed_for_moderators() {
    let events = given([opened(), sent(1, FIRST, ALICE)])
        .when(report(FIRST, BOB, copy_of(ALICE, "spam")))
        .inspect_result()
        .unwrap();
    let [ChatEvent::MessageReported { seen, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(seen.subject(), AccountId::MODERATORS);
}

#[test]
fn a_copy_has_whatever_was_seen() {
    let seen = ReportedCopy { text: None, file: Some(file_of(ALICE)), ..copy_of(ALICE, "") };
    given([opened(), sent(1, FIRST, ALICE)])
        .when(report(FIRST, BOB, seen.clone()))
        .then_expect_events(vec![reported(1, FIRST, BOB, seen)]);
}

#[test]
fn a_reason_has_at_most_1_000_characters_after_trimming() {
    let reporting = |reason: &str| {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(report(FIRST, BOB, copy_of(ALICE, reason)))
            .inspect_result()
    };
    let longest = "é".repeat(1_000);
    let kept = Ok(vec![reported(1, FIRST, BOB, copy_of(ALICE, &longest))]);
    assert_eq!(reporting(&format!(" {longest}\n")), kept);
    let (max, actual) = (1_000, 1_001);
    assert_eq!(reporting(&"x".repeat(actual)), Err(ChatError::ReasonTooLong { max, actual }));
}

#[test]
fn nobody_reports_their_own_message() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(report(FIRST, ALICE, copy_of(ALICE, "spam")))
        .then_expect_error(ChatError::OwnMessage);
}

#[test]
fn what_is_not_there_is_not_reported() {
    let seen = || copy_of(ALICE, "spam");
    given([opened()])
        .when(report(NEVER_SENT, BOB, seen()))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(report(FIRST, BOB, seen()))
        .then_expect_error(ChatError::Deleted);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(report(FIRST, BOB, seen()))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn messages_of_an_inactive_chat_are_reported_too() {
    let seen = copy_of(ALICE, "spam");
    given([opened(), sent(1, FIRST, ALICE), deactivated()])
        .when(report(FIRST, BOB, seen.clone()))
        .then_expect_events(vec![reported(1, FIRST, BOB, seen)]);
}
