//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): a quoted string, or
//! the same without quotes.

use axum::http::HeaderMap;

use super::error::{ApiError, ApiResult};

pub(crate) const HEADER: &str = "Idempotency-Key";

/// Characters of a key.
const LENGTH_MAX: usize = 255;

/// What [`read`] accepts, as a regular expression.
pub(crate) const PATTERN: &str = r#"^([!#-\[\]-~]{1,255}|"[!#-\[\]-~]{1,255}")$"#;

/// The key of a request, when it has one.
pub(crate) fn read(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::invalid(HEADER, "may be given once"));
    }
    let text = value.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').map_or(Some(text), |it| it.strip_suffix('"'));
    let visible = |it: u8| it.is_ascii_graphic() && it != b'"' && it != b'\\';
    match key {
        Some(key) if (1..=LENGTH_MAX).contains(&key.len()) && key.bytes().all(visible) => {
            Ok(Some(key.to_owned()))
        }
        Some(_) | None => Err(ApiError::invalid(
            HEADER,
            "must be 1 to 255 visible ASCII characters without \" and \\, with or without quotes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).unwrap());
        read(&headers).unwrap_or(None)
    }

    #[test]
    fn quoted_or_not_it_is_the_same_key() {
        assert_eq!(key("8e03978e-40d5").as_deref(), Some("8e03978e-40d5"));
        assert_eq!(key("\"8e03978e-40d5\"").as_deref(), Some("8e03978e-40d5"));
        assert_eq!(key(&"k".repeat(255)), Some("k".repeat(255)));
    }

    #[test]
    fn anything_else_is_refused() {
        for value in ["", "\"", "\"\"", "\"open", "two words", "a\"b", "a\\b", &"k".repeat(256)] {
            assert_eq!(key(value), None, "{value}");
        }
    }
}
