//! A sender edits their own text or caption.

use super::commands::{
    LIMITS, deactivate, delete_for_everyone, edit, edit_tagged, file_of, mark_read, question,
    send_content,
};
use super::events::{
    deactivated, deleted_for_everyone, deleted_for_me, edited, expired, expiring, opened, read,
    said, sent, sent_content, sent_text, tagged, withheld,
};
use super::{ALICE, BOB, FIRST, HELLO, NEVER_SENT, NOW, SECOND, folded, given, record};
use crate::Decider;
use crate::chat::{ChatCommand, ChatError, ChatEvent, Content, Limits, NewContent};

#[test]
fn the_sender_edits_a_text() {
    given([opened(), sent(1, FIRST, ALICE), sent(2, SECOND, BOB)])
        .when(edit(FIRST, ALICE, " hello again\n"))
        .then_expect_events(vec![edited((1, 1), FIRST, ALICE, Some("hello again"))]);
}

#[test]
fn each_edit_of_a_message_is_a_revision_of_its_own() {
    let edited_twice = [
        opened(),
        sent(1, FIRST, ALICE),
        sent(2, SECOND, ALICE),
        edited((1, 1), FIRST, ALICE, Some("one")),
        edited((1, 2), FIRST, ALICE, Some("two")),
    ];
    given(edited_twice.clone()).when(edit(FIRST, ALICE, "three")).then_expect_events(vec![edited(
        (1, 3),
        FIRST,
        ALICE,
        Some("three"),
    )]);
    given(edited_twice).when(edit(SECOND, ALICE, "one")).then_expect_events(vec![edited(
        (2, 1),
        SECOND,
        ALICE,
        Some("one"),
    )]);
}

/// No text is known here to compare with: what the same edit does when it is repeated is decided by
/// its idempotency key.
#[test]
fn the_same_text_again_is_another_revision() {
    given([opened(), sent(1, FIRST, ALICE), edited((1, 1), FIRST, ALICE, Some(HELLO))])
        .when(edit(FIRST, ALICE, HELLO))
        .then_expect_events(vec![edited((1, 2), FIRST, ALICE, Some(HELLO))]);
}

#[test]
fn nobody_edits_the_message_of_the_other() {
    given([opened(), sent(1, FIRST, ALICE)])
        .when(edit(FIRST, BOB, "no"))
        .then_expect_error(ChatError::NotTheSender);
}

#[test]
fn what_is_not_there_cannot_be_edited() {
    given([opened()])
        .when(edit(NEVER_SENT, ALICE, "no"))
        .then_expect_error(ChatError::UnknownMessage(NEVER_SENT));
    given([opened(), sent(1, FIRST, ALICE), deleted_for_everyone(1, FIRST, ALICE, true)])
        .when(edit(FIRST, ALICE, "no"))
        .then_expect_error(ChatError::Deleted);
    given([opened(), expiring(sent(1, FIRST, ALICE), NOW), expired([1], [0, 0], NOW)])
        .when(edit(FIRST, ALICE, "no"))
        .then_expect_error(ChatError::Deleted);
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, ALICE, false)])
        .when(edit(FIRST, ALICE, "no"))
        .then_expect_error(ChatError::UnknownMessage(FIRST));
}

#[test]
fn what_the_other_deleted_for_themselves_can_still_be_edited_and_does_not_come_back() {
    given([opened(), sent(1, FIRST, ALICE), deleted_for_me(1, FIRST, BOB, true)])
        .when(edit(FIRST, ALICE, "again"))
        .then_expect_events(vec![withheld(edited((1, 1), FIRST, ALICE, Some("again")))]);
}

#[test]
fn an_edited_text_is_held_to_what_a_text_is() {
    let editing = |text: &str| {
        given([opened(), sent(1, FIRST, ALICE)]).when(edit(FIRST, ALICE, text)).inspect_result()
    };
    assert_eq!(editing(" \n"), Err(ChatError::EmptyText));
    assert_eq!(editing("a\u{7}"), Err(ChatError::ControlCharacter));
    let (max, actual) = (10_000, 10_001);
    assert_eq!(editing(&"x".repeat(actual)), Err(ChatError::TextTooLong { max, actual }));
    assert!(editing(&"x".repeat(max)).is_ok());
}

#[test]
fn the_operator_says_how_long_an_edited_text_may_be() {
    let mut command = edit(FIRST, ALICE, "five!");
    if let ChatCommand::Edit { limits, .. } = &mut command {
        *limits = Limits { text_max: 4, ..LIMITS };
    }
    given([opened(), sent(1, FIRST, ALICE)])
        .when(command)
        .then_expect_error(ChatError::TextTooLong { max: 4, actual: 5 });
}

