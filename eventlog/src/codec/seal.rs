//! Finds the personal values in JSON, seals and opens them.

use std::collections::HashMap;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use domain::AccountId;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{CodecError, DecodeError};
use crate::keys::SubjectKey;

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";

/// How an object of a personal value begins.
const START: &str = r#"{"$personal":"#;

/// By how much the sealed form of a short value is longer, about.
const SEALED_MORE: usize = 96;

/// The value of `{marker: {…}}` when `map` is just that.
fn marked<'a>(map: &'a Map<String, Value>, marker: &str) -> Option<&'a Map<String, Value>> {
    if map.len() == 1 { map.get(marker)?.as_object() } else { None }
}

fn subject(map: &Map<String, Value>) -> Option<AccountId> {
    map.get("subject")?.as_str()?.parse::<Uuid>().ok().map(AccountId)
}

/// Collects whose keys `value` needs to be opened.
pub(super) fn subjects(value: &Value, found: &mut Vec<AccountId>) {
    match value {
        Value::Object(map) => {
            if let Some(inner) = marked(map, SEALED) {
                found.extend(subject(inner));
            } else {
                map.values().for_each(|it| subjects(it, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|it| subjects(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A personal value in JSON.
pub(super) struct Found<'a> {
    pub(super) subject: AccountId,
    plain: &'a RawValue,
    /// Where the object that says so stands.
    place: Range<usize>,
}

#[derive(Deserialize)]
struct Marked<'a> {
    #[serde(rename = "$personal", borrow)]
    inner: Inner<'a>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    subject: AccountId,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
}

/// A value that is there, `null` too.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(json: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

/// The personal values in `json`, as serde writes it: without a space. What is erased already is
/// none.
///
/// Only the start of an object reads `{"$personal":`. In a string the quotes would be escaped.
pub(super) fn personal(json: &str) -> Result<Vec<Found<'_>>, CodecError> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = json[from..].find(START) {
        let start = from + at;
        let mut objects =
            serde_json::Deserializer::from_str(&json[start..]).into_iter::<Marked<'_>>();
        let object = objects.next().transpose()?;
        from = start + objects.byte_offset();
        if let Some(Marked { inner: Inner { subject, value: Some(plain) } }) = object {
            found.push(Found { subject, plain, place: start..from });
        }
    }
    Ok(found)
}

/// `json` with each of the values in it that were `found` in its sealed form.
pub(super) fn seal(
    json: &str,
    found: &[Found<'_>],
    keys: &HashMap<AccountId, SubjectKey>,
) -> Result<String, CodecError> {
    let mut sealed = String::with_capacity(json.len() + SEALED_MORE * found.len());
    let mut from = 0;
    for Found { subject, plain, place } in found {
        let key = keys.get(subject).ok_or(CodecError::Erased(*subject))?;
        let data = key.seal(*subject, plain.get().as_bytes());
        let data = BASE64.encode(data.map_err(|_| CodecError::Erased(*subject))?);
        let (before, subject) = (&json[from..place.start], subject.to_string());
        sealed.extend([
            before,
            r#"{"$sealed":{"data":""#,
            &data,
            r#"","subject":""#,
            &subject,
            r#""}}"#,
        ]);
        from = place.end;
    }
    sealed.push_str(&json[from..]);
    Ok(sealed)
}

/// Puts every personal value back. One whose key was destroyed reads as erased; one whose key is
/// simply not there is malformed, because a lost key must not pass for an erasure.
pub(super) fn open(
    value: &mut Value,
    keys: &HashMap<AccountId, SubjectKey>,
) -> Result<(), DecodeError> {
    match value {
        Value::Object(map) => {
            let Some(inner) = marked(map, SEALED) else {
                return map.values_mut().try_for_each(|it| open(it, keys));
            };
            let malformed = || DecodeError::Malformed("sealed value does not open".to_owned());
            let subject = subject(inner).ok_or_else(malformed)?;
            let data = inner.get("data").and_then(Value::as_str).ok_or_else(malformed)?;
            let data = BASE64.decode(data).map_err(|_| malformed())?;
            let key = keys.get(&subject).ok_or_else(malformed)?;
            let opened = key.open(subject, &data).map_err(|_| malformed())?;
            let mut personal = Map::new();
            personal.insert("subject".to_owned(), json!(subject));
            if let Some(plain) = opened {
                let plain = serde_json::from_slice(&plain).map_err(|_| malformed())?;
                personal.insert("value".to_owned(), plain);
            }
            *value = json!({ PERSONAL: personal });
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|it| open(it, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "00000000-0000-0000-0000-0000000000a1";

    fn found(json: &str) -> Vec<&str> {
        personal(json).unwrap().iter().map(|it| it.plain.get()).collect()
    }

    #[test]
    fn every_personal_value_is_found_and_nothing_else() {
        let value = |it: &str| format!(r#"{{"$personal":{{"subject":"{ALICE}","value":{it}}}}}"#);
        let erased = format!(r#"{{"$personal":{{"subject":"{ALICE}"}}}}"#);
        let (text, nothing) = (value(r#""a \"{\"$personal\":""#), value("null"));
        let inner = value(&value("1"));

        assert_eq!(found(&format!(r#"{{"a":[{text},{erased}],"b":{nothing}}}"#)).len(), 2);
        assert_eq!(found(&format!("[{nothing}]")), ["null"]);
        assert_eq!(found(&inner), [value("1")]);
        assert_eq!(found(r#"{"a":"{\"$personal\":","$personal":1}"#), [""; 0]);
        assert_eq!(found(&erased), [""; 0]);
        assert!(personal(r#"{"$personal":{"subject":"nobody","value":1}}"#).is_err());
    }
}
