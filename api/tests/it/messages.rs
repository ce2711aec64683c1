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
        "tags": [],
        "reactions": [],
        "pinned": false,
        "starred": false,
        "sent_at": answer.body["sent_at"],
        "revision": 0,
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
        (json!({ "text": "x", "type": "voice" }), 400, "invalid-request", "type"),
        (json!({ "text": "x", "kind": "text" }), 400, "invalid-request", "kind"),
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

#[tokio::test]
async fn a_page_can_be_anywhere() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let mut said = Vec::new();
    for number in 1..=9 {
        said.push(world.say(&ada, &chat, &format!("text {number}")).await);
        world.pass(60);
    }
    let head = said[8].position();
    let sent_at = |number: usize| said[number - 1].text("sent_at");
    let id = |number: usize| said[number - 1].text("message_id");
    let cases: [(String, &[i64], _, _); 9] = [
        ("around=5".to_owned(), &[4, 5, 6], Some("6"), Some("4")),
        ("around=1".to_owned(), &[1, 2], Some("2"), None),
        ("around=9".to_owned(), &[8, 9], None, Some("8")),
        ("around=100".to_owned(), &[9], None, Some("9")),
        ("around=0".to_owned(), &[1, 2], Some("2"), None),
        (format!("date={}", sent_at(4)), &[3, 4, 5], Some("5"), Some("3")),
        ("date=2020-02-29T23:00:00%2B01:00".to_owned(), &[1, 2], Some("2"), None),
        ("date=2999-01-01T00:00:00Z".to_owned(), &[9], None, Some("9")),
        (format!("message={}", id(6)), &[5, 6, 7], Some("7"), Some("5")),
    ];
    for (query, expected, next, prev) in &cases {
        let path = format!("/v1/chats/{chat}/messages?limit=3&{query}");
        let list = world.read(&ben, &path, head).await;
        assert_eq!(numbers(&list), *expected, "{query}");
        assert_eq!((list["next"].as_str(), list["prev"].as_str()), (*next, *prev), "{query}");
    }

    // Around one that the caller has hidden there are its neighbours; it cannot be named any more.
    let hide = world.delete(&format!("/v1/chats/{chat}/messages/{}?for=me", id(5)));
    let position = world.done(&ben, hide).await;
    let path = |query: &str| format!("/v1/chats/{chat}/messages?limit=4&{query}");
    let list = world.read(&ben, &path("around=5"), position).await;
    assert!(!numbers(&list).contains(&5) && numbers(&list).contains(&4), "{list}");
    assert!(numbers(&list).contains(&6), "{list}");
    let hidden = world.get(&path(&format!("message={}", id(5)))).by(&ben).send().await;
    hidden.refuses(404, "message-not-found");
    assert_eq!(numbers(&world.read(&ada, &path("around=5"), position).await).len(), 4);
}

#[tokio::test]
async fn two_devices_at_once_both_succeed() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");

    // The same message from both: it is sent once, and both are told.
    let body = json!({ "message_id": NOBODY, "text": "from here" });
    let send = || world.post(&path, &body).by(&ada).send();
    let (one, other) = tokio::join!(send(), send());
    assert_eq!((one.status, other.status), (201, 201));
    assert_eq!(one.body, other.body);

    // Different ones: both are, in an order.
    let send = |text: &str| world.post(&path, &json!({ "text": text })).by(&ada).send();
    let (one, other) = tokio::join!(send("from the phone"), send("from the desk"));
    assert_eq!((one.status, other.status), (201, 201));
    let mut found = [one.body["number"].as_i64(), other.body["number"].as_i64()];
    found.sort_unstable();
    assert_eq!(found, [Some(2), Some(3)]);

    // Changes of the same message: all of them, and the last one stays.
    let one = format!("{path}/{NOBODY}");
    let edit = |text: &str| world.patch(&one, &json!({ "text": text })).by(&ada).send();
    let (first, second) = tokio::join!(edit("one way"), edit("or another"));
    let mut revisions = [first.body["revision"].as_i64(), second.body["revision"].as_i64()];
    revisions.sort_unstable();
    assert_eq!(revisions, [Some(1), Some(2)]);
    let last = if first.body["revision"] == 2 { &first } else { &second };
    let react = |emoji: &str| world.put(&format!("{one}/reaction"), &json!({ "emoji": emoji }));
    let (a, b) = tokio::join!(react("👍").by(&ben).send(), react("👎").by(&ben).send());
    assert_eq!((a.status, b.status), (204, 204));
    let emoji = if a.position() > b.position() { "👍" } else { "👎" };
    let seen = world.read(&ada, &one, a.position().max(b.position())).await;
    assert_eq!(seen["text"], last.body["text"]);
    assert_eq!(seen["reactions"].as_array().unwrap().len(), 1);
    assert_eq!(seen["reactions"][0]["emoji"], emoji);
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
        ("around=-1", "around"),
        ("around=x", "around"),
        ("around=1&after=1", "around"),
        ("around=1&date=2026-11-23T00:00:00Z", "date"),
        ("date=2026-11-23", "date"),
        ("date=2026-11-23T00:00:00Z&before=1", "date"),
        ("message=1", "message"),
    ];
    for (query, field) in cases {
        let answer = world.get(&format!("/v1/chats/{chat}/messages?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}

fn numbers(list: &Value) -> Vec<i64> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|it| it["number"].as_i64().unwrap()).collect()
}
