//! Files and images, with a caption or without.

use super::commands::{file_of, send_content};
use super::events::{opened, said, sent_content, tagged};
use super::{ALICE, BOB, FIRST, given};
use crate::chat::{ChatError, ChatEvent, Content, NewContent};

#[test]
fn a_file_or_image_is_sent_with_a_caption_or_without() {
    let file = file_of(ALICE);
    for (said_of_it, kept) in [(None, None), (Some(" a caption "), Some("a caption"))] {
        let (asked, caption) = (said_of_it.map(str::to_owned), kept.map(|it| said(ALICE, it)));
        assert_eq!(
            sending(NewContent::File { file, caption: asked.clone() }),
            Ok(vec![sent_content(
                1,
                FIRST,
                ALICE,
                Content::File { file, caption: caption.clone() }
            )])
        );
        assert_eq!(
            sending(NewContent::Image { file, caption: asked }),
            Ok(vec![sent_content(1, FIRST, ALICE, Content::Image { file, caption })])
        );
    }
}

#[test]
fn a_caption_is_held_to_what_a_text_is() {
    let captioned = |caption: &str| {
        let (file, caption) = (file_of(ALICE), Some(caption.to_owned()));
        sending(NewContent::File { file, caption })
    };
    assert_eq!(captioned(" "), Err(ChatError::EmptyText));
    assert_eq!(captioned("a\u{7}"), Err(ChatError::ControlCharacter));
    let (max, actual) = (10_000, 10_001);
    assert_eq!(captioned(&"x".repeat(actual)), Err(ChatError::TextTooLong { max, actual }));
}

#[test]
fn a_caption_has_tags_too() {
    let file = file_of(ALICE);
    let caption = Some(said(ALICE, "at the #beach"));
    assert_eq!(
        sending(NewContent::Image { file, caption: Some("at the #beach".to_owned()) }),
        Ok(vec![tagged(
            sent_content(1, FIRST, ALICE, Content::Image { file, caption }),
            ALICE,
            &["beach"]
        )])
    );
}

/// Whether the sender may send it is known to the library it is in, not here.
#[test]
fn a_file_may_be_of_another_library() {
    let file = file_of(BOB);
    assert!(sending(NewContent::File { file, caption: None }).is_ok());
}

fn sending(content: NewContent) -> Result<Vec<ChatEvent>, ChatError> {
    given([opened()]).when(send_content(FIRST, ALICE, content)).inspect_result()
}
