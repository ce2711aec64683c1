//! The stream.

use serde_json::{Value, json};

use super::client::{Hears, Open, Stream, answered};
use crate::support::{Person, World};

async fn open(world: &World, person: &Person) -> (Stream, Value) {
    Open::at(world.addr).by(person).stream().await
}

fn kinds(heard: &[Value]) -> Vec<&str> {
    heard.iter().map(|it| it["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_message_reaches_both_as_each_sees_it() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let opened = world.say(&ada, &chat, "before").await.position();
    world.read(&ben, "/v1/chats", opened).await;
    let ((mut hers, welcome), (mut his, _)) = (open(&world, &ada).await, open(&world, &ben).await);
    assert_eq!(welcome["start_afresh"], true);
    assert!(welcome["id"].as_str().unwrap().parse::<i64>().unwrap() >= opened);
    assert_eq!(welcome["heartbeat_seconds"], 15);

    let sent = world.say(&ada, &chat, "hello").await.position();
    for (stream, person, unread) in [(&mut hers, &ada, 0), (&mut his, &ben, 2)] {
        let (one, other) = (stream.next().await, stream.next().await);
        assert_eq!(kinds(&[one.clone(), other.clone()]), ["chat", "message"]);
        assert_eq!((&one["position"], &other["position"]), (&json!(sent), &json!(sent)));
        assert_eq!(one["chat"]["unread_count"], unread);
        let path = format!("/v1/chats/{chat}");
        assert_eq!(one["chat"], world.read(person, &path, sent).await);
        let page = world.read(person, &format!("{path}/messages"), sent).await;
        assert_eq!(other["message"], page["items"][1]);
        stream.hears_nothing().await;
    }
}

#[tokio::test]
async fn whoever_was_away_is_told_what_they_missed_and_nothing_twice() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (mut before, _) = open(&world, &ben).await;
    world.say(&ada, &chat, "one").await;
    before.up_to("one").await;
    let left_at = before.last_event_id.clone();
    drop(before);

    let two = world.say(&ada, &chat, "two").await;
    world.say(&ada, &chat, "three").await;
    let path = format!("/v1/chats/{chat}/messages/{}", two.text("message_id"));
    let edit = world.patch(&path, &json!({ "text": "two, edited" })).by(&ada).send().await;
    for model in ["chats", "messages"] {
        world.until_applied(model, edit.position()).await;
    }

    let (mut after, welcome) =
        Open::at(world.addr).by(&ben).header("last-event-id", left_at.clone()).stream().await;
    assert_eq!((&welcome["id"], &welcome["start_afresh"]), (&json!(left_at), &json!(false)));
    let mut heard = vec![];
    loop {
        heard.push(after.next().await);
        if heard.last().unwrap()["type"] == "caught_up" {
            break;
        }
    }
    let texts: Vec<_> = heard.iter().filter_map(|it| it["message"]["text"].as_str()).collect();
    assert_eq!(texts, ["three", "two, edited"], "{heard:?}");
    assert_eq!(kinds(&heard), ["message", "chat", "message", "caught_up"]);
    after.hears_nothing().await;

    // From the middle of what one event changed: what comes after it, and nothing before.
    let middle = heard[1]["id"].as_str().unwrap();
    assert!(middle.contains('_'), "{middle}");
    let (mut rest, _) = Open::at(world.addr).by(&ben).since(middle).stream().await;
    assert_eq!(kinds(&[rest.next().await, rest.next().await]), ["message", "caught_up"]);
    world.say(&ada, &chat, "four").await;
    assert_eq!(kinds(&rest.up_to("four").await), ["chat", "message"]);
}

#[tokio::test]
async fn whoever_has_missed_nothing_looks_nothing_up() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (mut there, _) = open(&world, &ada).await;
    world.say(&ada, &chat, "one").await;
    there.up_to("one").await;
    let (mut again, _) = Open::at(world.addr).by(&ada).since(&there.last_event_id).stream().await;
    again.hears_nothing().await;
    world.say(&ben, &chat, "two").await;
    assert_eq!(kinds(&again.up_to("two").await), ["chat", "message"]);
}

#[tokio::test]
async fn a_place_beyond_the_log_is_a_fresh_start() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let (mut stream, _) = Open::at(world.addr).by(&ada).since("1000000").stream().await;
    let afresh = stream.next().await;
    assert_eq!(afresh["type"], "start_afresh");
    let sent = world.say(&ben, &chat, "go on").await.position();
    let heard = stream.up_to("go on").await;
    assert_eq!(kinds(&heard), ["chat", "message"]);
    assert_eq!(heard[1]["position"], sent);
}

