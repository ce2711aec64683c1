//! What a chat does with each command. The vocabulary is here; the modules hold the tests.

mod activity;
mod deleting;
mod histories;
mod model;
mod opening;
mod reading;
mod sending;
mod size;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{Chat, ChatCommand, ChatEvent};
use crate::{AccountId, ChatId, MessageId, Personal};

const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));
const MALLORY: AccountId = AccountId(Uuid::from_u128(0xE7));

const FIRST: MessageId = MessageId(Uuid::from_u128(1));
const SECOND: MessageId = MessageId(Uuid::from_u128(2));
const THIRD: MessageId = MessageId(Uuid::from_u128(3));
const FOURTH: MessageId = MessageId(Uuid::from_u128(4));
const NEVER_SENT: MessageId = MessageId(Uuid::from_u128(0xDEAD));

const HELLO: &str = "hello";
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

fn given(events: impl IntoIterator<Item = ChatEvent>) -> AggregateTestExecutor<Chat> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn folded(events: impl IntoIterator<Item = ChatEvent>) -> Chat {
    let mut chat = Chat::default();
    for event in events {
        chat.apply(event);
    }
    chat
}

/// The chat between Alice and Bob.
fn chat_id() -> ChatId {
    ChatId::between(ALICE, BOB)
}

/// The other of Alice and Bob.
fn other(member: AccountId) -> AccountId {
    if member == ALICE { BOB } else { ALICE }
}

fn open(by: AccountId, with: AccountId) -> ChatCommand {
    ChatCommand::Open { by, with, now: NOW }
}

fn send(message_id: MessageId, sender: AccountId) -> ChatCommand {
    send_text(message_id, sender, HELLO)
}

fn send_text(message_id: MessageId, sender: AccountId, text: &str) -> ChatCommand {
    ChatCommand::SendText { message_id, sender, text: text.to_owned(), now: NOW }
}

fn mark_read(reader: AccountId, up_to: u64) -> ChatCommand {
    ChatCommand::MarkRead { reader, up_to, now: NOW }
}

fn delete_for_me(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::DeleteForMe { message_id, by, now: NOW }
}

fn delete_for_everyone(message_id: MessageId, by: AccountId) -> ChatCommand {
    ChatCommand::DeleteForEveryone { message_id, by, now: NOW }
}

fn deactivate() -> ChatCommand {
    ChatCommand::Deactivate { now: NOW }
}

fn reactivate() -> ChatCommand {
    ChatCommand::Reactivate { now: NOW }
}

fn opened() -> ChatEvent {
    opened_by(ALICE)
}

fn opened_by(opened_by: AccountId) -> ChatEvent {
    ChatEvent::Opened { chat_id: chat_id(), members: [ALICE, BOB], opened_by, opened_at: NOW }
}

fn sent(number: u64, message_id: MessageId, sender: AccountId) -> ChatEvent {
    text_sent(number, message_id, sender, HELLO)
}

fn text_sent(number: u64, message_id: MessageId, sender: AccountId, text: &str) -> ChatEvent {
    ChatEvent::TextSent {
        chat_id: chat_id(),
        message_id,
        number,
        sender,
        recipient: other(sender),
        text: Personal::new(sender, text.to_owned()),
        sent_at: NOW,
    }
}

fn read(reader: AccountId, up_to: u64, unread: u64) -> ChatEvent {
    ChatEvent::MessagesRead { chat_id: chat_id(), reader, up_to, unread, read_at: NOW }
}

fn deleted_for_me(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    was_unread: bool,
) -> ChatEvent {
    ChatEvent::MessageDeletedForMe {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        was_unread,
        deleted_at: NOW,
    }
}

fn deleted_for_everyone(
    number: u64,
    message_id: MessageId,
    by: AccountId,
    was_unread: bool,
) -> ChatEvent {
    ChatEvent::MessageDeletedForEveryone {
        chat_id: chat_id(),
        message_id,
        number,
        by,
        recipient: other(by),
        was_unread,
        deleted_at: NOW,
    }
}

fn deactivated() -> ChatEvent {
    ChatEvent::Deactivated { chat_id: chat_id(), deactivated_at: NOW }
}

fn reactivated() -> ChatEvent {
    ChatEvent::Reactivated { chat_id: chat_id(), reactivated_at: NOW }
}
