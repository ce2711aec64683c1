//! Forwarding messages.

use serde_json::{Value, json};

use crate::support::{Answer, NOBODY, Person, World};

/// Forwards the message at `path` to `chats`, reading at `position`.
async fn forward(world: &World, by: &Person, path: &str, chats: &[&str], position: i64) -> Answer {
    let to: Vec<_> = chats.iter().map(|it| json!({ "chat_id": it })).collect();
    let ask = world.post(&format!("{path}/forward"), &json!({ "to": to }));
    ask.by(by).at(position).send().await
}

fn path(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    format!("/v1/chats/{}/messages/{}", text("chat_id"), text("message_id"))
}

#[tokio::test]
async fn a_forward_tells_whose_it_was() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (cem, dan) = (world.person("cem").await, world.person("dan").await);
    let to_cem = world.open(&ben, &cem).await.text("chat_id");
    let to_dan = world.open(&ben, &dan).await.text("chat_id");
    let body = json!({
        "text": "Good #news", "tags": ["mine"], "reference": { "type": "event", "id": "7" },
    });
    let said = world.post(&format!("/v1/chats/{chat}/messages"), &body).by(&ada).send().await;
    let source = path(&said.body);

    let sent = forward(&world, &ben, &source, &[&to_cem, &to_dan], said.position()).await;

    assert_eq!(sent.status, 200, "{sent:?}");
    let items = sent.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for (item, (chat, to)) in items.iter().zip([(&to_cem, &cem), (&to_dan, &dan)]) {
        assert_eq!(item["chat_id"], json!(chat));
        assert_eq!(item["message"]["sender_id"], json!(ben.id));
        assert_eq!(item["message"]["forwarded"], json!({ "hops": 1, "many_times": false }));
        let seen = world.read(to, &path(&item["message"]), sent.position()).await;
        let forwarded = json!({
            "sender_id": ada.id, "sent_at": said.body["sent_at"], "hops": 1, "many_times": false,
        });
        assert_eq!(seen["forwarded"], forwarded);
        assert_eq!((&seen["text"], &seen["tags"]), (&said.body["text"], &said.body["tags"]));
        assert_eq!(seen["reference"], body["reference"]);
        let unread = world.read(to, &format!("/v1/chats/{chat}"), sent.position()).await;
        assert_eq!(unread["unread_count"], 1);
    }

    // From chat to chat the hops grow, and the first sender stays.
    let (mut at, mut message) = (sent.position(), items[0]["message"].clone());
    for (hops, by, to) in
        [(2, &cem, &to_cem), (3, &ben, &to_dan), (4, &dan, &to_dan), (5, &dan, &to_dan)]
    {
        let sent = forward(&world, by, &path(&message), &[to], at).await;
        message = sent.body["items"][0]["message"].clone();
        at = sent.position();
        let seen = world.read(by, &path(&message), at).await;
        assert_eq!(seen["forwarded"]["hops"], hops);
        assert_eq!(seen["forwarded"]["sender_id"], json!(ada.id));
        assert_eq!(seen["forwarded"]["many_times"], json!(hops == 5));
    }

    // Once the first is deleted, nobody is told any longer; the copies stay.
    let position = world.done(&ada, world.delete(&format!("{source}?for=everyone"))).await;
    for (person, message) in [(&cem, &items[0]["message"]), (&dan, &message)] {
        let seen = world.read(person, &path(message), position).await;
        assert_eq!(seen["text"], "Good #news");
        let hops = seen["forwarded"]["hops"].clone();
        assert_eq!(seen["forwarded"], json!({ "hops": hops, "many_times": hops == 5 }));
    }
    let sent = forward(&world, &dan, &path(&message), &[&to_dan], position).await;
    let seen = world.read(&ben, &path(&sent.body["items"][0]["message"]), sent.position()).await;
    assert_eq!(seen["forwarded"], json!({ "hops": 6, "many_times": true }));
}

#[tokio::test]
async fn each_target_has_an_outcome_of_its_own() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (cem, eve) = (world.person("cem").await, world.person("eve").await);
    let to_cem = world.open(&ada, &cem).await.text("chat_id");
    let others = world.open(&ben, &eve).await.text("chat_id");
    let said = world.say(&ada, &chat, "for many").await;
    world.done(&ada, world.ask("PUT", &format!("/v1/blocks/{}", ben.id))).await;

    let targets = [chat.as_str(), &to_cem, &others, NOBODY];
    let sent = forward(&world, &ada, &path(&said.body), &targets, said.position()).await;

    assert_eq!(sent.status, 200, "{sent:?}");
    let codes: Vec<_> =
        (0..4).map(|it| sent.body["items"][it]["problem"]["code"].clone()).collect();
    let expected =
        [json!("member-blocked"), Value::Null, json!("chat-not-found"), json!("chat-not-found")];
    assert_eq!(codes, expected);
    assert_eq!(sent.body["items"][0]["problem"]["status"], 409);
    assert_eq!(sent.body["items"][1]["message"]["text"], "for many");
    assert!(sent.body["items"][1].get("problem").is_none());
    assert!(sent.body["items"][2].get("message").is_none());
}

