//! Blocking somebody. The blocked side cannot tell: what it is answered is what anybody is answered.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, World};

/// Everything that Ben does and sees in a chat with Ada, or with her twin who has not blocked him.
struct Side<'a> {
    world: &'a World,
    ben: &'a Person,
    chat: String,
    /// What differs from chat to chat, and what it is called here.
    names: Vec<(String, String)>,
    seen: Vec<(String, Value)>,
}

impl Side<'_> {
    fn path(&self, name: &str) -> String {
        format!("/v1/chats/{}{name}", self.chat)
    }

    /// Asks, and keeps all that Ben is told: status, headers, body.
    async fn ask(&mut self, what: &str, ask: crate::support::Ask) -> (Value, i64) {
        let answer = ask.by(self.ben).send().await;
        let position = answer.header("parlance-position").parse().unwrap_or_default();
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        let told = json!({
            "status": answer.status,
            "headers": names,
            "ratelimit": answer.header("ratelimit"),
            "body": answer.body,
        });
        self.seen.push((what.to_owned(), told));
        (answer.body, position)
    }

    async fn read(&mut self, what: &str, path: &str, position: i64) {
        let ask = self.world.get(path).at(position);
        self.ask(what, ask).await;
    }

    async fn read_all(&mut self, when: &str, position: i64) {
        let paths = ["", "/messages", "/pins", "/messages?around=2"];
        for path in paths {
            let what = format!("{when}: {path}");
            self.read(&what, &self.path(path), position).await;
        }
        let (all, unread) = (format!("{when}: unread"), "/v1/chats/unread");
        self.read(&all, unread, position).await;
    }

    /// What Ben was told, without what differs from chat to chat.
    fn told(&self) -> Vec<(String, Value)> {
        let mut text = serde_json::to_string(&self.seen).unwrap();
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        let mut seen: Vec<(String, Value)> = serde_json::from_str(&text).unwrap();
        for (_, told) in &mut seen {
            without_times(told);
        }
        seen
    }
}

/// Times are those of the test.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name.ends_with("_at") && value.is_string() {
                    *value = json!("a time");
                }
                without_times(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Everything that somebody can do in a chat whose other member is silent.
async fn everything(side: &mut Side<'_>, [said_before, asked_before, own_before]: [&str; 3]) {
    let world = side.world;
    let messages = side.path("/messages");
    let send =
        world.post(&messages, &json!({ "text": "anybody #there?", "reply_to": said_before }));
    let (said, position) = side.ask("send", send.key("k")).await;
    let said = said["message_id"].as_str().unwrap().to_owned();
    side.names.push((said.clone(), "what Ben said".to_owned()));
    side.read_all("sent", position).await;
    let send =
        world.post(&messages, &json!({ "text": "anybody #there?", "reply_to": said_before }));
    side.ask("the same key", send.key("k")).await;

    let own = format!("{messages}/{said}");
    let hers = format!("{messages}/{said_before}");
    let asked = format!("{messages}/{asked_before}");
    let mine = format!("{messages}/{own_before}");
    let steps = [
        ("edit", world.patch(&own, &json!({ "text": "hello?" }))),
        ("history", world.get(&format!("{own}/history"))),
        ("react to own", world.put(&format!("{own}/reaction"), &json!({ "emoji": "👀" }))),
        ("react to hers", world.put(&format!("{hers}/reaction"), &json!({ "emoji": "👀" }))),
        ("react again", world.put(&format!("{hers}/reaction"), &json!({ "emoji": "👋" }))),
        ("answer", world.post(&format!("{asked}/answer"), &json!({ "answer": "yes" }))),
        ("answer again", world.post(&format!("{asked}/answer"), &json!({ "answer": "no" }))),
        ("star", world.ask("PUT", &format!("{hers}/star"))),
        ("read", world.put(&side.path("/read"), &json!({ "up_to": 2 }))),
        ("delivered", world.put(&side.path("/delivered"), &json!({ "up_to": 3 }))),
        ("beyond", world.put(&side.path("/read"), &json!({ "up_to": 5 }))),
        ("pin hers", world.ask("PUT", &format!("{hers}/pin"))),
        ("pin own", world.ask("PUT", &format!("{own}/pin"))),
        ("unpin what she pinned", world.delete(&format!("{asked}/pin"))),
        ("unpin it again", world.delete(&format!("{asked}/pin"))),
        ("disappearing", world.put(&side.path("/disappearing"), &json!({ "after_days": 7 }))),
        ("take back", world.delete(&format!("{mine}?for=everyone"))),
        ("take back again", world.delete(&format!("{mine}?for=everyone"))),
        ("edit what is gone", world.patch(&mine, &json!({ "text": "no" }))),
        ("what is gone", world.get(&mine)),
        ("its history", world.get(&format!("{mine}/history"))),
        ("draft", world.put(&side.path("/draft"), &json!({ "text": "why" }))),
        ("report", world.post(&format!("{hers}/report"), &json!({ "reason": "silence" }))),
        ("unknown", world.get(&format!("{messages}/{NOBODY}"))),
        ("not the sender", world.delete(&format!("{hers}?for=everyone"))),
    ];
    let mut position = 0;
    for (what, ask) in steps {
        position = position.max(side.ask(what, ask.at(position)).await.1);
    }
    side.read_all("everything done", position).await;
    let remove = world.delete(&format!("{hers}/reaction"));
    let (_, _) = side.ask("take the reaction back", remove).await;
    let delete = world.delete(&format!("{own}?for=everyone"));
    let (_, position) = side.ask("delete", delete).await;
    side.read_all("deleted", position).await;
}

/// Opens a chat between Ben and `her`, says two things to him, and blocks him if asked to.
async fn prepare<'a>(
    world: &'a World,
    ben: &'a Person,
    her: &Person,
    blocks: bool,
) -> (Side<'a>, [String; 3]) {
    let chat = world.open(her, ben).await.text("chat_id");
    let said = world.say(her, &chat, "before").await;
    let body = json!({ "type": "actionable", "text": "Dinner?", "action": "rsvp" });
    let asked = world.post(&format!("/v1/chats/{chat}/messages"), &body).by(her).send().await;
    let own = world.say(ben, &chat, "mine").await;
    let (said, asked) = (said.text("message_id"), asked.text("message_id"));
    let path = |id: &str, what: &str| format!("/v1/chats/{chat}/messages/{id}/{what}");
    world.done(her, world.ask("PUT", &path(&asked, "pin"))).await;
    let react = world.put(&path(&said, "reaction"), &json!({ "emoji": "👍" }));
    let mut position = world.done(ben, react).await;
    if blocks {
        let block = world.ask("PUT", &format!("/v1/blocks/{}", ben.id));
        position = world.done(her, block).await;
    }
    world.read(ben, &format!("/v1/chats/{chat}"), position).await;
    let own = own.text("message_id");
    let names = [
        (chat.clone(), "the chat"),
        (her.id.clone(), "her"),
        (her.username.clone(), "her name"),
        (said.clone(), "what she said"),
        (asked.clone(), "what she asked"),
        (own.clone(), "what he had said"),
    ];
    let names = names.into_iter().map(|(value, name)| (value, name.to_owned())).collect();
    (Side { world, ben, chat, names, seen: vec![] }, [said, asked, own])
}

