//! What may stand in a text, a tag, a reference and an action.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::chat::{ChatError, Reference};

/// Characters in a tag.
const TAG_MAX: usize = 50;

/// Tags of a message.
const TAGS_MAX: usize = 30;

/// Characters in each part of a reference.
const REFERENCE_MAX: usize = 200;

/// Characters in the name of an action.
const ACTION_MAX: usize = 100;

/// Bytes of JSON that go with an action.
const ACTION_PARAMS_MAX: usize = 4_096;

/// Bytes of JSON that answer an action.
const ANSWER_MAX: usize = 4_096;

/// `text` without what surrounds it.
pub(super) fn trim(text: &str, max: usize) -> Result<String, ChatError> {
    let text = text.trim();
    let actual = text.chars().count();
    if actual == 0 {
        return Err(ChatError::EmptyText);
    }
    if actual > max {
        return Err(ChatError::TextTooLong { max, actual });
    }
    if text.chars().any(|it| it.is_control() && it != '\n' && it != '\t') {
        return Err(ChatError::ControlCharacter);
    }
    Ok(text.to_owned())
}

/// Those given, and those that stand as `#tag` in `text`, each once and in small letters. Of those
/// in the text, no more than fit.
pub(super) fn tags(given: &[String], text: Option<&str>) -> Result<Vec<String>, ChatError> {
    let mut tags: Vec<String> = vec![];
    for tag in given {
        let tag = tag.strip_prefix('#').unwrap_or(tag);
        if !is_tag(tag) {
            return Err(ChatError::InvalidTag { max: TAG_MAX });
        }
        push_new(&mut tags, tag);
    }
    if tags.len() > TAGS_MAX {
        return Err(ChatError::TooManyTags { max: TAGS_MAX });
    }
    for tag in text.into_iter().flat_map(in_text) {
        if tags.len() < TAGS_MAX {
            push_new(&mut tags, tag);
        }
    }
    Ok(tags)
}

/// One spelling each: composed (NFC) and in small letters.
fn push_new(tags: &mut Vec<String>, tag: &str) {
    let tag: String = tag.to_lowercase().nfc().collect();
    if !tags.contains(&tag) {
        tags.push(tag);
    }
}

/// A `#` that follows a letter, as in a URL, begins no tag.
fn in_text(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('#').filter_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let end = after.find(|it| !is_tag_character(it)).unwrap_or(after.len());
        let tag = after.get(..end)?;
        let starts =
            !before.chars().next_back().is_some_and(|it| is_tag_character(it) || it == '/');
        (starts && is_tag(tag)).then_some(tag)
    })
}

/// A number alone is none: `#1` is said of many things.
fn is_tag(tag: &str) -> bool {
    tag.chars().count() <= TAG_MAX
        && tag.chars().all(is_tag_character)
        && tag.chars().any(char::is_alphabetic)
        && !tag.starts_with(is_combining_mark)
}

/// Marks stand on the letter before them: an accent that is written apart, a vowel of Devanagari.
fn is_tag_character(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || is_combining_mark(it)
}

pub(super) fn check_reference(reference: &Reference) -> Result<(), ChatError> {
    for (field, value) in [("type", &reference.kind), ("id", &reference.id)] {
        let length = value.chars().count();
        if length == 0 || length > REFERENCE_MAX || value.chars().any(char::is_control) {
            return Err(ChatError::InvalidReference { field, max: REFERENCE_MAX });
        }
    }
    Ok(())
}

pub(super) fn check_action(action: &str, params: &Value) -> Result<(), ChatError> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"_-.:".contains(&it);
    if action.is_empty() || action.len() > ACTION_MAX || !action.bytes().all(allowed) {
        return Err(ChatError::InvalidAction { max: ACTION_MAX });
    }
    match params.to_string().len() {
        actual if actual > ACTION_PARAMS_MAX => {
            Err(ChatError::ActionParamsTooLarge { max: ACTION_PARAMS_MAX, actual })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_answer(answer: &Value) -> Result<(), ChatError> {
    match answer.to_string().len() {
        actual if actual > ANSWER_MAX => Err(ChatError::AnswerTooLarge { max: ANSWER_MAX, actual }),
        _ => Ok(()),
    }
}

/// One emoji of the Unicode standard, with whatever joiners and modifiers belong to it.
pub(super) fn check_emoji(emoji: &str) -> Result<(), ChatError> {
    emojis::get(emoji).map(|_| ()).ok_or(ChatError::NotAnEmoji)
}