#[tokio::test]
async fn what_cannot_be_seen_is_not_forwarded() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let eve = world.person("eve").await;
    let own = world.open(&eve, &ben).await.text("chat_id");
    let said = world.say(&ada, &chat, "between us").await;
    let (source, at) = (path(&said.body), said.position());

    let by_stranger = forward(&world, &eve, &source, &[&own], at).await;
    by_stranger.refuses(404, "chat-not-found");
    let unknown = format!("/v1/chats/{chat}/messages/{NOBODY}");
    forward(&world, &ada, &unknown, &[&chat], at).await.refuses(404, "message-not-found");
    let hidden = world.done(&ben, world.delete(&format!("{source}?for=me"))).await;
    forward(&world, &ben, &source, &[&own], hidden).await.refuses(404, "message-not-found");
    let deleted = world.done(&ada, world.delete(&format!("{source}?for=everyone"))).await;
    forward(&world, &ada, &source, &[&chat], deleted).await.refuses(409, "message-deleted");
    let list = world.read(&ben, &format!("/v1/chats/{own}/messages"), deleted).await;
    assert_eq!(list["items"], json!([]));

    // Whatever the read model still shows.
    for _ in 0..10 {
        let said = world.say(&ada, &chat, "between us").await;
        let source = path(&said.body);
        world.read(&ben, &source, said.position()).await;
        world.delete(&format!("{source}?for=everyone")).by(&ada).send().await;
        forward(&world, &ben, &source, &[&own], 0).await.refuses(409, "message-deleted");
    }

    let said = world.say(&ada, &chat, "again").await;
    let forward = format!("{}/forward", path(&said.body));
    let many: Vec<_> = (0..21).map(|_| json!({ "chat_id": chat })).collect();
    let cases = [
        (json!({}), "to"),
        (json!({ "to": [] }), "to"),
        (json!({ "to": many }), "to"),
        (json!({ "to": chat }), "to"),
        (json!({ "to": [{ "chat_id": chat }, { "chat_id": chat }] }), "to[1].chat_id"),
        (json!({ "to": [{ "chat_id": "x" }] }), "to[0].chat_id"),
        (json!({ "to": [{ "message_id": NOBODY }] }), "to[0].chat_id"),
        (json!({ "to": [{ "chat_id": chat, "text": "x" }] }), "to[0].text"),
    ];
    for (body, field) in cases {
        let answer = world.post(&forward, &body).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}

#[tokio::test]
async fn the_answer_says_how_many_may_still_be_sent() {
    let world = World::with(&[("PARLANCE_MESSAGE_BURST", "3")]).await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let to_cem = world.open(&ada, &cem).await.text("chat_id");
    world.say(&ben, &chat, "news").await;
    let said = world.say(&ada, &chat, "more news").await;
    let both = [chat.as_str(), &to_cem];
    for (left, seconds, refused) in [(1, 2, None), (0, 3, None), (0, 3, Some("too-fast"))] {
        let sent = forward(&world, &ada, &path(&said.body), &both, said.position()).await;
        assert_eq!(sent.header("ratelimit-policy"), "\"messages\";q=3;w=3");
        let expected = format!("\"messages\";r={left};t={seconds}");
        assert_eq!(sent.header("ratelimit"), expected, "of the chat with the least left");
        let code = sent.body["items"][0]["problem"]["code"].as_str();
        assert_eq!(code, refused);
        assert!(sent.body["items"][1].get("problem").is_none());
    }
}

#[tokio::test]
async fn asked_again_it_forwards_nothing_new() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let to_cem = world.open(&ada, &cem).await.text("chat_id");
    let said = world.say(&ada, &chat, "once").await;
    let url = format!("{}/forward", path(&said.body));
    let named = json!({ "to": [{ "chat_id": to_cem, "message_id": NOBODY }] });
    let both = json!({ "to": [{ "chat_id": to_cem }, { "chat_id": chat }] });

    let by_name = || world.post(&url, &named).by(&ada).at(said.position()).send();
    let by_key = || world.post(&url, &both).by(&ada).at(said.position()).key("k").send();
    let (first_named, first_keyed) = (by_name().await, by_key().await);
    assert_eq!((first_named.status, first_keyed.status), (200, 200), "{first_named:?}");
    assert_eq!(by_name().await.body, first_named.body);
    assert_eq!(by_key().await.body, first_keyed.body);
    // A key stands for one request.
    let other = json!({ "to": [{ "chat_id": chat }] });
    let other = world.post(&url, &other).by(&ada).key("k").send().await;
    assert_eq!(other.body["items"][0]["problem"]["code"], "idempotency-key-reused");
    let plain = world.post(&format!("/v1/chats/{chat}/messages"), &json!({ "text": "x" }));
    plain.by(&ada).key("k").send().await.refuses(422, "idempotency-key-reused");

    // Also when the message is gone meanwhile.
    let position =
        world.done(&ada, world.delete(&format!("{}?for=everyone", path(&said.body)))).await;
    world.read(&ada, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!(by_key().await.body, first_keyed.body);
    let list = world.read(&cem, &format!("/v1/chats/{to_cem}/messages"), position).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let list = world.read(&ben, &format!("/v1/chats/{chat}/messages"), position).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

/// Its buttons are for whom it was sent to.
#[tokio::test]
async fn a_question_is_forwarded_as_a_text() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let to_cem = world.open(&ben, &cem).await.text("chat_id");
    let body = json!({ "type": "actionable", "text": "Dinner?", "action": "rsvp" });
    let asked = world.post(&format!("/v1/chats/{chat}/messages"), &body).by(&ada).send().await;

    let sent = forward(&world, &ben, &path(&asked.body), &[&to_cem], asked.position()).await;

    let message = &sent.body["items"][0]["message"];
    assert_eq!((&message["type"], &message["text"]), (&json!("text"), &json!("Dinner?")));
    assert!(message.get("action").is_none());
}
