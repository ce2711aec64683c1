//! What a chat remembers of its messages: who sent which number under which id, and what became of
//! it. No text: no rule reads it.
//!
//! Packed, because a chat may hold 100,000 messages: 16 bytes of id, 5 of index and 18 bits each,
//! about 2.4 MB; with 8 bytes each while they are to disappear, and 1 when some were edited.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::packed::{Bits, Counts, Expiries, make_room};
use super::places::Places;
use crate::MessageId;

/// Which of the two members: their place in the sorted pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    First,
    Second,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// What is true of a message for both members.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    SentBySecond,
    /// For everyone, or expired.
    Deleted,
    WithFile,
    Actionable,
    Answered,
    Forwarded,
    /// Its recipient, who had blocked its sender, never sees it.
    Withheld,
    /// Deleted by its sender, which its recipient, who had blocked them, was not told.
    TakenBack,
}

/// What is true of a message for one member.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemberMark {
    Hidden,
    Starred,
    Reacted,
    Reported,
    /// With a reaction that the other member sees, be it an earlier one.
    ReactionShown,
}

/// Every message of a chat, by number and by id.
#[derive(Clone, Default)]
pub(super) struct Messages {
    ids: Vec<Uuid>,
    marks: Marks,
    places: Places,
}

/// What became of the messages. The order of the sets is that of [`Mark`] and [`MemberMark`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks {
    shared: [Bits; 8],
    own: [[Bits; 2]; 5],
    revisions: Counts,
    expiries: Expiries,
}

impl Marks {
    fn weight(&self) -> usize {
        let bits = self.shared.iter().chain(self.own.as_flattened());
        bits.map(Bits::weight).sum::<usize>() + self.revisions.weight() + self.expiries.weight()
    }
}

impl Messages {
    /// The number of the last message; 0 when there is none.
    pub(super) fn last(&self) -> u64 {
        self.ids.len() as u64
    }

    pub(super) fn number_of(&self, id: MessageId) -> Option<u64> {
        let place = self.places.find(&self.ids, id.0)?;
        Some(u64::from(place) + 1)
    }

    pub(super) fn sender(&self, number: u64) -> Side {
        if self.is(Mark::SentBySecond, number) { Side::Second } else { Side::First }
    }

    pub(super) fn is(&self, mark: Mark, number: u64) -> bool {
        self.marks.shared[mark as usize].get(number)
    }

    pub(super) fn is_for(&self, mark: MemberMark, number: u64, side: Side) -> bool {
        self.marks.own[mark as usize][side.index()].get(number)
    }

    /// How often it was edited.
    pub(super) fn revision(&self, number: u64) -> u32 {
        u32::from(self.marks.revisions.get(number))
    }

    /// The first `limit` messages whose time is up and that are still there.
    pub(super) fn due(&self, now: DateTime<Utc>, limit: usize) -> Vec<u64> {
        self.marks.expiries.due(now, limit)
    }

    /// Whether it is deleted for `side`, or its time is up.
    pub(super) fn is_gone(&self, number: u64, side: Side, now: DateTime<Utc>) -> bool {
        self.is_deleted(number, side) || self.marks.expiries.is_due(number, now)
    }

    /// Whether `side` was told that it is deleted for everyone, or expired.
    pub(super) fn is_deleted(&self, number: u64, side: Side) -> bool {
        self.is(Mark::Deleted, number)
            || self.is(Mark::TakenBack, number) && self.sender(number) == side
    }

    /// How many messages after `read_up_to` the member has not seen: sent by the other, and deleted
    /// neither for everyone nor for the member.
    pub(super) fn unread(&self, side: Side, read_up_to: u64) -> u64 {
        (read_up_to + 1..=self.last()).filter(|number| self.counts(*number, side)).count() as u64
    }

    /// Whether the message is one that `side` can have unread.
    pub(super) fn counts(&self, number: u64, side: Side) -> bool {
        self.sender(number) != side
            && !self.is(Mark::Deleted, number)
            && !self.is_for(MemberMark::Hidden, number, side)
    }

    /// Takes in the next message; returns its number.
    pub(super) fn push(&mut self, id: MessageId, sender: Side) -> u64 {
        make_room(&mut self.ids);
        self.ids.push(id.0);
        self.places.pushed(&self.ids);
        if sender == Side::Second {
            self.set(Mark::SentBySecond, self.last());
        }
        self.last()
    }

    pub(super) fn set(&mut self, mark: Mark, number: u64) {
        if self.has(number) {
            self.marks.shared[mark as usize].set(number);
        }
    }

    pub(super) fn set_for(&mut self, mark: MemberMark, number: u64, side: Side) {
        if self.has(number) {
            self.marks.own[mark as usize][side.index()].set(number);
        }
    }

    pub(super) fn unset_for(&mut self, mark: MemberMark, number: u64, side: Side) {
        self.marks.own[mark as usize][side.index()].unset(number);
    }

    /// Deletes them for everyone, and all that hangs on them. They ascend.
    pub(super) fn delete(&mut self, numbers: &[u64]) {
        self.marks.expiries.remove(numbers);
        for number in numbers {
            self.set(Mark::Deleted, *number);
            for side in [Side::First, Side::Second] {
                self.unset_for(MemberMark::Starred, *number, side);
                self.unset_for(MemberMark::Reacted, *number, side);
                self.unset_for(MemberMark::ReactionShown, *number, side);
            }
        }
    }

    /// Deletes it for its sender, and what they alone have hung on it.
    pub(super) fn take_back(&mut self, number: u64) {
        let side = self.sender(number);
        self.set(Mark::TakenBack, number);
        self.unset_for(MemberMark::Starred, number, side);
        self.unset_for(MemberMark::Reacted, number, side);
    }

    pub(super) fn revise(&mut self, number: u64) {
        if self.has(number) {
            self.marks.revisions.raise(number);
        }
    }

    pub(super) fn expire(&mut self, number: u64, at: DateTime<Utc>) {
        self.marks.expiries.push(number, at);
    }

    /// Asked before a bit is set, because a set is as long as its highest number.
    fn has(&self, number: u64) -> bool {
        (1..=self.last()).contains(&number)
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        self.ids.capacity() * size_of::<Uuid>()
            + self.places.weight(&self.ids)
            + self.marks.weight()
    }
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids && self.marks == other.marks
    }
}

impl Eq for Messages {}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("last", &self.last()).finish_non_exhaustive()
    }
}

/// The serialized form: bytes in base64. The index is made when it is asked.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    #[serde(borrow)]
    ids: Cow<'a, str>,
    marks: Cow<'a, Marks>,
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<[u8; 16]> = self.ids.iter().map(|it| *it.as_bytes()).collect();
        Packed { ids: BASE64.encode(ids.as_flattened()).into(), marks: Cow::Borrowed(&self.marks) }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let packed = Packed::deserialize(deserializer)?;
        let bytes = BASE64.decode(packed.ids.as_bytes()).map_err(D::Error::custom)?;
        let (ids, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("ids are not a whole number of UUIDs"));
        }
        let ids: Vec<Uuid> = ids.iter().map(|it| Uuid::from_bytes(*it)).collect();
        Ok(Self { ids, marks: packed.marks.into_owned(), places: Places::default() })
    }
}
