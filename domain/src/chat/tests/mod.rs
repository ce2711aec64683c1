//! What a chat does with each command. [`commands`] and [`events`] are the vocabulary; the other
//! modules hold the tests.

mod activity;
mod answering;
mod blocking;
mod clearing;
mod commands;
mod deleting;
mod disappearing;
mod drafts;
mod editing;
mod events;
mod files;
mod forwarding;
mod histories;
mod model;
mod muting_archiving;
mod news;
mod opening;
mod pinning;
mod quoting;
mod rates;
mod reacting;
mod reading;
mod receipts;
mod reporting;
mod secrecy;
mod sending;
mod size;
mod starring;
mod tags;
mod unread;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{Chat, ChatCommand, ChatError, ChatEvent};
use crate::{AccountId, ChatId, Decider, MessageId};

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

/// What `command` leads to after `before`; it is recorded there.
fn record(before: &mut Vec<ChatEvent>, command: ChatCommand) -> Result<Vec<ChatEvent>, ChatError> {
    let events = folded(before.clone()).decide(command)?;
    before.extend(events.clone());
    Ok(events)
}

/// The chat between Alice and Bob.
fn chat_id() -> ChatId {
    ChatId::between(ALICE, BOB)
}

/// The other of Alice and Bob.
fn other(member: AccountId) -> AccountId {
    if member == ALICE { BOB } else { ALICE }
}

fn after(seconds: i64) -> DateTime<Utc> {
    NOW + TimeDelta::seconds(seconds)
}

fn days_after(days: i64) -> DateTime<Utc> {
    NOW + TimeDelta::days(days)
}
