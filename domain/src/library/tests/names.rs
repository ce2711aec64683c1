use super::{LETTER, PDF, SIZE, given, request, requested, requested_as};
use crate::library::{LibraryCommand, LibraryError, LibraryEvent, is_image};

#[test]
fn a_name_of_1_to_255_characters_is_accepted() {
    for name in [
        "a",
        "Bericht über das Jahr.pdf",
        "..",
        "Ein \"Zitat\"; filename=x.exe",
        "מסמך.pdf",
        "照片.jpg",
        &"😀".repeat(255),
    ] {
        let named = vec![requested_as(LETTER, name, PDF, SIZE)];
        assert_eq!(given([]).when(call(name)).inspect_result(), Ok(named), "{name:?}");
    }
}

#[test]
fn a_name_is_kept_trimmed() {
    given([]).when(call(" \tletter.pdf\n")).then_expect_events(vec![requested_as(
        LETTER,
        "letter.pdf",
        PDF,
        SIZE,
    )]);
}

#[test]
fn a_name_that_breaks_its_rule_is_refused() {
    for name in [
        "",
        " \n",
        "a/b",
        "..\\boot.ini",
        "two\nlines",
        "nul\0",
        "bell\u{7}",
        "gpj.\u{202e}exe",
        "\u{2066}exe",
        &"x".repeat(256),
    ] {
        let refused = Err(LibraryError::InvalidName);
        assert_eq!(given([]).when(call(name)).inspect_result(), refused, "{name:?}");
    }
}

#[test]
fn a_type_is_kept_in_small_letters() {
    given([])
        .when(request(LETTER, "Application/PDF", SIZE))
        .then_expect_events(vec![requested(LETTER, PDF)]);
}

#[test]
fn a_type_of_two_names_is_accepted() {
    let longest = format!("{0}/{0}", "x".repeat(127));
    for content_type in ["image/svg+xml", "application/vnd.ms-excel", "x/1", &longest] {
        let result = given([]).when(request(LETTER, content_type, SIZE)).inspect_result();
        assert_eq!(result, Ok(vec![requested(LETTER, content_type)]), "{content_type:?}");
    }
}

#[test]
fn a_type_that_breaks_its_rule_is_refused() {
    let too_long = format!("x/{}", "x".repeat(128));
    for content_type in [
        "",
        "/",
        "image",
        "image/",
        "/png",
        "a/b/c",
        "text/plain; charset=utf-8",
        "text /plain",
        "text/pläin",
        "te\nxt/plain",
        ".x/y",
        &too_long,
    ] {
        let refused = Err(LibraryError::InvalidContentType);
        let result = given([]).when(request(LETTER, content_type, SIZE)).inspect_result();
        assert_eq!(result, refused, "{content_type:?}");
    }
}

#[test]
fn four_types_are_images() {
    for content_type in ["image/gif", "image/jpeg", "image/png", "image/webp"] {
        assert!(is_image(content_type));
    }
    for content_type in ["image/svg+xml", "image/tiff", "text/html", "image/"] {
        assert!(!is_image(content_type));
    }
}

#[test]
fn nobodys_words_are_in_a_key() {
    let events = given([]).when(call("secret plan.pdf")).inspect_result().unwrap();
    let [LibraryEvent::UploadRequested { object, .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(object, "q/2027/00000000-0000-0000-0000-0000000000f2");
}

fn call(new: &str) -> LibraryCommand {
    let mut command = request(LETTER, PDF, SIZE);
    if let LibraryCommand::RequestUpload { name, .. } = &mut command {
        new.clone_into(name);
    }
    command
}
