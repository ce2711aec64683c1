use cqrs_es::Aggregate;
use uuid::Uuid;

use super::{
    ALICE, Arrived, JPEG, LETTER, LIMITS, NEVER_REQUESTED, NOW, PDF, PHOTO, SHA256, SIZE, arrived,
    complete, complete_within, completed, folded, given, published, reject, rejected, request,
    request_within, requested, requested_as,
};
use crate::library::{
    FILES_MAX, FileLimits, LibraryCommand, LibraryError, LibraryEvent, Rejection, Sha256, Stage,
    THUMBNAILS_MAX,
};
use crate::{Decider, FileId};

const PROGRAM: &str = "application/vnd.microsoft.portable-executable";

#[test]
fn an_upload_is_requested() {
    given([]).when(request(LETTER, PDF, SIZE)).then_expect_events(vec![requested(LETTER, PDF)]);
}

#[test]
fn an_upload_in_parts_keeps_the_storages_name_for_it() {
    let mut command = request(LETTER, PDF, SIZE);
    if let LibraryCommand::RequestUpload { multipart, .. } = &mut command {
        *multipart = Some("upload 7".to_owned());
    }
    let events = given([]).when(command).inspect_result().unwrap();

    let named = folded(events.clone()).file(LETTER).unwrap().multipart.clone();
    assert_eq!(named.as_deref(), Some("upload 7"));
    let done = folded(events.into_iter().chain([completed(LETTER, PDF)]));
    assert_eq!(done.file(LETTER).unwrap().multipart, None);
}

#[test]
fn requesting_the_same_again_records_nothing() {
    for before in [
        vec![requested(LETTER, PDF)],
        vec![requested(LETTER, PDF), completed(LETTER, PDF)],
        vec![requested(LETTER, PDF), completed(LETTER, PDF), published(LETTER, SIZE, None)],
    ] {
        given(before).when(request(LETTER, PDF, SIZE)).then_expect_events(vec![]);
    }
}

#[test]
fn one_file_is_not_another() {
    given([requested(LETTER, PDF)])
        .when(request(LETTER, PDF, SIZE + 1))
        .then_expect_error(LibraryError::FileIdTaken(LETTER));
}

#[test]
fn a_file_has_at_least_a_byte_and_at_most_what_is_allowed() {
    given([]).when(request(LETTER, PDF, 0)).then_expect_error(LibraryError::Empty);
    for (content_type, max) in [(PDF, LIMITS.file_max), (JPEG, LIMITS.image_max)] {
        assert!(given([]).when(request(PHOTO, content_type, max)).inspect_result().is_ok());
        given([])
            .when(request(PHOTO, content_type, max + 1))
            .then_expect_error(LibraryError::TooLarge { max, actual: max + 1 });
    }
}

#[test]
fn a_file_has_to_fit_into_the_quota() {
    let before = requested_as(LETTER, "a name", PDF, 600);
    let limits = FileLimits { quota: 1_000, ..LIMITS };
    given([before.clone()])
        .when(request_within(limits, PHOTO, PDF, 400))
        .then_expect_events(vec![requested_as(PHOTO, "a name", PDF, 400)]);
    given([before])
        .when(request_within(limits, PHOTO, PDF, 401))
        .then_expect_error(LibraryError::QuotaExceeded { quota: 1_000, used: 600, asked: 401 });
}

#[test]
fn a_quota_that_was_lowered_refuses_and_does_not_wrap() {
    let limits = FileLimits { quota: 500, ..LIMITS };
    given([requested_as(LETTER, "a name", PDF, 600)])
        .when(request_within(limits, PHOTO, PDF, 1))
        .then_expect_error(LibraryError::QuotaExceeded { quota: 500, used: 600, asked: 1 });
}

#[test]
fn an_image_needs_room_for_its_thumbnails() {
    let limits = FileLimits { quota: THUMBNAILS_MAX + SIZE, ..LIMITS };
    given([])
        .when(request_within(limits, PHOTO, JPEG, SIZE))
        .then_expect_events(vec![requested(PHOTO, JPEG)]);
    let asked = THUMBNAILS_MAX + SIZE + 1;
    given([])
        .when(request_within(limits, PHOTO, JPEG, SIZE + 1))
        .then_expect_error(LibraryError::QuotaExceeded { quota: limits.quota, used: 0, asked });
}

