//! The picture beside somebody's name.

use serde_json::json;

use super::{LETTER, fetch, photo};
use crate::support::{NOBODY, Person, World};

#[tokio::test]
async fn a_picture_stands_beside_a_name() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let picture = world.upload(&ada, "me.jpg", "image/jpeg", &photo(300, 300)).await;
    world.published(&ada, &picture).await;
    let avatar = json!({ "file_id": picture });
    let set = world.done(&ada, world.put("/v1/me/avatar", &avatar)).await;

    let account = format!("/v1/accounts/{}", ada.id);
    let seen = world.read(&ben, &account, set).await;
    assert_eq!(seen["avatar"]["file_id"], json!(picture));
    assert_eq!(seen.get("email"), None);
    let thumbnail = fetch(&seen["avatar"]["thumbnails"]["256"]).await;
    assert_eq!(image::load_from_memory(&thumbnail.bytes).unwrap().width(), 256);
    assert_eq!(world.read(&ada, "/v1/me", set).await["avatar"]["file_id"], json!(picture));
    let shown = world.read(&ben, &format!("/v1/chats/{chat}"), set).await;
    assert_eq!(shown["participant"]["avatar"]["file_id"], json!(picture));
    let listed = world.read(&ben, "/v1/chats", set).await;
    assert_eq!(listed["items"][0]["participant"]["avatar"]["file_id"], json!(picture));
    let path = format!("/v1/sync?since={}", set - 1);
    let synced = world.read(&ben, &path, set).await;
    assert_eq!(synced["items"][0]["chat"]["participant"]["avatar"]["file_id"], json!(picture));
    let block = world.done(&ben, world.ask("PUT", &format!("/v1/blocks/{}", ada.id))).await;
    let blocks = world.read(&ben, "/v1/blocks", block).await;
    assert_eq!(blocks["items"][0]["account"]["avatar"]["file_id"], json!(picture));
    let path = format!("/v1/files/{picture}");
    world.delete(&path).by(&ada).send().await.refuses(409, "file-in-use");
    world.get(&path).by(&ben).at(set).send().await.refuses(404, "file-not-found");

    let taken_away = world.done(&ada, world.delete("/v1/me/avatar")).await;
    assert_eq!(world.read(&ben, &account, taken_away).await.get("avatar"), None);
    world.done(&ada, world.delete("/v1/me/avatar")).await;
    assert_eq!(world.delete(&path).by(&ada).send().await.status, 204);
}

#[tokio::test]
async fn only_a_published_image_of_ones_own_is_a_picture() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let set = |by: &Person, file_id: &str| {
        world.put("/v1/me/avatar", &json!({ "file_id": file_id })).by(by).send()
    };
    let letter = world.upload(&ada, "letter.txt", "text/plain", LETTER).await;
    world.published(&ada, &letter).await;
    set(&ada, &letter).await.refuses(422, "not-an-image").blames("file_id");
    let picture = world.upload(&ada, "me.jpg", "image/jpeg", &photo(10, 10)).await;
    world.published(&ada, &picture).await;
    set(&ben, &picture).await.refuses(404, "file-not-found");
    set(&ada, NOBODY).await.refuses(404, "file-not-found");
    let requested = world.request(&ada, "a.png", "image/png", LETTER).await;
    set(&ada, &requested.text("file_id")).await.refuses(409, "file-not-completed");
}
