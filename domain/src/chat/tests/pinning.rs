//! Up to 50 messages are pinned, for both.

use uuid::Uuid;

use super::commands::{pin, unpin};
use super::events::{
    cleared, deactivated, deleted_for_everyone, deleted_for_me, expired, expiring, opened, pinned,
    sent, unpinned,
};
use super::{ALICE, BOB, FIRST, NEVER_SENT, NOW, given};
use crate::MessageId;
use crate::chat::{ChatError, ChatEvent};

#[test]
fn both_members_pin_any_message() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(pin(FIRST, by))
            .then_expect_events(vec![pinned(1, FIRST, by)]);
    }
}

#[test]
fn pinning_what_is_pinned_changes_nothing_whoever_did_it() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, ALICE)])
            .when(pin(FIRST, by))
            .then_expect_events(vec![]);
    }
}

#[test]
fn either_unpins_what_either_pinned_once() {
    let with_pin = [opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, ALICE)];
    for by in [ALICE, BOB] {
        given(with_pin.clone())
            .when(unpin(FIRST, by))
            .then_expect_events(vec![unpinned(1, FIRST, by)]);
        given([with_pin.to_vec(), vec![unpinned(1, FIRST, ALICE)]].concat())
            .when(unpin(FIRST, by))
            .then_expect_events(vec![]);
    }
}

#[test]
fn what_was_unpinned_is_pinned_again() {
    given([opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, ALICE), unpinned(1, FIRST, BOB)])
        .when(pin(FIRST, BOB))
        .then_expect_events(vec![pinned(1, FIRST, BOB)]);
}

#[test]
fn fifty_messages_are_pinned_at_most() {
    let full: Vec<ChatEvent> = [opened()]
        .into_iter()
        .chain((1..=51).map(|it| sent(it, id(it), ALICE)))
        .chain((1..=50).map(|it| pinned(it, id(it), ALICE)))
        .collect();
    given(full.clone())
        .when(pin(id(51), BOB))
        .then_expect_error(ChatError::TooManyPins { max: 50 });
    given(full.clone()).when(pin(id(50), BOB)).then_expect_events(vec![]);
    given(full[..full.len() - 1].to_vec()).when(pin(id(51), BOB)).then_expect_events(vec![pinned(
        51,
        id(51),
        BOB,
    )]);
    // Whatever takes a pin away makes room.
    for gone in [
        unpinned(7, id(7), BOB),
        deleted_for_everyone(7, id(7), ALICE, true),
        expired([7], [0, 0], NOW),
    ] {
        given([full.clone(), vec![gone]].concat())
            .when(pin(id(51), BOB))
            .then_expect_events(vec![pinned(51, id(51), BOB)]);
    }
}

#[test]
fn what_is_not_there_is_not_pinned() {
    for command in [pin(NEVER_SENT, BOB), unpin(NEVER_SENT, BOB)] {
        given([opened()]).when(command).then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    }
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(pin(FIRST, BOB))
        .then_expect_error(ChatError::Deleted);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(pin(FIRST, BOB))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn a_pin_goes_with_its_message() {
    let with_pin = [opened(), expiring(sent(1, FIRST, ALICE), NOW), pinned(1, FIRST, BOB)];
    for gone in [deleted_for_everyone(1, FIRST, ALICE, true), expired([1], [0, 0], NOW)] {
        given([with_pin.to_vec(), vec![gone]].concat())
            .when(unpin(FIRST, BOB))
            .then_expect_events(vec![]);
    }
}

/// Else nobody could make room for another.
#[test]
fn what_both_have_hidden_is_pinned_no_more() {
    let full: Vec<ChatEvent> = [opened()]
        .into_iter()
        .chain((1..=51).map(|it| sent(it, id(it), ALICE)))
        .chain((1..=50).map(|it| pinned(it, id(it), ALICE)))
        .collect();
    let pinning = |events: &[ChatEvent], number| {
        let again = [sent(52, id(52), ALICE)];
        given([&full[..], events, &again[..]].concat()).when(pin(id(number), BOB)).inspect_result()
    };
    let full_for_bob = Err(ChatError::TooManyPins { max: 50 });
    assert_eq!(pinning(&[cleared(BOB, 51)], 52), full_for_bob); // Alice can unpin them
    let both = [cleared(BOB, 51), cleared(ALICE, 51)];
    assert_eq!(pinning(&both, 52), Ok(vec![pinned(52, id(52), BOB)]));
    let one = [deleted_for_me(7, id(7), BOB, true), deleted_for_me(7, id(7), ALICE, false)];
    assert_eq!(pinning(&one[..1], 51), full_for_bob);
    assert_eq!(pinning(&one, 51), Ok(vec![pinned(51, id(51), BOB)]));
}

#[test]
fn nothing_is_pinned_in_an_inactive_chat_and_can_be_unpinned() {
    let inactive = [opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, ALICE), deactivated()];
    given(inactive[..2].iter().cloned().chain([deactivated()]))
        .when(pin(FIRST, BOB))
        .then_expect_error(ChatError::Inactive);
    given(inactive).when(unpin(FIRST, BOB)).then_expect_events(vec![unpinned(1, FIRST, BOB)]);
}

fn id(number: u64) -> MessageId {
    MessageId(Uuid::from_u128(number.into()))
}
