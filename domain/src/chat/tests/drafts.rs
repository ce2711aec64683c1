//! What a person has begun to write, on all their devices.

use super::commands::save_draft;
use super::events::{blocked, deactivated, deleted_for_everyone, draft_saved, opened, sent};
use super::{ALICE, BOB, FIRST, HELLO, NEVER_SENT, given};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn a_draft_has_a_text_a_quote_or_both() {
    for (text, reply_to) in
        [(Some(HELLO), None), (None, Some((FIRST, 1))), (Some(HELLO), Some((FIRST, 1)))]
    {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(save_draft(BOB, text, reply_to.map(|it| it.0)))
            .then_expect_events(vec![draft_saved(BOB, text, reply_to)]);
    }
}

/// The person is still writing it.
#[test]
fn a_draft_is_kept_with_what_surrounds_it() {
    given([opened()])
        .when(save_draft(BOB, Some(" hello "), None))
        .then_expect_events(vec![draft_saved(BOB, Some(" hello "), None)]);
}

#[test]
fn a_draft_of_nothing_takes_the_draft_away_once() {
    for nothing in [None, Some(""), Some(" \n")] {
        given([opened(), draft_saved(BOB, Some(HELLO), None)])
            .when(save_draft(BOB, nothing, None))
            .then_expect_events(vec![draft_saved(BOB, None, None)]);
        given([opened(), draft_saved(BOB, Some(HELLO), None), draft_saved(BOB, None, None)])
            .when(save_draft(BOB, nothing, None))
            .then_expect_events(vec![]);
        given([opened()]).when(save_draft(BOB, nothing, None)).then_expect_events(vec![]);
    }
}

#[test]
fn each_has_a_draft_of_their_own() {
    given([opened(), draft_saved(BOB, Some(HELLO), None)])
        .when(save_draft(ALICE, None, None))
        .then_expect_events(vec![]);
}

#[test]
fn a_draft_is_held_to_what_a_text_is() {
    let saving =
        |text: &str| given([opened()]).when(save_draft(BOB, Some(text), None)).inspect_result();
    assert_eq!(saving("a\u{7}"), Err(ChatError::ControlCharacter));
    let (max, actual) = (10_000, 10_001);
    assert_eq!(saving(&"x".repeat(actual)), Err(ChatError::TextTooLong { max, actual }));
    assert!(saving(&"x".repeat(max)).is_ok());
}

#[test]
fn a_draft_quotes_what_is_there() {
    given([opened()])
        .when(save_draft(BOB, Some(HELLO), Some(NEVER_SENT)))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(save_draft(BOB, None, Some(FIRST)))
        .then_expect_error(ChatError::Deleted);
}

#[test]
fn one_may_write_a_draft_where_nothing_can_be_sent() {
    let saved = || -> Vec<ChatEvent> { vec![draft_saved(BOB, Some(HELLO), None)] };
    for silenced in [deactivated(), blocked(BOB), blocked(ALICE)] {
        given([opened(), silenced])
            .when(save_draft(BOB, Some(HELLO), None))
            .then_expect_events(saved());
    }
}
