//! A chat of 100,000 messages is small, and loses none of them.

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use uuid::Uuid;

use super::commands::{
    answer, at, copy_of, delete_for_everyone, delete_for_me, edit, expire, mark_delivered,
    mark_read, pin, question, react, report, send, send_content, set_disappearing, star,
};
use super::events::opened;
use super::{ALICE, BOB, NEVER_SENT, days_after, folded};
use crate::chat::{Chat, ChatCommand, Disappearing};
use crate::{AccountId, Decider, MessageId};

const MANY: u32 = 100_000;

/// Bytes. The cache of hot chats is planned for this.
const WEIGHT_MAX: usize = 4_000_000;

/// Bytes. What cannot be left out of the count: the id, its place in the index with a byte of
/// control, and the time it disappears at.
const WEIGHT_MIN: usize =
    MANY as usize * (size_of::<Uuid>() + size_of::<u32>() + 1 + 2 * size_of::<u32>());

/// Bytes of a snapshot.
const SNAPSHOT_MAX: usize = 4_000_000;

/// All of them are still to disappear, and everything that can become of a message has become of
/// many.
#[test]
fn a_hundred_thousand_messages_weigh_less_than_4_megabytes_and_each_is_found() {
    let mut chat = folded([opened()]);
    record(&mut chat, set_disappearing(ALICE, Some(Disappearing::NinetyDays)));
    for number in 1..=MANY {
        let command = match number % 10 {
            0 => send_content(id(number), sender(number), question()),
            _ => send(id(number), sender(number)),
        };
        record(&mut chat, command);
    }
    for number in (1..=MANY).filter(|it| it.is_multiple_of(3) || *it > MANY - 100) {
        for command in all_that_becomes_of(number) {
            record(&mut chat, command);
        }
    }
    for number in MANY - 49..=MANY {
        record(&mut chat, pin(id(number), ALICE));
    }
    for by in [ALICE, BOB] {
        record(&mut chat, mark_delivered(by, MANY.into()));
        record(&mut chat, mark_read(by, MANY.into()));
        record(&mut chat, delete_for_me(id(MANY), by));
    }
    let stored = serde_json::to_string(&chat).unwrap();
    assert!(stored.len() < SNAPSHOT_MAX, "{}", stored.len());
    let restored: Chat = serde_json::from_str(&stored).unwrap();

    assert_eq!(restored, chat);
    for chat in [chat, restored] {
        let weight = chat.weight();
        assert!((WEIGHT_MIN..WEIGHT_MAX).contains(&weight), "{weight}");
        for number in 1..=MANY {
            assert_eq!(chat.number_of(id(number)), Some(number.into()));
        }
        assert_eq!(chat.number_of(NEVER_SENT), None);
    }
}

#[test]
fn a_hundred_thousand_messages_disappear_in_a_hundred_events() {
    let mut chat = folded([opened()]);
    record(&mut chat, set_disappearing(ALICE, Some(Disappearing::OneDay)));
    for number in 1..=MANY {
        record(&mut chat, send(id(number), sender(number)));
    }
    record(&mut chat, delete_for_everyone(id(MANY), sender(MANY)));
    for _ in 0..100 {
        record(&mut chat, at(days_after(1), expire()));
    }
    assert_eq!(chat.decide(at(days_after(1) + TimeDelta::days(1), expire())), Ok(vec![]));
    assert!((1..=MANY).all(|it| !chat.holds(id(it))));
}

fn all_that_becomes_of(number: u32) -> Vec<ChatCommand> {
    let (message_id, by) = (id(number), sender(number));
    let other = super::other(by);
    let mut commands = vec![
        edit(message_id, by, "again"),
        edit(message_id, by, "and again"),
        react(message_id, by, "👍"),
        react(message_id, other, "❤️"),
        star(message_id, by),
        star(message_id, other),
        report(message_id, other, copy_of(by, "spam")),
    ];
    if number.is_multiple_of(10) {
        commands.push(answer(message_id, other, serde_json::json!("yes")));
    }
    commands
}

fn record(chat: &mut Chat, command: ChatCommand) {
    let events = chat.decide(command).unwrap();
    assert_eq!(events.len(), 1);
    for event in events {
        chat.apply(event);
    }
}

fn sender(number: u32) -> AccountId {
    if number.is_multiple_of(3) { ALICE } else { BOB }
}

/// Spread over all 128 bits, as ids are.
fn id(number: u32) -> MessageId {
    let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    MessageId(Uuid::from_u128(spread))
}