#[tokio::test]
async fn the_account_and_its_settings_reach_its_other_devices() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let ((mut hers, _), (mut his, _)) = (open(&world, &ada).await, open(&world, &ben).await);
    let changes = json!({ "display_name": "Ada L.", "presence_shown_to": "nobody" });
    let answer = world.patch("/v1/me", &changes).by(&ada).send().await;
    assert_eq!((answer.status, &answer.body["presence_shown_to"]), (200, &json!("nobody")));
    let mut account = hers.next_of("account").await;
    if account["account"] != answer.body {
        account = hers.next_of("account").await; // names and presence are two events
    }
    assert_eq!(account["account"], answer.body);
    let seen = his.next_of("chat").await;
    assert_eq!(seen["chat"]["participant"]["display_name"], "Ada L.");
    assert_eq!(seen["chat"]["participant"].get("presence_shown_to"), None);

    let mute = json!({ "until": null });
    world.put(&format!("/v1/chats/{chat}/mute"), &mute).by(&ada).send().await;
    assert_eq!(hers.next_of("chat").await["chat"]["muted"], true);
    his.hears_nothing().await;
}

#[tokio::test]
async fn what_is_withheld_reaches_nobody_it_is_withheld_from() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    world.done(&ada, world.ask("PUT", &format!("/v1/blocks/{}", ben.id))).await;
    let ((mut hers, _), (mut his, _)) = (open(&world, &ada).await, open(&world, &ben).await);
    hers.hears_nothing().await;
    let said = world.say(&ben, &chat, "anybody there?").await.text("message_id");
    assert_eq!(his.up_to("anybody there?").await.len(), 2);
    let path = format!("/v1/chats/{chat}/messages/{said}");
    world.patch(&path, &json!({ "text": "hello?" })).by(&ben).send().await;
    his.up_to("hello?").await;
    world.done(&ben, world.delete(&format!("{path}?for=everyone"))).await;
    assert_eq!(his.next_of("message").await["message"]["deleted"], true);
    hers.hears_nothing().await;
}

#[tokio::test]
async fn the_end_of_a_token_is_said_before_and_ends_it() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let (mut stream, _) = open(&world, &ada).await;
    world.pass(9 * 60);
    assert_eq!(stream.next().await["type"], "token_expiring");
    world.pass(60);
    let end = stream.end().await;
    assert_eq!(end["reason"], "token_expired");
    assert_eq!((stream.retry, &end["reconnect_after_ms"]), (Some(0), &json!(0)));
    let again = world.again(&ada).await;
    Open::at(world.addr).by(&again).since(&stream.last_event_id).stream().await;
}

#[tokio::test]
async fn the_end_of_a_session_is_told_to_all_and_ends_its_own() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let other = world.again(&ada).await;
    let ((mut own, _), (mut kept, _)) = (open(&world, &ada).await, open(&world, &other).await);
    let logout = json!({ "refresh_token": ada.refresh_token });
    assert_eq!(world.post("/v1/auth/logout", &logout).send().await.status, 204);
    assert_eq!(own.end().await["reason"], "session_revoked");
    assert_eq!(kept.next().await["type"], "session_revoked");
    kept.hears_nothing().await;
}

#[tokio::test]
async fn a_process_that_stops_says_so_and_when_to_come_back() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut streams = vec![];
    for _ in 0..8 {
        streams.push(open(&world, &ada).await.0);
    }
    let stopping = tokio::spawn(world.stop());
    let mut after = std::collections::BTreeSet::new();
    for stream in &mut streams {
        let end = stream.end().await;
        assert_eq!(end["reason"], "draining");
        let wait = end["reconnect_after_ms"].as_u64().unwrap();
        assert_eq!(stream.retry, Some(wait));
        assert!(wait <= 5_000, "{wait}");
        after.insert(wait);
    }
    assert!(after.len() > 1, "all at once: {after:?}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn nobody_has_more_than_fifty() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let mut streams = vec![];
    for _ in 0..50 {
        streams.push(open(&world, &ada).await.0);
    }
    let answer = world.get("/v1/stream").by(&ada).send().await;
    answer.refuses(429, "too-many-connections");
    open(&world, &ben).await;
    streams.pop();
    let again = async {
        while answered(world.addr, "", Some(&ada.token)).await.0 == 429 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.expect("there is room");
}

#[tokio::test]
async fn who_proves_nothing_gets_no_stream_and_bad_places_name_their_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    world.get("/v1/stream").send().await.refuses(401, "unauthenticated");
    let ticket = world.get("/v1/stream?ticket=x").send().await;
    ticket.refuses(401, "invalid-token").blames("ticket");
    for (query, field) in [("since=x", "since"), ("background=maybe", "background"), ("a=1", "a")] {
        let answer = world.get(&format!("/v1/stream?{query}")).by(&ada).send().await;
        answer.refuses(400, "invalid-request").blames(field);
    }
    let answer = world.get("/v1/stream").by(&ada).header("last-event-id", "x").send().await;
    answer.refuses(400, "invalid-request").blames("Last-Event-ID");
}

#[tokio::test]
async fn a_browser_opens_it_with_a_ticket_once() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let answer = world.ask("POST", "/v1/stream/tickets").by(&ada).send().await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (201, &json!(30)), "{answer:?}");
    let query = format!("ticket={}", answer.text("ticket"));
    let (mut stream, _) = Open::at(world.addr).query(&query).stream().await;
    world.say(&ben, &chat, "hello").await;
    stream.up_to("hello").await;
    let again = world.get(&format!("/v1/stream?{query}")).send().await;
    again.refuses(401, "invalid-token").blames("ticket");
    world.ask("POST", "/v1/stream/tickets").send().await.refuses(401, "unauthenticated");
}
