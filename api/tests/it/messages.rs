//! Sending and reading messages.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

#[tokio::test]
async fn a_message_is_answered_and_read_back_the_same() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");
    let body = json!({ "message_id": NOBODY, "text": "  Grüße,\n\t👋🏽  " });

    let answer = world.post(&path, &body).by(&ada).send().await;

    assert_eq!(answer.status, 201, "{answer:?}");
    let expected = json!({
        "message_id": NOBODY,
        "chat_id": chat,
        "number": 1,
        "sender_id": ada.id,
        "type": "text",
        "text": "Grüße,\n\t👋🏽",
        "sent_at": answer.body["sent_at"],
        "deleted": false,
    });
    assert_eq!(answer.body, expected);
    assert!(answer.text("sent_at").ends_with('Z'));
    for person in [&ada, &ben] {
        let list = world.read(person, &path, answer.position()).await;
        assert_eq!(list, json!({ "items": [expected], "next": null, "prev": null }));
    }
}

#[tokio::test]
async fn without_an_id_the_server_makes_one() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;

    let first = world.say(&ada, &chat, "one").await;
    let second = world.say(&ada, &chat, "two").await;

    assert_ne!(first.text("message_id"), second.text("message_id"));
    assert_eq!((&first.body["number"], &second.body["number"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn the_same_id_again_sends_nothing_new() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");
    let body = json!({ "message_id": NOBODY, "text": "once" });
    let first = world.post(&path, &body).by(&ada).send().await;
    world.say(&ben, &chat, "in between").await;

    let again = world.post(&path, &body).by(&ada).send().await;

    assert_eq!((again.status, &again.body), (201, &first.body));
    assert!(again.position() >= first.position());
    let list = world.read(&ada, &path, again.position()).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let other = world.post(&path, &body).by(&ben).send().await;
    other.refuses(409, "message-id-taken").blames("message_id");
}

#[tokio::test]
async fn a_text_is_refused_for_what_is_wrong_with_it() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");
    let cases = [
        (json!({ "text": " \n " }), 422, "invalid-text", "text"),
        (json!({ "text": "" }), 422, "invalid-text", "text"),
        (json!({ "text": "x".repeat(10_001) }), 422, "invalid-text", "text"),
        (json!({ "text": "bell\u{7}" }), 422, "invalid-text", "text"),
        (json!({ "text": "nul\u{0}" }), 422, "invalid-text", "text"),
        (json!({ "text": 1 }), 400, "invalid-request", "text"),
        (json!({ "text": null }), 400, "invalid-request", "text"),
        (json!({}), 400, "invalid-request", "text"),
        (json!({ "text": "x", "message_id": "1" }), 400, "invalid-request", "message_id"),
        (json!({ "text": "x", "type": "text" }), 400, "invalid-request", "type"),
    ];
    for (body, status, code, field) in cases {
        world.post(&path, &body).by(&ada).send().await.refuses(status, code).blames(field);
    }

    // The longest text there is, as the longest JSON there is.
    let emoji = "👋".repeat(10_000);
    let escaped = r"\ud83d\udc4b".repeat(10_000);
    let answer = world.post(&path, &Value::Null).by(&ada);
    let answer = answer.raw(format!(r#"{{"text": "{escaped}"}}"#).as_bytes()).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.text("text"), emoji);
    assert_eq!(answer.body["number"], 1, "nothing that was refused has taken a number");
}

/// A query, the numbers of its page, and the page's cursors: next, prev.
type Case = (&'static str, &'static [i64], Option<&'static str>, Option<&'static str>);

#[tokio::test]
async fn pages_go_both_ways() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let mut position = 0;
    for number in 1..=7 {
        position = world.say(&ada, &chat, &format!("text {number}")).await.position();
    }
    let cases: [Case; 14] = [
        ("", &[1, 2, 3, 4, 5, 6, 7], None, None),
        ("limit=3", &[5, 6, 7], None, Some("5")),
        ("limit=3&before=5", &[2, 3, 4], Some("4"), Some("2")),
        ("limit=3&before=2", &[1], Some("1"), None),
        ("limit=3&before=1", &[], None, None),
        ("limit=3&before=0", &[], None, None),
        ("limit=3&before=100", &[5, 6, 7], None, Some("5")),
        ("limit=3&after=0", &[1, 2, 3], Some("3"), None),
        ("limit=3&after=3", &[4, 5, 6], Some("6"), Some("4")),
        ("limit=3&after=6", &[7], None, Some("7")),
        ("limit=3&after=7", &[], None, None),
        ("limit=2&after=1&before=6", &[2, 3], Some("3"), Some("2")),
        ("limit=5&after=3&before=6", &[4, 5], None, Some("4")),
        ("limit=5&after=5&before=5", &[], None, None),
    ];
    for (query, expected, next, prev) in cases {
        let path = format!("/v1/chats/{chat}/messages?{query}");
        let list = world.read(&ben, &path, position).await;
        assert_eq!(numbers(&list), expected, "{query}");
        assert_eq!((list["next"].as_str(), list["prev"].as_str()), (next, prev), "{query}");
    }

    for limit in [1, 2, 3, 100] {
        assert_eq!(walk(&world, &ben, &chat, limit, "after", "next", "0").await, 28);
        assert_eq!(walk(&world, &ben, &chat, limit, "before", "prev", "8").await, 28);
    }
}

/// Walks through all pages in one direction, and returns the sum of the numbers.
async fn walk(
    world: &World,
    by: &Person,
    chat: &str,
    limit: i64,
    bound: &str,
    cursor: &str,
    from: &str,
) -> i64 {
    let (mut sum, mut at) = (0, from.to_owned());
    loop {
        let path = format!("/v1/chats/{chat}/messages?limit={limit}&{bound}={at}");
        let list = world.read(by, &path, 0).await;
        sum += numbers(&list).iter().sum::<i64>();
        match list[cursor].as_str() {
            Some(next) => next.clone_into(&mut at),
            None => return sum,
        }
    }
}

#[tokio::test]
async fn bad_queries_name_their_field() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let cases = [
        ("limit=0", "limit"),
        ("before=x", "before"),
        ("before=-1", "before"),
        ("after=1.5", "after"),
        ("after=99999999999999999999", "after"),
        ("after=-1&before=3", "after"),
        ("offset=3", "offset"),
    ];
    for (query, field) in cases {
        let answer = world.get(&format!("/v1/chats/{chat}/messages?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}

#[tokio::test]
async fn to_a_stranger_the_chat_does_not_exist() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "between us").await;
    let (message, eve) = (said.text("message_id"), world.person("eve").await);

    for id in [chat.as_str(), NOBODY] {
        let asks = [
            world.get(&format!("/v1/chats/{id}")),
            world.get(&format!("/v1/chats/{id}/messages")),
            world.post(&format!("/v1/chats/{id}/messages"), &json!({ "text": "me too" })),
            world.put(&format!("/v1/chats/{id}/read"), &json!({ "up_to": 1 })),
            world.delete(&format!("/v1/chats/{id}/messages/{message}?for=me")),
            world.delete(&format!("/v1/chats/{id}/messages/{message}?for=everyone")),
        ];
        let mut bodies = Vec::new();
        for ask in asks {
            let answer = ask.by(&eve).at(said.position()).send().await;
            answer.refuses(404, "chat-not-found");
            bodies.push(answer.body);
        }
        assert!(bodies.windows(2).all(|it| it[0] == it[1]), "{bodies:?}");
    }
}

fn numbers(list: &Value) -> Vec<i64> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|it| it["number"].as_i64().unwrap()).collect()
}
