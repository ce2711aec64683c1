//! How a file comes here, and what does not.

use serde_json::{Value, json};

use super::{LETTER, PART, WHOLE_MAX, fetch, hex, put, request};
use crate::support::{NOBODY, World};

#[tokio::test]
async fn nothing_but_this_file_fits() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let requested = world.request(&ada, "letter.txt", "text/plain", LETTER).await;
    let (file_id, ticket) = (requested.text("file_id"), &requested.body["upload"]);
    let mut other = LETTER.to_vec();
    other[0] = b'B';
    let refused = put(ticket, &other).await;
    assert!((400..500).contains(&refused.status), "other bytes: {refused:?}");
    let mut html = ticket.clone();
    html["headers"]["content-type"] = json!("text/html");
    let refused = put(&html, LETTER).await;
    assert!((400..500).contains(&refused.status), "another type: {refused:?}");
    let mut longer = ticket.clone();
    longer["headers"]["content-length"] = json!((LETTER.len() + 1).to_string());
    let refused = put(&longer, &[LETTER, b"!"].concat()).await;
    assert!((400..500).contains(&refused.status), "more bytes: {refused:?}");

    world.complete(&ada, &file_id).await.refuses(409, "upload-incomplete");
    assert_eq!(put(ticket, LETTER).await.status, 200);
    let refused = put(ticket, LETTER).await;
    assert!((400..500).contains(&refused.status), "a second time: {refused:?}");
    assert_eq!(world.complete(&ada, &file_id).await.status, 200);
}

