//! Sets and lists of message numbers, as small as they can be: in memory, and as base64 in a
//! snapshot.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::expiry_second;

/// A set of message numbers, one bit each; only as long as its highest member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Bits(#[serde(serialize_with = "encode", deserialize_with = "decode")] Vec<u8>);

impl Bits {
    pub(super) fn get(&self, number: u64) -> bool {
        let (byte, mask) = Self::place(number);
        self.0.get(byte).is_some_and(|it| it & mask != 0)
    }

    pub(super) fn set(&mut self, number: u64) {
        let (byte, mask) = Self::place(number);
        if byte >= self.0.len() {
            self.0.resize(byte + 1, 0);
        }
        if let Some(it) = self.0.get_mut(byte) {
            *it |= mask;
        }
    }

    pub(super) fn unset(&mut self, number: u64) {
        let (byte, mask) = Self::place(number);
        if let Some(it) = self.0.get_mut(byte) {
            *it &= !mask;
        }
    }

    pub(super) const fn weight(&self) -> usize {
        self.0.capacity()
    }

    const fn place(number: u64) -> (usize, u8) {
        ((number / 8) as usize, 1 << (number % 8))
    }
}

/// A small count for each message, a byte each; only as long as the highest number that has one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Counts(#[serde(serialize_with = "encode", deserialize_with = "decode")] Vec<u8>);

impl Counts {
    pub(super) fn get(&self, number: u64) -> u8 {
        let place = usize::try_from(number).ok();
        place.and_then(|it| self.0.get(it)).copied().unwrap_or_default()
    }

    /// Counts one up, to at most 255.
    pub(super) fn raise(&mut self, number: u64) {
        let Ok(place) = usize::try_from(number) else {
            return;
        };
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        if let Some(it) = self.0.get_mut(place) {
            *it = it.saturating_add(1);
        }
    }

    pub(super) const fn weight(&self) -> usize {
        self.0.capacity()
    }
}

/// Messages that are still to disappear, and when, in whole seconds since 1970 and never too early.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expiries(Vec<Expiry>);

/// By ascending number: numbers are given in the order of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expiry {
    number: u32,
    second: u32,
}

impl Expiries {
    pub(super) fn push(&mut self, number: u64, at: DateTime<Utc>) {
        let second = expiry_second(at).timestamp();
        let Ok(number) = u32::try_from(number) else {
            return; // 2^32 messages do not fit in memory either
        };
        let second = second.clamp(0, i64::from(u32::MAX));
        make_room(&mut self.0);
        self.0.push(Expiry { number, second: u32::try_from(second).unwrap_or(u32::MAX) });
    }

    /// The first `limit` of those whose time has come.
    pub(super) fn due(&self, now: DateTime<Utc>, limit: usize) -> Vec<u64> {
        let due = self.0.iter().filter(|it| i64::from(it.second) <= now.timestamp());
        due.map(|it| u64::from(it.number)).take(limit).collect()
    }

    /// Whether the time of this one has come.
    pub(super) fn is_due(&self, number: u64, now: DateTime<Utc>) -> bool {
        let place = self.0.binary_search_by_key(&number, |it| it.number.into()).ok();
        place
            .and_then(|it| self.0.get(it))
            .is_some_and(|it| i64::from(it.second) <= now.timestamp())
    }

    /// Forgets `numbers`, which ascend.
    pub(super) fn remove(&mut self, numbers: &[u64]) {
        if let [number] = numbers {
            if let Ok(place) = self.0.binary_search_by_key(number, |it| it.number.into()) {
                self.0.remove(place);
            }
        } else if !numbers.is_empty() {
            self.0.retain(|it| numbers.binary_search(&it.number.into()).is_err());
        }
    }

    pub(super) const fn weight(&self) -> usize {
        self.0.capacity() * size_of::<Expiry>()
    }
}

impl Serialize for Expiries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = self.0.iter().flat_map(|it| [it.number, it.second]);
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        encode(&bytes, serializer)
    }
}

impl<'de> Deserialize<'de> for Expiries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = decode(deserializer)?;
        let (words, rest) = bytes.as_chunks::<4>();
        let (pairs, odd) = words.as_chunks::<2>();
        if !rest.is_empty() || !odd.is_empty() {
            return Err(D::Error::custom("expiries are not a whole number of pairs"));
        }
        let pair = |[number, second]: &[[u8; 4]; 2]| Expiry {
            number: u32::from_le_bytes(*number),
            second: u32::from_le_bytes(*second),
        };
        Ok(Self(pairs.iter().map(pair).collect()))
    }
}

/// Makes room for one more, and no more than an eighth: doubling leaves up to half of it empty.
pub(super) fn make_room<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 8).max(8));
    }
}

fn encode<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
}
