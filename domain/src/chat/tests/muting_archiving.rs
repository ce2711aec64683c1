//! What a member makes of the chat in their list.

use super::commands::{archive, at, mute, send, unarchive, unmute};
use super::events::{archived, blocked, muted, opened, sent, unarchived, unmuted, withheld};
use super::{ALICE, BOB, FIRST, NOW, SECOND, after, given};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn a_chat_is_muted_until_a_time_or_for_ever() {
    for until in [None, Some(after(1))] {
        given([opened()]).when(mute(BOB, until)).then_expect_events(vec![muted(BOB, until)]);
        given([opened(), muted(BOB, until)]).when(mute(BOB, until)).then_expect_events(vec![]);
        given([opened(), muted(ALICE, until)])
            .when(mute(BOB, until))
            .then_expect_events(vec![muted(BOB, until)]);
    }
}

#[test]
fn another_time_takes_the_place_of_the_first() {
    given([opened(), muted(BOB, None)])
        .when(mute(BOB, Some(after(1))))
        .then_expect_events(vec![muted(BOB, Some(after(1)))]);
    given([opened(), muted(BOB, Some(after(1)))])
        .when(mute(BOB, None))
        .then_expect_events(vec![muted(BOB, None)]);
}

#[test]
fn nothing_is_muted_until_now_or_before() {
    for past in [NOW, after(-1)] {
        given([opened()]).when(mute(BOB, Some(past))).then_expect_error(ChatError::NotInTheFuture);
    }
}

#[test]
fn a_chat_is_unmuted_once() {
    given([opened()]).when(unmute(BOB)).then_expect_events(vec![]);
    given([opened(), muted(BOB, None)]).when(unmute(BOB)).then_expect_events(vec![unmuted(BOB)]);
    given([opened(), muted(BOB, None)]).when(unmute(ALICE)).then_expect_events(vec![]);
    given([opened(), muted(BOB, None), unmuted(BOB)]).when(unmute(BOB)).then_expect_events(vec![]);
}

#[test]
fn a_chat_is_archived_once_by_each() {
    given([opened()]).when(archive(BOB)).then_expect_events(vec![archived(BOB)]);
    given([opened(), archived(BOB)]).when(archive(BOB)).then_expect_events(vec![]);
    given([opened(), archived(BOB)]).when(archive(ALICE)).then_expect_events(vec![archived(ALICE)]);
}

#[test]
fn it_is_brought_back_once() {
    given([opened()]).when(unarchive(BOB)).then_expect_events(vec![]);
    given([opened(), archived(BOB)]).when(unarchive(BOB)).then_expect_events(vec![unarchived(BOB)]);
    given([opened(), archived(BOB)]).when(unarchive(ALICE)).then_expect_events(vec![]);
    given([opened(), archived(BOB), unarchived(BOB)])
        .when(unarchive(BOB))
        .then_expect_events(vec![]);
}

#[test]
fn an_archived_chat_comes_back_with_a_message() {
    given([opened(), archived(BOB)])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![sent(1, FIRST, ALICE), unarchived(BOB)]);
    given([opened(), archived(BOB), sent(1, FIRST, ALICE), unarchived(BOB)])
        .when(send(SECOND, ALICE))
        .then_expect_events(vec![sent(2, SECOND, ALICE)]);
}

#[test]
fn a_retry_brings_nothing_back() {
    given([opened(), sent(1, FIRST, ALICE), archived(BOB)])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![]);
}

#[test]
fn it_does_not_come_back_for_whoever_sends() {
    given([opened(), archived(ALICE)])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![sent(1, FIRST, ALICE)]);
}

#[test]
fn a_muted_one_stays_archived_as_long_as_it_is_muted() {
    let stays = || vec![sent(1, FIRST, ALICE)];
    given([opened(), archived(BOB), muted(BOB, None)])
        .when(send(FIRST, ALICE))
        .then_expect_events(stays());
    let until = |seconds| [opened(), archived(BOB), muted(BOB, Some(after(seconds)))];
    given(until(1)).when(send(FIRST, ALICE)).then_expect_events(stays());
    // It ends at the time it was muted until, without an event.
    let comes_back = vec![sent(1, FIRST, ALICE), unarchived(BOB)];
    given(until(0)).when(at(NOW, send(FIRST, ALICE))).then_expect_events(comes_back.clone());
    given([opened(), archived(BOB), muted(BOB, None), unmuted(BOB)])
        .when(send(FIRST, ALICE))
        .then_expect_events(comes_back);
}

#[test]
fn what_is_withheld_brings_nothing_back() {
    let none_came: Vec<ChatEvent> = vec![withheld(sent(1, FIRST, ALICE))];
    given([opened(), archived(BOB), blocked(BOB)])
        .when(send(FIRST, ALICE))
        .then_expect_events(none_came);
}
