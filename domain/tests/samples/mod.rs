//! One event of each kind and version, and a state of each aggregate.

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId, MessageId};
use uuid::Uuid;

/// The samples of one aggregate's events. The match is over the very variants that are listed, so
/// a new variant does not compile until it has a sample here.
macro_rules! samples {
    ($enum:ident { $($variant:ident { $($field:ident: $value:expr),+ $(,)? })+ }) => {{
        let exhaustive = |event: &$enum| match event {
            $($enum::$variant { .. } => {})+
        };
        let samples = vec![$($enum::$variant { $($field: $value),+ }),+];
        samples.iter().for_each(exhaustive);
        samples
    }};
}

pub(crate) mod account;
pub(crate) mod chat;
pub(crate) mod devices;
pub(crate) mod library;

pub(crate) const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
pub(crate) const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));
pub(crate) const GREETING: MessageId = MessageId(Uuid::from_u128(0xC1));
pub(crate) const REPLY: MessageId = MessageId(Uuid::from_u128(0xC2));
pub(crate) const QUESTION: MessageId = MessageId(Uuid::from_u128(0xC3));

/// 2027-01-15 08:00:00.123456 UTC, with the microseconds that Parlance's clock has.
pub(crate) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap();

pub(crate) fn chat_id() -> ChatId {
    ChatId::between(ALICE, BOB)
}