#[test]
fn a_text_or_a_question_is_not_edited_away() {
    for content in [NewContent::Text { text: HELLO.to_owned() }, question()] {
        let mut events = vec![opened()];
        record(&mut events, send_content(FIRST, ALICE, content)).unwrap();
        given(events)
            .when(edit_tagged(FIRST, ALICE, None, &[]))
            .then_expect_error(ChatError::EmptyText);
    }
}

#[test]
fn a_caption_is_given_changed_and_taken_away() {
    let file = file_of(ALICE);
    for bare in [Content::File { file, caption: None }, Content::Image { file, caption: None }] {
        let sent = sent_content(1, FIRST, ALICE, bare);
        let captioned = edited((1, 1), FIRST, ALICE, Some("a caption"));
        let bare = edited((1, 2), FIRST, ALICE, None);
        given([opened(), sent.clone()])
            .when(edit(FIRST, ALICE, "a caption"))
            .then_expect_events(vec![captioned.clone()]);
        given([opened(), sent, captioned])
            .when(edit_tagged(FIRST, ALICE, None, &[]))
            .then_expect_events(vec![bare]);
    }
}

#[test]
fn an_empty_caption_is_none_that_was_asked_for() {
    let caption = Some(said(ALICE, HELLO));
    let image = Content::Image { file: file_of(ALICE), caption };
    given([opened(), sent_content(1, FIRST, ALICE, image)])
        .when(edit(FIRST, ALICE, " "))
        .then_expect_error(ChatError::EmptyText);
}

#[test]
fn tags_are_those_of_the_new_text_and_those_given_with_it() {
    let before = tagged(sent_text(1, FIRST, ALICE, "#old"), ALICE, &["old"]);
    given([opened(), before.clone()])
        .when(edit_tagged(FIRST, ALICE, Some("a #New text"), &["given"]))
        .then_expect_events(vec![tagged(
            edited((1, 1), FIRST, ALICE, Some("a #New text")),
            ALICE,
            &["given", "new"],
        )]);
    given([opened(), before]).when(edit(FIRST, ALICE, "none")).then_expect_events(vec![edited(
        (1, 1),
        FIRST,
        ALICE,
        Some("none"),
    )]);
}

#[test]
fn editing_makes_nothing_unread_or_read() {
    let edit_after = |up_to| {
        let events = [opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE), read(BOB, up_to, 0)];
        [events.to_vec(), vec![edited((1, 1), FIRST, ALICE, Some("again"))]].concat()
    };
    given(edit_after(1)).when(mark_read(BOB, 2)).then_expect_events(vec![read(BOB, 2, 0)]);
    given(edit_after(2)).when(mark_read(BOB, 2)).then_expect_events(vec![]);
}

#[test]
fn an_edited_message_is_deleted_as_any_other() {
    given([opened(), sent(1, FIRST, ALICE), edited((1, 1), FIRST, ALICE, Some("again"))])
        .when(delete_for_everyone(FIRST, ALICE))
        .then_expect_events(vec![deleted_for_everyone(1, FIRST, ALICE, true)]);
}

#[test]
fn nothing_is_edited_in_an_inactive_chat() {
    given([opened(), sent(1, FIRST, ALICE), deactivated()])
        .when(edit(FIRST, ALICE, "no"))
        .then_expect_error(ChatError::Inactive);
}

#[test]
fn a_message_is_edited_at_most_100_times() {
    let mut events = vec![opened(), sent(1, FIRST, ALICE), sent(2, SECOND, ALICE)];
    for revision in 1..=100 {
        let text = revision.to_string();
        events.push(edited((1, revision), FIRST, ALICE, Some(&text)));
    }
    assert_eq!(
        folded(events[..102].to_vec()).decide(edit(FIRST, ALICE, "100")),
        Ok(vec![edited((1, 100), FIRST, ALICE, Some("100"))])
    );
    given(events.clone())
        .when(edit(FIRST, ALICE, "one more"))
        .then_expect_error(ChatError::TooManyEdits { max: 100 });
    given(events).when(edit(SECOND, ALICE, "another")).then_expect_events(vec![edited(
        (2, 1),
        SECOND,
        ALICE,
        Some("another"),
    )]);
}

#[test]
fn folding_an_edit_of_what_was_never_sent_changes_nothing() {
    let before = [opened(), sent(1, FIRST, ALICE)];
    for number in [0, 2, u64::MAX] {
        let edit: ChatEvent = edited((number, 1), NEVER_SENT, ALICE, Some("?"));
        assert_eq!(folded([before.to_vec(), vec![edit]].concat()), folded(before.clone()));
    }
    assert!(folded(before).decide(deactivate()).is_ok());
}
