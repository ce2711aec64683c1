//! The socket: what the stream brings, and commands with the answers of HTTP.

use serde_json::{Value, json};

use super::client::{Hears, Open, Socket, answered};
use crate::support::{NOBODY, Person, World};

async fn open(world: &World, person: &Person) -> Socket {
    Open::at(world.addr).by(person).socket().await.0
}

#[tokio::test]
async fn commands_are_answered_as_over_http_and_told_to_both() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (mut hers, mut his) = (open(&world, &ada).await, open(&world, &ben).await);

    let message = json!({ "text": "hello", "message_id": "0190f6f4-7c1e-7b1a-8f7e-00000000abcd" });
    let send = json!({ "type": "send", "chat_id": chat, "message": message });
    let answer = hers.ask(send.clone()).await;
    assert_eq!(answer["status"], 201, "{answer}");
    let again = hers.ask(send).await;
    assert_eq!((&again["status"], &again["body"]), (&json!(201), &answer["body"]), "sent once");
    let over_http =
        world.post(&format!("/v1/chats/{chat}/messages"), &message).by(&ada).send().await;
    assert_eq!(over_http.body, answer["body"]);
    let position: i64 = answer["headers"]["parlance-position"].as_str().unwrap().parse().unwrap();
    assert_eq!(over_http.position(), position);
    assert!(answer["headers"]["ratelimit"].is_string(), "{answer}");
    assert_eq!(answer["headers"]["x-request-id"].as_str().unwrap().len(), 36);

    let heard = his.up_to("hello").await;
    assert_eq!(heard.last().unwrap()["position"], position);
    for kind in ["delivered", "read"] {
        let answer = his.ask(json!({ "type": kind, "chat_id": chat, "up_to": 1 })).await;
        assert_eq!((&answer["status"], &answer["body"]), (&json!(204), &Value::Null), "{answer}");
    }
    hers.up_to("hello").await;
    let mut seen = hers.next_of("chat").await;
    while seen["chat"]["participant_read_up_to"] != 1 {
        seen = hers.next_of("chat").await;
    }
    assert_eq!(seen["chat"]["participant_delivered_up_to"], 1);
}

