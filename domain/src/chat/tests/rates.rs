//! How fast a person may send into one chat.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::commands::{outgoing, send};
use super::events::opened;
use super::{ALICE, BOB, FIRST, HELLO, NOW, after, folded, record};
use crate::chat::{ChatCommand, ChatError, ChatEvent, Limits};
use crate::{AccountId, Decider, MessageId};

/// Five at once, and one a second.
const LIMITS: Limits = Limits { text_max: 10_000, burst: 5, interval_ms: 1_000 };

#[test]
fn sixty_at_once_and_one_a_second_if_nothing_else_is_set() {
    let set = Limits::default();
    assert_eq!((set.burst, set.interval_ms, set.text_max), (60, 1_000, 10_000));
    let mut chat = Chat::new(set);
    for _ in 0..60 {
        assert!(chat.send(ALICE, NOW).is_ok());
    }
    assert_eq!(chat.send(ALICE, NOW), Err(too_fast(1_000)));
    assert_eq!(chat.send(ALICE, after(1)), Ok(60_000));
    assert_eq!(chat.send(ALICE, after(1)), Err(too_fast(1_000)));
}

#[test]
fn an_event_says_how_long_until_the_allowance_is_full_again() {
    let mut chat = Chat::new(LIMITS);
    assert_eq!(chat.send(ALICE, NOW), Ok(1_000));
    assert_eq!(chat.send(ALICE, NOW), Ok(2_000));
    let half = NOW + TimeDelta::milliseconds(500);
    assert_eq!(chat.send(ALICE, half), Ok(2_500));
    assert_eq!(chat.send(ALICE, after(60)), Ok(1_000));
}

#[test]
fn whoever_waits_as_long_as_they_are_told_may_send() {
    let mut chat = Chat::new(LIMITS);
    for _ in 0..5 {
        assert!(chat.send(ALICE, NOW).is_ok());
    }
    for early in [0, 1, 999] {
        let time = NOW + TimeDelta::milliseconds(early);
        assert_eq!(chat.send(ALICE, time), Err(too_fast(1_000 - early)));
    }
    assert_eq!(chat.send(ALICE, after(1)), Ok(5_000));
}

#[test]
fn each_member_has_an_allowance_of_their_own() {
    let mut chat = Chat::new(LIMITS);
    for by in [ALICE, BOB] {
        for _ in 0..5 {
            assert!(chat.send(by, NOW).is_ok());
        }
    }
    assert_eq!(chat.send(BOB, NOW), Err(too_fast(1_000)));
}

#[test]
fn a_retry_costs_nothing_and_is_never_too_fast() {
    let mut chat = Chat::new(Limits { burst: 1, ..LIMITS });
    assert!(chat.send(ALICE, NOW).is_ok());
    let again = ChatCommand::Send {
        message: Box::new(outgoing(id(1), ALICE, HELLO)),
        limits: chat.limits,
        now: NOW,
    };
    assert_eq!(record(&mut chat.events, again), Ok(vec![]));
    assert_eq!(chat.send(ALICE, NOW), Err(too_fast(1_000)));
}

#[test]
fn an_interval_of_0_is_no_limit() {
    let mut chat = Chat::new(Limits { interval_ms: 0, ..LIMITS });
    for _ in 0..100 {
        assert_eq!(chat.send(ALICE, NOW), Ok(0));
    }
}

#[test]
fn a_burst_of_0_lets_one_pass_at_a_time() {
    let mut chat = Chat::new(Limits { burst: 0, ..LIMITS });
    assert_eq!(chat.send(ALICE, NOW), Ok(1_000));
    assert_eq!(chat.send(ALICE, NOW), Err(too_fast(1_000)));
    assert_eq!(chat.send(ALICE, after(1)), Ok(1_000));
}

#[test]
fn limits_may_change_between_two_messages() {
    let mut chat = Chat::new(LIMITS);
    for _ in 0..5 {
        assert!(chat.send(ALICE, NOW).is_ok());
    }
    chat.limits.burst = 1;
    assert_eq!(chat.send(ALICE, NOW), Err(too_fast(5_000)));
    chat.limits = Limits { interval_ms: 0, ..LIMITS };
    assert_eq!(chat.send(ALICE, NOW), Ok(0));
    chat.limits = LIMITS;
    assert_eq!(chat.send(ALICE, NOW), Ok(1_000));
}

#[test]
fn a_clock_that_went_back_refuses_nobody_for_long() {
    let mut chat = Chat::new(LIMITS);
    assert_eq!(chat.send(ALICE, NOW), Ok(1_000));
    assert_eq!(chat.send(ALICE, after(-1)), Ok(3_000));
}

#[test]
fn the_largest_limits_do_not_overflow() {
    let mut chat = Chat::new(Limits { burst: u32::MAX, interval_ms: u32::MAX, ..LIMITS });
    assert_eq!(chat.send(ALICE, NOW), Ok(u32::MAX));
    assert_eq!(chat.send(ALICE, NOW), Ok(u32::MAX)); // as much as is remembered
}

#[test]
fn a_restored_chat_remembers_what_was_spent() {
    let mut chat = Chat::new(LIMITS);
    for _ in 0..5 {
        assert!(chat.send(ALICE, NOW).is_ok());
    }
    let state = folded(chat.events);
    let stored = serde_json::to_vec(&state).unwrap();
    let restored: crate::chat::Chat = serde_json::from_slice(&stored).unwrap();
    let mut command = send(FIRST, ALICE);
    if let ChatCommand::Send { message, limits, .. } = &mut command {
        message.message_id = id(6);
        *limits = LIMITS;
    }
    assert_eq!(restored.decide(command), Err(too_fast(1_000)));
}

proptest! {
    /// Whenever they are sent: in no stretch of time do more pass than a burst and one an interval.
    #[test]
    fn no_stretch_of_time_lets_more_pass(pauses in proptest::collection::vec(0..1_500_i64, 0..80)) {
        let mut chat = Chat::new(LIMITS);
        let mut now = NOW;
        let mut passed = vec![];
        for pause in pauses {
            now += TimeDelta::milliseconds(pause);
            if chat.send(ALICE, now).is_ok() {
                passed.push(now);
            }
        }
        for (place, from) in passed.iter().enumerate() {
            for (further, to) in passed[place..].iter().enumerate() {
                let allowed = i64::from(LIMITS.burst) + (*to - *from).num_milliseconds() / 1_000;
                prop_assert!(i64::try_from(further).unwrap() < allowed);
            }
        }
    }
}

/// A chat into which one message after the other is sent.
struct Chat {
    limits: Limits,
    events: Vec<ChatEvent>,
    sent: u128,
}

impl Chat {
    fn new(limits: Limits) -> Self {
        Self { limits, events: vec![opened()], sent: 0 }
    }

    /// Sends the next message; returns what the event says was spent.
    fn send(&mut self, by: AccountId, now: DateTime<Utc>) -> Result<u32, ChatError> {
        let message = Box::new(outgoing(id(self.sent + 1), by, HELLO));
        let command = ChatCommand::Send { message, limits: self.limits, now };
        let events = record(&mut self.events, command)?;
        self.sent += 1;
        match events[..] {
            [ChatEvent::MessageSent { spent_ms, .. }] => Ok(spent_ms),
            ref other => panic!("{other:?}"),
        }
    }
}

fn too_fast(retry_after_ms: i64) -> ChatError {
    ChatError::TooFast { retry_after: TimeDelta::milliseconds(retry_after_ms) }
}

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}
