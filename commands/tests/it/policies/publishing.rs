//! `process_files`: out of quarantine, without what nobody should see.

use commands::Validity;
use domain::chat::ChatCommand;
use domain::library::{Rejection, Stage};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat, Rgb, RgbImage};

use super::world::World;
use crate::files::{Storage, fetch, send};

/// What an EXIF block says besides the orientation: where it was.
const LOCATION: &[u8] = b"N48.8584E2.2945";

/// A photograph of 800 × 400 pixels that is to be turned by 90 degrees, and tells where it was.
fn photograph() -> Vec<u8> {
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(LOCATION);
    let image =
        RgbImage::from_fn(800, 400, |x, y| Rgb([x.to_be_bytes()[3], y.to_be_bytes()[3], 90]));
    let mut bytes = vec![];
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).expect("it takes EXIF");
    encoder.encode_image(&image).expect("it is encoded");
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

#[tokio::test]
async fn a_photograph_is_published_without_its_location() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let _policies = world.run_policies();
        let photograph = photograph();
        assert!(contains(&photograph, LOCATION));

        let file_id = world.upload(&photograph, "image/jpeg").await;
        let file = world.until_stage(file_id, Stage::Published).await;

        let [original, small, large, ..] = file.objects.as_slice() else {
            panic!("{:?}", file.objects)
        };
        for (object, size) in [(original, (800, 400)), (small, (128, 256)), (large, (400, 800))] {
            let files = &world.files.files;
            let valid = Validity::of_lasting_link(world.now());
            let link = files.thumbnail(object, "image/jpeg", valid).await.expect("signed");
            let got = fetch(&link).await;
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.header("content-type"), Some("image/jpeg"));
            assert!(!contains(&got.body, LOCATION), "{object}");
            let image = image::load_from_memory(&got.body).expect("it is an image");
            assert_eq!((image.width(), image.height()), size, "{object}");
        }
        let payload = "SELECT payload #>> '{image,width}' || 'x' || (payload #>> '{image,height}')
                       FROM events WHERE event_type = 'file_published'";
        let size: String = sqlx::query_scalar(payload).fetch_one(&world.db()).await.expect("one");
        assert_eq!(size, "400x800", "upright");
    }
}

#[tokio::test]
async fn a_photograph_in_disguise_is_published_without_its_location() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    let file_id = world.upload(&photograph(), "application/octet-stream").await;
    let file = world.until_stage(file_id, Stage::Published).await;
    assert_eq!(file.content_type, "image/jpeg");
    assert_eq!(file.objects.len(), 4, "with thumbnails: {:?}", file.objects);
    let valid = Validity::of_lasting_link(world.now());
    let link = world.files.files.download(file.object(), None, &file.content_type, valid).await;
    let got = fetch(&link.expect("signed")).await;
    assert_eq!(got.header("content-type"), Some("image/jpeg"));
    assert!(!contains(&got.body, LOCATION));
}

#[tokio::test]
async fn a_file_is_judged_by_its_bytes() {
    let world = World::on(Storage::Embedded).await;
    let program = [b"MZ\x90\0\x03\0\0\0".as_slice(), &[0; 60]].concat();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
    let raw = b"II*\0\x10\0\0\0CR".as_slice(); // of a camera
    let (pdf, bytes) = ("application/pdf", "application/octet-stream");
    for (content, content_type, reason) in [
        (program.as_slice(), pdf, Rejection::TypeMismatch),
        (program.as_slice(), "text/plain", Rejection::TypeMismatch),
        (heic, bytes, Rejection::UnsupportedImage),
        (raw, "video/mp4", Rejection::UnsupportedImage),
    ] {
        let (file_id, ticket) = world.ticket(content, content_type).await;
        assert_eq!(send(&ticket, &world.scratch(content)).await.status, 200);
        world.complete(file_id).await.expect("it is judged");
        world.until_stage(file_id, Stage::Rejected(reason)).await;
    }
    for (content, content_type) in [
        (program.as_slice(), bytes),
        (b"GIF is pronounced as it is written".as_slice(), "text/plain"),
        (b"BM, MZ and II* begin this letter".as_slice(), "text/plain"),
        (b"%PDF-1.7\n1 0 obj".as_slice(), pdf),
    ] {
        let file_id = world.upload(content, content_type).await;
        let file = world.file(file_id).await.expect("it is there");
        assert_eq!((file.stage, file.content_type.as_str()), (Stage::Completed, content_type));
    }
}

#[tokio::test]
async fn what_cannot_be_shown_is_rejected_and_nothing_else() {
    let world = World::on(Storage::Embedded).await;
    let _policies = world.run_policies();
    let mut black = std::io::Cursor::new(vec![]);
    image::GrayImage::new(8_000, 6_000).write_to(&mut black, ImageFormat::Png).expect("encoded");

    let bomb = world.upload(black.get_ref(), "image/png").await;
    let broken = world.upload(&photograph()[..300], "image/jpeg").await;
    let film = world.upload(b"\0\0\0\x18ftypmp42 and so on", "video/mp4").await;

    world.until_stage(bomb, Stage::Rejected(Rejection::TooManyPixels)).await;
    world.until_stage(broken, Stage::Rejected(Rejection::Unreadable)).await;
    let film = world.until_stage(film, Stage::Published).await;
    assert!(world.is_stored(film.object()).await);
    assert!(film.object().starts_with("m/"), "{}", film.object());
}

#[tokio::test]
async fn another_process_goes_on_and_nothing_is_done_twice() {
    let world = World::on(Storage::Embedded).await;
    let policies = world.run_policies();
    let first = world.upload(b"one", "text/plain").await;
    world.until_stage(first, Stage::Published).await;
    policies.stop().await;
    let second = world.upload(b"two", "text/plain").await;
    let third = world.upload(b"three", "text/plain").await;

    let (_here, _there) = (world.run_policies(), world.run_policies());

    for file_id in [second, third] {
        world.until_stage(file_id, Stage::Published).await;
    }
    world.until_idle().await;
    assert_eq!(world.count("file_published").await, 3);
    let effects = "SELECT count(DISTINCT metadata ->> 'request_id') FROM events
                   WHERE event_type = 'file_published'
                   AND metadata ->> 'request_id' LIKE 'policy:process_files:%'";
    let effects: i64 = sqlx::query_scalar(effects).fetch_one(&world.db()).await.expect("a count");
    assert_eq!(effects, 3, "each event names the effect that it is of");
}

#[tokio::test]
async fn a_file_that_was_removed_meanwhile_is_not_published() {
    let world = World::on(Storage::Embedded).await;
    let file_id = world.upload(b"one", "text/plain").await;
    let object = world.file(file_id).await.expect("it is there").object().to_owned();
    let why = domain::library::Removal::ByOwner;
    let command = domain::library::LibraryCommand::RemoveFile { file_id, why, now: world.now() };
    let (gateway, context) = (&world.node.gateway, commands::Context::default());
    let library = world.owner.to_string();
    gateway
        .execute::<domain::library::Library>(&library, command, &context)
        .await
        .expect("removed");

    let _policies = world.run_policies();
    world.until("deleted", async || !world.is_stored(&object).await).await;
    world.until_idle().await;

    assert_eq!(world.count("file_published").await, 0);
    // A chat's events ask these policies for nothing, and hold nothing up.
    world
        .node
        .chat(ChatCommand::Open {
            by: crate::node::ALICE,
            with: crate::node::BOB,
            now: world.now(),
        })
        .await
        .expect("opened");
    world.until_idle().await;
}
