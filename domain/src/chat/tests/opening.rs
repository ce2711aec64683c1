//! Rules 1 and 2: who is in a chat.

use proptest::prelude::*;
use uuid::Uuid;

use super::commands::{
    deactivate, delete_for_everyone, delete_for_me, mark_read, open, reactivate, send,
};
use super::events::{deactivated, opened, opened_by, sent};
use super::{ALICE, BOB, FIRST, MALLORY, folded, given};
use crate::chat::{Chat, ChatError};
use crate::{AccountId, ChatId};

#[test]
fn one_of_two_people_opens_their_chat() {
    given([]).when(open(ALICE, BOB)).then_expect_events(vec![opened_by(ALICE)]);
}

#[test]
fn the_other_would_open_the_same_chat() {
    given([]).when(open(BOB, ALICE)).then_expect_events(vec![opened_by(BOB)]);
}

#[test]
fn nobody_opens_a_chat_with_themselves() {
    given([]).when(open(ALICE, ALICE)).then_expect_error(ChatError::SameMember);
    given([opened()]).when(open(ALICE, ALICE)).then_expect_error(ChatError::SameMember);
}

#[test]
fn opening_again_changes_nothing_whoever_does_it() {
    for again in [open(ALICE, BOB), open(BOB, ALICE)] {
        given([opened(), sent(1, FIRST, ALICE)]).when(again).then_expect_events(vec![]);
    }
}

#[test]
fn an_open_chat_is_not_opened_with_a_third_person() {
    given([opened()]).when(open(ALICE, MALLORY)).then_expect_error(ChatError::NotAMember(MALLORY));
}

#[test]
fn nothing_can_be_done_in_a_chat_that_was_not_opened() {
    for command in [
        send(FIRST, ALICE),
        mark_read(ALICE, 0),
        delete_for_me(FIRST, ALICE),
        delete_for_everyone(FIRST, ALICE),
        deactivate(),
        reactivate(),
    ] {
        given([]).when(command).then_expect_error(ChatError::NotFound);
    }
}

#[test]
fn what_follows_no_opening_is_not_folded() {
    assert_eq!(folded([sent(1, FIRST, ALICE), deactivated()]), Chat::Absent);
}

#[test]
fn a_stranger_is_refused_before_anything_else_is_looked_at() {
    for command in [
        open(MALLORY, ALICE),
        send(FIRST, MALLORY),
        mark_read(MALLORY, 99),
        delete_for_me(FIRST, MALLORY),
        delete_for_everyone(FIRST, MALLORY),
    ] {
        given([opened()]).when(command.clone()).then_expect_error(ChatError::NotAMember(MALLORY));
        given([opened(), sent(1, FIRST, ALICE), deactivated()])
            .when(command)
            .then_expect_error(ChatError::NotAMember(MALLORY));
    }
}

/// Computed outside of Parlance: the first 16 bytes of SHA-1 over namespace and sorted pair, with
/// version and variant set (RFC 9562, section 5.5).
#[test]
fn the_id_of_a_chat_never_changes() {
    let expected = Uuid::from_u128(0x98236e4c_6532_5a44_b4de_d9e5ea830e3c);
    assert_eq!(ChatId::between(ALICE, BOB), ChatId(expected));
    assert_eq!(ChatId::between(BOB, ALICE), ChatId(expected));
}

#[test]
fn another_pair_has_another_chat() {
    assert_ne!(ChatId::between(ALICE, BOB), ChatId::between(ALICE, MALLORY));
    assert_ne!(ChatId::between(ALICE, BOB), ChatId::between(BOB, MALLORY));
}

proptest! {
    #[test]
    fn the_order_of_two_people_does_not_matter(one: u128, other: u128) {
        let [one, other] = [one, other].map(|it| AccountId(Uuid::from_u128(it)));
        prop_assert_eq!(ChatId::between(one, other), ChatId::between(other, one));
    }
}
