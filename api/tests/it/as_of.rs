//! A chat as it was.

use serde_json::{Value, json};

use crate::support::{Answer, NOBODY, Person, World};

async fn texts(world: &World, by: &Person, chat: &str, as_of: &str) -> Vec<Option<String>> {
    let as_of = as_of.replace('+', "%2B");
    let answer = ask(world, by, chat, &as_of).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|it| it["text"].as_str().map(str::to_owned)).collect()
}

async fn ask(world: &World, by: &Person, chat: &str, as_of: &str) -> Answer {
    world.get(&format!("/v1/chats/{chat}/messages?as_of={as_of}")).by(by).send().await
}

fn said(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|it| Some((*it).to_owned())).collect()
}

#[tokio::test]
async fn a_chat_is_read_as_it_was_at_a_position_or_a_time() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let one = world.say(&ada, &chat, "one").await;
    let two = world.say(&ben, &chat, "two").await;
    let path = format!("{messages}/{}", one.text("message_id"));
    let edited = world.patch(&path, &json!({ "text": "one, edited" })).by(&ada).send().await;
    assert_eq!(edited.status, 200, "{edited:?}");

    let at = |position: i64| position.to_string();
    assert_eq!(texts(&world, &ben, &chat, &at(ada.position)).await, said(&[]));
    assert_eq!(texts(&world, &ben, &chat, &at(one.position())).await, said(&["one"]));
    assert_eq!(texts(&world, &ben, &chat, &at(two.position())).await, said(&["one", "two"]));
    let now = said(&["one, edited", "two"]);
    assert_eq!(texts(&world, &ben, &chat, &at(edited.position())).await, now);
    // The log's time is the database's: it was all a moment ago.
    assert_eq!(texts(&world, &ben, &chat, "2020-01-01T00:00:00Z").await, said(&[]));
    assert_eq!(texts(&world, &ben, &chat, "2120-01-01T00:00:00+02:00").await, now);

    let path = format!("{messages}/{}?for=everyone", two.text("message_id"));
    let deleted = world.delete(&path).by(&ben).send().await;
    world.read(&ada, &messages, deleted.position()).await;
    let left = vec![Some("one".to_owned()), None];
    assert_eq!(texts(&world, &ada, &chat, &at(two.position())).await, left);
}

#[tokio::test]
async fn its_pages_go_both_ways() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    for number in 1..=5 {
        world.say(&ada, &chat, &format!("text {number}")).await;
    }
    let then = world.say(&ada, &chat, "text 6").await.position();
    for number in 7..=9 {
        world.say(&ada, &chat, &format!("text {number}")).await;
    }
    let page = async |query: &str| {
        let path = format!("/v1/chats/{chat}/messages?as_of={then}&limit=2{query}");
        let list = world.read(&ben, &path, then).await;
        let items = list["items"].as_array().unwrap();
        let numbers: Vec<_> = items.iter().map(|it| it["number"].as_i64().unwrap()).collect();
        (numbers, list["next"].clone(), list["prev"].clone())
    };
    assert_eq!(page("").await, (vec![5, 6], Value::Null, json!("5")));
    assert_eq!(page("&before=5").await, (vec![3, 4], json!("4"), json!("3")));
    assert_eq!(page("&after=4").await, (vec![5, 6], Value::Null, json!("5")));
    assert_eq!(page("&after=0").await, (vec![1, 2], json!("2"), Value::Null));
    assert_eq!(page("&around=3").await, (vec![2, 3], json!("3"), json!("2")));
}

#[tokio::test]
async fn what_is_no_position_or_time_is_refused() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    for as_of in ["x", "-1", "yesterday", "2026-13-01T00:00:00Z", "1000000", ""] {
        let answer = ask(&world, &ada, &chat, as_of).await;
        answer.refuses(400, "invalid-request").blames("as_of");
    }
    let eve = world.person("eve").await;
    ask(&world, &eve, &chat, "3").await.refuses(404, "chat-not-found");
    ask(&world, &ben, NOBODY, "3").await.refuses(404, "chat-not-found");
}
