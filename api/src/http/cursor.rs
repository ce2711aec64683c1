//! Cursors of lists. Opaque to callers: `c` and sixteen hexadecimal digits.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) i64);

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("c{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix('c').filter(|it| {
            it.len() == 16 && it.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        });
        digits
            .and_then(|it| i64::from_str_radix(it, 16).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom("must be a cursor that a list gave"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        for place in [0, 1, 1_234_567, i64::MAX] {
            let text = serde_json::to_string(&Cursor(place)).unwrap();
            assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), Cursor(place));
        }
    }

    #[test]
    fn what_no_list_gave_is_refused() {
        for text in
            ["", "c", "c1", "12", "cffffffffffffffff", "c+00000000000000a", "c000000000000000A"]
        {
            assert!(serde_json::from_str::<Cursor>(&format!("\"{text}\"")).is_err(), "{text}");
        }
    }
}
