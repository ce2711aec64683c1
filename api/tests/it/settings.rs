//! What a member makes of a chat: drafts, mute, archive, disappearing messages.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

const DAY: i64 = 86_400;

async fn chat_of(world: &World, by: &Person, chat: &str, position: i64) -> Value {
    world.read(by, &format!("/v1/chats/{chat}"), position).await
}

async fn listed(world: &World, by: &Person, filter: &str, position: i64) -> usize {
    let list = world.read(by, &format!("/v1/chats?filter={filter}"), position).await;
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_draft_is_kept_for_ones_other_devices() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ben, &chat, "question").await.text("message_id");
    let path = format!("/v1/chats/{chat}/draft");
    let save = |body: Value| world.put(&path, &body);

    let position = world.done(&ada, save(json!({ "text": "I thi", "reply_to": said }))).await;

    let draft = chat_of(&world, &ada, &chat, position).await["draft"].clone();
    let expected = json!({ "text": "I thi", "reply_to": said, "saved_at": draft["saved_at"] });
    assert_eq!(draft, expected);
    assert_eq!(chat_of(&world, &ben, &chat, position).await["draft"], Value::Null);
    let position = world.done(&ada, save(json!({ "text": "I think" }))).await;
    let draft = chat_of(&world, &ada, &chat, position).await["draft"].clone();
    assert_eq!((&draft["text"], &draft["reply_to"]), (&json!("I think"), &Value::Null));

    let mut position = world.done(&ada, world.delete(&path)).await;
    assert_eq!(chat_of(&world, &ada, &chat, position).await["draft"], Value::Null);
    world.done(&ada, world.delete(&path)).await;
    for nothing in [json!({}), json!({ "text": null }), json!({ "text": " " })] {
        world.done(&ada, save(json!({ "text": "x" }))).await;
        position = world.done(&ada, save(nothing)).await;
        assert_eq!(chat_of(&world, &ada, &chat, position).await["draft"], Value::Null);
    }

    let cases = [
        (json!({ "text": "x".repeat(10_001) }), 422, "invalid-text", "text"),
        (json!({ "text": "bell\u{7}" }), 422, "invalid-text", "text"),
        (json!({ "text": 1 }), 400, "invalid-request", "text"),
        (json!({ "reply_to": NOBODY }), 404, "message-not-found", "reply_to"),
        (json!({ "reply_to": "x" }), 400, "invalid-request", "reply_to"),
    ];
    for (body, status, code, field) in cases {
        save(body).by(&ada).send().await.refuses(status, code).blames(field);
    }
}

#[tokio::test]
async fn an_archived_chat_comes_back_unless_it_is_muted() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    world.say(&ben, &chat, "hello").await;
    let archive = || world.ask("PUT", &format!("/v1/chats/{chat}/archive"));
    let mute = |body: Value| world.put(&format!("/v1/chats/{chat}/mute"), &body);

    let position = world.done(&ada, archive()).await;
    world.done(&ada, archive()).await;
    assert_eq!(chat_of(&world, &ada, &chat, position).await["archived"], true);
    assert_eq!(chat_of(&world, &ben, &chat, position).await["archived"], false);
    for (filter, count) in [("active", 0), ("archived", 1), ("all", 1), ("unread", 0)] {
        assert_eq!(listed(&world, &ada, filter, position).await, count, "{filter}");
    }
    let unread = world.read(&ada, "/v1/chats/unread", position).await;
    assert_eq!(unread, json!({ "chats": 0, "messages": 0 }));

    let back = world.say(&ben, &chat, "are you there?").await.position();
    assert_eq!(chat_of(&world, &ada, &chat, back).await["archived"], false);

    let position = world.done(&ada, mute(json!({}))).await;
    let seen = chat_of(&world, &ada, &chat, position).await;
    assert_eq!((&seen["muted"], &seen["muted_until"]), (&json!(true), &Value::Null));
    assert_eq!(listed(&world, &ada, "muted", position).await, 1);
    world.done(&ada, archive()).await;
    let said = world.say(&ben, &chat, "hello?").await.position();
    assert_eq!(chat_of(&world, &ada, &chat, said).await["archived"], true);

    let path = format!("/v1/chats/{chat}");
    let position = world.done(&ada, world.delete(&format!("{path}/archive"))).await;
    assert_eq!(chat_of(&world, &ada, &chat, position).await["archived"], false);
    let position = world.done(&ada, world.delete(&format!("{path}/mute"))).await;
    assert_eq!(chat_of(&world, &ada, &chat, position).await["muted"], false);
    world.done(&ada, world.delete(&format!("{path}/archive"))).await;
    world.done(&ada, world.delete(&format!("{path}/mute"))).await;
}

