//! What is pushed, whichever way.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ChatId;

/// Bytes of what was said that go along: more than a lock screen shows. With all the rest, and each
/// byte escaped, a message stays under the 4,096 bytes that push services take.
const PREVIEW_MAX: usize = 1_024;

/// Stands where the rest was.
const MORE: &str = "…";

/// Something that a device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// For the app. Nothing in it is what was said.
    pub(crate) data: BTreeMap<&'static str, String>,
    /// What a person sees. Without it, the app works unseen.
    pub(crate) shown: Option<Shown>,
    pub(crate) chat_id: ChatId,
    /// While they wait for a device, and where they are shown, the newest of this name replaces the
    /// others.
    pub(crate) replaces: String,
    /// How long the push service keeps it for a device that is away.
    pub(crate) ttl: Duration,
}

/// What a person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) title: String,
    /// What was said, when its recipient allows it.
    pub(crate) body: Option<String>,
}

impl Notice {
    /// `data`, and what was said, for a device whose app shows it by itself.
    pub(super) fn with_body(&self) -> BTreeMap<&'static str, &str> {
        let mut data: BTreeMap<_, _> = self.data.iter().map(|(k, v)| (*k, v.as_str())).collect();
        if let Some(body) = self.shown.as_ref().and_then(|it| it.body.as_deref()) {
            data.insert("body", body);
        }
        data
    }
}

/// The beginning of a text, short enough to be pushed.
pub(crate) fn preview(text: &str) -> String {
    if text.len() <= PREVIEW_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(PREVIEW_MAX - MORE.len());
    format!("{}{MORE}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_cut_between_characters() {
        assert_eq!(preview("short"), "short");
        assert_eq!(preview(&"a".repeat(1_024)), "a".repeat(1_024));
        assert_eq!(preview(&"a".repeat(1_025)), format!("{}…", "a".repeat(1_021)));
        // 1,021 is no multiple of 4: the character that does not fit as a whole is left out.
        assert_eq!(preview(&"😀".repeat(300)), format!("{}…", "😀".repeat(255)));
    }
}
