//! In parts: broken off, gone on with, and compared as a whole in the end.

use commands::{FilesError, NewPart, PART_SIZE, Upload, WHOLE_MAX};
use domain::FileId;
use domain::library::{LibraryEvent, Rejection};

use super::storage::{noise, sha256};
use super::{Storage, World, boto3, send};

const FILM: &str = "video/mp4";

/// The same as the library says, to count in memory with.
const LARGE: usize = 64 << 20;
const PART: usize = 8 << 20;
const _: () = assert!(LARGE as u64 == WHOLE_MAX && PART as u64 == PART_SIZE);

#[tokio::test]
async fn a_large_file_comes_in_parts_inside_the_process() {
    a_large_file_comes_in_parts(&World::on(Storage::Embedded).await).await;
}

#[tokio::test]
async fn a_large_file_comes_in_parts_on_seaweedfs() {
    a_large_file_comes_in_parts(&World::on(Storage::SeaweedFs).await).await;
}

async fn a_large_file_comes_in_parts(world: &World) {
    let bytes = noise(LARGE + 1_000_000);
    let parts: Vec<&[u8]> = bytes.chunks(PART).collect();
    let requested = world.request(&bytes, FILM).await.expect("it is allowed");
    let file_id = requested.file_id;
    let expected = Upload::Parts { part_size: PART_SIZE, count: 9 };
    assert_eq!(requested.upload, Some(expected));

    send_parts(world, file_id, &parts, &[3, 1]).await;
    let ticket = ticket(world, file_id, 2, parts[1]).await;
    let mut other = parts[1].to_vec();
    other[0] ^= 1;
    let refused = send(&ticket, &world.scratch(&other)).await;
    assert_eq!(refused.status, 400, "other bytes: {refused:?}");
    let refused = send(&ticket, &world.scratch(&parts[1][1..])).await;
    assert_eq!(refused.status, 403, "a byte less: {refused:?}");

    // The app was killed. It asks what is there, and sends the rest.
    assert_eq!(arrived(world, file_id).await, [1, 3]);
    assert!(matches!(world.complete(file_id).await, Err(FilesError::NotArrived)));
    send_parts(world, file_id, &parts, &[2, 4, 5, 6, 7, 8]).await;
    assert!(matches!(world.complete(file_id).await, Err(FilesError::NotArrived)));
    send_parts(world, file_id, &parts, &[9]).await;
    let events = world.complete(file_id).await.expect("all is there");
    assert!(matches!(events[..], [LibraryEvent::UploadCompleted { .. }]), "{events:?}");

    let key = world.file(file_id).await.expect("it is there").object().to_owned();
    let script = format!(
        "import hashlib\n\
         body = s3.get_object(Bucket=bucket, Key={key:?})['Body'].read()\n\
         print(json.dumps(hashlib.sha256(body).hexdigest()))"
    );
    let found = boto3(&world.access(&ticket), &script).await;
    assert_eq!(found, sha256(&bytes).to_string());
}

/// Each part is what its sender said. The whole is not what they said before.
#[tokio::test]
async fn parts_that_do_not_make_the_declared_whole_are_rejected() {
    let world = World::on(Storage::Embedded).await;
    let bytes = noise(LARGE + 1);
    let size = bytes.len() as u64;
    let requested = world.request_as(size, sha256(b"other"), FILM, world.now()).await;
    let file_id = requested.expect("it is allowed").file_id;
    let parts: Vec<&[u8]> = bytes.chunks(PART).collect();
    let all: Vec<u32> = (1..=9).collect();
    send_parts(&world, file_id, &parts, &all).await;

    let events = world.complete(file_id).await.expect("judged");

    let mismatch = Rejection::ChecksumMismatch;
    let rejected =
        matches!(events[..], [LibraryEvent::FileRejected { reason, .. }] if reason == mismatch);
    assert!(rejected, "{events:?}");
}

#[tokio::test]
async fn a_part_that_is_none_gets_no_ticket() {
    let world = World::on(Storage::Embedded).await;
    let size = WHOLE_MAX + 1;
    let large = world.request_as(size, sha256(b"x"), FILM, world.now()).await.expect("allowed");
    let invalid = |number, size| NewPart { number, size, sha256: sha256(b"x") };
    for part in [invalid(0, PART_SIZE), invalid(10, 1), invalid(1, PART_SIZE + 1), invalid(9, 2)] {
        let now = world.now();
        let refused = world.files.part_tickets(world.owner, large.file_id, &[part], now).await;
        let number = part.number;
        let matches =
            matches!(refused, Err(FilesError::InvalidPart { number: it, .. }) if it == number);
        assert!(matches, "{part:?}: {refused:?}");
    }
    let small = world.request(b"x", FILM).await.expect("allowed");
    let whole = invalid(1, 1);
    let refused = world.files.part_tickets(world.owner, small.file_id, &[whole], world.now()).await;
    assert!(matches!(refused, Err(FilesError::NotInParts)), "{refused:?}");
}

async fn send_parts(world: &World, file_id: FileId, parts: &[&[u8]], numbers: &[u32]) {
    for number in numbers {
        let part = parts[*number as usize - 1];
        let ticket = ticket(world, file_id, *number, part).await;
        let sent = send(&ticket, &world.scratch(part)).await;
        assert_eq!(sent.status, 200, "part {number}: {sent:?}");
    }
}

async fn ticket(world: &World, file_id: FileId, number: u32, part: &[u8]) -> commands::Ticket {
    let new = NewPart { number, size: part.len() as u64, sha256: sha256(part) };
    let tickets = world.files.part_tickets(world.owner, file_id, &[new], world.now()).await;
    tickets.expect("it is a part").remove(0)
}

async fn arrived(world: &World, file_id: FileId) -> Vec<u32> {
    let arrived = world.files.arrived_parts(world.owner, file_id).await.expect("it is in parts");
    arrived.into_iter().map(|it| it.number).collect()
}
