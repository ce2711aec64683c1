//! Rule 7: an inactive chat takes no message.

use super::commands::{
    deactivate, delete_for_everyone, delete_for_me, mark_read, open, reactivate, send,
};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, opened, reactivated, read, sent,
};
use super::{ALICE, BOB, FIRST, SECOND, given};
use crate::chat::ChatError;

#[test]
fn a_chat_is_deactivated_and_reactivated() {
    given([opened()]).when(deactivate()).then_expect_events(vec![deactivated()]);
    given([opened(), deactivated()]).when(reactivate()).then_expect_events(vec![reactivated()]);
    given([opened(), deactivated(), reactivated()])
        .when(deactivate())
        .then_expect_events(vec![deactivated()]);
}

#[test]
fn deactivating_an_inactive_chat_changes_nothing() {
    given([opened(), deactivated()]).when(deactivate()).then_expect_events(vec![]);
}

#[test]
fn reactivating_an_active_chat_changes_nothing() {
    given([opened()]).when(reactivate()).then_expect_events(vec![]);
    given([opened(), deactivated(), reactivated()]).when(reactivate()).then_expect_events(vec![]);
}

#[test]
fn an_inactive_chat_takes_no_message() {
    given([opened(), deactivated()])
        .when(send(FIRST, ALICE))
        .then_expect_error(ChatError::Inactive);
}

#[test]
fn a_retry_of_what_was_sent_before_is_no_new_message() {
    given([opened(), sent(1, FIRST, ALICE), deactivated()])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![]);
}

#[test]
fn a_reactivated_chat_goes_on_where_it_stopped() {
    given([opened(), sent(1, FIRST, ALICE), deactivated(), reactivated()])
        .when(send(SECOND, BOB))
        .then_expect_events(vec![sent(2, SECOND, BOB)]);
}

#[test]
fn reading_and_deleting_go_on_in_an_inactive_chat() {
    let inactive = || given([opened(), sent(1, FIRST, ALICE), deactivated()]);
    inactive().when(mark_read(BOB, 1)).then_expect_events(vec![read(BOB, 1, 0)]);
    inactive()
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, true)]);
    inactive()
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, true)]);
}

#[test]
fn opening_an_inactive_chat_does_not_reactivate_it() {
    given([opened(), deactivated()]).when(open(ALICE, BOB)).then_expect_events(vec![]);
}
