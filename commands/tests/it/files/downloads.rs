//! What a browser gets to see.

use chrono::TimeDelta;
use commands::Validity;
use domain::library::quarantine_key;

use super::{Storage, World, fetch, send};

#[tokio::test]
async fn a_file_comes_with_its_name_and_runs_nowhere() {
    for storage in [Storage::Embedded, Storage::SeaweedFs] {
        let world = World::on(storage).await;
        let html = b"<html><script>alert(1)</script></html>";
        let (file_id, ticket) = world.ticket(html, "text/html").await;
        assert_eq!(send(&ticket, &world.scratch(html)).await.status, 200);
        let key = quarantine_key(file_id, world.now());

        let (name, now) = (Some("Größe.html"), Validity::of_lasting_link(world.now()));
        let link = world.files.download(&key, name, "text/html", now).await.expect("signed");
        let got = fetch(&link).await;
        assert_eq!((got.status, got.body.as_slice()), (200, html.as_slice()));
        assert_eq!(got.header("content-type"), Some("application/octet-stream"));
        assert_eq!(
            got.header("content-disposition"),
            Some("attachment; filename=\"Gr__e.html\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.html")
        );

        let late = Validity::of_lasting_link(world.now() - TimeDelta::minutes(6));
        let link = world.files.download(&key, None, "text/plain", late).await.expect("signed");
        assert_eq!(fetch(&link).await.status, 403, "it ended a minute ago");
        let mut other = world.files.download(&key, None, "text/plain", now).await.expect("signed");
        other.url = other.url.replace("text%2Fplain", "text%2Fhtml");
        assert_eq!(fetch(&other).await.status, 403, "its words are signed");
    }
}

#[tokio::test]
async fn the_process_reads_what_is_there() {
    let world = World::on(Storage::Embedded).await;
    let (file_id, ticket) = world.ticket(b"hello", "text/plain").await;
    let key = quarantine_key(file_id, world.now());
    assert!(world.files.read(&key).await.expect("it answers").is_none());
    assert_eq!(send(&ticket, &world.scratch(b"hello")).await.status, 200);
    let mut reading = world.files.read(&key).await.expect("it answers").expect("it is there");
    assert_eq!(reading.size, 5);
    let mut read = vec![];
    while let Some(bytes) = reading.next().await.expect("it goes on") {
        read.extend_from_slice(&bytes);
    }
    assert_eq!(read, b"hello");
}
