//! What a blocked person did, once both speak again.

use serde_json::json;

use crate::support::World;

/// The blocker is spared a chat in which they would see nothing.
#[tokio::test]
async fn a_chat_appears_with_the_first_message_that_arrives() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let block = format!("/v1/blocks/{}", ben.id);
    world.done(&ada, world.ask("PUT", &block)).await;
    let since = world.read(&ada, "/v1/sync", 0).await["next"].clone();
    let opened = world.open(&ben, &ada).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let chat = format!("/v1/chats/{}", opened.text("chat_id"));
    world.say(&ben, &opened.text("chat_id"), "hello?").await;
    let position = world.done(&ada, world.delete(&block)).await;

    let sync = format!("/v1/sync?since={}", since.as_str().unwrap());
    for path in ["/v1/chats?filter=all", &sync] {
        assert_eq!(world.read(&ada, path, position).await["items"], json!([]), "{path}");
    }
    let unread = world.read(&ada, "/v1/chats/unread", position).await;
    assert_eq!(unread, json!({ "chats": 0, "messages": 0 }));
    for what in ["", "/messages", "/messages?as_of=1", "/export", "/pins"] {
        let answer = world.get(&format!("{chat}{what}")).by(&ada).at(position).send().await;
        answer.refuses(404, "chat-not-found");
    }
    let read = world.put(&format!("{chat}/read"), &json!({ "up_to": 1 }));
    read.by(&ada).send().await.refuses(404, "chat-not-found");
    assert_eq!(world.read(&ben, "/v1/chats", position).await["items"][0]["total_messages"], 1);

    let said = world.say(&ben, &opened.text("chat_id"), "hello!").await;
    assert_eq!(said.header("ratelimit"), "\"messages\";r=58;t=2");
    let list = world.read(&ada, "/v1/chats", said.position()).await;
    assert_eq!(list["items"][0]["last_message"]["text"], "hello!");
    assert_eq!(list["items"][0]["unread_count"], 1);
    let list = world.read(&ada, &format!("{chat}/messages"), said.position()).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let synced = world.read(&ada, &sync, said.position()).await;
    assert_eq!(synced["items"].as_array().unwrap().len(), 2);
}

/// Who blocks may open the chat all the same.
#[tokio::test]
async fn the_blocker_opens_a_chat_that_was_kept_from_them() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    world.done(&ada, world.ask("PUT", &format!("/v1/blocks/{}", ben.id))).await;
    let opened = world.open(&ben, &ada).await;
    let hers = world.open(&ada, &ben).await;
    assert_eq!((hers.status, hers.text("chat_id")), (201, opened.text("chat_id")));
    assert_eq!(hers.body["blocked"], true);
    assert_eq!(world.open(&ada, &ben).await.status, 200);
}

/// Nobody has read what was kept from them, however far they have read since.
#[tokio::test]
async fn what_was_withheld_is_told_as_missed() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let block = format!("/v1/blocks/{}", ben.id);
    let read = |up_to| world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": up_to }));
    let seen = async |position| {
        let seen = world.read(&ben, &format!("/v1/chats/{chat}"), position).await;
        (seen["participant_read_up_to"].clone(), seen["participant_missed"].clone())
    };
    world.say(&ben, &chat, "one").await;
    world.done(&ada, world.ask("PUT", &block)).await;
    world.say(&ben, &chat, "two").await;
    world.say(&ben, &chat, "three").await;
    let position = world.done(&ada, read(1)).await;
    assert_eq!(seen(position).await, (json!(0), json!([])));
    world.done(&ada, world.delete(&block)).await;
    world.say(&ben, &chat, "four").await;
    let position = world
        .done(&ada, world.put(&format!("/v1/chats/{chat}/delivered"), &json!({ "up_to": 4 })))
        .await;
    assert_eq!(seen(position).await, (json!(0), json!([{ "first": 2, "last": 3 }])));
    let position = world.done(&ada, read(4)).await;
    assert_eq!(seen(position).await, (json!(4), json!([{ "first": 2, "last": 3 }])));
    let hers = world.read(&ada, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!(hers["participant_missed"], json!([]));
}