#[tokio::test]
async fn the_blocked_side_cannot_tell() {
    // Two worlds that differ in nothing but the block.
    let mut told = Vec::new();
    let mut chats = Vec::new();
    for blocks in [false, true] {
        let world = World::new().await;
        let (ada, ben) = (world.person("ada").await, world.person("ben").await);
        let (mut side, before) = prepare(&world, &ben, &ada, blocks).await;
        side.names.push((ben.id.clone(), "Ben".to_owned()));
        let path = side.path("");
        let seen = seen_by(&world, &ada, &path).await;
        let since = world.read(&ada, "/v1/sync", 0).await["next"].clone();
        everything(&mut side, before.each_ref().map(String::as_str)).await;
        told.push(side.told());
        let [said, asked, own] = before;
        let position = world.say(&ben, &side.chat, "one more").await.position();
        let since = since.as_str().unwrap();
        let synced = world.read(&ada, &format!("/v1/sync?since={since}"), position).await;
        assert_eq!(synced["items"] == json!([]), blocks, "{synced}");
        assert_eq!(seen_by(&world, &ada, &path).await == seen, blocks);
        for (id, gone) in [(&said, false), (&own, !blocks)] {
            let message = world.read(&ada, &format!("{path}/messages/{id}"), position).await;
            assert_eq!(message["deleted"], gone, "{message}");
        }
        chats.push(world.read(&ada, &path, position).await);
        let list = world.read(&ada, &format!("{path}/messages"), position).await;
        let shown = list["items"].as_array().unwrap().len();
        assert_eq!(shown, if blocks { 3 } else { 5 });
        let reported = world.read(&ada, &format!("{path}/messages/{asked}"), position).await;
        assert_eq!(reported.get("answer").is_some(), !blocks);
    }

    let (open, blocked) = (&told[0], &told[1]);
    assert_eq!(open.len(), blocked.len());
    assert!(open.len() > 30, "{}", open.len());
    for (one, other) in open.iter().zip(blocked) {
        assert_eq!(one, other);
    }
    // Ada was spared all of it.
    assert_eq!((&chats[0]["unread_count"], &chats[1]["unread_count"]), (&json!(1), &json!(1)));
    assert_eq!(chats[0]["disappearing_after_days"], 7);
    assert_eq!(chats[1]["disappearing_after_days"], Value::Null);
    assert_eq!(chats[1]["participant_read_up_to"], 0);
    assert_eq!(chats[1]["participant_delivered_up_to"], 0);
    assert_eq!(chats[1]["total_messages"], 3);
}

