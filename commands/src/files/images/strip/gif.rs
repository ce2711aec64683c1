//! GIF (version 89a): blocks, each begun by one byte that says what it is.

use super::Cursor;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;

/// Extensions: how a frame is shown; an application's own.
const GRAPHIC_CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;

/// The applications' extensions that say how often an animation repeats.
const LOOPS: [&[u8]; 2] = [b"\x0BNETSCAPE2.0", b"\x0BANIMEXTS1.0"];

pub(super) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(bytes);
    let screen = cursor.take(13)?;
    if !screen.starts_with(b"GIF8") {
        return None;
    }
    cursor.take(table_bytes(screen[10]))?;
    let mut kept = cursor.since(0).to_vec();
    let mut images = 0;
    while let Some(block) = next_block(&mut cursor) {
        if is_needed(block) {
            kept.extend_from_slice(block);
        }
        images += usize::from(block.first() == Some(&IMAGE));
    }
    kept.push(TRAILER);
    (images > 0).then_some(kept)
}

/// The next whole block; none at the trailer, or where the file was cut.
fn next_block<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let start = cursor.at;
    match cursor.byte()? {
        EXTENSION => _ = cursor.byte()?,
        IMAGE => {
            let descriptor = cursor.take(9)?;
            cursor.take(table_bytes(descriptor[8]))?;
            cursor.byte()?; // the width of the first codes
        }
        _ => return None,
    }
    loop {
        let length = cursor.byte()?;
        if length == 0 {
            return Some(cursor.since(start));
        }
        cursor.take(usize::from(length))?;
    }
}

fn is_needed(block: &[u8]) -> bool {
    match block {
        [IMAGE, ..] | [EXTENSION, GRAPHIC_CONTROL, ..] => true,
        [EXTENSION, APPLICATION, rest @ ..] => LOOPS.iter().any(|it| rest.starts_with(it)),
        _ => false,
    }
}

/// The size of the colour table that follows, from the flags before it.
const fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 0x07) + 1) }
}
