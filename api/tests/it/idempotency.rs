//! The same key, the same effect, the same answer.

use serde_json::{Value, json};

use crate::support::{Ask, NOBODY, World};

#[tokio::test]
async fn the_same_key_answers_the_same_for_ever() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");
    let send = |key: &str| world.post(&path, &json!({ "text": "once" })).by(&ada).key(key);

    let first = send("k-1").send().await;
    world.say(&ben, &chat, "in between").await;
    for key in ["k-1", "\"k-1\""] {
        let again = send(key).send().await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.position(), first.position());
    }
    assert_eq!(send("k-2").send().await.body["number"], 3);
    // Another caller's key is another key.
    let theirs = world.post(&path, &json!({ "text": "once" })).by(&ben).key("k-1").send().await;
    assert_eq!(theirs.body["number"], 4);

    // And after a restart.
    let world = World::start(world.stop().await, &[api::serve::ServeRole::Api], None).await;
    let again = world.post(&path, &json!({ "text": "once" })).by(&ada).key("k-1").send().await;
    assert_eq!((again.status, &again.body), (201, &first.body));
}

#[tokio::test]
async fn the_same_key_with_another_request_is_a_mistake() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");
    let first = world.post(&path, &json!({ "text": "once" })).by(&ada).key("k").send().await;
    let message = first.text("message_id");

    let others = [
        world.post(&path, &json!({ "text": "twice" })),
        world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 1 })),
        world.patch("/v1/me", &json!({ "display_name": "Ada" })),
        world.delete(&format!("{path}/{message}?for=me")),
    ];
    for other in others {
        let answer = other.by(&ada).key("k").send().await;
        answer.refuses(422, "idempotency-key-reused").blames("Idempotency-Key");
    }
    let list = world.read(&ada, &path, first.position()).await;
    assert_eq!(list["items"], json!([first.body]));
}

#[tokio::test]
async fn every_command_takes_a_key() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let asked = json!({ "type": "actionable", "text": "Dinner?", "action": "rsvp" });
    let messages = format!("/v1/chats/{chat}/messages");
    let asked = world.post(&messages, &asked).by(&ben).send().await.text("message_id");
    let said = world.say(&ada, &chat, "here").await;
    let (own, theirs) = (said.text("message_id"), asked);
    world.read(&ada, &format!("/v1/chats/{chat}"), said.position()).await;
    let of_chat = |name: &str| format!("/v1/chats/{chat}/{name}");
    let own = |name: &str| format!("{messages}/{own}{name}");
    let theirs = |name: &str| format!("{messages}/{theirs}{name}");
    let with_cem = world.open(&ada, &cem).await.text("chat_id");
    let commands = [
        (world.post("/v1/chats", &json!({ "member_id": cem.id })), 200),
        (world.patch("/v1/me", &json!({ "username": "countess", "read_receipts": false })), 200),
        (world.put(&of_chat("delivered"), &json!({ "up_to": 1 })), 204),
        (world.put(&of_chat("read"), &json!({ "up_to": 1 })), 204),
        (Ask::new(world.addr, "PUT", &of_chat("unread")), 204),
        (world.put(&of_chat("draft"), &json!({ "text": "Dear" })), 204),
        (world.delete(&of_chat("draft")), 204),
        (world.put(&of_chat("disappearing"), &json!({ "after_days": 7 })), 204),
        (world.put(&of_chat("mute"), &json!({})), 204),
        (world.delete(&of_chat("mute")), 204),
        (Ask::new(world.addr, "PUT", &of_chat("archive")), 204),
        (world.delete(&of_chat("archive")), 204),
        (world.post(&messages, &json!({ "text": "again" })), 201),
        (world.patch(&own(""), &json!({ "text": "there" })), 200),
        (world.post(&own("/forward"), &json!({ "to": [{ "chat_id": with_cem }] })), 200),
        (world.post(&theirs("/answer"), &json!({ "answer": "yes" })), 204),
        (world.post(&theirs("/report"), &json!({ "reason": "late" })), 204),
        (world.put(&theirs("/reaction"), &json!({ "emoji": "🍝" })), 204),
        (world.delete(&theirs("/reaction")), 204),
        (Ask::new(world.addr, "PUT", &theirs("/pin")), 204),
        (world.delete(&theirs("/pin")), 204),
        (Ask::new(world.addr, "PUT", &theirs("/star")), 204),
        (world.delete(&theirs("/star")), 204),
        (world.delete(&own("?for=me")), 204),
        (world.delete(&own("?for=everyone")), 204),
        (Ask::new(world.addr, "POST", &of_chat("clear")), 204),
        (Ask::new(world.addr, "PUT", &format!("/v1/blocks/{}", cem.id)), 204),
        (world.delete(&format!("/v1/blocks/{}", cem.id)), 204),
    ];
    for (number, (command, status)) in commands.into_iter().enumerate() {
        let ask = command.by(&ada).key(&format!("key-{number}"));
        let first = ask.clone().send().await;
        let again = ask.send().await;
        assert_eq!((first.status, again.status), (status, status), "{first:?}");
        assert_eq!(first.body, again.body);
        assert!(again.position() >= first.position());
    }
}

/// A refusal is not kept: once its cause is gone the same request succeeds.
#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let read = || world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 1 }));

    read().by(&ada).key("k").send().await.refuses(422, "beyond-last-message");
    world.say(&ada, &chat, "now there is one").await;
    assert_eq!(read().by(&ada).key("k").send().await.status, 204);
}

#[tokio::test]
async fn at_once_there_is_one_effect() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");

    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..20 {
        under_way.spawn(world.post(&path, &json!({ "text": "once" })).by(&ada).key("k").send());
    }
    let mut sent: Vec<Value> = Vec::new();
    for answer in under_way.join_all().await {
        if answer.status == 201 {
            sent.push(answer.body);
        } else {
            answer.refuses(409, "request-in-flight");
        }
    }

    assert!(!sent.is_empty());
    assert!(sent.windows(2).all(|it| it[0] == it[1]), "{sent:?}");
    let again = world.post(&path, &json!({ "text": "once" })).by(&ada).key("k").send().await;
    assert_eq!(again.body, sent[0]);
    let list = world.read(&ada, &path, again.position()).await;
    assert_eq!(list["items"], json!(sent[..1]));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let send = || {
        let body = json!({ "message_id": NOBODY, "text": "x" });
        world.post(&format!("/v1/chats/{chat}/messages"), &body).by(&ada)
    };
    for key in ["", "two words", "\"open", &"k".repeat(256)] {
        let answer = send().key(key).send().await;
        answer.refuses(400, "invalid-request").blames("Idempotency-Key");
    }
    let answer = send().key("one").key("two").send().await;
    answer.refuses(400, "invalid-request").blames("Idempotency-Key");
    assert_eq!(send().key(&"k".repeat(255)).send().await.body["number"], 1);
}
