//! Extractors whose every rejection is a problem that names the field.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{self, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::value::{self, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use uuid::Uuid;

use super::error::{ApiError, ApiResult};
use super::problem::Problem;

/// An id as it is written in JSON and in paths: a UUID with hyphens, and in no other notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) Uuid);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const HYPHENATED: usize = uuid::fmt::Hyphenated::LENGTH;
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == HYPHENATED);
        id.map(Self).ok_or_else(|| {
            D::Error::custom("must be a UUID like 0190f6f4-7c1e-7b1a-8f7e-0123456789ab")
        })
    }
}

/// A time as RFC 3339 writes it, with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text);
        time.map(|it| Self(it.to_utc()))
            .map_err(|_| D::Error::custom("must be a time like 2026-11-23T08:00:00Z"))
    }
}

/// Reads a value that may be `null`, but must be there.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a count from 0. JSON does not tell `3` from `3.0`, and neither does JSON Schema.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let count = number.as_u64().or_else(|| number.as_f64().and_then(whole));
    count.ok_or_else(|| D::Error::custom("must be a whole number from 0"))
}

fn whole(number: f64) -> Option<u64> {
    // Up to here every whole number has a float of its own (IEEE 754, binary64).
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || !(0.0..=EXACT_MAX).contains(&number) {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

/// A body in JSON.
pub(crate) struct Json<T>(pub(crate) T);

/// Values in the path.
pub(crate) struct Path<T>(pub(crate) T);

/// Values in the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        require_json(request.headers())?;
        parse_json(&read_body(request, state).await?).map(Self)
    }
}

/// The whole body, which is at most as long as the route allows.
pub(crate) async fn read_body<S: Send + Sync>(request: Request, state: &S) -> ApiResult<Bytes> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) = rejection
        else {
            return ApiError::new(Problem::InvalidRequest, "the body could not be read");
        };
        ApiError::of(Problem::BodyTooLarge)
    })
}

pub(crate) fn require_json(headers: &HeaderMap) -> ApiResult<()> {
    if is_json(headers) {
        return Ok(());
    }
    let detail = "the body must be sent as application/json";
    Err(ApiError::new(Problem::UnsupportedMediaType, detail))
}

/// Reads `body` as a JSON object.
pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    // serde would also read an array of a struct's values.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::new(Problem::InvalidRequest, "the body must be a JSON object"));
    }
    // Most bodies read: only one that does not is read again, to find out where.
    serde_json::from_slice(body).map_err(|_| explain::<T>(body))
}

/// Reads a value that is JSON already.
pub(crate) fn read_value<T: DeserializeOwned>(value: serde_json::Value) -> ApiResult<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let detail = error.inner().to_string();
        ApiError::invalid(member(&error.path().to_string(), &detail), detail)
    })
}

fn explain<T: DeserializeOwned>(body: &[u8]) -> ApiError {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) if error.inner().is_data() => {
            let detail = without_place(&error.inner().to_string());
            ApiError::invalid(member(&error.path().to_string(), &detail), detail)
        }
        Err(error) => not_json(error.inner()),
        Ok(_) => match deserializer.end() {
            Err(error) => not_json(&error),
            Ok(()) => ApiError::of(Problem::InvalidRequest),
        },
    }
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(Problem::InvalidRequest, format!("the body is not JSON: {error}"))
}

/// `application/json` and its relatives (RFC 6839), whatever parameters follow.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let subtype = subtype.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("application") && (subtype == "json" || subtype.ends_with("+json"))
}

/// Which field a message of serde is about: the one it names, else the one it was reading.
fn field(path: &str, message: &str) -> String {
    named(message).unwrap_or(path).to_owned()
}

/// Which member of a body: like [`field`], with the objects around it.
fn member(path: &str, message: &str) -> String {
    const ROOT: &str = ".";
    match named(message) {
        None => path.to_owned(),
        Some(name) if path == ROOT || path == name => name.to_owned(),
        Some(name) if path.ends_with(&format!(".{name}")) => path.to_owned(),
        Some(name) => format!("{path}.{name}"),
    }
}

/// The field that a message of serde names.
fn named(message: &str) -> Option<&str> {
    ["missing field `", "unknown field `", "duplicate field `"]
        .into_iter()
        .find_map(|it| message.strip_prefix(it))
        .and_then(|it| it.split('`').next())
}

