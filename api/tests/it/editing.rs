//! Editing messages, and their history.

use serde_json::{Value, json};

use crate::support::{NOBODY, World};

#[tokio::test]
async fn an_edit_shows_to_both_and_keeps_what_was() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "Teh #first").await;
    let one = format!("/v1/chats/{chat}/messages/{}", said.text("message_id"));
    let edit = |body: Value| world.patch(&one, &body).by(&ada);

    let edited = edit(json!({ "text": " The #second ", "tags": ["Added"] })).send().await;

    assert_eq!(edited.status, 200, "{edited:?}");
    let revision = json!({
        "revision": 1,
        "text": "The #second",
        "tags": ["added", "second"],
        "edited_at": edited.body["edited_at"],
    });
    assert_eq!(edited.body, revision);
    let again = edit(json!({ "text": "The third" })).key("k").send().await;
    assert_eq!((&again.body["revision"], &again.body["tags"]), (&json!(2), &json!([])));
    let mut expected = said.body.clone();
    expected["text"] = json!("The third");
    expected["tags"] = json!([]);
    expected["revision"] = json!(2);
    expected["edited_at"] = again.body["edited_at"].clone();
    let original = json!({
        "revision": 0,
        "text": "Teh #first",
        "tags": ["first"],
        "edited_at": said.body["sent_at"],
    });
    for person in [&ada, &ben] {
        assert_eq!(world.read(person, &one, again.position()).await, expected);
        let history = world.read(person, &format!("{one}/history"), again.position()).await;
        assert_eq!(history, json!({ "items": [original, revision, again.body] }));
    }
    // The key's answer stays, when the text goes on.
    assert_eq!(edit(json!({ "text": "The fourth" })).send().await.body["revision"], 3);
    let replayed = edit(json!({ "text": "The third" })).key("k").send().await;
    assert_eq!((&replayed.body, replayed.position()), (&again.body, again.position()));
    let chat = world.read(&ben, &format!("/v1/chats/{chat}"), 0).await;
    assert_eq!(chat["unread_count"], 1, "an edit is no message");
}

#[tokio::test]
async fn only_ones_own_text_is_edited() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let said = world.say(&ada, &chat, "mine").await.text("message_id");
    let one = format!("{messages}/{said}");

    world.patch(&one, &json!({ "text": "x" })).by(&ben).send().await.refuses(403, "not-the-sender");
    let unknown = world.patch(&format!("{messages}/{NOBODY}"), &json!({ "text": "x" }));
    unknown.by(&ada).send().await.refuses(404, "message-not-found");
    let cases = [
        (json!({ "text": " " }), 422, "invalid-text", "text"),
        (json!({ "text": null }), 422, "invalid-text", "text"),
        (json!({ "text": "x".repeat(10_001) }), 422, "invalid-text", "text"),
        (json!({ "text": "x", "tags": ["#"] }), 422, "invalid-tags", "tags"),
        (json!({}), 400, "invalid-request", "text"),
        (json!({ "tags": ["x"] }), 400, "invalid-request", "text"),
        (json!({ "text": "x", "caption": "x" }), 400, "invalid-request", "caption"),
    ];
    for (body, status, code, field) in cases {
        world.patch(&one, &body).by(&ada).send().await.refuses(status, code).blames(field);
    }

    let position = world.done(&ada, world.delete(&format!("{one}?for=everyone"))).await;
    world
        .patch(&one, &json!({ "text": "x" }))
        .by(&ada)
        .send()
        .await
        .refuses(409, "message-deleted");
    let history = world.read(&ben, &format!("{one}/history"), position).await;
    assert_eq!(history, json!({ "items": [] }), "nothing of it is left");
    let unknown = world.get(&format!("{messages}/{NOBODY}/history")).by(&ada).send().await;
    unknown.refuses(404, "message-not-found");
}

#[tokio::test]
async fn deleting_for_everyone_takes_all_that_hung_on_it() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let body = json!({
        "text": "regretted #much", "reference": { "type": "event", "id": "1" },
        "message_id": NOBODY,
    });
    assert_eq!(world.post(&messages, &body).by(&ada).send().await.status, 201);
    let one = format!("{messages}/{NOBODY}");
    world.done(&ben, world.put(&format!("{one}/reaction"), &json!({ "emoji": "🙈" }))).await;
    world.done(&ben, world.ask("PUT", &format!("{one}/pin"))).await;
    world.done(&ben, world.ask("PUT", &format!("{one}/star"))).await;
    assert_eq!(world.patch(&one, &json!({ "text": "less" })).by(&ada).send().await.status, 200);

    let position = world.done(&ada, world.delete(&format!("{one}?for=everyone"))).await;

    for person in [&ada, &ben] {
        let left = world.read(person, &one, position).await;
        let expected = json!({
            "message_id": NOBODY,
            "chat_id": chat,
            "number": 1,
            "sender_id": ada.id,
            "type": "text",
            "text": null,
            "tags": [],
            "reactions": [],
            "pinned": false,
            "starred": false,
            "sent_at": left["sent_at"],
            "revision": 0,
            "deleted": true,
        });
        assert_eq!(left, expected);
        let pins = world.read(person, &format!("/v1/chats/{chat}/pins"), position).await;
        assert_eq!(pins, json!({ "items": [] }));
        assert_eq!(world.read(person, "/v1/starred", position).await["items"], json!([]));
    }
    let react = world.put(&format!("{one}/reaction"), &json!({ "emoji": "🙈" }));
    react.by(&ben).send().await.refuses(409, "message-deleted");
    for mark in ["pin", "star"] {
        let answer = world.ask("PUT", &format!("{one}/{mark}")).by(&ben).send().await;
        answer.refuses(409, "message-deleted");
    }
}
