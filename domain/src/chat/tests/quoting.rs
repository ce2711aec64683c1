//! Replies, and references to something in the app.

use super::commands::{outgoing, reply, send_message};
use super::events::{
    cleared, deleted_for_everyone, deleted_for_me, expired, expiring, opened, replying, sent,
};
use super::{ALICE, BOB, FIRST, HELLO, NEVER_SENT, NOW, SECOND, given};
use crate::chat::{ChatError, ChatEvent, Outgoing, Reference};

#[test]
fn a_reply_says_what_it_answers_by_id_and_number() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(reply(SECOND, by, FIRST))
            .then_expect_events(vec![replying(sent(2, SECOND, by), FIRST, 1)]);
    }
}

#[test]
fn what_is_not_there_is_not_answered() {
    let refused = |events: Vec<ChatEvent>, error| {
        given(events).when(reply(SECOND, BOB, FIRST)).then_expect_error(error);
    };
    let first = || vec![opened(), expiring(sent(1, FIRST, ALICE), NOW)];
    let unknown = ChatError::UnknownMessage(FIRST);
    refused(vec![opened()], unknown.clone());
    refused([first(), vec![deleted_for_me(1, FIRST, BOB, true)]].concat(), unknown.clone());
    refused([first(), vec![cleared(BOB, 1)]].concat(), unknown);
    let gone = [deleted_for_everyone(1, FIRST, ALICE, true), expired([1], [0, 0], NOW)];
    for gone in gone {
        refused([first(), vec![gone]].concat(), ChatError::Deleted);
    }
}

#[test]
fn a_message_does_not_answer_itself() {
    given([opened()])
        .when(reply(FIRST, ALICE, FIRST))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn a_retry_is_one_whatever_became_of_what_it_answers() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        replying(sent(2, SECOND, BOB), FIRST, 1),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ])
    .when(reply(SECOND, BOB, FIRST))
    .then_expect_events(vec![]);
    given([opened(), sent(1, FIRST, ALICE)])
        .when(reply(FIRST, ALICE, NEVER_SENT))
        .then_expect_events(vec![]);
}

#[test]
fn a_reference_is_kept_as_it_is() {
    let reference = Reference { kind: "ride".to_owned(), id: "Größe/№ 7".to_owned() };
    assert_eq!(referring(&reference), Ok(vec![with(reference)]));
}

#[test]
fn each_part_of_a_reference_has_1_to_200_characters() {
    let max = 200;
    for kind in ["x".repeat(max), "é".repeat(max)] {
        assert!(referring(&Reference { kind, id: "7".to_owned() }).is_ok());
    }
    for bad in [String::new(), "x".repeat(max + 1), "a\nb".to_owned(), "\u{7f}".to_owned()] {
        let good = || "x".to_owned();
        let field = "type";
        let reference = Reference { kind: bad.clone(), id: good() };
        assert_eq!(referring(&reference), Err(ChatError::InvalidReference { field, max }));
        let field = "id";
        let reference = Reference { kind: good(), id: bad };
        assert_eq!(referring(&reference), Err(ChatError::InvalidReference { field, max }));
    }
}

fn referring(reference: &Reference) -> Result<Vec<ChatEvent>, ChatError> {
    let reference = Some(reference.clone());
    let message = Outgoing { reference, ..outgoing(FIRST, ALICE, HELLO) };
    given([opened()]).when(send_message(message)).inspect_result()
}

fn with(to: Reference) -> ChatEvent {
    let mut event = sent(1, FIRST, ALICE);
    if let ChatEvent::MessageSent { reference, .. } = &mut event {
        *reference = Some(to);
    }
    event
}