#[test]
fn a_library_has_so_many_files_and_no_more() {
    let id = |number: usize| FileId(Uuid::from_u128(0xF000_0000 + number as u128));
    let mut library = folded((0..FILES_MAX - 1).map(|it| requested_as(id(it), "x", PDF, 1)));
    assert!(library.decide(request(LETTER, PDF, 1)).is_ok());
    library.apply(requested(LETTER, PDF));
    assert_eq!(
        library.decide(request(PHOTO, PDF, 1)),
        Err(LibraryError::TooManyFiles { max: FILES_MAX })
    );
}

#[test]
fn what_arrived_as_requested_is_completed() {
    given([requested(LETTER, PDF)])
        .when(complete(LETTER, arrived(PDF)))
        .then_expect_events(vec![completed(LETTER, PDF)]);
    // What its bytes do not say is nobody's rule, nor what they say of what is handed out as bytes.
    let silent = Arrived { sniffed_type: None, ..arrived(PDF) };
    given([requested(LETTER, "text/plain")])
        .when(complete(LETTER, silent))
        .then_expect_events(vec![completed(LETTER, "text/plain")]);
    for (content_type, sniffed) in [
        ("text/plain", "text/html"),
        ("video/mp4", "video/quicktime"),
        ("audio/ogg", "video/ogg"),
        ("application/octet-stream", PROGRAM),
        ("application/zip", "application/epub+zip"),
    ] {
        given([requested(LETTER, content_type)])
            .when(complete(LETTER, arrived(sniffed)))
            .then_expect_events(vec![completed(LETTER, content_type)]);
    }
}

#[test]
fn what_is_handed_out_as_it_is_must_be_what_it_says() {
    for (content_type, sniffed) in [
        (PDF, PROGRAM),
        (PDF, "text/html"),
        ("text/plain", PROGRAM),
        ("text/plain", PDF),
        ("video/mp4", PROGRAM),
        ("audio/mpeg", "application/zip"),
    ] {
        given([requested(LETTER, content_type)])
            .when(complete(LETTER, arrived(sniffed)))
            .then_expect_events(vec![rejected(LETTER, Rejection::TypeMismatch)]);
    }
}

#[test]
fn an_image_is_one_whatever_it_was_requested_as() {
    for content_type in ["application/octet-stream", "text/plain", PDF, "image/svg+xml"] {
        let reserved = Some(SIZE + THUMBNAILS_MAX);
        let expected = LibraryEvent::UploadCompleted {
            owner: ALICE,
            file_id: PHOTO,
            content_type: JPEG.to_owned(),
            reserved,
            completed_at: NOW,
        };
        let before = [requested(PHOTO, content_type)];
        given(before.clone())
            .when(complete(PHOTO, arrived(JPEG)))
            .then_expect_events(vec![expected.clone()]);
        let library = folded(before.into_iter().chain([expected]));
        assert_eq!(library.used(), SIZE + THUMBNAILS_MAX);
    }
}

#[test]
fn an_image_in_disguise_keeps_to_the_limits_of_images() {
    let before = [requested(PHOTO, "application/octet-stream")];
    let small = FileLimits { image_max: SIZE - 1, ..LIMITS };
    given(before.clone())
        .when(complete_within(small, PHOTO, arrived(JPEG)))
        .then_expect_events(vec![rejected(PHOTO, Rejection::TypeMismatch)]);
    let quota = SIZE + THUMBNAILS_MAX;
    let room = FileLimits { quota, ..LIMITS };
    assert!(
        given(before.clone())
            .when(complete_within(room, PHOTO, arrived(JPEG)))
            .inspect_result()
            .is_ok()
    );
    let full = FileLimits { quota: quota - 1, ..LIMITS };
    given(before).when(complete_within(full, PHOTO, arrived(JPEG))).then_expect_error(
        LibraryError::QuotaExceeded { quota: quota - 1, used: SIZE, asked: THUMBNAILS_MAX },
    );
}

#[test]
fn images_that_would_keep_their_metadata_are_not_taken() {
    for content_type in ["image/heic", "image/avif", "image/tiff", "image/x-adobe-dng"] {
        given([])
            .when(request(PHOTO, content_type, SIZE))
            .then_expect_error(LibraryError::UnsupportedImage(content_type.to_owned()));
    }
    for content_type in ["application/octet-stream", JPEG, "video/mp4"] {
        for sniffed in ["image/heif", "image/avif", "image/tiff", "image/jxl"] {
            given([requested(PHOTO, content_type)])
                .when(complete(PHOTO, arrived(sniffed)))
                .then_expect_events(vec![rejected(PHOTO, Rejection::UnsupportedImage)]);
        }
    }
}

