//! What passes: typing, and who is there.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use eventlog::Clock;
use serde_json::{Value, json};

use super::client::{Hears, Open, Socket};
use crate::support::{NOBODY, Person, World};

async fn open(world: &World, person: &Person) -> Socket {
    Open::at(world.addr).by(person).socket().await.0
}

async fn watch(socket: &mut Socket, people: &[&str]) {
    let answer = socket.ask(json!({ "type": "watch", "account_ids": people })).await;
    assert_eq!(answer["status"], 204, "{answer}");
}

fn online(presence: &Value) -> (&str, Option<bool>, bool) {
    assert_eq!(presence["type"], "presence");
    let has_left = presence["last_seen"].is_string();
    (presence["account_id"].as_str().unwrap(), presence["online"].as_bool(), has_left)
}

async fn is_shown(world: &World, to: &Person, of: &Person) -> Option<bool> {
    let path = format!("/v1/accounts/{}/presence", of.id);
    let answer = world.get(&path).by(to).send().await;
    assert_eq!(answer.status, 200);
    answer.body["online"].as_bool()
}

#[tokio::test]
async fn typing_is_told_to_the_other_and_ends_by_itself_or_with_a_message() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (mut hers, mut his) = (open(&world, &ada).await, open(&world, &ben).await);
    let before = world.database.head().await;

    let typing = json!({ "type": "typing", "chat_id": chat, "typing": true });
    assert_eq!(hers.ask(typing.clone()).await["status"], 204);
    let began = Instant::now();
    let heard = his.next().await;
    let expected = json!({ "type": "typing", "chat_id": chat, "account_id": ada.id,
        "typing": true, "expires_in_ms": 6_000 });
    assert_eq!(heard, expected);
    let ended = his.next().await;
    assert_eq!((&ended["type"], &ended["typing"]), (&json!("typing"), &json!(false)));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(6) && took < Duration::from_secs(9), "{took:?}");
    assert_eq!(world.database.head().await, before, "it is no event");

    let path = format!("/v1/chats/{chat}/typing");
    let answer = world.put(&path, &json!({ "typing": true })).by(&ada).send().await;
    assert_eq!(answer.status, 204);
    assert_eq!(his.next().await["typing"], true);
    world.say(&ada, &chat, "there").await;
    let mut ended = his.next().await;
    while ended["type"] != "typing" {
        ended = his.next().await;
    }
    assert_eq!(ended["typing"], false);

    assert_eq!(hers.ask(typing).await["status"], 204);
    assert_eq!(his.next_of("typing").await["typing"], true);
    hers.ask(json!({ "type": "typing", "chat_id": chat, "typing": false })).await;
    assert_eq!(his.next().await["typing"], false);
    his.hears_nothing().await;
}

#[tokio::test]
async fn who_is_no_member_or_blocked_types_unheard() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let mut hers = open(&world, &ada).await;
    let path = format!("/v1/chats/{chat}/typing");
    let typing = json!({ "typing": true });
    world.put(&path, &typing).by(&cem).send().await.refuses(404, "chat-not-found");
    let block = world.ask("PUT", &format!("/v1/blocks/{}", ben.id));
    world.until_applied("blocks", world.done(&ada, block).await).await;
    let blocked = world.put(&path, &typing).by(&ben).send().await;
    assert_eq!(blocked.status, 204, "it is not told");
    let mut heard = vec![];
    while let Ok(next) = tokio::time::timeout(Duration::from_millis(300), hers.next()).await {
        heard.push(next["type"].as_str().unwrap().to_owned());
    }
    assert!(!heard.contains(&"typing".to_owned()), "{heard:?}");
    let bad = world.put(&path, &json!({ "typing": "yes" })).by(&ada).send().await;
    bad.refuses(400, "invalid-request").blames("typing");
}

#[tokio::test]
async fn whoever_looks_is_told_who_comes_and_goes() {
    let world = World::new().await;
    let (ada, ben, _chat) = world.pair().await;
    let cem = world.person("cem").await;
    let before = world.database.head().await;
    let mut hers = open(&world, &ada).await;
    watch(&mut hers, &[&ben.id]).await;
    assert_eq!(online(&hers.next().await), (ben.id.as_str(), Some(false), false));
    assert_eq!(is_shown(&world, &ada, &ben).await, Some(false));

    let his = open(&world, &ben).await;
    assert_eq!(online(&hers.next().await), (ben.id.as_str(), Some(true), false));
    assert_eq!(is_shown(&world, &ada, &ben).await, Some(true));
    assert_eq!(world.database.head().await, before, "it is no event");
    let background = Open::at(world.addr).by(&ben).query("background=true").socket().await.0;
    let now = || Clock::system().now();
    let leaves = now();
    drop(his);
    let left = hers.next().await;
    assert_eq!(online(&left), (ben.id.as_str(), Some(false), true));
    let last_seen: DateTime<Utc> = left["last_seen"].as_str().unwrap().parse().unwrap();
    assert!(last_seen >= leaves && last_seen <= now(), "{last_seen}");
    drop(background);
    hers.hears_nothing().await;

    // One that is not looked at any more, and one that is not shown, and one that is not.
    watch(&mut hers, &[&cem.id, NOBODY]).await;
    for _ in 0..2 {
        assert_eq!(hers.next().await["online"], Value::Null);
    }
    let (_his, _cems) = (open(&world, &ben).await, open(&world, &cem).await);
    hers.hears_nothing().await;
    assert_eq!(is_shown(&world, &ada, &cem).await, None);
}

