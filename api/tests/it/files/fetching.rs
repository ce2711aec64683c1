//! What a file is, who may have it, and where its bytes are.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{LETTER, PAUSE, fetch, photo, put};
use crate::support::World;

#[tokio::test]
async fn a_file_is_uploaded_and_fetched() {
    let world = World::new().await;
    let ada = world.person("ada").await;

    let requested = world.request(&ada, "Größe & Maß.txt", "text/plain", LETTER).await;
    assert_eq!(requested.status, 201, "{requested:?}");
    let ticket = requested.body["upload"].clone();
    assert_eq!(ticket["method"], "PUT");
    assert_eq!(requested.body.get("parts"), None);
    let put = put(&ticket, LETTER).await;
    assert_eq!(put.status, 200, "{put:?}");
    let file_id = requested.text("file_id");
    let path = format!("/v1/files/{file_id}");
    let completed = world.complete(&ada, &file_id).await;
    assert_eq!(completed.status, 200, "{completed:?}");
    assert_eq!(completed.body["file_id"], json!(file_id));

    let file = world.published(&ada, &file_id).await;
    assert_eq!(file["name"], "Größe & Maß.txt");
    assert_eq!(file["content_type"], "text/plain");
    assert_eq!(file["size"], LETTER.len());
    assert_eq!((file.get("image"), file.get("thumbnails")), (None, None));
    let fetched = fetch(&file["url"]).await;
    assert_eq!((fetched.status, fetched.bytes.as_ref()), (200, LETTER));
    assert_eq!(fetched.header("content-type"), "text/plain");
    let disposition = fetched.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"Gr"), "{disposition}");
    let encoded = "filename*=UTF-8''Gr%C3%B6%C3%9Fe%20&%20Ma%C3%9F.txt";
    assert!(disposition.ends_with(encoded), "{disposition}");

    let again = world.complete(&ada, &file_id).await;
    assert_eq!((again.status, &again.body["state"]), (200, &json!("published")));
    let ticket = world.get(&format!("{path}/upload")).by(&ada).send().await;
    ticket.refuses(409, "upload-completed");
}

#[tokio::test]
async fn an_image_has_thumbnails_and_a_blur_hash() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let photo = photo(1_600, 800);

    let file_id = world.upload(&ada, "photo.jpg", "image/jpeg", &photo).await;
    let file = world.published(&ada, &file_id).await;

    assert_eq!((&file["image"]["width"], &file["image"]["height"]), (&json!(1_600), &json!(800)));
    assert!(file["image"]["blur_hash"].as_str().unwrap().len() >= 6, "{file}");
    for (edge, width, height) in [("256", 256, 128), ("1024", 1024, 512)] {
        let thumbnail = fetch(&file["thumbnails"][edge]).await;
        assert_eq!(thumbnail.status, 200, "{thumbnail:?}");
        assert!(thumbnail.header("content-type").starts_with("image/"), "{thumbnail:?}");
        let image = image::load_from_memory(&thumbnail.bytes).unwrap();
        assert_eq!((image.width(), image.height()), (width, height));
    }
    assert_eq!(fetch(&file["url"]).await.header("content-type"), "image/jpeg");
}

#[tokio::test]
async fn who_was_sent_a_file_fetches_it() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let eve = world.person("eve").await;
    let file_id = world.upload(&ada, "letter.txt", "text/plain", LETTER).await;
    world.published(&ada, &file_id).await;
    let path = format!("/v1/files/{file_id}");
    world.get(&path).by(&ben).send().await.refuses(404, "file-not-found");

    let messages = format!("/v1/chats/{chat}/messages");
    let message = json!({ "type": "file", "file_id": file_id });
    let sent = world.post(&messages, &message).by(&ada).send().await;
    assert_eq!(sent.status, 201, "{sent:?}");

    let file = world.read(&ben, &path, sent.position()).await;
    assert_eq!(fetch(&file["url"]).await.bytes.as_ref(), LETTER);
    let stranger = world.get(&path).by(&eve).at(sent.position()).send().await;
    stranger.refuses(404, "file-not-found");
    let removal = world.delete(&path).by(&ben).send().await;
    removal.refuses(404, "file-not-found");
    let removal = world.delete(&path).by(&ada).send().await;
    removal.refuses(409, "file-in-use");

    let message = format!("{messages}/{}?for=everyone", sent.text("message_id"));
    let deleted = world.delete(&message).by(&ada).send().await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let gone = world.get(&path).by(&ben).at(deleted.position()).send().await;
    gone.refuses(404, "file-not-found");
    let own = world.get(&path).by(&ada).at(deleted.position()).send().await;
    own.refuses(404, "file-not-found");
    let give_up = Instant::now() + Duration::from_secs(10);
    while fetch(&file["url"]).await.status != 404 {
        assert!(Instant::now() < give_up, "its bytes are still there");
        sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_link_does_not_outlive_the_message() {
    const DAY: i64 = 24 * 60 * 60;
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let settings = json!({ "after_days": 1 });
    world.done(&ada, world.put(&format!("/v1/chats/{chat}/disappearing"), &settings)).await;
    let picture = world.upload(&ada, "photo.jpg", "image/jpeg", &photo(300, 300)).await;
    world.published(&ada, &picture).await;
    let message = json!({ "type": "image", "file_id": picture });
    let messages = format!("/v1/chats/{chat}/messages");
    let sent = world.post(&messages, &message).by(&ada).send().await;
    assert_eq!(sent.status, 201, "{sent:?}");
    let time = |it: &Value| it.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let gone_at = time(&sent.body["expires_at"]);

    world.pass(DAY - 100);
    let path = format!("/v1/files/{picture}");
    for person in [&ada, &ben] {
        let person = world.again(person).await;
        let file = world.read(&person, &path, sent.position()).await;
        let left = gone_at - time(&file["expires_at"]);
        assert!((0..3).contains(&left.num_seconds()), "{left}");
        for url in [&file["url"], &file["thumbnails"]["256"]] {
            let seconds = url.as_str().unwrap().split("X-Amz-Expires=").nth(1).unwrap();
            let seconds: u64 = seconds.split('&').next().unwrap().parse().unwrap();
            assert!(seconds <= 100, "{url}");
        }
    }
}

#[tokio::test]
async fn a_file_that_nobody_was_sent_is_removed() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let file_id = world.upload(&ada, "letter.txt", "text/plain", LETTER).await;
    let file = world.published(&ada, &file_id).await;
    let path = format!("/v1/files/{file_id}");

    let removed = world.delete(&path).by(&ada).key("one").send().await;
    assert_eq!((removed.status, removed.bytes.len()), (204, 0), "{removed:?}");
    let again = world.delete(&path).by(&ada).key("one").send().await;
    assert_eq!((again.status, again.position()), (204, removed.position()));
    world.delete(&path).by(&ada).send().await.refuses(404, "file-not-found");
    let gone = world.get(&path).by(&ada).at(removed.position()).send().await;
    gone.refuses(404, "file-not-found");
    let give_up = Instant::now() + Duration::from_secs(10);
    while fetch(&file["url"]).await.status != 404 {
        assert!(Instant::now() < give_up, "its bytes are still there");
        sleep(PAUSE).await;
    }
}
