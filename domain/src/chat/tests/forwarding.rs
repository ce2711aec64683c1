//! A message that comes from elsewhere says from where.

use uuid::Uuid;

use super::commands::{at, delete_for_everyone, edit, forward, outgoing, send_message};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, expiring, forwarded, opened, sent,
    taken_back,
};
use super::{ALICE, BOB, FIRST, HELLO, MALLORY, NOW, days_after, given};
use crate::ChatId;
use crate::chat::{ChatError, ChatEvent, Forwarded, Outgoing};

#[test]
fn a_forwarded_message_keeps_its_provenance() {
    let forwarded = Some(origin());
    given([opened()])
        .when(send_message(Outgoing { forwarded, ..outgoing(FIRST, ALICE, HELLO) }))
        .then_expect_events(vec![forwarded_message()]);
}

#[test]
fn forwarding_again_under_the_same_id_posts_nothing() {
    let forwarded = Some(Forwarded { hops: 9, ..origin() });
    given([opened(), forwarded_message()])
        .when(send_message(Outgoing { forwarded, ..outgoing(FIRST, ALICE, HELLO) }))
        .then_expect_events(vec![]);
}

#[test]
fn a_forwarded_message_is_its_senders_own() {
    let ChatEvent::MessageSent { sender, recipient, .. } = forwarded_message() else {
        panic!("it is a message")
    };
    assert_eq!((sender, recipient), (ALICE, BOB));
}

#[test]
fn nobody_puts_words_into_the_mouth_of_somebody_else() {
    given([opened(), forwarded_message()])
        .when(edit(FIRST, ALICE, "what they never said"))
        .then_expect_error(ChatError::NotTheAuthor);
    given([opened(), forwarded_message()])
        .when(edit(FIRST, BOB, "what they never said"))
        .then_expect_error(ChatError::NotTheSender);
}

#[test]
fn a_forwarded_message_is_deleted_by_whoever_forwarded_it() {
    given([opened(), forwarded_message()])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, true)]);
}

/// The chat that it comes from says whether it may be: the one place that knows at once.
#[test]
fn what_a_member_sees_is_forwarded_and_nothing_else() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(forward(FIRST, by))
            .then_expect_events(vec![]);
    }
    let refused = |events: &[ChatEvent], by, error| {
        given(
            [opened(), expiring(sent(1, FIRST, ALICE), days_after(1))]
                .iter()
                .chain(events)
                .cloned(),
        )
        .when(at(days_after(i64::from(events.is_empty())), forward(FIRST, by)))
        .then_expect_error(error);
    };
    refused(&[], BOB, ChatError::Deleted);
    refused(&[deleted_for_everyone(1, FIRST, ALICE, true)], BOB, ChatError::Deleted);
    refused(&[deleted_for_me(1, FIRST, BOB, true)], BOB, ChatError::UnknownMessage(FIRST));
    refused(&[taken_back(1, FIRST, ALICE)], ALICE, ChatError::Deleted);
    refused(&[deactivated()], MALLORY, ChatError::NotAMember(MALLORY));
    given([opened()]).when(forward(FIRST, BOB)).then_expect_error(ChatError::UnknownMessage(FIRST));
    given([]).when(forward(FIRST, BOB)).then_expect_error(ChatError::NotFound);
}

pub(super) fn origin() -> Forwarded {
    Forwarded {
        sender: MALLORY,
        sent_at: NOW,
        hops: 2,
        origin_chat: ChatId(Uuid::from_u128(0xCA)),
        origin_number: 7,
    }
}

fn forwarded_message() -> ChatEvent {
    forwarded(sent(1, FIRST, ALICE), origin())
}