#[tokio::test]
async fn a_key_stands_for_its_first_command() {
    let world = World::new().await;
    let (ada, _ben, chat) = world.pair().await;
    let mut socket = open(&world, &ada).await;
    let send = |text: &str| {
        json!({ "type": "send", "chat_id": chat, "idempotency_key": "once",
            "message": { "text": text } })
    };
    let first = socket.ask(send("one")).await;
    assert_eq!(socket.ask(send("one")).await["body"], first["body"]);
    let other = socket.ask(send("two")).await;
    assert_eq!(
        (&other["status"], &other["body"]["code"]),
        (&json!(422), &json!("idempotency-key-reused"))
    );
    let bad = json!({ "type": "send", "chat_id": chat, "idempotency_key": "a\nb",
        "message": { "text": "x" } });
    let bad = socket.ask(bad).await;
    assert_eq!(
        (&bad["status"], &bad["body"]["errors"][0]["field"]),
        (&json!(400), &json!("idempotency_key"))
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_a_problem_that_names_its_field() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let mut socket = open(&world, &ada).await;
    for (asked, status, code, field) in [
        (json!({ "type": "send", "chat_id": chat, "message": {} }), 400, "invalid-request", "text"),
        (
            json!({ "type": "send", "chat_id": chat, "message": { "text": " " } }),
            422,
            "invalid-text",
            "text",
        ),
        (json!({ "type": "read", "chat_id": chat, "up_to": -1 }), 400, "invalid-request", "up_to"),
        (json!({ "type": "read", "chat_id": "x", "up_to": 1 }), 400, "invalid-request", "chat_id"),
        (json!({ "type": "look", "looking": 1 }), 400, "invalid-request", "looking"),
        (json!({ "type": "watch", "account_ids": [1] }), 400, "invalid-request", "account_ids[0]"),
        (
            json!({ "type": "watch", "account_ids": vec![NOBODY; 101] }),
            400,
            "invalid-request",
            "account_ids",
        ),
        (json!({ "type": "authenticate", "access_token": "x" }), 401, "invalid-token", ""),
        (
            json!({ "type": "authenticate", "access_token": ben.token }),
            401,
            "invalid-token",
            "access_token",
        ),
    ] {
        let answer = socket.ask(asked.clone()).await;
        let body = &answer["body"];
        assert_eq!((&answer["status"], &body["code"]), (&json!(status), &json!(code)), "{asked}");
        let blamed = body["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(blamed, field, "{asked}: {body}");
    }
    let nobody = json!({ "type": "typing", "chat_id": NOBODY, "typing": true });
    assert_eq!(socket.ask(nobody).await["body"]["code"], "chat-not-found");
    for text in ["", "{", "[]", r#"{"type": "look"}"#] {
        socket.send(text).await;
        let answer = socket.next_of("answer").await;
        assert_eq!(
            (&answer["status"], &answer["request_id"]),
            (&json!(400), &Value::Null),
            "{text}"
        );
    }
    let answer = socket.ask(json!({ "type": "look", "looking": false })).await;
    assert_eq!(answer["status"], 204, "it goes on");
}

#[tokio::test]
async fn answers_come_in_the_order_in_which_was_asked() {
    let world = World::new().await;
    let (ada, _ben, chat) = world.pair().await;
    let mut socket = open(&world, &ada).await;
    for number in 0..30 {
        let send = json!({ "type": "send", "request_id": format!("r{number}"), "chat_id": chat,
            "message": { "text": format!("{number}") } });
        socket.send(&send.to_string()).await;
    }
    for number in 0..30 {
        let answer = socket.next_of("answer").await;
        assert_eq!(answer["request_id"], format!("r{number}"));
        assert_eq!(
            (&answer["status"], &answer["body"]["number"]),
            (&json!(201), &json!(number + 1))
        );
    }
}

#[tokio::test]
async fn a_newer_token_of_the_same_person_goes_on() {
    let world = World::new().await;
    let (ada, _ben, chat) = world.pair().await;
    let mut socket = open(&world, &ada).await;
    world.pass(9 * 60);
    assert_eq!(socket.next().await["type"], "token_expiring");
    let again = world.again(&ada).await;
    let renew = json!({ "type": "authenticate", "access_token": again.token });
    assert_eq!(socket.ask(renew).await["status"], 204);
    world.pass(5 * 60);
    let send = json!({ "type": "send", "chat_id": chat, "message": { "text": "still here" } });
    assert_eq!(socket.ask(send).await["status"], 201);
    world.pass(6 * 60);
    let end = socket.end().await;
    assert_eq!(end["reason"], "token_expired");
    assert_eq!(socket.closed, Some((4001, "token_expired".to_owned())));
}

#[tokio::test]
async fn it_ends_with_its_session_and_with_the_process() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let other = world.again(&ada).await;
    let (mut own, mut kept) = (open(&world, &ada).await, open(&world, &other).await);
    let logout = json!({ "refresh_token": ada.refresh_token });
    assert_eq!(world.post("/v1/auth/logout", &logout).send().await.status, 204);
    assert_eq!(own.end().await["reason"], "session_revoked");
    assert_eq!(own.closed, Some((4003, "session_revoked".to_owned())));
    assert_eq!(kept.next().await["type"], "session_revoked");
    let stopping = tokio::spawn(world.stop());
    assert_eq!(kept.end().await["reason"], "draining");
    assert_eq!(kept.closed, Some((1001, "draining".to_owned())));
    stopping.await.unwrap();
}

#[tokio::test]
async fn too_much_at_once_ends_it_with_a_reason() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut socket = open(&world, &ada).await;
    socket.send(&"x".repeat(200_000)).await;
    let ended = async { while socket.receive().await.is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended).await.unwrap();
    assert_eq!(socket.closed, Some((1009, "message-too-long".to_owned())));
}

#[tokio::test]
async fn who_does_not_speak_the_protocol_or_proves_nothing_gets_none() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let plain = world.get("/v1/socket").by(&ada).send().await;
    plain.refuses(400, "invalid-request").blames("Upgrade");
    let (status, body) = answered(world.addr, "", None).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
    let (status, body) = answered(world.addr, "?since=x", Some(&ada.token)).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("since")));
}
