//! How far each has come: delivered, read, unread.

use serde_json::{Value, json};

use crate::support::{Person, World};

/// Of one's own and of the other's side: read, delivered.
async fn pointers(world: &World, by: &Person, chat: &str, position: i64) -> [Value; 4] {
    let seen = world.read(by, &format!("/v1/chats/{chat}"), position).await;
    ["read_up_to", "delivered_up_to", "participant_read_up_to", "participant_delivered_up_to"]
        .map(|it| seen[it].clone())
}

#[tokio::test]
async fn the_other_is_told_what_arrived_and_what_was_read() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    for number in 1..=3 {
        world.say(&ada, &chat, &format!("text {number}")).await;
    }
    let mark = |what: &str, up_to: u64| {
        world.put(&format!("/v1/chats/{chat}/{what}"), &json!({ "up_to": up_to }))
    };

    let position = world.done(&ben, mark("delivered", 2)).await;
    assert_eq!(pointers(&world, &ben, &chat, position).await, [0, 2, 0, 0].map(|it| json!(it)));
    assert_eq!(pointers(&world, &ada, &chat, position).await, [0, 0, 0, 2].map(|it| json!(it)));
    let position = world.done(&ben, mark("delivered", 1)).await;
    assert_eq!(pointers(&world, &ada, &chat, position).await[3], 2, "it never goes back");

    // What is read has arrived.
    let position = world.done(&ben, mark("read", 3)).await;
    assert_eq!(pointers(&world, &ben, &chat, position).await, [3, 3, 0, 0].map(|it| json!(it)));
    assert_eq!(pointers(&world, &ada, &chat, position).await, [0, 0, 3, 3].map(|it| json!(it)));

    mark("delivered", 4).by(&ben).send().await.refuses(422, "beyond-last-message").blames("up_to");
    for body in [json!({}), json!({ "up_to": -1 }), json!({ "up_to": 1, "at": 1 })] {
        let answer = world.put(&format!("/v1/chats/{chat}/delivered"), &body).by(&ben).send().await;
        answer.refuses(400, "invalid-request");
    }
}

#[tokio::test]
async fn who_hides_receipts_sees_none() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    world.say(&ada, &chat, "read me").await;
    world.say(&ben, &chat, "and me").await;
    let mark = || world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 2 }));
    world.done(&ben, mark()).await;
    world.done(&ada, mark()).await;

    let hidden = world.patch("/v1/me", &json!({ "read_receipts": false })).by(&ben).send().await;

    assert_eq!((hidden.status, &hidden.body["read_receipts"]), (200, &json!(false)));
    for person in [&ada, &ben] {
        let seen = pointers(&world, person, &chat, hidden.position()).await;
        assert_eq!((&seen[0], &seen[2]), (&json!(2), &Value::Null));
    }
    let account = world.read(&ada, &format!("/v1/accounts/{}", ben.id), hidden.position()).await;
    assert!(account.get("read_receipts").is_none(), "that they hide is not told");

    let body = json!({ "read_receipts": true, "display_name": "Benjamin" });
    let shown = world.patch("/v1/me", &body).by(&ben).key("k").send().await;
    assert_eq!((shown.status, &shown.body["display_name"]), (200, &json!("Benjamin")));
    let again = world.patch("/v1/me", &body).by(&ben).key("k").send().await;
    assert_eq!((&again.body, again.position()), (&shown.body, shown.position()));
    for person in [&ada, &ben] {
        assert_eq!(pointers(&world, person, &chat, shown.position()).await[2], 2);
    }
    let wrong = world.patch("/v1/me", &json!({ "read_receipts": "no" })).by(&ben).send().await;
    wrong.refuses(400, "invalid-request").blames("read_receipts");
}

#[tokio::test]
async fn unread_messages_are_counted_in_all_chats() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut chats = Vec::new();
    let mut position = 0;
    for (name, messages) in [("ben", 3), ("cem", 2), ("dan", 0)] {
        let friend = world.person(name).await;
        let chat = world.open(&ada, &friend).await.text("chat_id");
        for number in 0..messages {
            position = world.say(&friend, &chat, &format!("text {number}")).await.position();
        }
        chats.push(chat);
    }
    let unread = async |position: i64| {
        let seen = world.read(&ada, "/v1/chats/unread", position).await;
        (seen["chats"].as_i64().unwrap(), seen["messages"].as_i64().unwrap())
    };
    let mark = |index: usize, up_to: u64| {
        world.put(&format!("/v1/chats/{}/read", chats[index]), &json!({ "up_to": up_to }))
    };
    let filtered = async |filter: &str| {
        let list = world.read(&ada, &format!("/v1/chats?filter={filter}"), 0).await;
        list["items"].as_array().unwrap().len()
    };

    assert_eq!(unread(position).await, (2, 5));
    let position = world.done(&ada, mark(0, 2)).await;
    assert_eq!(unread(position).await, (2, 3));
    let position = world.done(&ada, mark(0, 3)).await;
    assert_eq!(unread(position).await, (1, 2));
    assert_eq!(filtered("unread").await, 1);

    // Marked unread, until it is read again; nothing else changes.
    let marked = format!("/v1/chats/{}", chats[2]);
    let position = world.done(&ada, world.ask("PUT", &format!("{marked}/unread"))).await;
    assert_eq!(unread(position).await, (2, 2));
    assert_eq!(filtered("unread").await, 2);
    let seen = world.read(&ada, &marked, position).await;
    assert_eq!((&seen["marked_unread"], &seen["unread_count"]), (&json!(true), &json!(0)));
    world.done(&ada, world.ask("PUT", &format!("{marked}/unread"))).await;
    let position = world.done(&ada, mark(2, 0)).await;
    assert_eq!(world.read(&ada, &marked, position).await["marked_unread"], false);
    assert_eq!(unread(position).await, (1, 2));
}

#[tokio::test]
async fn a_cleared_chat_is_empty_for_one() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let first = world.say(&ada, &chat, "one").await;
    world.say(&ada, &chat, "two").await;
    let clear = || world.ask("POST", &format!("/v1/chats/{chat}/clear"));

    let position = world.done(&ben, clear()).await;

    assert_eq!(world.read(&ben, &messages, position).await["items"], json!([]));
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!((&seen["unread_count"], &seen["last_message"]), (&json!(0), &Value::Null));
    assert_eq!((&seen["cleared_up_to"], &seen["read_up_to"]), (&json!(2), &json!(2)));
    let gone = format!("{messages}/{}", first.text("message_id"));
    world.get(&gone).by(&ben).send().await.refuses(404, "message-not-found");
    let react = world.put(&format!("{gone}/reaction"), &json!({ "emoji": "👍" }));
    react.by(&ben).send().await.refuses(404, "message-not-found");
    let others = world.read(&ada, &messages, position).await;
    assert_eq!(others["items"].as_array().unwrap().len(), 2);

    let said = world.say(&ada, &chat, "three").await;
    let list = world.read(&ben, &messages, said.position()).await;
    assert_eq!(list["items"], json!([said.body]));
    assert_eq!((&list["next"], &list["prev"]), (&Value::Null, &Value::Null));
    let position = world.done(&ben, clear()).await;
    world.done(&ben, clear()).await;
    assert_eq!(world.read(&ben, &messages, position).await["items"], json!([]));
}