#[tokio::test]
async fn a_chat_shows_whom_it_is_with() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let (mut hers, _his) = (open(&world, &ada).await, open(&world, &ben).await);
    watch(&mut hers, &[&ben.id]).await;
    assert_eq!(hers.next_of("presence").await["online"], Value::Null);
    assert_eq!(world.open(&ada, &ben).await.status, 201);
    assert_eq!(hers.next_of("presence").await["online"], true);
}

#[tokio::test]
async fn who_was_connected_to_a_process_that_died_is_gone() {
    let world = World::new().await;
    let (ada, ben, _chat) = world.pair().await;
    let mut hers = open(&world, &ada).await;
    // It has said that Ben is there, and nothing for longer than anybody waits.
    let dead = format!(
        "WITH dead AS (
             INSERT INTO nodes (node, seen_at)
             VALUES ('{NOBODY}', clock_timestamp() - interval '13 s')
             RETURNING node
         ), his AS (
             INSERT INTO connections (account_id, node, total, looking)
             SELECT '{0}', node, 1, 1 FROM dead
         )
         INSERT INTO presence (account_id, online, since, mirrored)
         VALUES ('{0}', true, clock_timestamp() - interval '1 minute', true)",
        ben.id
    );
    world.database.run(&dead).await;
    watch(&mut hers, &[&ben.id]).await;
    assert_eq!(hers.next_of("presence").await["online"], true);
    let left = hers.next_of("presence").await;
    assert_eq!(online(&left), (ben.id.as_str(), Some(false), true));
    let last_seen: DateTime<Utc> = left["last_seen"].as_str().unwrap().parse().unwrap();
    assert!(last_seen < Clock::system().now() - chrono::TimeDelta::seconds(13), "{last_seen}");
}

#[tokio::test]
async fn an_app_in_the_background_is_away() {
    let world = World::new().await;
    let (ada, ben, _chat) = world.pair().await;
    let (mut hers, mut his) = (open(&world, &ada).await, open(&world, &ben).await);
    watch(&mut hers, &[&ben.id]).await;
    assert_eq!(online(&hers.next().await).1, Some(true));
    for (looking, expected) in [(false, Some(false)), (true, Some(true))] {
        his.ask(json!({ "type": "look", "looking": looking })).await;
        assert_eq!(online(&hers.next().await).1, expected);
    }
}

#[tokio::test]
async fn another_audience_and_a_block_hide_it_at_once() {
    let world = World::new().await;
    let (ada, ben, _chat) = world.pair().await;
    let mut hers = open(&world, &ada).await;
    let mut his = open(&world, &ben).await;
    watch(&mut hers, &[&ben.id]).await;
    watch(&mut his, &[&ada.id]).await;
    assert_eq!(hers.next_of("presence").await["online"], true);
    assert_eq!(his.next_of("presence").await["online"], true);

    for (to, expected) in [("nobody", Value::Null), ("everyone", json!(true))] {
        let show = json!({ "presence_shown_to": to });
        assert_eq!(world.patch("/v1/me", &show).by(&ben).send().await.status, 200);
        assert_eq!(hers.next_of("presence").await["online"], expected);
        assert_eq!(his.next_of("presence").await["online"], expected, "nor is he shown hers");
    }
    let block = format!("/v1/blocks/{}", ben.id);
    world.done(&ada, world.ask("PUT", &block)).await;
    assert_eq!(hers.next_of("presence").await["online"], Value::Null);
    assert_eq!(his.next_of("presence").await["online"], Value::Null);
    world.done(&ada, world.delete(&block)).await;
    assert_eq!(hers.next_of("presence").await["online"], true);
    assert_eq!(his.next_of("presence").await["online"], true);
}

#[tokio::test]
async fn a_stream_watches_by_a_request_of_its_owner_alone() {
    let world = World::new().await;
    let (ada, ben, _chat) = world.pair().await;
    let (mut stream, welcome) = Open::at(world.addr).by(&ada).stream().await;
    let path = format!("/v1/connections/{}/watching", welcome["connection_id"].as_str().unwrap());
    let people = json!({ "account_ids": [ben.id] });
    let others = world.put(&path, &people).by(&ben).send().await;
    assert_eq!(others.status, 204, "it is not looked for");
    stream.hears_nothing().await;
    assert_eq!(world.put(&path, &people).by(&ada).send().await.status, 204);
    assert_eq!(online(&stream.next().await), (ben.id.as_str(), Some(false), false));
    let many = json!({ "account_ids": vec![NOBODY; 101] });
    let answer = world.put(&path, &many).by(&ada).send().await;
    answer.refuses(400, "invalid-request").blames("account_ids");
}