#[tokio::test]
async fn what_is_no_image_is_not_taken_for_one() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let requested = world.request(&ada, "photo.png", "image/png", LETTER).await;
    let file_id = requested.text("file_id");
    assert_eq!(put(&requested.body["upload"], LETTER).await.status, 200);

    let refused = world.complete(&ada, &file_id).await;

    refused.refuses(409, "file-rejected").blames("file_id");
    world.complete(&ada, &file_id).await.refuses(409, "file-rejected");
    let file = world.until(&ada, &file_id, "rejected").await;
    assert_eq!((&file["rejection"], file.get("url")), (&json!("type_mismatch"), None));
    let usage = world.read(&ada, "/v1/files/usage", 0).await;
    assert_eq!((&usage["used"], &usage["files"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn a_large_file_comes_in_parts() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let bytes: Vec<u8> = (0..=WHOLE_MAX).map(|it| (it % 251).to_le_bytes()[0]).collect();
    let requested = world.request(&ada, "film.mp4", "video/mp4", &bytes).await;
    assert_eq!(requested.body["parts"], json!({ "part_size": PART, "count": 9 }));
    assert_eq!(requested.body.get("upload"), None);
    let file_id = requested.text("file_id");
    let path = format!("/v1/files/{file_id}/parts");

    // Two parts arrive before the connection breaks.
    let parts: Vec<_> = bytes.chunks(PART).collect();
    assert_eq!(world.send_parts(&ada, &path, &parts, &[2, 1]).await, 2);
    world.complete(&ada, &file_id).await.refuses(409, "upload-incomplete");
    let arrived = world.read(&ada, &path, 0).await;
    let there = json!([{ "number": 1, "size": PART }, { "number": 2, "size": PART }]);
    assert_eq!(arrived["items"], there);
    assert_eq!(world.send_parts(&ada, &path, &parts, &[3, 4, 5, 6, 7, 8, 9]).await, 7);

    let completed = world.complete(&ada, &file_id).await;
    assert_eq!(completed.status, 200, "{completed:?}");
    let file = world.published(&ada, &file_id).await;
    assert_eq!(file["size"], bytes.len());
    assert!(fetch(&file["url"]).await.bytes.as_ref() == bytes, "other bytes came back");
    world.get(&path).by(&ada).send().await.refuses(409, "upload-completed");
}

#[tokio::test]
async fn a_part_that_does_not_fit_is_named() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let requested = world.request_of(&ada, "film.mp4", "video/mp4", WHOLE_MAX + 1, LETTER).await;
    let path = format!("/v1/files/{}/parts", requested.text("file_id"));
    let ask = |parts: Value| world.post(&path, &json!({ "parts": parts })).by(&ada).send();
    let part =
        |number: u64, size: usize| json!({ "number": number, "size": size, "sha256": hex(b"") });

    assert_eq!(ask(json!([part(9, 1)])).await.status, 200);
    for wrong in [part(0, PART), part(10, PART), part(1, 1), part(9, 2)] {
        ask(json!([part(2, PART), wrong])).await.refuses(422, "invalid-part").blames("parts");
    }
    ask(json!([])).await.refuses(400, "invalid-request").blames("parts");
    let many: Vec<_> = (0..101).map(|_| part(1, PART)).collect();
    ask(json!(many)).await.refuses(400, "invalid-request").blames("parts");
    let huge = part(1 << 40, PART);
    ask(json!([huge])).await.refuses(400, "invalid-request").blames("parts[0].number");

    let whole = world.request(&ada, "letter.txt", "text/plain", LETTER).await;
    let path = format!("/v1/files/{}/parts", whole.text("file_id"));
    let parts = json!({ "parts": [part(1, LETTER.len())] });
    let refused = world.post(&path, &parts).by(&ada).send().await;
    refused.refuses(409, "not-in-parts");
    world.get(&path).by(&ada).send().await.refuses(409, "not-in-parts");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named() {
    let world = World::with(&[("PARLANCE_FILE_MAX", "2000"), ("PARLANCE_IMAGE_MAX", "1000")]).await;
    let ada = world.person("ada").await;
    let good = json!({ "name": "a", "content_type": "text/plain", "size": 1, "sha256": hex(b"") });
    for (field, value, status, code) in [
        ("name", json!("a/b"), 422, "invalid-file-name"),
        ("content_type", json!("text"), 422, "invalid-content-type"),
        ("content_type", json!("text/plain; charset=utf-8"), 422, "invalid-content-type"),
        ("content_type", json!("image/heic"), 422, "unsupported-image"),
        ("size", json!(0), 422, "invalid-file-size"),
        ("size", json!(2_001), 413, "file-too-large"),
        ("size", json!(-1), 400, "invalid-request"),
        ("sha256", json!("abc"), 400, "invalid-request"),
        ("other", json!(1), 400, "invalid-request"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = world.post("/v1/files", &body).by(&ada).send().await;
        refused.refuses(status, code).blames(field);
    }
    let mut image = good.clone();
    image["content_type"] = json!("image/webp");
    image["size"] = json!(1_001);
    let refused = world.post("/v1/files", &image).by(&ada).send().await;
    refused.refuses(413, "file-too-large").blames("size");
    assert!(refused.text("detail").contains("1001 bytes, at most 1000"), "{refused:?}");
    for path in ["", "/upload", "/parts"] {
        let unknown = world.get(&format!("/v1/files/{NOBODY}{path}")).by(&ada).send().await;
        unknown.refuses(404, "file-not-found");
    }
    world.complete(&ada, NOBODY).await.refuses(404, "file-not-found");
}

#[tokio::test]
async fn a_quota_is_kept_and_told() {
    let world = World::with(&[("PARLANCE_FILE_QUOTA", "1000")]).await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let first = world.request_of(&ada, "a", "text/plain", 600, LETTER).await;
    assert_eq!(first.status, 201, "{first:?}");
    let refused = world.request_of(&ada, "b", "text/plain", 401, LETTER).await;
    refused.refuses(409, "quota-exceeded").blames("size");
    let detail = refused.text("detail");
    assert!(detail.contains("401 bytes") && detail.contains("600 of 1000"), "{detail}");
    let usage = world.read(&ada, "/v1/files/usage", first.position()).await;
    assert_eq!((&usage["used"], &usage["quota"]), (&json!(600), &json!(1_000)));
    assert_eq!((&usage["files"], &usage["files_max"]), (&json!(1), &json!(10_000)));
    assert_eq!(world.request_of(&ben, "b", "text/plain", 1_000, LETTER).await.status, 201);

    let path = format!("/v1/files/{}", first.text("file_id"));
    assert_eq!(world.delete(&path).by(&ada).send().await.status, 204);
    assert_eq!(world.request_of(&ada, "b", "text/plain", 1_000, LETTER).await.status, 201);
}

#[tokio::test]
async fn a_request_that_is_repeated_is_answered_whatever_would_be_decided_now() {
    let world = World::with(&[("PARLANCE_FILE_QUOTA", "80000000")]).await;
    let ada = world.person("ada").await;
    let body = request("film.mp4", "video/mp4", WHOLE_MAX + 1, LETTER);
    let ask = || world.post("/v1/files", &body).by(&ada).key("one").send();
    let first = ask().await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = world.post("/v1/files", &body).by(&ada).key("two").send().await;
    again.refuses(409, "quota-exceeded");

    let second = ask().await;

    assert_eq!((second.status, &second.body), (201, &first.body));
    assert_eq!(second.position(), first.position());
}

#[tokio::test]
async fn a_request_that_is_repeated_is_one_file() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let body = request("letter.txt", "text/plain", LETTER.len(), LETTER);
    let ask = || world.post("/v1/files", &body).by(&ada).key("one").send();

    let (first, second) = (ask().await, ask().await);

    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(first.text("file_id"), second.text("file_id"));
    assert_eq!(first.position(), second.position());
    assert_eq!(put(&second.body["upload"], LETTER).await.status, 200);
    assert_eq!(world.complete(&ada, &second.text("file_id")).await.status, 200);
    let third = ask().await;
    assert_eq!((third.status, third.text("file_id")), (201, first.text("file_id")));
    assert_eq!(third.body.get("upload"), None);
    let other = request("other.txt", "text/plain", LETTER.len(), LETTER);
    let other = world.post("/v1/files", &other).by(&ada).key("one").send().await;
    other.refuses(422, "idempotency-key-reused");
}
