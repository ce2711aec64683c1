//! One emoji a person and message.

use super::commands::{deactivate, react, reactivate, remove_reaction};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, opened, reacted, reaction_removed, sent,
};
use super::{ALICE, BOB, FIRST, NEVER_SENT, SECOND, given, record};
use crate::chat::{ChatError, ChatEvent};

#[test]
fn both_members_react_to_any_message() {
    for by in [ALICE, BOB] {
        given([opened(), sent(1, FIRST, ALICE)])
            .when(react(FIRST, by, "👍"))
            .then_expect_events(vec![reacted(1, FIRST, by, "👍")]);
    }
}

#[test]
fn another_emoji_takes_the_place_of_the_first() {
    given([opened(), sent(1, FIRST, ALICE), reacted(1, FIRST, BOB, "👍")])
        .when(react(FIRST, BOB, "❤️"))
        .then_expect_events(vec![reacted(1, FIRST, BOB, "❤️")]);
}

#[test]
fn one_emoji_of_any_kind_is_a_reaction() {
    for emoji in [
        "😀",
        "❤️",
        "❤",  // without the selector: text style
        "👍🏽", // skin tone
        "👨‍👩‍👧", // joined
        "🏳️‍🌈", // joined, with a selector
        "🇫🇷", // two letters are one flag
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿", // tags
        "1️⃣", // keycap
    ] {
        assert_eq!(reacting(emoji), Ok(vec![reacted(1, FIRST, BOB, emoji)]), "{emoji:?}");
    }
}

#[test]
fn anything_else_is_none() {
    for text in [
        "",
        " ",
        "a",
        "1",
        "#",
        ":)",
        "ok",
        "👍👍",
        "👍 ",
        " 👍",
        "👍a",
        "🇫",
        "🇫🇷🇩🇪",
        "\u{200d}",
        "\u{fe0f}",
        "👍\u{301}",
        "©a",
    ] {
        assert_eq!(reacting(text), Err(ChatError::NotAnEmoji), "{text:?}");
    }
    assert_eq!(reacting(&"👍".repeat(10_000)), Err(ChatError::NotAnEmoji));
}

#[test]
fn what_is_not_there_takes_no_reaction() {
    given([opened()])
        .when(react(NEVER_SENT, BOB, "👍"))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(react(FIRST, BOB, "👍"))
        .then_expect_error(ChatError::Deleted);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(react(FIRST, BOB, "👍"))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn a_reaction_is_removed_once_by_whom_it_is_of() {
    let with_reaction = [opened(), sent(1, FIRST, ALICE), reacted(1, FIRST, BOB, "👍")];
    given(with_reaction.clone())
        .when(remove_reaction(FIRST, BOB))
        .then_expect_events(vec![reaction_removed(1, FIRST, BOB)]);
    given(with_reaction.clone()).when(remove_reaction(FIRST, ALICE)).then_expect_events(vec![]);
    given([with_reaction.to_vec(), vec![reaction_removed(1, FIRST, BOB)]].concat())
        .when(remove_reaction(FIRST, BOB))
        .then_expect_events(vec![]);
}

#[test]
fn removing_where_there_is_none_changes_nothing() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), reacted(1, FIRST, BOB, "👍")])
        .when(remove_reaction(SECOND, BOB))
        .then_expect_events(vec![]);
    given([opened()])
        .when(remove_reaction(NEVER_SENT, BOB))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
}

#[test]
fn reactions_go_with_their_message() {
    given([
        opened(),
        sent(1, FIRST, ALICE),
        reacted(1, FIRST, BOB, "👍"),
        deleted_for_everyone(1, FIRST, ALICE, true),
    ])
    .when(remove_reaction(FIRST, BOB))
    .then_expect_events(vec![]);
}

#[test]
fn an_inactive_chat_takes_no_reaction_and_one_can_be_removed() {
    let inactive = [opened(), sent(1, FIRST, ALICE), reacted(1, FIRST, BOB, "👍"), deactivated()];
    given(inactive.clone()).when(react(FIRST, BOB, "❤️")).then_expect_error(ChatError::Inactive);
    given(inactive)
        .when(remove_reaction(FIRST, BOB))
        .then_expect_events(vec![reaction_removed(1, FIRST, BOB)]);
    let mut again = vec![opened(), sent(1, FIRST, ALICE)];
    record(&mut again, deactivate()).unwrap();
    record(&mut again, reactivate()).unwrap();
    assert_eq!(record(&mut again, react(FIRST, BOB, "👍")), Ok(vec![reacted(1, FIRST, BOB, "👍")]));
}

fn reacting(emoji: &str) -> Result<Vec<ChatEvent>, ChatError> {
    given([opened(), sent(1, FIRST, ALICE)]).when(react(FIRST, BOB, emoji)).inspect_result()
}