/// All that somebody sees of a chat.
async fn seen_by(world: &World, by: &Person, path: &str) -> Vec<Value> {
    let mut seen = vec![];
    for what in ["", "/messages", "/pins"] {
        seen.push(world.read(by, &format!("{path}{what}"), 0).await);
    }
    seen
}

#[tokio::test]
async fn nothing_passes_either_way() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let messages = format!("/v1/chats/{chat}/messages");
    let before = world.say(&ben, &chat, "before").await.text("message_id");
    let own = world.say(&ada, &chat, "mine").await.text("message_id");
    let block = format!("/v1/blocks/{}", ben.id);

    let position = world.done(&ada, world.ask("PUT", &block)).await;
    world.done(&ada, world.ask("PUT", &block)).await;

    let seen = world.read(&ada, &format!("/v1/chats/{chat}"), position).await;
    assert_eq!(seen["blocked"], true);
    assert_eq!(world.read(&ben, &format!("/v1/chats/{chat}"), position).await["blocked"], false);
    let send = || world.post(&messages, &json!({ "text": "hello" })).by(&ada).send();
    send().await.refuses(409, "member-blocked");
    let refused = [
        world.patch(&format!("{messages}/{own}"), &json!({ "text": "x" })),
        world.put(&format!("{messages}/{before}/reaction"), &json!({ "emoji": "👍" })),
        world.ask("PUT", &format!("{messages}/{before}/pin")),
        world.put(&format!("/v1/chats/{chat}/disappearing"), &json!({ "after_days": 1 })),
    ];
    for ask in refused {
        ask.by(&ada).send().await.refuses(409, "member-blocked");
    }
    let withheld = world.say(&ben, &chat, "can you hear me?").await;

    let position = world.done(&ada, world.delete(&block)).await;
    world.done(&ada, world.delete(&block)).await;
    assert_eq!(send().await.status, 201);
    let said = world.say(&ben, &chat, "and now?").await;
    let list = world.read(&ada, &messages, said.position()).await;
    let texts: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|it| it["text"].clone()).collect();
    assert_eq!(texts, ["before", "mine", "hello", "and now?"].map(|it| json!(it)));
    let gone = format!("{messages}/{}", withheld.text("message_id"));
    world.get(&gone).by(&ada).at(position).send().await.refuses(404, "message-not-found");
    let react = world.put(&format!("{gone}/reaction"), &json!({ "emoji": "👍" }));
    react.by(&ada).send().await.refuses(404, "message-not-found");
    let list = world.read(&ben, &messages, said.position()).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 5, "its sender sees it still");
}

#[tokio::test]
async fn somebody_never_met_can_be_blocked() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let block = format!("/v1/blocks/{}", ben.id);

    let position = world.done(&ada, world.ask("PUT", &block)).await;

    assert_eq!(world.read(&ada, "/v1/chats", position).await["items"], json!([]));
    assert_eq!(world.read(&ben, "/v1/chats", position).await["items"], json!([]));
    let opened = world.open(&ben, &ada).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let chat = opened.text("chat_id");
    let said = world.say(&ben, &chat, "hello").await;
    let seen = world.get(&format!("/v1/chats/{chat}")).by(&ada).at(said.position());
    seen.send().await.refuses(404, "chat-not-found");
}

#[tokio::test]
async fn the_list_tells_whom_one_has_blocked() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut position = 0;
    for name in ["ben", "cem", "dan"] {
        let person = world.person(name).await;
        let block = world.ask("PUT", &format!("/v1/blocks/{}", person.id));
        position = world.done(&ada, block).await;
        let own = world.read(&person, "/v1/blocks", position).await;
        assert_eq!(own, json!({ "items": [], "next": null, "prev": null }));
    }

    for limit in [1, 2, 3, 100] {
        let mut found = Vec::new();
        let mut path = format!("/v1/blocks?limit={limit}");
        loop {
            let page = world.read(&ada, &path, position).await;
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|it| it["account"]["username"].clone()));
            assert!(items.iter().all(|it| it["account"].get("email").is_none()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/blocks?limit={limit}&before={next}");
        }
        assert_eq!(found, ["dan", "cem", "ben"].map(|it| json!(it)), "pages of {limit}");
    }

    let block = |id: &str| world.ask("PUT", &format!("/v1/blocks/{id}")).by(&ada).send();
    block(NOBODY).await.refuses(404, "account-not-found").blames("account_id");
    block(&ada.id).await.refuses(422, "same-member").blames("account_id");
    block("x").await.refuses(400, "invalid-request").blames("account_id");
    world.done(&ada, world.delete(&format!("/v1/blocks/{NOBODY}"))).await;
    for (query, field) in [("limit=0", "limit"), ("before=x", "before"), ("after=1", "after")] {
        let answer = world.get(&format!("/v1/blocks?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
}
