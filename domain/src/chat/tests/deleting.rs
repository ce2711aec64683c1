//! Rule 6: what a member may delete.

use cqrs_es::Aggregate;

use super::commands::{delete_for_everyone, delete_for_me};
use super::events::{deleted_for_everyone, deleted_for_me, opened, read, sent};
use super::{ALICE, BOB, FIRST, NEVER_SENT, SECOND, folded, given};
use crate::chat::ChatError;

#[test]
fn a_member_deletes_any_message_for_themselves() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(delete_for_me(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_me(1, FIRST, ALICE, false)]);
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(delete_for_me(SECOND, ALICE))
        .then_expect_events(vec![deleted_for_me(2, SECOND, ALICE, true)]);
}

#[test]
fn deleting_for_me_what_was_read_takes_nothing_from_the_unread() {
    given([opened(), sent(1, FIRST, ALICE), read(BOB, 1, 0)])
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, false)]);
}

#[test]
fn deleting_for_me_what_is_deleted_for_everyone_takes_nothing_from_the_unread() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, false)]);
}

#[test]
fn deleting_for_me_again_changes_nothing() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![]);
}

#[test]
fn each_member_deletes_for_themselves_alone() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, ALICE, false)])
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, true)]);
}

#[test]
fn the_sender_deletes_a_message_for_everyone() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, true)]);
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(delete_for_everyone(SECOND, BOB))
        .then_expect_events(vec![deleted_for_everyone(2, SECOND, BOB, true)]);
}

#[test]
fn deleting_for_everyone_what_was_read_takes_nothing_from_the_unread() {
    given([opened(), sent(1, FIRST, ALICE), read(BOB, 1, 0)])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, false)]);
}

#[test]
fn deleting_for_everyone_what_the_recipient_deleted_takes_nothing_from_the_unread() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, false)]);
}

#[test]
fn what_the_sender_deleted_for_themselves_can_still_be_deleted_for_everyone() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, ALICE, false)])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, true)]);
}

#[test]
fn deleting_for_everyone_again_changes_nothing() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![]);
}

#[test]
fn nobody_deletes_the_message_of_the_other_for_everyone() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(delete_for_everyone(FIRST, BOB))
        .then_expect_error(ChatError::NotTheSender);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(delete_for_everyone(FIRST, BOB))
        .then_expect_error(ChatError::NotTheSender);
}

#[test]
fn a_message_that_was_never_sent_cannot_be_deleted() {
    for command in [delete_for_me(NEVER_SENT, ALICE), delete_for_everyone(NEVER_SENT, ALICE)] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(command)
            .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    }
}

#[test]
fn folding_a_number_that_was_never_given_changes_nothing() {
    let chat = folded([opened(), sent(1, FIRST, ALICE)]);
    for number in [0, 2, u64::MAX] {
        let mut changed = chat.clone();
        changed.apply(deleted_for_me(number, NEVER_SENT, ALICE, false));
        changed.apply(deleted_for_everyone(number, NEVER_SENT, ALICE, false));
        assert_eq!(changed, chat, "{number}");
    }
}
