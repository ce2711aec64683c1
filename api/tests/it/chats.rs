//! Chats: opening, listing, reading.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

#[tokio::test]
async fn a_chat_is_opened_once() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);

    let opened = world.open(&ada, &ben).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    assert_eq!(opened.body["participant"]["username"], "ben");
    assert_eq!(opened.body["participant"].get("email"), None);
    let expected = json!({
        "chat_id": opened.text("chat_id"),
        "participant": opened.body["participant"],
        "last_message": null,
        "unread_count": 0,
        "marked_unread": false,
        "read_up_to": 0,
        "delivered_up_to": 0,
        "participant_read_up_to": 0,
        "participant_delivered_up_to": 0,
        "participant_missed": [],
        "total_messages": 0,
        "cleared_up_to": 0,
        "started": false,
        "active": true,
        "archived": false,
        "muted": false,
        "muted_until": null,
        "disappearing_after_days": null,
        "draft": null,
        "blocked": false,
    });
    assert_eq!(opened.body, expected);

    let again = world.open(&ada, &ben).await;
    assert_eq!((again.status, &again.body), (200, &opened.body));
    let from_there = world.open(&ben, &ada).await;
    assert_eq!(from_there.status, 200);
    assert_eq!(from_there.text("chat_id"), opened.text("chat_id"));
    assert_eq!(from_there.body["participant"]["username"], "ada");
}

#[tokio::test]
async fn a_chat_needs_somebody_else() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let cases = [
        (json!({ "member_id": NOBODY }), 404, "account-not-found", "member_id"),
        (json!({ "member_id": ada.id }), 422, "same-member", "member_id"),
        (json!({ "member_id": "ben" }), 400, "invalid-request", "member_id"),
        (json!({ "member_id": 5 }), 400, "invalid-request", "member_id"),
        (json!({}), 400, "invalid-request", "member_id"),
        (json!({ "member_id": NOBODY, "with": 1 }), 400, "invalid-request", "with"),
    ];
    for (body, status, code, field) in cases {
        world.post("/v1/chats", &body).by(&ada).send().await.refuses(status, code).blames(field);
    }
}

#[tokio::test]
async fn each_sees_the_chat_from_their_side() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    world.say(&ada, &chat, "one").await;
    let last = world.say(&ada, &chat, "two").await;

    let path = format!("/v1/chats/{chat}");
    let seen = world.read(&ben, &path, last.position()).await;
    assert_eq!((&seen["unread_count"], &seen["total_messages"]), (&json!(2), &json!(2)));
    assert_eq!((&seen["started"], &seen["read_up_to"]), (&json!(true), &json!(0)));
    assert_eq!(seen["last_message"], last.body);
    let own = world.read(&ada, &path, last.position()).await;
    assert_eq!(own["unread_count"], 0, "one's own messages are read when they are sent");

    let read = world.put(&format!("{path}/read"), &json!({ "up_to": 1 })).by(&ben).send().await;
    assert_eq!((read.status, read.bytes.len()), (204, 0), "{read:?}");
    let seen = world.read(&ben, &path, read.position()).await;
    assert_eq!((&seen["unread_count"], &seen["read_up_to"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn reading_never_goes_back_nor_beyond() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    world.say(&ada, &chat, "one").await;
    world.say(&ada, &chat, "two").await;
    let path = format!("/v1/chats/{chat}/read");
    let mark = |up_to: Value| world.put(&path, &json!({ "up_to": up_to })).by(&ben);

    assert_eq!(mark(json!(2)).send().await.status, 204);
    let back = mark(json!(1)).send().await;
    assert_eq!(back.status, 204);
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), back.position()).await;
    assert_eq!(seen["read_up_to"], 2);

    mark(json!(3)).send().await.refuses(422, "beyond-last-message").blames("up_to");
    mark(json!(-1)).send().await.refuses(400, "invalid-request").blames("up_to");
    mark(json!("2")).send().await.refuses(400, "invalid-request").blames("up_to");
    mark(Value::Null).send().await.refuses(400, "invalid-request").blames("up_to");
}

#[tokio::test]
async fn the_list_has_the_latest_activity_first() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut chats = Vec::new();
    let mut friends: Vec<Person> = Vec::new();
    for name in ["ben", "cem", "dan", "eve", "fay"] {
        let friend = world.person(name).await;
        chats.push(world.open(&ada, &friend).await.text("chat_id"));
        friends.push(friend);
    }
    let said = world.say(&friends[1], &chats[1], "hello").await;
    let mut expected: Vec<_> = [1, 4, 3, 2, 0].iter().map(|it| chats[*it].clone()).collect();

    let list = world.read(&ada, "/v1/chats", said.position()).await;
    assert_eq!(ids(&list), expected);
    assert_eq!((&list["next"], &list["prev"]), (&Value::Null, &Value::Null));

    // Page by page the same, however long the pages are.
    for limit in [1, 2, 3, 5] {
        let mut found = Vec::new();
        let mut path = format!("/v1/chats?limit={limit}");
        loop {
            let page = world.read(&ada, &path, 0).await;
            assert!(ids(&page).len() <= limit);
            found.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/chats?limit={limit}&before={next}");
        }
        assert_eq!(found, expected, "pages of {limit}");
    }

    // A stranger has none of them, a friend has their own.
    let stranger = world.person("zoe").await;
    assert!(ids(&world.read(&stranger, "/v1/chats", stranger.position).await).is_empty());
    expected.retain(|it| *it == chats[0]);
    assert_eq!(ids(&world.read(&friends[0], "/v1/chats", 0).await), expected);
}

#[tokio::test]
async fn bad_queries_name_their_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let cases = [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("filter=old", "filter"),
        ("filter=", "filter"),
        ("before=x", "before"),
        ("before=cffffffffffffffff", "before"),
        ("after=c0000000000000001", "after"),
    ];
    for (query, field) in cases {
        let answer = world.get(&format!("/v1/chats?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|it| it["chat_id"].as_str().unwrap().to_owned()).collect()
}
