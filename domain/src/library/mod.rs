//! The library of one person: their files, from the request for an upload to the removal.
//!
//! There is one a person, and its id is the account's: so that a quota is a rule, checked where it
//! is decided.
//!
//! # Rules
//!
//! 1. A file is requested, then its upload completed, then published or rejected. It can be removed
//!    at any time, and is then forgotten.
//! 2. A file name is 1 to 255 characters after trimming, without control characters, `/` and `\`,
//!    and without characters that reverse the direction of writing.
//! 3. A type is `type/subtype` (RFC 6838), without parameters. What arrives is judged by its bytes:
//!    a JPEG, PNG, GIF or WebP is an image and called that, whatever it was requested as; images of
//!    other formats with metadata (HEIC, AVIF, TIFF and such) are not taken; and what was requested
//!    as an image, PDF, plain text, sound or film is not something else.
//! 4. What arrives has the size and the SHA-256 that were requested. Anything else is rejected.
//! 5. The bytes of all files that are neither rejected nor removed never exceed the quota.
//!    An image's thumbnails count: [`THUMBNAILS_MAX`] is set aside for them when it is requested.
//! 6. A library has at most [`FILES_MAX`] files, and a file at most [`ATTACHMENTS_MAX`] messages of
//!    its owner, and as many of others.
//! 7. A file that was completed can be attached to messages. While it is, or is the avatar, it is
//!    not removed, unless the person is erased. It goes with the last message that it was sent in.
//! 8. The avatar is a published image.

mod aggregate;
mod command;
mod decisions;
mod error;
mod event;
mod facts;
mod file;
mod names;
#[cfg(test)]
mod tests;

pub use aggregate::Library;
pub use command::LibraryCommand;
pub use error::LibraryError;
pub use event::LibraryEvent;
pub use facts::{
    Arrived, FileLimits, ImageFacts, InvalidSha256, Rejection, Removal, RemovalReason, Sha256,
    Thumbnail, counted,
};
pub use file::{File, Stage};
pub use names::{is_image, object_key, quarantine_key, thumbnail_key};

/// Files in a library, removed ones not counted. Images without messages, which have the most
/// objects, stay under 6 MB in memory and in a snapshot.
pub const FILES_MAX: usize = 10_000;

/// Messages of its owner that a file can be attached to, and messages of others; at 32 bytes each.
pub const ATTACHMENTS_MAX: usize = 1_000;

/// The edges of the squares that thumbnails fit into, in pixels: for lists, and for a screen.
pub const THUMBNAIL_EDGES: [u32; 2] = [256, 1_024];

/// Bytes that are set aside for the thumbnails of an image. A PNG of 1024 × 1024 pixels that does
/// not compress at all would have 4 MiB, a photograph as JPEG has 200 KiB.
pub const THUMBNAILS_MAX: u64 = 1 << 20;
