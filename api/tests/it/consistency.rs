//! Reading one's own writes, also where the read models are late.

use api::serve::ServeRole;
use serde_json::json;
use testing::NatsServer;

use crate::support::{Database, World};

#[tokio::test]
async fn every_write_is_read_at_its_position() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");

    for number in 1..=20 {
        let said = world.say(&ada, &chat, &format!("text {number}")).await;
        let list = world.read(&ben, &format!("{messages}?limit=1"), said.position()).await;
        assert_eq!(list["items"][0], said.body);
        let seen = world.read(&ben, &format!("/v1/chats/{chat}"), said.position()).await;
        assert_eq!(seen["unread_count"], number);
        let listed = world.read(&ben, "/v1/chats", said.position()).await;
        assert_eq!(listed["items"][0]["last_message"], said.body);
    }
}

#[tokio::test]
async fn every_command_answers_a_position_that_grows() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "first").await;
    let message = said.text("message_id");
    let commands = [
        world.post(&format!("/v1/chats/{chat}/messages"), &json!({ "text": "second" })),
        world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 2 })),
        world.delete(&format!("/v1/chats/{chat}/messages/{message}?for=me")),
        world.delete(&format!("/v1/chats/{chat}/messages/{message}?for=everyone")),
        world.patch("/v1/me", &json!({ "display_name": "Ada L." })),
    ];

    let mut position = said.position();
    for command in commands {
        let answer = command.by(&ada).send().await;
        assert!(answer.status < 300 && answer.position() > position, "{answer:?}");
        position = answer.position();
    }
}

#[tokio::test]
async fn a_position_that_was_never_answered_is_not_waited_for() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    for path in ["/v1/me", "/v1/chats", &format!("/v1/accounts/{}", ada.id)] {
        let answer = world.get(path).by(&ada).at(1_000_000).send().await;
        answer.refuses(503, "read-model-behind").blames("Parlance-Min-Position");
    }
    for value in ["", "-1", "x", "1.0", "99999999999999999999"] {
        let answer = world.get("/v1/me").by(&ada).header("parlance-min-position", value);
        answer.send().await.refuses(400, "invalid-request").blames("Parlance-Min-Position");
    }
}

/// Commands go on when no projector runs, and their answers are right all the same.
#[tokio::test]
async fn without_projectors_commands_answer_and_reads_say_that_they_are_late() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    world.read(&ada, "/v1/me", ben.position).await;
    let world = World::start(world.stop().await, &[ServeRole::Api], None).await;

    let opened = world.open(&ada, &ben).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    assert_eq!(opened.body["participant"]["username"], "ben");
    assert_eq!((&opened.body["started"], &opened.body["active"]), (&json!(false), &json!(true)));
    let chat = opened.text("chat_id");
    let said = world.say(&ada, &chat, "into the dark").await;
    let named = world.patch("/v1/me", &json!({ "username": "countess" })).by(&ada).send().await;
    assert_eq!((named.status, named.text("username")), (200, "countess".to_owned()));

    let late = world.get(&format!("/v1/chats/{chat}")).by(&ada).at(said.position()).send().await;
    late.refuses(503, "read-model-behind");
    let stale = world.get("/v1/me").by(&ada).send().await;
    assert_eq!((stale.text("username"), stale.position() < named.position()), ("ada".into(), true));

    let world =
        World::start(world.stop().await, &[ServeRole::Projectors, ServeRole::Api], None).await;
    let seen = world.read(&ada, &format!("/v1/chats/{chat}"), named.position()).await;
    assert_eq!(seen["last_message"], said.body);
    assert_eq!(world.read(&ada, "/v1/me", named.position()).await, named.body);
}

#[tokio::test]
async fn with_nats_between_it_is_the_same() {
    let nats = NatsServer::start().await;
    let database = Database::fresh().await;
    let world = World::start(
        database,
        &[ServeRole::Api, ServeRole::Relay, ServeRole::Projectors],
        Some(&nats),
    )
    .await;
    let (ada, ben, chat) = world.pair().await;

    for number in 1..=20 {
        let said = world.say(&ada, &chat, &format!("text {number}")).await;
        let path = format!("/v1/chats/{chat}/messages?limit=1");
        let list = world.read(&ben, &path, said.position()).await;
        assert_eq!(list["items"][0], said.body);
    }
    drop(world.stop().await);
}
