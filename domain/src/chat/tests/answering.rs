//! Questions with buttons, and the answer to one.

use serde_json::{Value, json};

use super::commands::{answer, question, send_content};
use super::events::{
    answered, deactivated, deleted_for_everyone, deleted_for_me, opened, said, sent, sent_content,
};
use super::{ALICE, BOB, FIRST, HELLO, NEVER_SENT, given};
use crate::Personal;
use crate::chat::{ChatError, ChatEvent, Content, NewContent};

#[test]
fn a_member_asks_a_question() {
    given([opened()])
        .when(send_content(FIRST, ALICE, question()))
        .then_expect_events(vec![asked()]);
}

#[test]
fn a_question_has_a_text_and_an_action_with_a_name() {
    let asking = |text: &str, action: &str| {
        let (text, action) = (text.to_owned(), action.to_owned());
        let content = NewContent::Actionable { text, action, action_params: Value::Null };
        given([opened()]).when(send_content(FIRST, ALICE, content)).inspect_result()
    };
    assert_eq!(asking(" ", "ride.offer"), Err(ChatError::EmptyText));
    for name in ["a", "ride.offer:v2_x-1", &"x".repeat(100)] {
        assert!(asking(HELLO, name).is_ok(), "{name}");
    }
    for name in ["", "a b", "a/b", "é", "a\n", &"x".repeat(101)] {
        assert_eq!(asking(HELLO, name), Err(ChatError::InvalidAction { max: 100 }), "{name}");
    }
}

#[test]
fn what_goes_with_an_action_has_at_most_4_kib() {
    let max = 4_096;
    let asking = |bytes: usize| {
        let action_params = json!("x".repeat(bytes - 2)); // and two quotes
        let (text, action) = (HELLO.to_owned(), "a".to_owned());
        let content = NewContent::Actionable { text, action, action_params };
        given([opened()]).when(send_content(FIRST, ALICE, content)).inspect_result()
    };
    assert!(asking(max).is_ok());
    let actual = max + 1;
    assert_eq!(asking(actual), Err(ChatError::ActionParamsTooLarge { max, actual }));
}

#[test]
fn the_other_member_answers_once() {
    given([opened(), asked()])
        .when(answer(FIRST, BOB, json!("yes")))
        .then_expect_events(vec![answered(1, FIRST, BOB, json!("yes"))]);
    for another in ["yes", "no"] {
        given([opened(), asked(), answered(1, FIRST, BOB, json!("yes"))])
            .when(answer(FIRST, BOB, json!(another)))
            .then_expect_error(ChatError::AlreadyAnswered);
    }
}

#[test]
fn whoever_asks_does_not_answer() {
    given([opened(), asked()])
        .when(answer(FIRST, ALICE, json!("yes")))
        .then_expect_error(ChatError::NothingToAnswer);
}

#[test]
fn what_is_no_question_is_not_answered() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(answer(FIRST, BOB, json!("yes")))
        .then_expect_error(ChatError::NothingToAnswer);
}

#[test]
fn an_answer_is_any_json_of_at_most_4_kib() {
    let max = 4_096;
    for some in [Value::Null, json!({ "seats": 2 }), json!([]), json!("x".repeat(max - 2))] {
        given([opened(), asked()])
            .when(answer(FIRST, BOB, some.clone()))
            .then_expect_events(vec![answered(1, FIRST, BOB, some)]);
    }
    given([opened(), asked()])
        .when(answer(FIRST, BOB, json!("x".repeat(max - 1))))
        .then_expect_error(ChatError::AnswerTooLarge { max, actual: max + 1 });
}

#[test]
fn what_is_not_there_is_not_answered() {
    given([opened()])
        .when(answer(NEVER_SENT, BOB, json!("yes")))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    given([opened(), asked(), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(answer(FIRST, BOB, json!("yes")))
        .then_expect_error(ChatError::Deleted);
    given([opened(), asked(), deleted_for_me(1, FIRST, BOB, true)])
        .when(answer(FIRST, BOB, json!("yes")))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn nothing_is_answered_in_an_inactive_chat() {
    given([opened(), asked(), deactivated()])
        .when(answer(FIRST, BOB, json!("yes")))
        .then_expect_error(ChatError::Inactive);
}

fn asked() -> ChatEvent {
    let action_params = Personal::new(ALICE, json!({ "buttons": ["yes", "no"] }));
    let (text, action) = (said(ALICE, HELLO), "ride.offer".to_owned());
    sent_content(1, FIRST, ALICE, Content::Actionable { text, action, action_params })
}