/// JSON's errors end with where in the text it was; the field says more.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let raw = RawPathParams::from_request_parts(parts, state).await;
        let raw = raw.map_err(|rejection| path_error(&rejection.body_text()))?;
        let values = MapDeserializer::<_, value::Error>::new(raw.iter());
        serde_path_to_error::deserialize(values)
            .map(Self)
            .map_err(|error| ApiError::invalid(error.path().to_string(), error.inner().to_string()))
    }
}

/// axum's text is "Invalid UTF-8 in `<field>`".
fn path_error(text: &str) -> ApiError {
    ApiError::invalid(text.split('`').nth(1).unwrap_or("path"), "must be UTF-8")
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        let query = extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|it| Self(it.0)).map_err(|rejection| query_error(&rejection.body_text()))
    }
}

/// axum's text is "Failed to deserialize query string: <field>: <message>", the field left out where
/// the message names it.
fn query_error(text: &str) -> ApiError {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    match text.split_once(": ") {
        Some((path, message)) => ApiError::invalid(field(path, message), message),
        None => ApiError::invalid(field("query", text), text),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Body {
        id: Option<Id>,
        #[serde(deserialize_with = "count")]
        count: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nested {
        #[expect(dead_code, reason = "only whether it reads matters")]
        at: Option<Time>,
        #[expect(dead_code, reason = "only whether it reads matters")]
        of: Vec<Body>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Values {
        #[expect(dead_code, reason = "only whether it reads matters")]
        count: u64,
    }

    fn parse(body: &str) -> Result<Body, String> {
        parse_json(body.as_bytes()).map_err(|it| it.told())
    }

    #[test]
    fn a_body_that_does_not_read_names_the_field() {
        let cases = [
            (r"{}", "count: missing field `count`"),
            (r#"{"count": -1}"#, "count: must be a whole number from 0"),
            (r#"{"count": 1.5}"#, "count: must be a whole number from 0"),
            (r#"{"count": 1e300}"#, "count: must be a whole number from 0"),
            (r#"{"count": "1"}"#, "count: invalid type: string"),
            (r#"{"count": 1, "id": "x"}"#, "id: must be a UUID"),
            (r#"{"count": 1, "id": "{0190f6f4-7c1e-7b1a-8f7e-0123456789ab}"}"#, "id: must be"),
            (r#"{"count": 1, "extra": 1}"#, "extra: unknown field `extra`"),
            (r#"{"count": 1, "count": 1}"#, "count: duplicate field `count`"),
            (r"[null, 1]", "the body must be a JSON object"),
            (r#"{"count": 1"#, "the body is not JSON"),
            (r#"{"count": 1} 2"#, "the body is not JSON"),
            ("", "the body must be a JSON object"),
        ];
        for (body, expected) in cases {
            let error = parse(body).unwrap_err();
            assert!(error.starts_with(expected), "{body}: {error}");
        }
        for one in ["1", "1.0", "1e0"] {
            let body = format!(" {{\"count\": {one}}}");
            assert_eq!(parse(&body), Ok(Body { id: None, count: 1 }));
        }
    }

    #[test]
    fn a_member_is_named_with_what_it_is_in() {
        let cases = [
            (r"{}", "of: missing field `of`"),
            (r#"{"of": [{"count": 1}, {}]}"#, "of[1].count: missing field `count`"),
            (r#"{"of": [{"count": 1, "x": 1}]}"#, "of[0].x: unknown field `x`"),
            (r#"{"of": [{"count": -1}]}"#, "of[0].count: must be"),
            (r#"{"of": [], "at": "noon"}"#, "at: must be a time"),
            (r#"{"of": [], "at": "2026-11-23T08:00:00"}"#, "at: must be a time"),
            (r#"{"of": [], "of": []}"#, "of: duplicate field `of`"),
        ];
        for (body, expected) in cases {
            let error = parse_json::<Nested>(body.as_bytes()).unwrap_err().told();
            assert!(error.starts_with(expected), "{body}: {error}");
        }
        assert!(parse_json::<Nested>(br#"{"of": [], "at": "2026-11-23T10:00:00+02:00"}"#).is_ok());
    }

    #[test]
    fn the_query_names_the_field() {
        let cases = [
            ("/?count=x", "count: invalid digit found in string"),
            ("/?count=1&count=2", "count: duplicate field `count`"),
            ("/?other=1", "other: unknown field `other`"),
            ("/?", "count: missing field `count`"),
        ];
        for (uri, expected) in cases {
            let query = extract::Query::<Values>::try_from_uri(&uri.parse().unwrap());
            let error = query_error(&query.unwrap_err().body_text()).told();
            assert!(error.starts_with(expected), "{uri}: {error}");
        }
    }

    #[test]
    fn json_is_known_by_its_type() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("text/json", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
