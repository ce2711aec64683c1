//! What is known about a file.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::Personal;

/// A SHA-256 digest. As text: 64 hexadecimal digits, small letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

/// It is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a SHA-256 is written as 64 hexadecimal digits")]
pub struct InvalidSha256;

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(InvalidSha256);
        };
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect();
        bytes.and_then(|it| it.try_into().ok()).map(Self).ok_or(InvalidSha256)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What the operator may set, in bytes. The defaults are the ones that apply when nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Of one file that is no image.
    pub file_max: u64,
    /// Of one image.
    pub image_max: u64,
    /// Of all files of a person.
    pub quota: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { file_max: 2 << 30, image_max: 10 << 20, quota: 10 << 30 }
    }
}

/// What arrived where a file was to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub size: u64,
    pub sha256: Sha256,
    /// What its first bytes say it is, as far as they say anything.
    pub sniffed_type: Option<String>,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It arrived with another size than was requested.
    SizeMismatch,
    /// It arrived with other bytes than were requested.
    ChecksumMismatch,
    /// It is not what it was requested as.
    TypeMismatch,
    /// It is an image of which nobody here can take out where it was made.
    UnsupportedImage,
    /// The scanner found something in it.
    Infected,
    /// It is an image of more pixels than are decoded.
    TooManyPixels,
    /// It is an image that cannot be decoded.
    Unreadable,
}

impl fmt::Display for Rejection {
    /// By its stored name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What an image looks like. Upright: its EXIF orientation has been applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFacts {
    /// In pixels, as `height`.
    pub width: u32,
    pub height: u32,
    /// See <https://blurha.sh>. It shows a person's picture, however vaguely.
    pub blur_hash: Personal<String>,
    /// Ascending by `edge`.
    pub thumbnails: Vec<Thumbnail>,
}

/// Bytes of a published file that count against the quota: its own `size`, and its thumbnails'.
#[must_use]
pub fn counted(size: u64, image: Option<&ImageFacts>) -> u64 {
    let thumbnails = image.into_iter().flat_map(|it| &it.thumbnails);
    thumbnails.fold(size, |sum, it| sum.saturating_add(it.size))
}

/// A copy of an image without metadata: smaller, unless the image is small itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thumbnail {
    /// The square that it fits into, in pixels: 256 or 1024.
    pub edge: u32,
    pub width: u32,
    pub height: u32,
    pub content_type: String,
    /// In bytes.
    pub size: u64,
    /// Where it is stored.
    pub object: String,
}

/// Why a file is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its owner asks for it.
    ByOwner,
    /// Nothing has happened to it since before this time, and nothing refers to it.
    Unused { idle_before: DateTime<Utc> },
    /// Its owner is erased, whatever refers to it.
    Erased,
}

/// Why a file was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReason {
    ByOwner,
    Unused,
    Erased,
}
