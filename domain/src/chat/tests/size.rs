//! A chat with very many messages: what it weighs, and that each is found.

use cqrs_es::Aggregate;
use uuid::Uuid;

use super::{
    ALICE, BOB, NEVER_SENT, delete_for_everyone, delete_for_me, folded, mark_read, opened, send,
};
use crate::chat::{Chat, ChatCommand};
use crate::{Decider, MessageId};

const MANY: u32 = 100_000;

/// Bytes. The cache of hot chats is planned for this.
const WEIGHT_MAX: usize = 4_000_000;

/// Bytes. What cannot be left out of the count: the id, its place in the index with a byte of
/// control, and four bits.
const WEIGHT_MIN: usize =
    MANY as usize * (size_of::<Uuid>() + size_of::<u32>() + 1) + MANY as usize / 2;

#[test]
fn a_hundred_thousand_messages_weigh_less_than_4_megabytes_and_each_is_found() {
    let mut chat = folded([opened()]);
    for number in 1..=MANY {
        let sender = if number % 3 == 0 { ALICE } else { BOB };
        record(&mut chat, send(id(number), sender));
    }
    record(&mut chat, mark_read(ALICE, MANY.into()));
    record(&mut chat, mark_read(BOB, MANY.into()));
    for by in [ALICE, BOB] {
        record(&mut chat, delete_for_me(id(MANY), by));
    }
    record(&mut chat, delete_for_everyone(id(MANY), BOB));
    let restored: Chat = serde_json::from_str(&serde_json::to_string(&chat).unwrap()).unwrap();

    for chat in [chat, restored] {
        let weight = chat.weight();
        assert!((WEIGHT_MIN..WEIGHT_MAX).contains(&weight), "{weight}");
        for number in 1..=MANY {
            assert_eq!(chat.number_of(id(number)), Some(number.into()));
        }
        assert_eq!(chat.number_of(NEVER_SENT), None);
    }
}

fn record(chat: &mut Chat, command: ChatCommand) {
    let events = chat.decide(command).unwrap();
    assert_eq!(events.len(), 1);
    for event in events {
        chat.apply(event);
    }
}

/// Spread over all 128 bits, as ids are.
fn id(number: u32) -> MessageId {
    let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    MessageId(Uuid::from_u128(spread))
}
