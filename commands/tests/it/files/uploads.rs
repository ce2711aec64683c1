//! One piece: only the file that was declared fits.

use chrono::{SubsecRound, TimeDelta};
use commands::{CommandError, FilesError};
use domain::library::{LibraryError, LibraryEvent, Rejection, Stage};

use super::storage::{noise, sha256, whole};
use super::{Storage, World, boto3, send};

const TEXT: &str = "text/plain";

#[tokio::test]
async fn only_the_declared_file_fits_inside_the_process() {
    only_the_declared_file_fits(&World::on(Storage::Embedded).await).await;
}

#[tokio::test]
async fn only_the_declared_file_fits_on_seaweedfs() {
    only_the_declared_file_fits(&World::on(Storage::SeaweedFs).await).await;
}

async fn only_the_declared_file_fits(world: &World) {
    let bytes = noise(100_000);
    let (file_id, ticket) = world.ticket(&bytes, TEXT).await;
    let file = world.scratch(&bytes);
    let refused = |what: &'static str, status: u16, allowed: &[u16]| {
        assert!(allowed.contains(&status), "{what}: {status}");
    };

    let mut other = bytes.clone();
    other[50_000] ^= 1;
    refused("other bytes", send(&ticket, &world.scratch(&other)).await.status, &[400]);
    refused("a byte less", send(&ticket, &world.scratch(&bytes[1..])).await.status, &[403]);
    let mut html = ticket.clone();
    html.headers.iter_mut().filter(|it| it.0 == "content-type").for_each(|it| {
        "text/html".clone_into(&mut it.1);
    });
    assert_ne!(html, ticket);
    refused("another type", send(&html, &file).await.status, &[403]);
    let mut unchecked = ticket.clone();
    unchecked.headers.retain(|it| it.0 != "x-amz-checksum-sha256");
    assert_ne!(unchecked, ticket);
    refused("no checksum", send(&unchecked, &world.scratch(&other)).await.status, &[400, 403]);
    let mut overwriting = ticket.clone();
    overwriting.headers.retain(|it| it.0 != "if-none-match");
    assert_ne!(overwriting, ticket);
    refused("no condition", send(&overwriting, &file).await.status, &[400, 403]);
    let elsewhere = ticket.url.replace("/q/", "/m/");
    let elsewhere = commands::Ticket { url: elsewhere, ..ticket.clone() };
    refused("elsewhere", send(&elsewhere, &file).await.status, &[403]);
    assert!(matches!(world.complete(file_id).await, Err(FilesError::NotArrived)));

    let sent = send(&ticket, &file).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    refused("a second time", send(&ticket, &file).await.status, &[412]);
    let events = world.complete(file_id).await.expect("it has arrived");
    assert!(matches!(events[..], [LibraryEvent::UploadCompleted { .. }]), "{events:?}");
    assert!(world.complete(file_id).await.expect("harmless").is_empty());
    let late = world.files.ticket(world.owner, file_id, world.now()).await;
    assert!(matches!(late, Err(FilesError::NotRequested)), "{late:?}");
}

#[tokio::test]
async fn a_ticket_ends() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let bytes = noise(10);
        let past = world.now() - TimeDelta::minutes(16);
        let old = world.request_as(10, sha256(&bytes), TEXT, past).await.expect("it is allowed");
        let ticket = whole(old.upload.expect("it is to be sent"));
        assert_eq!(ticket.expires_at, past.trunc_subsecs(0) + TimeDelta::minutes(15));
        assert_eq!(send(&ticket, &world.scratch(&bytes)).await.status, 403);

        // A new one for the same upload is good.
        let again = world.files.ticket(world.owner, old.file_id, world.now()).await;
        let again = whole(again.expect("it is still requested"));
        assert_eq!(send(&again, &world.scratch(&bytes)).await.status, 200);
        world.complete(old.file_id).await.expect("it has arrived");
    }
}

/// boto3's own connection sends it, and boto3 sees there what was declared.
#[tokio::test]
async fn boto3_sends_and_finds_it() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let bytes = noise(70_000);
        let (file_id, ticket) = world.ticket(&bytes, "application/pdf").await;
        let (url, file) = (&ticket.url, world.scratch(&bytes));
        let headers = serde_json::to_string(&ticket.headers).expect("JSON");
        let key = world.file(file_id).await.expect("it is requested").object().to_owned();
        let script = format!(
            "from botocore.awsrequest import AWSRequest\n\
             from botocore.httpsession import URLLib3Session\n\
             body = open({file:?}, 'rb').read()\n\
             ask = AWSRequest('PUT', {url:?}, dict({headers}), body).prepare()\n\
             status = URLLib3Session().send(ask).status_code\n\
             head = s3.head_object(Bucket=bucket, Key={key:?}, ChecksumMode='ENABLED')\n\
             print(json.dumps([status, head['ContentLength'], head['ContentType'],\n\
             \x20   head.get('ChecksumSHA256')]))"
        );
        let found = boto3(&world.access(&ticket), &script).await;
        assert_eq!(found[0], 200);
        assert_eq!((&found[1], &found[2]), (&70_000.into(), &"application/pdf".into()));
        world.complete(file_id).await.expect("it has arrived");
    }
}

#[tokio::test]
async fn what_is_no_image_is_not_taken_for_one() {
    let world = World::on(Storage::Embedded).await;
    let html = b"<html><script>alert(1)</script></html>";
    let (file_id, ticket) = world.ticket(html, "image/png").await;
    assert_eq!(send(&ticket, &world.scratch(html)).await.status, 200);
    let events = world.complete(file_id).await.expect("judged");
    let rejected =
        matches!(events[..], [LibraryEvent::FileRejected { reason: Rejection::TypeMismatch, .. }]);
    assert!(rejected, "{events:?}");
    let again = world.complete(file_id).await;
    let rule = LibraryError::Rejected(Rejection::TypeMismatch);
    assert!(
        matches!(&again, Err(FilesError::Library(CommandError::Rule(it))) if *it == rule),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_storage_that_is_away_is_said_to_be() {
    let world = World::with(Storage::Embedded, eventlog::Clock::system(), |settings| {
        settings.storage = commands::StorageSettings::S3(commands::S3Settings {
            endpoint: Some("http://127.0.0.1:9".to_owned()), // discard: nobody listens
            public_endpoint: Some("https://files.example".to_owned()),
            region: "us-east-1".to_owned(),
            bucket: "files".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned().into(),
        });
    });
    let world = world.await;
    let (file_id, ticket) = world.ticket(b"x", TEXT).await;
    assert!(ticket.url.starts_with("https://files.example/files/q/"), "{}", ticket.url);
    assert!(matches!(world.complete(file_id).await, Err(FilesError::Unavailable)));
    let stage = world.file(file_id).await.expect("it is requested").stage;
    assert_eq!(stage, Stage::Requested);
}
