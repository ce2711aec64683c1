//! Rule 5: how far each member has read.

use super::commands::mark_read;
use super::events::{deleted_for_everyone, deleted_for_me, opened, read, sent};
use super::{ALICE, BOB, FIRST, FOURTH, SECOND, THIRD, given};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn a_member_reads_up_to_a_message() {
    given(three_of_alice()).when(mark_read(BOB, 3)).then_expect_events(vec![read(BOB, 3, 0)]);
}

#[test]
fn what_comes_after_stays_unread() {
    given(three_of_alice()).when(mark_read(BOB, 1)).then_expect_events(vec![read(BOB, 1, 2)]);
}

#[test]
fn reading_on_counts_from_the_new_place() {
    given(three_of_alice().into_iter().chain([read(BOB, 1, 2)]))
        .when(mark_read(BOB, 2))
        .then_expect_events(vec![read(BOB, 2, 1)]);
}

#[test]
fn reading_the_same_again_changes_nothing() {
    given(three_of_alice().into_iter().chain([read(BOB, 2, 1)]))
        .when(mark_read(BOB, 2))
        .then_expect_events(vec![]);
}

#[test]
fn a_read_pointer_never_goes_back() {
    for earlier in [0, 1] {
        given(three_of_alice().into_iter().chain([read(BOB, 2, 1)]))
            .when(mark_read(BOB, earlier))
            .then_expect_events(vec![]);
    }
}

#[test]
fn reading_up_to_0_changes_nothing() {
    given([opened()]).when(mark_read(BOB, 0)).then_expect_events(vec![]);
    given(three_of_alice()).when(mark_read(BOB, 0)).then_expect_events(vec![]);
}

#[test]
fn nobody_reads_past_the_last_message() {
    given(three_of_alice())
        .when(mark_read(BOB, 4))
        .then_expect_error(ChatError::BeyondLast { last: 3, asked: 4 });
    given(three_of_alice())
        .when(mark_read(BOB, u64::MAX))
        .then_expect_error(ChatError::BeyondLast { last: 3, asked: u64::MAX });
    given([opened()])
        .when(mark_read(BOB, 1))
        .then_expect_error(ChatError::BeyondLast { last: 0, asked: 1 });
}

#[test]
fn each_member_has_a_pointer_of_their_own() {
    given(three_of_alice().into_iter().chain([read(BOB, 3, 0)]))
        .when(mark_read(ALICE, 1))
        .then_expect_events(vec![read(ALICE, 1, 0)]);
}

#[test]
fn own_messages_are_read_when_they_are_sent() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        sent(2, SECOND, BOB),
        sent(3, THIRD, ALICE),
        sent(4, FOURTH, BOB),
    ])
    .when(mark_read(ALICE, 1))
    .then_expect_events(vec![read(ALICE, 1, 2)]);
}

#[test]
fn sending_does_not_move_the_pointer_over_what_was_received() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(mark_read(BOB, 1))
        .then_expect_events(vec![read(BOB, 1, 0)]);
}

#[test]
fn deleted_messages_are_not_unread() {
    given(three_of_alice().into_iter().chain([
        deleted_for_everyone(2, SECOND, ALICE, true),
        deleted_for_me(3, THIRD, BOB, true),
    ]))
    .when(mark_read(BOB, 1))
    .then_expect_events(vec![read(BOB, 1, 0)]);
}

#[test]
fn what_the_sender_deleted_for_themselves_is_still_unread_for_the_other() {
    given(three_of_alice().into_iter().chain([deleted_for_me(3, THIRD, ALICE, false)]))
        .when(mark_read(BOB, 1))
        .then_expect_events(vec![read(BOB, 1, 2)]);
}

fn three_of_alice() -> [ChatEvent; 4] {
    [opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), sent(3, THIRD, ALICE)]
}
