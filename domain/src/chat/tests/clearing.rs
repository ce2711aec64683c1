//! A member clears the chat for themselves.

use super::commands::{
    all_about, at, clear, delete_for_everyone, delete_for_me, mark_delivered, mark_read, send,
};
use super::events::{
    cleared, deactivated, deleted_for_everyone, marked_unread, opened, read, sent, starred,
};
use super::{ALICE, BOB, FIRST, NOW, SECOND, THIRD, folded, given};
use crate::Decider;
use crate::chat::{Chat, ChatError, ChatEvent};

#[test]
fn everything_so_far_is_cleared_once() {
    given(two_of_alice()).when(clear(BOB)).then_expect_events(vec![cleared(BOB, 2)]);
    given(with([cleared(BOB, 2)])).when(clear(BOB)).then_expect_events(vec![]);
    given(with([cleared(BOB, 2)])).when(clear(ALICE)).then_expect_events(vec![cleared(ALICE, 2)]);
}

#[test]
fn a_chat_without_messages_has_nothing_to_clear() {
    given([opened()]).when(clear(BOB)).then_expect_events(vec![]);
}

#[test]
fn what_comes_after_is_cleared_anew() {
    given(with([cleared(BOB, 2), sent(3, THIRD, ALICE)]))
        .when(clear(BOB))
        .then_expect_events(vec![cleared(BOB, 3)]);
}

#[test]
fn nothing_cleared_is_unread_and_what_comes_after_is() {
    given(with([cleared(BOB, 2)])).when(mark_read(BOB, 2)).then_expect_events(vec![]);
    given(with([cleared(BOB, 2)])).when(mark_delivered(BOB, 2)).then_expect_events(vec![]);
    given(with([cleared(BOB, 2), sent(3, THIRD, ALICE)]))
        .when(mark_read(BOB, 3))
        .then_expect_events(vec![read(BOB, 3, 0)]);
    given(with([cleared(BOB, 2), sent(3, THIRD, ALICE)]))
        .when(delete_for_everyone(THIRD, ALICE))
        .then_expect_events(vec![deleted_for_everyone(3, THIRD, ALICE, true)]);
    given(with([cleared(BOB, 2)]))
        .when(delete_for_everyone(SECOND, ALICE))
        .then_expect_events(vec![deleted_for_everyone(2, SECOND, ALICE, false)]);
}

#[test]
fn a_cleared_message_is_gone_for_whoever_cleared_it() {
    let chat = folded(with([starred(2, SECOND, BOB), cleared(BOB, 2)]));
    for command in all_about(BOB, SECOND) {
        let answer = chat.decide(command.clone());
        let nothing = command == delete_for_me(SECOND, BOB);
        let expected = if nothing {
            Ok(vec![])
        } else if command == delete_for_everyone(SECOND, BOB) {
            Err(ChatError::NotTheSender)
        } else {
            Err(ChatError::UnknownMessage(SECOND))
        };
        assert_eq!(answer, expected, "{command:?}");
    }
}

#[test]
fn a_cleared_message_is_there_for_the_other() {
    let cleared = folded(with([cleared(BOB, 2)]));
    let untouched = folded(two_of_alice());
    for command in all_about(ALICE, FIRST) {
        let outcome = |it: &Chat| it.decide(command.clone()).map(|events| events.len());
        assert_eq!(outcome(&cleared), outcome(&untouched), "{command:?}");
    }
}

#[test]
fn a_used_message_id_stays_used() {
    given(with([cleared(ALICE, 2)])).when(send(FIRST, ALICE)).then_expect_events(vec![]);
}

#[test]
fn clearing_a_chat_that_is_marked_as_unread_and_cleared_takes_the_mark_away() {
    given(with([cleared(BOB, 2), marked_unread(BOB)]))
        .when(at(NOW, clear(BOB)))
        .then_expect_events(vec![cleared(BOB, 2)]);
}

#[test]
fn an_inactive_chat_is_cleared_too() {
    given(with([deactivated()])).when(clear(BOB)).then_expect_events(vec![cleared(BOB, 2)]);
}

fn two_of_alice() -> [ChatEvent; 3] {
    [opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE)]
}

fn with(more: impl IntoIterator<Item = ChatEvent>) -> Vec<ChatEvent> {
    two_of_alice().into_iter().chain(more).collect()
}
