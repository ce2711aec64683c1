//! Deleting messages.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

async fn delete(world: &World, by: &Person, chat: &str, message: &str, whom: &str) -> (u16, i64) {
    let path = format!("/v1/chats/{chat}/messages/{message}?for={whom}");
    let answer = world.delete(&path).by(by).send().await;
    assert!(answer.status != 204 || answer.bytes.is_empty());
    (answer.status, answer.header("parlance-position").parse().unwrap_or_default())
}

#[tokio::test]
async fn for_everyone_a_tombstone_stays() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "regretted").await;
    world.say(&ada, &chat, "kept").await;
    let message = said.text("message_id");

    let (status, position) = delete(&world, &ada, &chat, &message, "everyone").await;
    assert_eq!(status, 204);

    for person in [&ada, &ben] {
        let list = world.read(person, &format!("/v1/chats/{chat}/messages"), position).await;
        let tombstone = &list["items"][0];
        assert_eq!((&tombstone["number"], &tombstone["text"]), (&json!(1), &Value::Null));
        assert_eq!(tombstone["deleted"], true);
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
    }
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!((&seen["unread_count"], &seen["total_messages"]), (&json!(1), &json!(2)));
    assert_eq!(delete(&world, &ada, &chat, &message, "everyone").await.0, 204);
}

#[tokio::test]
async fn for_oneself_the_other_keeps_it() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let message = world.say(&ada, &chat, "seen enough").await.text("message_id");

    let (status, position) = delete(&world, &ben, &chat, &message, "me").await;
    assert_eq!(status, 204);

    let path = format!("/v1/chats/{chat}/messages");
    let own = world.read(&ben, &path, position).await;
    assert_eq!(own["items"], json!([]));
    let others = world.read(&ada, &path, position).await;
    assert_eq!(others["items"][0]["text"], "seen enough");
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!((&seen["unread_count"], &seen["last_message"]), (&json!(0), &Value::Null));
    assert_eq!(delete(&world, &ben, &chat, &message, "me").await.0, 204);
}

#[tokio::test]
async fn only_the_sender_deletes_for_everyone() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let message = world.say(&ada, &chat, "mine").await.text("message_id");

    let path = format!("/v1/chats/{chat}/messages/{message}?for=everyone");
    world.delete(&path).by(&ben).send().await.refuses(403, "not-the-sender");

    let list = world.read(&ben, &format!("/v1/chats/{chat}/messages"), 0).await;
    assert_ne!(list["items"][0]["deleted"], true);
}

#[tokio::test]
async fn what_to_delete_must_be_said() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let message = world.say(&ada, &chat, "here").await.text("message_id");
    let path = format!("/v1/chats/{chat}/messages");

    let answer = world.delete(&format!("{path}/{NOBODY}?for=me")).by(&ada).send().await;
    answer.refuses(404, "message-not-found");
    let cases = [
        (format!("{path}/{message}"), "for"),
        (format!("{path}/{message}?for=you"), "for"),
        (format!("{path}/{message}?for="), "for"),
        (format!("{path}/{message}?for=me&for=me"), "for"),
        (format!("{path}/{message}?for=me&why=x"), "why"),
        (format!("{path}/x?for=me"), "message_id"),
        (format!("/v1/chats/x/messages/{message}?for=me"), "id"),
    ];
    for (path, field) in cases {
        let answer = world.delete(&path).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}
