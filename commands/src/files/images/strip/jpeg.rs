//! JPEG (ITU-T T.81, annex B): segments, each begun by a marker.

use super::{Cursor, Exif};

const MARK: u8 = 0xFF;
const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP1: u8 = 0xE1;

/// What the JFIF segment is without its thumbnail: the name, version, density and two zeroes.
const JFIF_BYTES: usize = 14;

pub(super) fn strip(bytes: &[u8], exif: Option<&Exif>) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(bytes);
    if cursor.take(2)? != [MARK, SOI] {
        return None;
    }
    let mut kept = vec![MARK, SOI];
    let mut exif = exif;
    let mut scans = 0;
    while let Some(marker) = next_marker(&mut cursor) {
        if marker == EOI {
            break; // what follows is not of this image: a second one, or a film
        }
        if stands_alone(marker) {
            continue;
        }
        let payload = payload(&mut cursor)?;
        let Some(payload) = needed(marker, payload) else { continue };
        if !is_jfif(marker)
            && let Some(exif) = exif.take()
        {
            segment(&mut kept, APP1, &[b"Exif\0\0", exif.as_slice()].concat())?;
        }
        segment(&mut kept, marker, &payload)?;
        if marker == SOS {
            kept.extend_from_slice(entropy(&mut cursor));
            scans += 1;
        }
    }
    kept.extend([MARK, EOI]);
    (scans > 0).then_some(kept)
}

/// Goes to the next marker, past bytes that fill.
fn next_marker(cursor: &mut Cursor<'_>) -> Option<u8> {
    while cursor.byte()? != MARK {}
    loop {
        let marker = cursor.byte()?;
        if marker != MARK {
            return Some(marker);
        }
    }
}

/// Markers without a segment: restarts and fillers between scans.
const fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x00 | 0x01 | SOI | 0xD0..=0xD7)
}

fn payload<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = u16::from_be_bytes(cursor.take(2)?.try_into().ok()?);
    cursor.take(usize::from(length).checked_sub(2)?)
}

const fn is_jfif(marker: u8) -> bool {
    marker == 0xE0
}

/// The payload as it is to be kept: tables, frames and scans, what density and colours mean.
fn needed(marker: u8, payload: &[u8]) -> Option<Vec<u8>> {
    match marker {
        0xC0..=0xCF | 0xDA..=0xDF => Some(payload.to_vec()),
        0xE0 if payload.starts_with(b"JFIF\0") => {
            let mut jfif = payload.get(..JFIF_BYTES)?.to_vec();
            jfif.truncate(JFIF_BYTES - 2);
            jfif.extend([0, 0]); // no thumbnail
            Some(jfif)
        }
        0xE2 if payload.starts_with(b"ICC_PROFILE\0") => Some(payload.to_vec()),
        0xEE if payload.starts_with(b"Adobe") => Some(payload.to_vec()),
        _ => None,
    }
}

fn segment(kept: &mut Vec<u8>, marker: u8, payload: &[u8]) -> Option<()> {
    kept.extend([MARK, marker]);
    kept.extend(u16::try_from(payload.len() + 2).ok()?.to_be_bytes());
    kept.extend_from_slice(payload);
    Some(())
}

/// The coded data of a scan, up to the marker after it. A zero after 0xFF is data, a restart marker
/// belongs to the scan.
fn entropy<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let start = cursor.at;
    while let Some(next) = cursor.peek(2) {
        if next[0] == MARK && !matches!(next[1], 0x00 | 0xD0..=0xD7) {
            return cursor.since(start);
        }
        cursor.at += 1;
    }
    cursor.at = cursor.bytes.len();
    cursor.since(start)
}
