//! A chat is marked as unread until it is read again.

use super::commands::{mark_read, mark_unread};
use super::events::{cleared, marked_unread, opened, read, sent};
use super::{ALICE, BOB, FIRST, SECOND, given};
use crate::chat::ChatEvent;

#[test]
fn a_member_marks_a_chat_as_unread_once() {
    given(read_to_the_end()).when(mark_unread(BOB)).then_expect_events(vec![marked_unread(BOB)]);
    given(with([marked_unread(BOB)])).when(mark_unread(BOB)).then_expect_events(vec![]);
    given(with([marked_unread(BOB)]))
        .when(mark_unread(ALICE))
        .then_expect_events(vec![marked_unread(ALICE)]);
}

#[test]
fn a_chat_without_messages_is_marked_too() {
    given([opened()]).when(mark_unread(BOB)).then_expect_events(vec![marked_unread(BOB)]);
    given([opened(), marked_unread(BOB)])
        .when(mark_read(BOB, 0))
        .then_expect_events(vec![read(BOB, 0, 0)]);
}

#[test]
fn reading_takes_the_mark_away_and_leaves_the_pointer_where_it_is() {
    for up_to in 0..=2 {
        given(with([marked_unread(BOB)]))
            .when(mark_read(BOB, up_to))
            .then_expect_events(vec![read(BOB, 2, 0)]);
    }
    given(with([marked_unread(BOB), read(BOB, 2, 0)]))
        .when(mark_read(BOB, 2))
        .then_expect_events(vec![]);
}

#[test]
fn reading_on_takes_the_mark_away_as_well() {
    given(with([marked_unread(BOB), sent(3, FIRST, ALICE), read(BOB, 3, 0)]))
        .when(mark_read(BOB, 3))
        .then_expect_events(vec![]);
}

#[test]
fn the_other_reading_leaves_the_mark() {
    given(with([marked_unread(BOB), read(ALICE, 2, 0)]))
        .when(mark_unread(BOB))
        .then_expect_events(vec![]);
}

#[test]
fn clearing_takes_the_mark_away() {
    given(with([marked_unread(BOB), cleared(BOB, 2)]))
        .when(mark_unread(BOB))
        .then_expect_events(vec![marked_unread(BOB)]);
}

fn read_to_the_end() -> [ChatEvent; 4] {
    [opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), read(BOB, 2, 0)]
}

fn with(more: impl IntoIterator<Item = ChatEvent>) -> Vec<ChatEvent> {
    read_to_the_end().into_iter().chain(more).collect()
}
