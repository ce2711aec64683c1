//! Takes metadata out of an image without touching a pixel.
//!
//! Each format is walked part by part; what is known to be needed to draw the image is kept, byte
//! for byte, and everything else is left out: EXIF with its location, XMP, comments, previews, and
//! what stands behind the end of the image. Of EXIF only the orientation is written anew.

mod gif;
mod jpeg;
mod png;
mod webp;

use image::ImageFormat;
use image::metadata::Orientation;

/// The image without metadata. None when its parts do not follow each other as they should.
pub(super) fn strip(
    bytes: &[u8],
    format: ImageFormat,
    orientation: Orientation,
) -> Option<Vec<u8>> {
    let exif = (orientation != Orientation::NoTransforms).then(|| exif(orientation.to_exif()));
    #[expect(clippy::wildcard_enum_match_arm, reason = "of many formats four are images here")]
    match format {
        ImageFormat::Jpeg => jpeg::strip(bytes, exif.as_ref()),
        ImageFormat::Png => png::strip(bytes, exif.as_ref()),
        ImageFormat::WebP => webp::strip(bytes, exif.as_ref()),
        ImageFormat::Gif => gif::strip(bytes),
        _ => None,
    }
}

/// An EXIF block that says nothing but the orientation: a TIFF header, and a directory of one entry
/// (TIFF 6.0, section 2; tag 0x0112).
type Exif = [u8; 26];

const fn exif(orientation: u8) -> Exif {
    let mut block = *b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    block[19] = orientation;
    block
}

/// Reads what is in `bytes` from the front.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `length` bytes, and goes past them.
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.peek(length)?;
        self.at += length;
        Some(taken)
    }

    fn peek(&self, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.at..self.at.checked_add(length)?)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// What was read since `start`.
    fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_survives() {
        let read = |number| Orientation::from_exif_chunk(&exif(number));
        assert_eq!(read(6), Some(Orientation::Rotate90));
        assert_eq!(read(3), Some(Orientation::Rotate180));
    }

    #[test]
    fn what_is_cut_short_is_refused_or_ended() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
            assert!(strip(b"", format, Orientation::NoTransforms).is_none());
            assert!(strip(b"\xFF\xD8\xFF", format, Orientation::NoTransforms).is_none());
        }
    }
}
