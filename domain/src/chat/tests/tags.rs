//! Tags: those in the text, and those that come with it.

use super::commands::{outgoing, send_message};
use super::events::opened;
use super::{ALICE, FIRST, given};
use crate::Personal;
use crate::chat::{ChatError, ChatEvent, Outgoing};

#[test]
fn a_text_is_searched_for_tags() {
    for (text, expected) in [
        ("#one", vec!["one"]),
        ("a #one, (#two) and #three!", vec!["one", "two", "three"]),
        ("#one#two", vec!["one"]),
        ("line\n#one\t#two", vec!["one", "two"]),
        ("#a_b #_x #1a", vec!["a_b", "_x", "1a"]),
        ("#größe #李小龍 #שלום #हिन्दी", vec!["größe", "李小龍", "שלום", "हिन्दी"]),
        ("#emoji👍", vec!["emoji"]),
        ("##one", vec!["one"]),
    ] {
        assert_eq!(tags_of(text, &[]), Ok(expected.into_iter().map(str::to_owned).collect()));
    }
}

#[test]
fn what_only_looks_like_a_tag_is_none() {
    for text in [
        "no tags",
        "#",
        "# one",
        "#1", // said of many things
        "#123",
        "a#one",                    // inside a word
        "https://example.org/#one", // of a URL
        "https://example.org/page#one",
        "#!",
        "#_",
        "#\u{301}e",            // a mark on the sign itself
        "#\u{fe0f}\u{20e3}one", // keycap
    ] {
        assert_eq!(tags_of(text, &[]), Ok(vec![]), "{text:?}");
    }
}

#[test]
fn a_tag_is_kept_once_in_small_letters_and_composed() {
    let composed = Ok(vec!["été".to_owned()]);
    assert_eq!(tags_of("#Été #ÉTÉ #e\u{301}te\u{301}", &["été", "#Été"]), composed);
    assert_eq!(tags_of("#Straße", &["STRASSE"]).map(|it| it.len()), Ok(2));
}

#[test]
fn tags_given_stand_before_those_in_the_text() {
    let both = Ok(vec!["given".to_owned(), "in_text".to_owned()]);
    assert_eq!(tags_of("#in_text #given", &["Given"]), both);
    assert_eq!(tags_of("#in_text", &["#given"]), both);
}

#[test]
fn a_tag_given_has_1_to_50_letters_digits_and_underscores() {
    let max = 50;
    assert_eq!(tags_of("x", &[&"x".repeat(max)]).map(|it| it.len()), Ok(1));
    for bad in ["", "#", "##a", "a b", "a-b", "a!", "1", "_", "👍", &"x".repeat(max + 1)] {
        assert_eq!(tags_of("x", &[bad]), Err(ChatError::InvalidTag { max }), "{bad:?}");
    }
}

#[test]
fn what_is_too_long_for_a_tag_in_a_text_is_none() {
    let (fits, too_long) = ("x".repeat(50), "x".repeat(51));
    assert_eq!(tags_of(&format!("#{fits}"), &[]), Ok(vec![fits]));
    assert_eq!(tags_of(&format!("#{too_long}"), &[]), Ok(vec![]));
}

#[test]
fn a_message_has_at_most_30_tags() {
    let names = |count: usize| (0..count).map(|it| format!("t{it}")).collect::<Vec<_>>();
    let given = |count: usize| {
        let names = names(count);
        tags_of("x", &names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(given(30), Ok(names(30)));
    assert_eq!(given(31), Err(ChatError::TooManyTags { max: 30 }));
    // Nobody is refused for what stands in a text.
    let text = format!("#{}", names(40).join(" #"));
    assert_eq!(tags_of(&text, &[]), Ok(names(30)));
    assert_eq!(tags_of(&text, &["given"]).map(|it| it.len()), Ok(30));
}

#[test]
fn doubled_tags_count_once() {
    let thirty_times = ["Same"; 40];
    assert_eq!(tags_of("x", &thirty_times), Ok(vec!["same".to_owned()]));
}

fn tags_of(text: &str, with: &[&str]) -> Result<Vec<String>, ChatError> {
    let tags = with.iter().map(|it| (*it).to_owned()).collect();
    let message = Outgoing { tags, ..outgoing(FIRST, ALICE, text) };
    let events = given([opened()]).when(send_message(message)).inspect_result()?;
    match &events[..] {
        [ChatEvent::MessageSent { tags: None, .. }] => Ok(vec![]),
        [ChatEvent::MessageSent { tags: Some(tags), .. }] => {
            assert_eq!(tags.subject(), ALICE);
            Ok(Personal::value(tags).cloned().unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}
