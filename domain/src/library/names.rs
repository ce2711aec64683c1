//! Names: those that people give, and those that files are stored under.

use chrono::{DateTime, Datelike, Utc};

use super::{LibraryError, Sha256};
use crate::FileId;

/// Characters in a file's name. File systems allow 255 bytes.
const NAME_MAX: usize = 255;

/// Characters in each half of a type (RFC 6838, section 4.2).
const TYPE_MAX: usize = 127;

/// The types whose pictures are decoded.
const IMAGES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Whether a file of this type is an image here: one that is decoded, and has thumbnails.
#[must_use]
pub fn is_image(content_type: &str) -> bool {
    IMAGES.contains(&content_type)
}

/// Images that are not decoded, and would keep what they say about where they were made: those of
/// phones (HEIC, AVIF, JPEG XL), of cameras (raw images are TIFF) and of image editors.
const UNSUPPORTED_IMAGES: [&str; 16] = [
    "image/avif",
    "image/avif-sequence",
    "image/heic",
    "image/heic-sequence",
    "image/heif",
    "image/heif-sequence",
    "image/jp2",
    "image/jxl",
    "image/jxr",
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "image/vnd.ms-photo",
    "image/x-adobe-dng",
    "image/x-canon-cr2",
    "image/x-nikon-nef",
    "image/x-sony-arw",
];

/// Whether files of this type are images that are not taken.
pub(super) fn is_unsupported_image(content_type: &str) -> bool {
    UNSUPPORTED_IMAGES.contains(&content_type)
}

/// Whether a file whose bytes say `sniffed` must not pass for what it was requested as. That is asked
/// of types that are handed out as they are; all else is handed out as bytes that run nothing.
pub(super) fn contradicts(requested: &str, sniffed: &str) -> bool {
    match (kind(requested), requested) {
        ("audio" | "video", _) => !matches!(kind(sniffed), "audio" | "video"),
        (_, "application/pdf") => sniffed != requested,
        (_, "text/plain") => kind(sniffed) != "text",
        _ => false,
    }
}

fn kind(content_type: &str) -> &str {
    content_type.split_once('/').map_or(content_type, |it| it.0)
}

/// Where a file is uploaded to, and stays until it is published. Never a name that a person chose.
#[must_use]
pub fn quarantine_key(file_id: FileId, requested_at: DateTime<Utc>) -> String {
    format!("q/{:04}/{file_id}", requested_at.year())
}

/// Where a published file is.
#[must_use]
pub fn object_key(file_id: FileId, sha256: Sha256) -> String {
    format!("m/{:02x}/{file_id}", sha256.0[0])
}

/// Where its thumbnail of `edge` pixels is.
#[must_use]
pub fn thumbnail_key(file_id: FileId, sha256: Sha256, edge: u32) -> String {
    format!("t/{:02x}/{file_id}-{edge}", sha256.0[0])
}

pub(super) fn trim_name(name: &str) -> Result<String, LibraryError> {
    let name = name.trim();
    let allowed = |it: char| !it.is_control() && it != '/' && it != '\\' && !turns(it);
    let length = name.chars().count();
    let valid = (1..=NAME_MAX).contains(&length) && name.chars().all(allowed);
    if valid { Ok(name.to_owned()) } else { Err(LibraryError::InvalidName) }
}

/// Characters that change the direction of writing, and make `exe.jpg` of `gpj.exe` (Unicode
/// Standard Annex 9, sections 2.1 to 2.5, without the marks, which names in Hebrew have).
const fn turns(it: char) -> bool {
    matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The type in small letters.
pub(super) fn normalise_type(content_type: &str) -> Result<String, LibraryError> {
    let valid = |name: &str| {
        name.len() <= TYPE_MAX
            && name.starts_with(|it: char| it.is_ascii_alphanumeric())
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&it))
    };
    match content_type.split_once('/') {
        Some((kind, subtype)) if valid(kind) && valid(subtype) => {
            Ok(content_type.to_ascii_lowercase())
        }
        _ => Err(LibraryError::InvalidContentType),
    }
}
