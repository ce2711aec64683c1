//! Messages that disappear, for both, at the time promised.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use super::commands::{at, delete_for_me, edit, expire, mark_read, send, set_disappearing};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, disappearing_set, expired, expiring, opened,
    read, sent,
};
use super::{ALICE, BOB, FIRST, NOW, SECOND, THIRD, after, days_after, folded, given, record};
use crate::chat::{ChatError, ChatEvent, Disappearing};
use crate::{Decider, MessageId};

const DAY: Option<Disappearing> = Some(Disappearing::OneDay);

#[test]
fn either_member_says_after_how_long_messages_disappear() {
    for by in [ALICE, BOB] {
        given([opened()])
            .when(set_disappearing(by, DAY))
            .then_expect_events(vec![disappearing_set(by, DAY)]);
        given([opened(), disappearing_set(ALICE, DAY)])
            .when(set_disappearing(by, None))
            .then_expect_events(vec![disappearing_set(by, None)]);
    }
}

#[test]
fn setting_what_is_set_changes_nothing() {
    given([opened()]).when(set_disappearing(ALICE, None)).then_expect_events(vec![]);
    given([opened(), disappearing_set(ALICE, DAY)])
        .when(set_disappearing(BOB, DAY))
        .then_expect_events(vec![]);
}

#[test]
fn messages_of_both_are_sent_with_the_time_they_disappear_at() {
    for (setting, days) in
        [(Disappearing::OneDay, 1), (Disappearing::SevenDays, 7), (Disappearing::NinetyDays, 90)]
    {
        for by in [ALICE, BOB] {
            given([opened(), disappearing_set(ALICE, Some(setting))])
                .when(send(FIRST, by))
                .then_expect_events(vec![expiring(sent(1, FIRST, by), days_after(days))]);
        }
    }
}

#[test]
fn what_was_sent_before_stays_and_what_was_promised_is_kept() {
    let mut events = vec![opened()];
    record(&mut events, send(FIRST, ALICE)).unwrap();
    record(&mut events, set_disappearing(BOB, DAY)).unwrap();
    record(&mut events, send(SECOND, ALICE)).unwrap();
    record(&mut events, set_disappearing(BOB, None)).unwrap();
    record(&mut events, send(THIRD, ALICE)).unwrap();
    let expiry = |time| folded(events.clone()).decide(at(time, expire())).unwrap();
    assert_eq!(expiry(days_after(1)), vec![expired([2], [0, 2], days_after(1))]);
    assert_eq!(expiry(days_after(10_000)), vec![expired([2], [0, 2], days_after(10_000))]);
}

#[test]
fn nothing_disappears_early() {
    let one = || given([opened(), expiring(sent(1, FIRST, ALICE), after(10))]);
    for early in [NOW, after(9), after(10) - TimeDelta::nanoseconds(1)] {
        one().when(at(early, expire())).then_expect_events(vec![]);
    }
    let due = after(10);
    one().when(at(due, expire())).then_expect_events(vec![expired([1], [0, 0], due)]);
}

/// Times are remembered in whole seconds, so it may be up to a second later; read models know the
/// exact one.
#[test]
fn a_part_of_a_second_is_waited_for() {
    let promised = after(10) + TimeDelta::microseconds(1);
    let one = || given([opened(), expiring(sent(1, FIRST, ALICE), promised)]);
    one().when(at(promised, expire())).then_expect_events(vec![]);
    let due = after(11);
    one().when(at(due, expire())).then_expect_events(vec![expired([1], [0, 0], due)]);
}

#[test]
fn what_has_disappeared_does_so_once() {
    given([opened(), expiring(sent(1, FIRST, ALICE), NOW), expired([1], [0, 0], NOW)])
        .when(at(after(1), expire()))
        .then_expect_events(vec![]);
}

#[test]
fn what_is_deleted_is_gone_already() {
    given([
        opened(),
        expiring(sent(1, FIRST, ALICE), NOW),
        expiring(sent(2, SECOND, ALICE), NOW),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ])
    .when(expire())
    .then_expect_events(vec![expired([2], [0, 0], NOW)]);
}

#[test]
fn what_one_deleted_for_themselves_disappears_for_the_other() {
    given([opened(), expiring(sent(1, FIRST, ALICE), NOW), deleted_for_me(1, FIRST, BOB, true)])
        .when(expire())
        .then_expect_events(vec![expired([1], [0, 0], NOW)]);
}

