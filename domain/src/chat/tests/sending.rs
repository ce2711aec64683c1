//! Rules 3 and 4: what a text is, and how messages are numbered.

use super::commands::{send, send_text};
use super::events::{deleted_for_everyone, deleted_for_me, opened, sent, sent_text};
use super::{ALICE, BOB, FIRST, SECOND, THIRD, given};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn a_member_sends_a_text_to_the_other() {
    given([opened()])
        .when(send_text(FIRST, ALICE, "how are you?"))
        .then_expect_events(vec![sent_text(1, FIRST, ALICE, "how are you?")]);
    given([opened()])
        .when(send_text(FIRST, BOB, "how are you?"))
        .then_expect_events(vec![sent_text(1, FIRST, BOB, "how are you?")]);
}

#[test]
fn messages_of_both_members_are_numbered_together() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(send(THIRD, BOB))
        .then_expect_events(vec![sent(3, THIRD, BOB)]);
}

#[test]
fn the_number_of_a_deleted_message_is_not_given_again() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        deleted_for_everyone(1, FIRST, ALICE, true),
        deleted_for_me(1, FIRST, BOB, false),
    ])
    .when(send(SECOND, ALICE))
    .then_expect_events(vec![sent(2, SECOND, ALICE)]);
}

#[test]
fn sending_a_message_again_changes_nothing() {
    given([opened(), sent(1, FIRST, ALICE)]).when(send(FIRST, ALICE)).then_expect_events(vec![]);
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(send(FIRST, ALICE))
        .then_expect_events(vec![]);
}

#[test]
fn a_used_message_id_posts_nothing_whatever_text_comes_with_it() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(send_text(FIRST, ALICE, "another text"))
        .then_expect_events(vec![]);
}

#[test]
fn a_text_that_is_none_is_refused_under_a_used_message_id_too() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(send_text(FIRST, ALICE, " "))
        .then_expect_error(ChatError::EmptyText);
}

#[test]
fn the_message_id_of_the_other_member_is_refused() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(send(FIRST, BOB))
        .then_expect_error(ChatError::MessageIdTaken(FIRST));
}

#[test]
fn the_id_of_a_deleted_message_stays_used() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        deleted_for_me(1, FIRST, ALICE, false),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ])
    .when(send(FIRST, ALICE))
    .then_expect_events(vec![]);
}

#[test]
fn a_text_has_at_most_10_000_characters() {
    for longest in [
        "x".repeat(10_000),
        "😀".repeat(10_000),
        "e\u{301}".repeat(5_000), // é in two characters
    ] {
        assert_eq!(sending(&longest), Ok(recorded(&longest)));
    }
    for (too_long, actual) in [
        ("x".repeat(10_001), 10_001),
        ("😀".repeat(10_001), 10_001),
        ("e\u{301}".repeat(5_001), 10_002),
    ] {
        let max = 10_000;
        assert_eq!(sending(&too_long), Err(ChatError::TextTooLong { max, actual }));
    }
}

#[test]
fn a_text_has_at_least_one_character() {
    assert_eq!(sending("x"), Ok(recorded("x")));
    for empty in ["", " ", "\n", "\r\n\t", "\u{85}", "\u{a0}\u{2003}\u{3000}"] {
        assert_eq!(sending(empty), Err(ChatError::EmptyText), "{empty:?}");
    }
}

#[test]
fn a_text_is_counted_and_kept_trimmed() {
    let longest = "x".repeat(10_000);
    assert_eq!(sending(&format!(" \r\n\t{longest}\u{3000}\n")), Ok(recorded(&longest)));
    assert_eq!(sending(" a  b "), Ok(recorded("a  b")));
}

#[test]
fn newline_and_tab_are_the_only_control_characters_in_a_text() {
    for code in (0..=0x1f_u8).chain(0x7f..=0x9f) {
        let text = format!("a{}b", char::from(code));
        let expected = match code {
            b'\n' | b'\t' => Ok(recorded(&text)),
            _ => Err(ChatError::ControlCharacter),
        };
        assert_eq!(sending(&text), expected, "{text:?}");
    }
}

#[test]
fn a_text_is_any_unicode() {
    for text in [
        "Größe, 李小龍, שלום, 👩‍👩‍👧",
        "left\u{202e}right",    // direction
        "\u{feff}marked",       // byte order mark
        "line\u{2028}line",     // line separator
        "\u{ffff}\u{10ffff}",   // noncharacters
        "\u{e000}",             // private use
        "\u{200b}",             // zero width
        "' OR 1=1; -- \\ % {}", // code
    ] {
        assert_eq!(sending(text), Ok(recorded(text)), "{text:?}");
    }
}

fn sending(text: &str) -> Result<Vec<ChatEvent>, ChatError> {
    given([opened()]).when(send_text(FIRST, ALICE, text)).inspect_result()
}

fn recorded(text: &str) -> Vec<ChatEvent> {
    vec![sent_text(1, FIRST, ALICE, text)]
}
