//! PNG (W3C, third edition): chunks, each with its name and a check.

use super::{Cursor, Exif};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1A\n";

/// What draws the image: its data, palette, transparency, colours, size in print, animation.
const NEEDED: [&[u8; 4]; 20] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];

/// Length, name and check.
const FRAME: usize = 12;

pub(super) fn strip(bytes: &[u8], exif: Option<&Exif>) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(bytes);
    if cursor.take(SIGNATURE.len())? != SIGNATURE {
        return None;
    }
    let mut kept = SIGNATURE.to_vec();
    loop {
        let length = u32::from_be_bytes(cursor.peek(4)?.try_into().ok()?);
        let chunk = cursor.take(usize::try_from(length).ok()?.checked_add(FRAME)?)?;
        let name: &[u8; 4] = chunk.get(4..8)?.try_into().ok()?;
        if NEEDED.contains(&name) {
            kept.extend_from_slice(chunk);
        }
        match name {
            b"IHDR" => kept.extend(exif.into_iter().flat_map(chunk_of)),
            b"IEND" => return Some(kept),
            _ => {}
        }
    }
}

fn chunk_of(exif: &Exif) -> Vec<u8> {
    let named = [b"eXIf", exif.as_slice()].concat();
    let length = u32::try_from(exif.len()).unwrap_or_default();
    [length.to_be_bytes().as_slice(), &named, &crc(&named).to_be_bytes()].concat()
}

/// The check of a chunk (annex D): CRC-32 over name and data.
fn crc(bytes: &[u8]) -> u32 {
    let fold = |crc, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc: u32, _| {
            if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(!0, fold)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_is_the_one_of_the_specification() {
        assert_eq!(super::crc(b"IEND"), 0xAE42_6082);
    }
}
