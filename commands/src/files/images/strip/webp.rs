//! WebP (RFC 9649): RIFF chunks, little-endian, padded to even length.

use super::{Cursor, Exif};

const NEEDED: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];

/// Name and length.
const HEAD: usize = 8;

/// In the first byte of `VP8X`: the file has EXIF, has XMP.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

pub(super) fn strip(bytes: &[u8], exif: Option<&Exif>) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(bytes);
    let riff = cursor.take(12)?;
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WEBP") {
        return None;
    }
    let mut kept = b"WEBP".to_vec();
    let end = HEAD + length(riff)?;
    while cursor.at < end.min(bytes.len()) {
        let length = length(cursor.peek(HEAD)?)?;
        let mut chunk = cursor.take(HEAD + length)?.to_vec();
        if length % 2 == 1 {
            cursor.byte(); // the last may lack it
            chunk.push(0);
        }
        let name: &[u8; 4] = chunk.get(..4)?.try_into().ok()?;
        if !NEEDED.contains(&name) {
            continue;
        }
        if name == b"VP8X" {
            let flags = chunk.get_mut(HEAD)?;
            *flags &= !(HAS_EXIF | HAS_XMP);
            *flags |= if exif.is_some() { HAS_EXIF } else { 0 };
        }
        kept.append(&mut chunk);
    }
    if let Some(exif) = exif {
        kept.extend_from_slice(b"EXIF");
        kept.extend(u32::try_from(exif.len()).ok()?.to_le_bytes());
        kept.extend_from_slice(exif);
    }
    let length = u32::try_from(kept.len()).ok()?.to_le_bytes();
    Some([b"RIFF".as_slice(), &length, &kept].concat())
}

fn length(head: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(head.get(4..HEAD)?.try_into().ok()?);
    usize::try_from(length).ok()
}
