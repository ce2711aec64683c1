//! A star is for oneself.

use super::commands::{star, unstar};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, opened, sent, starred, unstarred,
};
use super::{ALICE, BOB, FIRST, NEVER_SENT, SECOND, given};
use crate::chat::ChatError;

#[test]
fn a_member_stars_any_message() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(star(FIRST, by))
            .then_expect_events(vec![starred(1, FIRST, by)]);
    }
}

#[test]
fn each_has_stars_of_their_own() {
    let with_star = [opened(), sent(1, FIRST, ALICE), starred(1, FIRST, ALICE)];
    given(with_star.clone()).when(star(FIRST, ALICE)).then_expect_events(vec![]);
    given(with_star.clone())
        .when(star(FIRST, BOB))
        .then_expect_events(vec![starred(1, FIRST, BOB)]);
    given(with_star.clone())
        .when(unstar(FIRST, ALICE))
        .then_expect_events(vec![unstarred(1, FIRST, ALICE)]);
    given(with_star).when(unstar(FIRST, BOB)).then_expect_events(vec![]);
}

#[test]
fn what_was_unstarred_is_starred_again() {
    let without =
        [opened(), sent(1, FIRST, ALICE), starred(1, FIRST, BOB), unstarred(1, FIRST, BOB)];
    given(without.clone()).when(unstar(FIRST, BOB)).then_expect_events(vec![]);
    given(without).when(star(FIRST, BOB)).then_expect_events(vec![starred(1, FIRST, BOB)]);
}

#[test]
fn what_is_not_there_is_not_starred() {
    for command in [star(NEVER_SENT, BOB), unstar(NEVER_SENT, BOB)] {
        given([opened()]).when(command).then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    }
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(star(FIRST, BOB))
        .then_expect_error(ChatError::Deleted);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(star(FIRST, BOB))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn a_star_goes_with_its_message() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        sent(2, SECOND, ALICE),
        starred(1, FIRST, BOB),
        starred(2, SECOND, BOB),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ])
    .when(unstar(FIRST, BOB))
    .then_expect_events(vec![]);
}

#[test]
fn stars_are_set_and_taken_in_an_inactive_chat() {
    let inactive = [opened(), sent(1, FIRST, ALICE), starred(1, FIRST, ALICE), deactivated()];
    given(inactive.clone()).when(star(FIRST, BOB)).then_expect_events(vec![starred(1, FIRST, BOB)]);
    given(inactive).when(unstar(FIRST, ALICE)).then_expect_events(vec![unstarred(1, FIRST, ALICE)]);
}
