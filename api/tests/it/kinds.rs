//! What a message can be, and what can go with it.

use serde_json::{Value, json};

use crate::support::{NOBODY, World};

#[tokio::test]
async fn an_actionable_message_is_answered_once() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let params = json!({ "yes": "\u{0}odd\u{1f600}", "no": [1.5, null, { "deep": true }] });
    let body = json!({
        "type": "actionable", "text": "Dinner?", "action": "rsvp:v1", "action_params": params,
    });

    let asked = world.post(&messages, &body).by(&ada).send().await;

    assert_eq!(asked.status, 201, "{asked:?}");
    assert_eq!((&asked.body["type"], &asked.body["text"]), (&json!("actionable"), &body["text"]));
    assert_eq!((&asked.body["action"], &asked.body["action_params"]), (&body["action"], &params));
    let list = world.read(&ben, &messages, asked.position()).await;
    assert_eq!(list["items"], json!([asked.body]));

    let path = format!("{messages}/{}/answer", asked.text("message_id"));
    let answer = json!({ "choice": "yes\u{0}" });
    let give = |answer: &Value| world.post(&path, &json!({ "answer": answer }));
    give(&answer).by(&ada).send().await.refuses(409, "nothing-to-answer");
    let position = world.done(&ben, give(&answer)).await;
    give(&json!("no")).by(&ben).send().await.refuses(409, "already-answered");
    for person in [&ada, &ben] {
        let seen = world.read(person, &messages, position).await["items"][0]["answer"].clone();
        assert_eq!((&seen["account_id"], &seen["answer"]), (&json!(ben.id), &answer));
        assert!(seen["answered_at"].as_str().unwrap().ends_with('Z'));
    }

    let said = world.say(&ada, &chat, "just a text").await.text("message_id");
    let answer = world.post(&format!("{messages}/{said}/answer"), &json!({ "answer": 1 }));
    answer.by(&ben).send().await.refuses(409, "nothing-to-answer");
    let without = json!({ "type": "actionable", "text": "Lunch?", "action": "rsvp" });
    let asked = world.post(&messages, &without).by(&ada).send().await;
    assert_eq!(asked.body["action_params"], json!({}));
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_named() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let asking = |more: Value| {
        let mut body = json!({ "type": "actionable", "text": "?", "action": "a" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let long = "x".repeat(201);
    let cases = [
        (json!({ "type": "actionable", "text": "?" }), 400, "invalid-request", "action"),
        (json!({ "type": "actionable", "action": "a" }), 400, "invalid-request", "text"),
        (json!({ "type": "image" }), 400, "invalid-request", "file_id"),
        (json!({ "type": "file", "file_id": "x" }), 400, "invalid-request", "file_id"),
        (json!({ "type": "file", "file_id": NOBODY }), 404, "file-not-found", "file_id"),
        (json!({ "type": "image", "file_id": NOBODY }), 404, "file-not-found", "file_id"),
        (json!({ "type": "file", "file_id": NOBODY, "text": "x" }), 400, "invalid-request", "text"),
        (json!({ "text": "x", "file_id": NOBODY }), 400, "invalid-request", "file_id"),
        (json!({ "text": "x", "caption": "x" }), 400, "invalid-request", "caption"),
        (json!({ "text": "x", "action": "a" }), 400, "invalid-request", "action"),
        (json!({ "text": "x", "action_params": 1 }), 400, "invalid-request", "action_params"),
        (asking(json!({ "action": "two words" })), 422, "invalid-action", "action"),
        (
            asking(json!({ "action_params": "x".repeat(4_095) })),
            422,
            "invalid-action",
            "action_params",
        ),
        (json!({ "text": "x", "tags": ["no way"] }), 422, "invalid-tags", "tags"),
        (json!({ "text": "x", "tags": ["1"] }), 422, "invalid-tags", "tags"),
        (json!({ "text": "x", "tags": "one" }), 400, "invalid-request", "tags"),
        (
            json!({ "text": "x", "reference": { "type": "post", "id": long } }),
            422,
            "invalid-reference",
            "reference.id",
        ),
        (
            json!({ "text": "x", "reference": { "type": "", "id": "1" } }),
            422,
            "invalid-reference",
            "reference.type",
        ),
        (
            json!({ "text": "x", "reference": { "type": "post" } }),
            400,
            "invalid-request",
            "reference.id",
        ),
        (
            json!({ "text": "x", "reference": { "type": "post", "id": 1 } }),
            400,
            "invalid-request",
            "reference.id",
        ),
        (json!({ "text": "x", "reply_to": NOBODY }), 404, "message-not-found", "reply_to"),
        (json!({ "text": "x", "reply_to": "it" }), 400, "invalid-request", "reply_to"),
    ];
    for (body, status, code, field) in cases {
        let answer = world.post(&messages, &body).by(&ada).send().await;
        answer.refuses(status, code).blames(field);
    }
    let said = world.say(&ada, &chat, "first").await;
    assert_eq!(said.body["number"], 1, "nothing that was refused has taken a number");
}

#[tokio::test]
async fn tags_and_references_go_with_a_message() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let body = json!({
        "text": "See #Straße and #sun, not #1",
        "tags": ["#Holiday", "sun"],
        "reference": { "type": "event", "id": "41/ä" },
    });

    let said = world.post(&messages, &body).by(&ada).send().await;

    assert_eq!(said.status, 201, "{said:?}");
    assert_eq!(said.body["tags"], json!(["holiday", "sun", "straße"]));
    assert_eq!(said.body["reference"], body["reference"]);
    let one = format!("{messages}/{}", said.text("message_id"));
    assert_eq!(world.read(&ben, &one, said.position()).await, said.body);
}

#[tokio::test]
async fn a_reply_quotes_what_the_message_says_now() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let said = world.say(&ada, &chat, &"long ".repeat(100)).await.text("message_id");
    let reply = json!({ "text": "so?", "reply_to": said });

    let replied = world.post(&messages, &reply).by(&ben).send().await;

    assert_eq!(replied.body["reply_to"], json!({ "message_id": said, "number": 1 }));
    let quote = async |position: i64| {
        let list = world.read(&ada, &messages, position).await;
        list["items"][1]["reply_to"]["quote"].clone()
    };
    let seen = quote(replied.position()).await;
    assert_eq!(seen["text"].as_str().unwrap().chars().count(), 200);
    assert_eq!((&seen["sender_id"], &seen["type"]), (&json!(ada.id), &json!("text")));

    let one = format!("{messages}/{said}");
    let edited = world.patch(&one, &json!({ "text": "short" })).by(&ada).send().await;
    let expected = json!({
        "sender_id": ada.id, "type": "text", "text": "short", "deleted": false,
    });
    assert_eq!(quote(edited.position()).await, expected);

    let position = world.done(&ada, world.delete(&format!("{one}?for=everyone"))).await;
    let seen = quote(position).await;
    assert_eq!((&seen["text"], &seen["deleted"]), (&Value::Null, &json!(true)));
    let again = world.post(&messages, &reply).by(&ben).send().await;
    again.refuses(409, "message-deleted").blames("reply_to");

    // One that the sender has deleted for themselves is none that they can answer.
    let said = world.say(&ada, &chat, "another").await.text("message_id");
    world.done(&ben, world.delete(&format!("{messages}/{said}?for=me"))).await;
    let reply = json!({ "text": "so?", "reply_to": said });
    let answer = world.post(&messages, &reply).by(&ben).send().await;
    answer.refuses(404, "message-not-found").blames("reply_to");
}

