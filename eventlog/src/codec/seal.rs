//! Finds the personal values in JSON, seals and opens them.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use domain::AccountId;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{CodecError, DecodeError};
use crate::keys::SubjectKey;

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";

/// The value of `{marker: {…}}` when `map` is just that.
fn marked<'a>(map: &'a Map<String, Value>, marker: &str) -> Option<&'a Map<String, Value>> {
    if map.len() == 1 { map.get(marker)?.as_object() } else { None }
}

fn subject(map: &Map<String, Value>) -> Option<AccountId> {
    map.get("subject")?.as_str()?.parse::<Uuid>().ok().map(AccountId)
}

/// Collects whose keys `value` needs, to be sealed or to be opened.
pub(super) fn subjects(value: &Value, found: &mut Vec<AccountId>) {
    match value {
        Value::Object(map) => {
            if let Some(inner) = marked(map, PERSONAL).or_else(|| marked(map, SEALED)) {
                found.extend(subject(inner));
            } else {
                map.values().for_each(|it| subjects(it, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|it| subjects(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces every personal value by its sealed form.
pub(super) fn seal(
    value: &mut Value,
    keys: &HashMap<AccountId, SubjectKey>,
) -> Result<(), CodecError> {
    match value {
        Value::Object(map) => {
            let Some(inner) = marked(map, PERSONAL) else {
                return map.values_mut().try_for_each(|it| seal(it, keys));
            };
            let (Some(subject), Some(plain)) = (subject(inner), inner.get("value")) else {
                return Ok(()); // already erased: there is nothing to seal
            };
            let key = keys.get(&subject).ok_or(CodecError::Erased(subject))?;
            let plain = serde_json::to_vec(plain)?;
            let sealed = key.seal(subject, &plain).map_err(|_| CodecError::Erased(subject))?;
            *value = json!({ SEALED: { "subject": subject, "data": BASE64.encode(sealed) } });
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|it| seal(it, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
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