#[test]
fn an_image_is_called_what_it_turns_out_to_be() {
    given([requested(PHOTO, JPEG)])
        .when(complete(PHOTO, arrived("image/png")))
        .then_expect_events(vec![completed(PHOTO, "image/png")]);
}

#[test]
fn what_arrived_otherwise_is_rejected() {
    let shorter = Arrived { size: SIZE - 1, ..arrived(JPEG) };
    let other = Arrived { sha256: Sha256([0; 32]), ..arrived(JPEG) };
    let silent = Arrived { sniffed_type: None, ..arrived(JPEG) };
    for (arrived, reason) in [
        (shorter, Rejection::SizeMismatch),
        (other, Rejection::ChecksumMismatch),
        (arrived("image/svg+xml"), Rejection::TypeMismatch),
        (silent, Rejection::TypeMismatch),
    ] {
        given([requested(PHOTO, JPEG)])
            .when(complete(PHOTO, arrived))
            .then_expect_events(vec![rejected(PHOTO, reason)]);
    }
}

#[test]
fn completing_again_records_nothing() {
    let wrong = Arrived { size: 0, ..arrived(PDF) };
    given([requested(LETTER, PDF), completed(LETTER, PDF)])
        .when(complete(LETTER, wrong.clone()))
        .then_expect_events(vec![]);
    given([requested(LETTER, PDF), completed(LETTER, PDF), published(LETTER, SIZE, None)])
        .when(complete(LETTER, wrong))
        .then_expect_events(vec![]);
}

#[test]
fn what_was_rejected_cannot_be_completed() {
    given([requested(LETTER, PDF), rejected(LETTER, Rejection::SizeMismatch)])
        .when(complete(LETTER, arrived(PDF)))
        .then_expect_error(LibraryError::Rejected(Rejection::SizeMismatch));
}

#[test]
fn a_file_that_was_never_requested_is_unknown() {
    for before in [vec![], vec![requested(LETTER, PDF)]] {
        given(before.clone())
            .when(complete(NEVER_REQUESTED, arrived(PDF)))
            .then_expect_error(LibraryError::UnknownFile(NEVER_REQUESTED));
        given(before)
            .when(reject(NEVER_REQUESTED, Rejection::Infected))
            .then_expect_error(LibraryError::UnknownFile(NEVER_REQUESTED));
    }
}

#[test]
fn a_file_is_rejected_once_and_not_after_it_was_published() {
    for before in
        [vec![requested(LETTER, PDF)], vec![requested(LETTER, PDF), completed(LETTER, PDF)]]
    {
        given(before)
            .when(reject(LETTER, Rejection::Infected))
            .then_expect_events(vec![rejected(LETTER, Rejection::Infected)]);
    }
    given([requested(LETTER, PDF), rejected(LETTER, Rejection::SizeMismatch)])
        .when(reject(LETTER, Rejection::Infected))
        .then_expect_events(vec![]);
    given([requested(LETTER, PDF), completed(LETTER, PDF), published(LETTER, SIZE, None)])
        .when(reject(LETTER, Rejection::Infected))
        .then_expect_error(LibraryError::AlreadyPublished);
}

#[test]
fn what_was_rejected_counts_no_more() {
    let library = folded([requested(PHOTO, JPEG), requested(LETTER, PDF)]);
    assert_eq!(library.used(), SIZE + THUMBNAILS_MAX + SIZE);
    let library = folded([
        requested(PHOTO, JPEG),
        requested(LETTER, PDF),
        rejected(PHOTO, Rejection::Unreadable),
    ]);
    assert_eq!(library.used(), SIZE);
    assert_eq!(library.file(PHOTO).unwrap().stage, Stage::Rejected(Rejection::Unreadable));
}

#[test]
fn a_sha256_is_64_hexadecimal_digits() {
    let text = "ab".repeat(32);
    assert_eq!(text.parse(), Ok(SHA256));
    assert_eq!(text.to_uppercase().parse(), Ok(SHA256));
    assert_eq!(SHA256.to_string(), text);
    assert_eq!(serde_json::to_value(SHA256).unwrap(), text);
    for wrong in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"ag".repeat(32), &"é".repeat(32)]
    {
        assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
    }
}
