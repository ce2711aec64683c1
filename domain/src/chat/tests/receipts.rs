//! Delivered: a pointer, as reading is.

use super::commands::{mark_delivered, mark_read};
use super::events::{blocked, deactivated, delivered, opened, read, sent, withheld};
use super::{ALICE, BOB, FIRST, SECOND, THIRD, given};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn messages_are_delivered_up_to_one() {
    for up_to in 1..=3 {
        given(three_of_alice())
            .when(mark_delivered(BOB, up_to))
            .then_expect_events(vec![delivered(BOB, up_to)]);
    }
}

#[test]
fn the_pointer_never_goes_back() {
    let before = || with([delivered(BOB, 2)]);
    for up_to in 0..=2 {
        given(before()).when(mark_delivered(BOB, up_to)).then_expect_events(vec![]);
    }
    given(before()).when(mark_delivered(BOB, 3)).then_expect_events(vec![delivered(BOB, 3)]);
}

#[test]
fn what_is_read_has_been_delivered() {
    let before = || with([read(BOB, 2, 1)]);
    given(before()).when(mark_delivered(BOB, 2)).then_expect_events(vec![]);
    given(before()).when(mark_delivered(BOB, 3)).then_expect_events(vec![delivered(BOB, 3)]);
}

#[test]
fn what_is_delivered_has_not_been_read() {
    given(with([delivered(BOB, 3)]))
        .when(mark_read(BOB, 1))
        .then_expect_events(vec![read(BOB, 1, 2)]);
}

#[test]
fn nothing_is_delivered_past_the_last_message() {
    given(three_of_alice())
        .when(mark_delivered(BOB, 4))
        .then_expect_error(ChatError::BeyondLast { last: 3, asked: 4 });
}

#[test]
fn each_member_has_a_pointer_of_their_own() {
    given(with([delivered(BOB, 3)]))
        .when(mark_delivered(ALICE, 1))
        .then_expect_events(vec![delivered(ALICE, 1)]);
}

#[test]
fn receipts_go_on_in_an_inactive_chat() {
    given(with([deactivated()]))
        .when(mark_delivered(BOB, 3))
        .then_expect_events(vec![delivered(BOB, 3)]);
}

#[test]
fn neither_is_told_how_far_the_other_is_while_one_blocks() {
    for by in [ALICE, BOB] {
        given(with([blocked(by)]))
            .when(mark_delivered(BOB, 1))
            .then_expect_events(vec![withheld(delivered(BOB, 1))]);
        given(with([blocked(by)]))
            .when(mark_read(BOB, 1))
            .then_expect_events(vec![withheld(read(BOB, 1, 2))]);
    }
}

fn three_of_alice() -> [ChatEvent; 4] {
    [opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), sent(3, THIRD, ALICE)]
}

fn with(more: impl IntoIterator<Item = ChatEvent>) -> Vec<ChatEvent> {
    three_of_alice().into_iter().chain(more).collect()
}
