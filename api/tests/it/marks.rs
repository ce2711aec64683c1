//! Reactions, pins and stars.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

#[tokio::test]
async fn each_has_one_reaction() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let said = world.say(&ada, &chat, "news").await.text("message_id");
    let reaction = format!("{messages}/{said}/reaction");
    let react = |emoji: &str| world.put(&reaction, &json!({ "emoji": emoji }));
    let seen = async |position: i64| {
        let mut seen = Vec::new();
        for person in [&ada, &ben] {
            let list = world.read(person, &messages, position).await;
            let reactions = list["items"][0]["reactions"].as_array().unwrap();
            let told = |it: &Value| (it["account_id"].clone(), it["emoji"].clone());
            seen.push(reactions.iter().map(told).collect::<Vec<_>>());
        }
        assert_eq!(seen[0], seen[1]);
        seen.remove(0)
    };

    world.done(&ben, react("👍")).await;
    let position = world.done(&ben, react("👍🏽")).await;
    assert_eq!(seen(position).await, [(json!(ben.id), json!("👍🏽"))]);
    let position = world.done(&ada, react("👨‍👩‍👧‍👦")).await;
    let both = [(json!(ben.id), json!("👍🏽")), (json!(ada.id), json!("👨‍👩‍👧‍👦"))];
    assert_eq!(seen(position).await, both);

    let position = world.done(&ben, world.delete(&reaction)).await;
    assert_eq!(seen(position).await, both[1..]);
    let again = world.done(&ben, world.delete(&reaction)).await;
    assert!(again >= position);

    for emoji in ["", "a", "👍👍", "👍 ", ":-)", "\u{200d}", "1"] {
        let answer = react(emoji).by(&ben).send().await;
        answer.refuses(422, "invalid-emoji").blames("emoji");
    }
    react("👍").by(&ben).raw(b"{}").send().await.refuses(400, "invalid-request").blames("emoji");
    let unknown = world.put(&format!("{messages}/{NOBODY}/reaction"), &json!({ "emoji": "👍" }));
    unknown.by(&ben).send().await.refuses(404, "message-not-found");
    let unknown = world.delete(&format!("{messages}/{NOBODY}/reaction")).by(&ben).send().await;
    unknown.refuses(404, "message-not-found");
}

#[tokio::test]
async fn pins_are_shared_and_have_a_bound() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let pins = format!("/v1/chats/{chat}/pins");
    let mut messages = Vec::new();
    for number in 1..=51 {
        let by = if number % 2 == 0 { &ben } else { &ada };
        let said = world.say(by, &chat, &format!("text {number}")).await;
        messages.push(format!("/v1/chats/{chat}/messages/{}", said.text("message_id")));
    }
    let pin = |index: usize| world.ask("PUT", &format!("{}/pin", messages[index]));

    let mut position = world.done(&ben, pin(3)).await;
    position = position.max(world.done(&ada, pin(0)).await);
    world.done(&ada, pin(3)).await;
    for person in [&ada, &ben] {
        let list = world.read(person, &pins, position).await;
        let seen: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["message"]["number"].clone(), it["pinned_by"].clone()))
            .collect();
        assert_eq!(seen, [(json!(1), json!(ada.id)), (json!(4), json!(ben.id))]);
        assert_eq!(world.read(person, &messages[0], 0).await["pinned"], true);
        assert_eq!(world.read(person, &messages[1], 0).await["pinned"], false);
    }

    for index in (0..50).filter(|it| ![0, 3].contains(it)) {
        world.done(&ada, pin(index)).await;
    }
    pin(50).by(&ben).send().await.refuses(409, "too-many-pins");
    let unpin = |index: usize| world.delete(&format!("{}/pin", messages[index]));
    world.done(&ben, unpin(0)).await;
    world.done(&ben, unpin(0)).await;
    let position = world.done(&ben, pin(50)).await;
    let list = world.read(&ada, &pins, position).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 50);
    assert_eq!(list["items"][0]["message"]["number"], 51, "the latest pin first");

    // What is deleted for oneself is no pin of one's own, and still one of the other's.
    let position = world.done(&ben, world.delete(&format!("{}?for=me", messages[50]))).await;
    assert_eq!(world.read(&ben, &pins, position).await["items"].as_array().unwrap().len(), 49);
    assert_eq!(world.read(&ada, &pins, position).await["items"].as_array().unwrap().len(), 50);
    let unknown = format!("/v1/chats/{chat}/messages/{NOBODY}/pin");
    world.ask("PUT", &unknown).by(&ada).send().await.refuses(404, "message-not-found");
}

#[tokio::test]
async fn stars_are_ones_own() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let cem = world.person("cem").await;
    let other = world.open(&ada, &cem).await.text("chat_id");
    let mut messages = Vec::new();
    for number in 1..=5 {
        let chat = if number % 2 == 0 { &other } else { &chat };
        let said = world.say(&ada, chat, &format!("text {number}")).await;
        messages.push(format!("/v1/chats/{chat}/messages/{}", said.text("message_id")));
    }
    let mut position = 0;
    for message in &messages {
        position = world.done(&ada, world.ask("PUT", &format!("{message}/star"))).await;
        let again = world.done(&ada, world.ask("PUT", &format!("{message}/star"))).await;
        assert!(again >= position);
    }

    let texts = ["text 5", "text 4", "text 3", "text 2", "text 1"];
    for limit in [1, 2, 5, 100] {
        assert_eq!(starred(&world, &ada, limit, position).await, texts, "pages of {limit}");
    }
    assert!(starred(&world, &ben, 50, position).await.is_empty());
    assert_eq!(world.read(&ada, &messages[0], position).await["starred"], true);
    assert_eq!(world.read(&ben, &messages[0], position).await["starred"], false);

    world.done(&ada, world.delete(&format!("{}/star", messages[1]))).await;
    world.done(&ada, world.delete(&format!("{}/star", messages[1]))).await;
    let position = world.done(&ada, world.delete(&format!("{}?for=me", messages[4]))).await;
    assert_eq!(starred(&world, &ada, 50, position).await, ["text 4", "text 3", "text 1"]);

    for (query, field) in [("limit=0", "limit"), ("before=x", "before"), ("after=1", "after")] {
        let answer = world.get(&format!("/v1/starred?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}

/// The texts of all pages.
async fn starred(world: &World, by: &Person, limit: usize, position: i64) -> Vec<String> {
    let mut texts = Vec::new();
    let mut path = format!("/v1/starred?limit={limit}");
    loop {
        let page = world.read(by, &path, position).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        assert!(items.iter().all(|it| it["starred_at"].is_string()));
        texts.extend(items.iter().map(|it| it["message"]["text"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return texts };
        path = format!("/v1/starred?limit={limit}&before={next}");
    }
}

/// Nothing of it is left to be judged.
#[tokio::test]
async fn what_is_gone_cannot_be_reported() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ben, &chat, "rude").await.text("message_id");
    let sent = world.say(&ben, &chat, "rude again").await;
    let hidden = sent.text("message_id");
    let path = |id: &str| format!("/v1/chats/{chat}/messages/{id}");
    let report = |id: &str, at: i64| {
        let body = json!({ "reason": "rude" });
        world.post(&format!("{}/report", path(id)), &body).by(&ada).at(at).send()
    };
    world.done(&ben, world.delete(&format!("{}?for=everyone", path(&said)))).await;
    let at = world.done(&ada, world.delete(&format!("{}?for=me", path(&hidden)))).await;
    for at in [sent.position(), at] {
        report(&said, at).await.refuses(409, "message-deleted");
    }
    report(&hidden, at).await.refuses(404, "message-not-found");
}
