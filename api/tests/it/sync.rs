//! A device that was away.

use serde_json::{Value, json};

use crate::support::{Person, World};

/// Everything since `since`, in pages of `limit`, and where to go on.
async fn catch_up(
    world: &World,
    by: &Person,
    since: &str,
    limit: i64,
    at: i64,
) -> (Vec<Value>, String) {
    let (mut items, mut since) = (vec![], since.to_owned());
    loop {
        let path = format!("/v1/sync?since={since}&limit={limit}");
        let answer = world.get(&path).by(by).at(at).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["start_afresh"], false);
        items.extend(answer.body["items"].as_array().unwrap().clone());
        since = answer.text("next");
        if answer.body["more"] == false {
            assert_eq!(since.parse(), Ok(answer.position()));
            return (items, since);
        }
    }
}

async fn first(world: &World, by: &Person, at: i64) -> String {
    let answer = world.get("/v1/sync").by(by).at(at).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let next = answer.text("next");
    let expected = json!({ "start_afresh": true, "items": [], "next": next, "more": false });
    assert_eq!(answer.body, expected);
    assert_eq!(next.parse(), Ok(answer.position()));
    next
}

fn kinds(items: &[Value]) -> Vec<(&str, i64)> {
    let number = |it: &Value| match it["type"].as_str().unwrap() {
        "message" => it["message"]["number"].as_i64().unwrap(),
        "message_gone" => it["number"].as_i64().unwrap(),
        _ => 0,
    };
    items.iter().map(|it| (it["type"].as_str().unwrap(), number(it))).collect()
}

#[tokio::test]
async fn a_device_that_was_away_is_told_what_changed() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let one = world.say(&ada, &chat, "one").await;
    let two = world.say(&ada, &chat, "two").await;
    let since = first(&world, &ben, two.position()).await;

    let (one, two) = (one.text("message_id"), two.text("message_id"));
    let edit = json!({ "text": "one, edited" });
    world.patch(&format!("{messages}/{one}"), &edit).by(&ada).send().await;
    let three = world.say(&ben, &chat, "three").await.position();
    let gone = world.delete(&format!("{messages}/{two}?for=me")).by(&ben).send().await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let read = world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 3 })).by(&ada);
    let read = read.send().await.position();

    for limit in [1, 2, 50] {
        let (items, next) = catch_up(&world, &ben, &since, limit, read).await;
        let expected = [("message", 1), ("message", 3), ("message_gone", 2), ("chat", 0)];
        assert_eq!(kinds(&items), expected, "{items:?}");
        assert_eq!(items[1]["position"], three);
        assert_eq!(
            items[2],
            json!({ "type": "message_gone", "position": gone.position(),
            "chat_id": chat, "number": 2 })
        );
        let list = world.read(&ben, &messages, read).await;
        assert_eq!(list["items"], json!([items[0]["message"], items[1]["message"]]));
        assert_eq!(items[3]["chat"], world.read(&ben, &format!("/v1/chats/{chat}"), read).await);
        assert_eq!(items[3]["chat"]["participant_read_up_to"], 3);
        assert_eq!(catch_up(&world, &ben, &next, limit, read).await, (vec![], next.clone()));
    }

    // To her, none of what he did for himself.
    let (items, _) = catch_up(&world, &ada, &since, 50, read).await;
    assert_eq!(kinds(&items), [("message", 1), ("message", 3), ("chat", 0)], "{items:?}");
}

#[tokio::test]
async fn a_place_beyond_the_log_is_a_fresh_start() {
    let world = World::new().await;
    let (ada, ..) = world.pair().await;
    let next = first(&world, &ada, ada.position).await;
    let answer = world.get("/v1/sync?since=1000000").by(&ada).send().await;
    assert_eq!((answer.status, &answer.body["start_afresh"]), (200, &json!(true)), "{answer:?}");
    assert_eq!(answer.text("next"), next);
}

#[tokio::test]
async fn bad_places_name_their_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let cases = [
        ("since=x", "since"),
        ("since=-1", "since"),
        ("since=", "since"),
        ("since=1_2", "since"),
        ("since=0&limit=0", "limit"),
        ("limit=101", "limit"),
        ("until=3", "until"),
    ];
    for (query, field) in cases {
        let answer = world.get(&format!("/v1/sync?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}