#[test]
fn unread_counts_are_those_of_what_is_left() {
    let events = [
        opened(),
        expiring(sent(1, FIRST, ALICE), NOW),
        expiring(sent(2, SECOND, BOB), NOW),
        sent(3, THIRD, BOB),
    ];
    given(events.clone()).when(expire()).then_expect_events(vec![expired([1, 2], [1, 0], NOW)]);
    let gone = [events.to_vec(), vec![expired([1, 2], [1, 0], NOW)]].concat();
    given(gone.clone()).when(mark_read(ALICE, 2)).then_expect_events(vec![read(ALICE, 2, 1)]);
    given(gone).when(mark_read(BOB, 1)).then_expect_events(vec![read(BOB, 1, 0)]);
}

#[test]
fn what_was_read_takes_nothing_from_the_unread() {
    given([
        opened(),
        expiring(sent(1, FIRST, ALICE), NOW),
        sent(2, SECOND, ALICE),
        read(BOB, 1, 1),
    ])
    .when(expire())
    .then_expect_events(vec![expired([1], [0, 1], NOW)]);
}

#[test]
fn the_number_and_the_id_of_what_disappeared_stay() {
    let gone = [opened(), expiring(sent(1, FIRST, ALICE), NOW), expired([1], [0, 0], NOW)];
    given(gone.clone()).when(send(FIRST, ALICE)).then_expect_events(vec![]);
    given(gone.clone()).when(send(SECOND, ALICE)).then_expect_events(vec![sent(2, SECOND, ALICE)]);
    given(gone.clone()).when(edit(FIRST, ALICE, "again")).then_expect_error(ChatError::Deleted);
    given(gone)
        .when(delete_for_me(FIRST, BOB))
        .then_expect_events(vec![deleted_for_me(1, FIRST, BOB, false)]);
}

#[test]
fn a_thousand_disappear_by_one_event_and_the_rest_by_the_next() {
    let id = |number: u64| MessageId(Uuid::from_u128(number.into()));
    let mut events: Vec<ChatEvent> = [opened()]
        .into_iter()
        .chain((1..=2_500).map(|it| expiring(sent(it, id(it), ALICE), NOW)))
        .collect();
    for (numbers, left) in [(1..=1_000, 1_500), (1_001..=2_000, 500), (2_001..=2_500, 0)] {
        let decided = record(&mut events, expire()).unwrap();
        assert_eq!(decided, vec![expired(numbers, [0, left], NOW)]);
    }
    assert_eq!(record(&mut events, expire()), Ok(vec![]));
}

/// A shorter time that was set later: the second goes before the first.
#[test]
fn each_disappears_at_its_own_time() {
    let events = [
        opened(),
        expiring(sent(1, FIRST, ALICE), days_after(90)),
        expiring(sent(2, SECOND, ALICE), days_after(1)),
    ];
    let due = days_after(1);
    given(events.clone()).when(at(due, expire())).then_expect_events(vec![expired(
        [2],
        [0, 1],
        due,
    )]);
    let due = days_after(90);
    given(events).when(at(due, expire())).then_expect_events(vec![expired([1, 2], [0, 0], due)]);
}

#[test]
fn messages_disappear_from_an_inactive_chat_whose_setting_stays() {
    given([opened(), expiring(sent(1, FIRST, ALICE), NOW), deactivated()])
        .when(expire())
        .then_expect_events(vec![expired([1], [0, 0], NOW)]);
    given([opened(), deactivated()])
        .when(set_disappearing(ALICE, DAY))
        .then_expect_error(ChatError::Inactive);
}

#[test]
fn a_time_before_1970_or_after_2106_is_no_trouble() {
    for time in [chrono::DateTime::<Utc>::MIN_UTC, chrono::DateTime::<Utc>::MAX_UTC] {
        let chat = folded([opened(), expiring(sent(1, FIRST, ALICE), time)]);
        assert_eq!(chat.decide(expire()).unwrap().is_empty(), time > NOW);
    }
}

#[test]
fn once_its_time_is_up_a_message_is_gone_for_every_command() {
    let mut events = vec![opened()];
    record(&mut events, set_disappearing(BOB, DAY)).unwrap();
    record(&mut events, send(FIRST, ALICE)).unwrap();
    let edited = |time| folded(events.clone()).decide(at(time, edit(FIRST, ALICE, "late")));
    assert_eq!(edited(days_after(1) - TimeDelta::seconds(1)).map(|it| it.len()), Ok(1));
    assert_eq!(edited(days_after(1)), Err(ChatError::Deleted));
}
