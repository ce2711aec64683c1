//! Up to 50 messages are pinned for each member, by either.

use uuid::Uuid;

use super::commands::{pin, unblock, unpin};
use super::events::{
    blocked, cleared, deactivated, deleted_for_everyone, deleted_for_me, expired, expiring, opened,
    pinned, sent, unpinned, withheld,
};
use super::{ALICE, BOB, FIRST, NEVER_SENT, NOW, given, record};
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
    let full = full();
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

/// Each member makes room for themselves: what they have hidden is pinned for the other alone, who
/// sees no more pins than can be.
#[test]
fn what_a_member_has_hidden_takes_up_none_of_their_room() {
    let pinning = |events: &[ChatEvent], number, by| {
        let again = [sent(52, id(52), ALICE)];
        given([&full()[..], events, &again[..]].concat()).when(pin(id(number), by)).inspect_result()
    };
    let theirs_alone = |number| Ok(vec![withheld(pinned(number, id(number), BOB))]);
    assert_eq!(pinning(&[cleared(BOB, 51)], 52, BOB), theirs_alone(52));
    assert_eq!(pinning(&[cleared(BOB, 51)], 52, ALICE), Err(ChatError::TooManyPins { max: 50 }));
    let both = [cleared(BOB, 51), cleared(ALICE, 51)];
    assert_eq!(pinning(&both, 52, BOB), Ok(vec![pinned(52, id(52), BOB)]));
    let one = [deleted_for_me(7, id(7), BOB, true), deleted_for_me(7, id(7), ALICE, false)];
    assert_eq!(pinning(&one[..1], 51, BOB), theirs_alone(51));
    assert_eq!(pinning(&one, 51, BOB), Ok(vec![pinned(51, id(51), BOB)]));
}

/// The blocked one fills their own board, never that of who blocks them.
#[test]
fn withheld_pins_take_up_none_of_the_others_room() {
    let messages = || (1..=51).map(|it| sent(it, id(it), ALICE));
    let mut chat: Vec<_> = [opened()].into_iter().chain(messages()).chain([blocked(BOB)]).collect();
    for number in 1..=50 {
        let recorded = record(&mut chat, pin(id(number), ALICE)).unwrap();
        assert_eq!(recorded, [withheld(pinned(number, id(number), ALICE))]);
    }
    let full = Err(ChatError::TooManyPins { max: 50 });
    assert_eq!(record(&mut chat, pin(id(51), ALICE)), full);
    record(&mut chat, unblock(BOB, ALICE)).unwrap();
    // For her there is no room for it.
    let only_for_bob = vec![withheld(pinned(51, id(51), BOB))];
    assert_eq!(record(&mut chat, pin(id(51), BOB)), Ok(only_for_bob));
    // Pinned for her already: now for both.
    assert_eq!(record(&mut chat, pin(id(1), BOB)), Ok(vec![pinned(1, id(1), BOB)]));
    assert_eq!(record(&mut chat, unpin(id(1), ALICE)), Ok(vec![unpinned(1, id(1), ALICE)]));
    assert_eq!(
        record(&mut chat, unpin(id(2), ALICE)),
        Ok(vec![withheld(unpinned(2, id(2), ALICE))])
    );
    assert_eq!(record(&mut chat, unpin(id(2), BOB)), Ok(vec![]));
}

/// They go on seeing it, and she can tell nothing.
#[test]
fn what_the_blocked_one_unpins_stays_pinned_for_the_other() {
    let mut chat = vec![opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, BOB), blocked(BOB)];
    let unpinned_for_her = vec![withheld(unpinned(1, FIRST, ALICE))];
    assert_eq!(record(&mut chat, unpin(FIRST, ALICE)), Ok(unpinned_for_her));
    assert_eq!(record(&mut chat, unpin(FIRST, ALICE)), Ok(vec![]));
    record(&mut chat, unblock(BOB, ALICE)).unwrap();
    given(chat.clone()).when(pin(FIRST, ALICE)).then_expect_events(vec![pinned(1, FIRST, ALICE)]);
    given(chat).when(unpin(FIRST, BOB)).then_expect_events(vec![withheld(unpinned(1, FIRST, BOB))]);
}

#[test]
fn nothing_is_pinned_in_an_inactive_chat_and_can_be_unpinned() {
    let inactive = [opened(), sent(1, FIRST, ALICE), pinned(1, FIRST, ALICE), deactivated()];
    given(inactive[..2].iter().cloned().chain([deactivated()]))
        .when(pin(FIRST, BOB))
        .then_expect_error(ChatError::Inactive);
    given(inactive).when(unpin(FIRST, BOB)).then_expect_events(vec![unpinned(1, FIRST, BOB)]);
}

/// With 51 messages, of which 50 are pinned.
fn full() -> Vec<ChatEvent> {
    let messages = (1..=51).map(|it| sent(it, id(it), ALICE));
    let pins = (1..=50).map(|it| pinned(it, id(it), ALICE));
    [opened()].into_iter().chain(messages).chain(pins).collect()
}

fn id(number: u64) -> MessageId {
    MessageId(Uuid::from_u128(number.into()))
}
