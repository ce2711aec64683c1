//! To a stranger a chat does not exist, whatever they ask.

use serde_json::json;

use crate::support::{Ask, NOBODY, World};

/// Every request about a chat, and a message in it.
fn asks(world: &World, chat: &str, message: &str, own: &str) -> Vec<Ask> {
    let of_chat = |name: &str| format!("/v1/chats/{chat}{name}");
    let of_message = |name: &str| format!("/v1/chats/{chat}/messages/{message}{name}");
    vec![
        world.get(&of_chat("")),
        world.get(&of_chat("/messages")),
        world.get(&of_chat("/messages?around=1")),
        world.get(&of_chat("/messages?date=2026-11-23T00:00:00Z")),
        world.get(&of_chat(&format!("/messages?message={message}"))),
        world.get(&of_chat("/pins")),
        world.post(&of_chat("/messages"), &json!({ "text": "me too" })),
        world.post(&of_chat("/messages"), &json!({ "text": "me too", "reply_to": message })),
        world.put(&of_chat("/read"), &json!({ "up_to": 1 })),
        world.put(&of_chat("/delivered"), &json!({ "up_to": 1 })),
        world.ask("PUT", &of_chat("/unread")),
        world.ask("POST", &of_chat("/clear")),
        world.put(&of_chat("/draft"), &json!({ "text": "x" })),
        world.put(&of_chat("/draft"), &json!({ "reply_to": message })),
        world.delete(&of_chat("/draft")),
        world.put(&of_chat("/disappearing"), &json!({ "after_days": 1 })),
        world.put(&of_chat("/mute"), &json!({})),
        world.delete(&of_chat("/mute")),
        world.ask("PUT", &of_chat("/archive")),
        world.delete(&of_chat("/archive")),
        world.get(&of_message("")),
        world.patch(&of_message(""), &json!({ "text": "mine" })),
        world.delete(&of_message("?for=me")),
        world.delete(&of_message("?for=everyone")),
        world.get(&of_message("/history")),
        world.post(&of_message("/forward"), &json!({ "to": [{ "chat_id": own }] })),
        world.post(&of_message("/answer"), &json!({ "answer": 1 })),
        world.post(&of_message("/report"), &json!({ "reason": "x" })),
        world.put(&of_message("/reaction"), &json!({ "emoji": "👍" })),
        world.delete(&of_message("/reaction")),
        world.ask("PUT", &of_message("/pin")),
        world.delete(&of_message("/pin")),
        world.ask("PUT", &of_message("/star")),
        world.delete(&of_message("/star")),
    ]
}

#[tokio::test]
async fn to_a_stranger_the_chat_does_not_exist() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "between us").await;
    let eve = world.person("eve").await;
    let own = world.open(&eve, &ben).await;
    let at = own.position();
    let (own, message) = (own.text("chat_id"), said.text("message_id"));
    let before = world.read(&ada, &format!("/v1/chats/{chat}"), at).await;

    let mut bodies = Vec::new();
    for id in [chat.as_str(), NOBODY] {
        for ask in asks(&world, id, &message, &own) {
            let answer = ask.by(&eve).at(at).send().await;
            answer.refuses(404, "chat-not-found");
            bodies.push(answer.body);
        }
    }

    assert!(bodies.windows(2).all(|it| it[0] == it[1]), "{bodies:?}");
    let last = world.say(&ben, &own, "still here").await.position();
    assert_eq!(world.read(&ada, &format!("/v1/chats/{chat}"), last).await, before);
    for path in ["/v1/starred", "/v1/blocks"] {
        assert_eq!(world.read(&eve, path, last).await["items"], json!([]));
    }
}