/// The first answer, whatever has become of the message since.
#[tokio::test]
async fn the_same_id_is_answered_as_the_first_time() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let body = json!({ "message_id": NOBODY, "text": "once #upon", "tags": ["a_time"] });
    let send = || world.post(&messages, &body).by(&ada);
    let first = send().send().await;
    let one = format!("{messages}/{NOBODY}");
    let again = async |what: &str| {
        let answer = send().send().await;
        assert_eq!((answer.status, &answer.body), (201, &first.body), "{what}");
    };

    world.done(&ben, world.put(&format!("{one}/reaction"), &json!({ "emoji": "👍" }))).await;
    again("with a reaction").await;
    assert_eq!(world.patch(&one, &json!({ "text": "edited" })).by(&ada).send().await.status, 200);
    again("edited").await;
    world.done(&ada, world.delete(&format!("{one}?for=me"))).await;
    again("deleted for its sender").await;
    world.done(&ada, world.delete(&format!("{one}?for=everyone"))).await;
    again("deleted for everyone").await;
    let list = world.read(&ben, &messages, 0).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn too_many_messages_have_to_wait() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let send = |key: &str| world.post(&messages, &json!({ "text": "quick" })).by(&ada).key(key);

    let first = send("k").send().await;
    assert_eq!(first.header("ratelimit-policy"), "\"messages\";q=60;w=60");
    assert_eq!(first.header("ratelimit"), "\"messages\";r=59;t=1");
    let mut left = Vec::new();
    // Time goes on meanwhile, and one more is allowed each second.
    let refused = loop {
        let answer = world.post(&messages, &json!({ "text": "quick" })).by(&ada).send().await;
        if answer.status != 201 {
            break answer;
        }
        let (_, rest) = answer.header("ratelimit").split_once("r=").unwrap();
        left.push(rest.split_once(';').unwrap().0.parse::<u32>().unwrap());
        assert!(left.len() < 100, "nothing is refused");
    };

    refused.refuses(429, "too-fast");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit-policy"), "\"messages\";q=60;w=60");
    assert!(refused.header("ratelimit").starts_with("\"messages\";r=0;t="), "{refused:?}");
    assert!(left.len() >= 59 && left.last() == Some(&0), "{left:?}");

    // What was sent before is answered: it is not sent again.
    let again = send("k").send().await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("ratelimit"), "", "what was left then says nothing about now");
    // The other member and other chats have allowances of their own.
    world.say(&ben, &chat, "calm down").await;
    let cem = world.person("cem").await;
    let other = world.open(&ada, &cem).await.text("chat_id");
    world.say(&ada, &other, "hi").await;

    world.pass(2);
    assert_eq!(world.say(&ada, &chat, "later").await.header("ratelimit-policy").len(), 20);
    world.pass(60);
    let rested = world.say(&ada, &chat, "much later").await;
    assert_eq!(rested.header("ratelimit"), "\"messages\";r=59;t=1");
}
