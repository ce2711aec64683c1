//! Many at once.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::World;

#[tokio::test]
async fn two_who_open_at_once_meet_in_one_chat() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);

    let mut under_way = JoinSet::new();
    for _ in 0..5 {
        under_way.spawn(world.post("/v1/chats", &json!({ "member_id": ben.id })).by(&ada).send());
        under_way.spawn(world.post("/v1/chats", &json!({ "member_id": ada.id })).by(&ben).send());
    }
    let answers = under_way.join_all().await;

    let ids: BTreeSet<_> = answers.iter().map(|it| it.text("chat_id")).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    let mut statuses: Vec<_> = answers.iter().map(|it| it.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 9], vec![201]].concat());
}

#[tokio::test]
async fn fifty_who_send_at_once_get_fifty_numbers() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let path = format!("/v1/chats/{chat}/messages");

    let mut under_way = JoinSet::new();
    for number in 0..50 {
        let by = if number % 2 == 0 { &ada } else { &ben };
        under_way.spawn(world.post(&path, &json!({ "text": format!("{number}") })).by(by).send());
    }
    let mut sent = under_way.join_all().await;
    sent.sort_by_key(|it| it.body["number"].as_i64());

    let numbers: Vec<_> = sent.iter().map(|it| it.body["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    assert!(sent.windows(2).all(|it| it[0].position() < it[1].position()));
    let last = sent.last().unwrap().position();
    let page = world.read(&ada, &format!("{path}?limit=100"), last).await;
    let bodies: Vec<_> = sent.iter().map(|it| it.body.clone()).collect();
    assert_eq!(page["items"], json!(bodies));
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), last).await;
    assert_eq!((&seen["unread_count"], &seen["total_messages"]), (&json!(25), &json!(50)));
}

#[tokio::test]
async fn one_of_many_gets_the_name() {
    let world = World::new().await;
    let mut people = Vec::new();
    for name in ["ada", "ben", "cem", "dan"] {
        people.push(world.person(name).await);
    }

    let mut under_way = JoinSet::new();
    for person in &people {
        under_way.spawn(world.patch("/v1/me", &json!({ "username": "first" })).by(person).send());
    }
    let answers = under_way.join_all().await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for answer in lost {
        answer.refuses(409, "already-taken").blames("username");
    }
}
