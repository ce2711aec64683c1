//! Cursors of lists. Opaque to callers: `c` and sixteen hexadecimal digits.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::IntoParams;

use super::openapi::limit;

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

/// Which page of a list whose latest items come first.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageBefore {
    /// At most so many.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    pub(crate) limit: i64,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = "^c[0-7][0-9a-f]{15}$")]
    pub(crate) before: Option<Cursor>,
}

/// The first `limit` of `found`, and the cursor of the next page when there are more. One more than
/// shown has to be asked for: it tells.
pub(crate) fn page<T>(
    mut found: Vec<T>,
    limit: i64,
    place: impl Fn(&T) -> i64,
) -> (Vec<T>, Option<Cursor>) {
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| more).map(|it| Cursor(place(it)));
    (found, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_when_there_is_more() {
        let page_of = |count: i64| page((1..=count).collect(), 3, |it| *it);

        assert_eq!(page_of(4), (vec![1, 2, 3], Some(Cursor(3))));
        assert_eq!(page_of(3), (vec![1, 2, 3], None));
        assert_eq!(page_of(0), (vec![], None));
    }

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