#[tokio::test]
async fn a_mute_ends_at_its_time() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ben, &chat, "hello").await;
    let mute =
        |until: Value| world.put(&format!("/v1/chats/{chat}/mute"), &json!({ "until": until }));
    let now = said.text("sent_at").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let until = (now + chrono::TimeDelta::hours(1)).to_rfc3339();

    let position = world.done(&ada, mute(json!(until))).await;
    let seen = chat_of(&world, &ada, &chat, position).await;
    assert_eq!(seen["muted"], true);
    assert!(seen["muted_until"].as_str().unwrap().ends_with('Z'));
    world.pass(3_601);
    let ada = world.again(&ada).await;
    assert_eq!(chat_of(&world, &ada, &chat, position).await["muted"], false);
    assert_eq!(listed(&world, &ada, "muted", position).await, 0);

    mute(json!(until)).by(&ada).send().await.refuses(422, "not-in-the-future").blames("until");
    for wrong in [json!("tomorrow"), json!("2026-11-23"), json!(1)] {
        mute(wrong).by(&ada).send().await.refuses(400, "invalid-request").blames("until");
    }
}

#[tokio::test]
async fn messages_disappear_when_their_time_is_up() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let stays = world.say(&ada, &chat, "stays").await;
    let set_days = |days: Value| {
        world.put(&format!("/v1/chats/{chat}/disappearing"), &json!({ "after_days": days }))
    };

    let position = world.done(&ben, set_days(json!(1))).await;
    for person in [&ada, &ben] {
        let seen = chat_of(&world, person, &chat, position).await;
        assert_eq!(seen["disappearing_after_days"], 1);
    }
    let goes = world.say(&ada, &chat, "goes #soon").await;
    let sent_at: chrono::DateTime<chrono::Utc> = goes.text("sent_at").parse().unwrap();
    let expires: chrono::DateTime<chrono::Utc> = goes.text("expires_at").parse().unwrap();
    assert_eq!(expires - sent_at, chrono::TimeDelta::days(1));
    assert!(stays.body.get("expires_at").is_none());

    world.pass(DAY + 1);
    let (ada, ben) = (world.again(&ada).await, world.again(&ben).await);
    for person in [&ada, &ben] {
        let list = world.read(person, &messages, goes.position()).await;
        assert_eq!(list["items"][0]["text"], "stays");
        let gone = &list["items"][1];
        assert_eq!((&gone["text"], &gone["deleted"]), (&Value::Null, &json!(true)));
        assert_eq!(gone["tags"], json!([]));
        let latest = chat_of(&world, person, &chat, goes.position()).await["last_message"].clone();
        assert_ne!(latest["text"], "goes #soon");
    }

    let position = world.done(&ada, set_days(Value::Null)).await;
    assert_eq!(
        chat_of(&world, &ben, &chat, position).await["disappearing_after_days"],
        Value::Null
    );
    assert!(world.say(&ada, &chat, "stays, too").await.body.get("expires_at").is_none());
    world.done(&ada, set_days(json!(7.0))).await;
    for wrong in [json!(2), json!("1"), json!(-1), json!(1.5)] {
        set_days(wrong).by(&ada).send().await.refuses(400, "invalid-request").blames("after_days");
    }
    let nothing = world.put(&format!("/v1/chats/{chat}/disappearing"), &json!({}));
    nothing.by(&ada).send().await.refuses(400, "invalid-request").blames("after_days");
}

#[tokio::test]
async fn a_draft_is_no_longer_than_a_text_may_be() {
    let world = World::with(&[("PARLANCE_TEXT_MAX", "5")]).await;
    let (ada, _, chat) = world.pair().await;
    let draft = |text: &str| {
        world.put(&format!("/v1/chats/{chat}/draft"), &json!({ "text": text })).by(&ada).send()
    };
    assert_eq!(draft("12345").await.status, 204);
    draft("123456").await.refuses(422, "invalid-text").blames("text");
}
