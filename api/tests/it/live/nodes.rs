//! Any process serves anybody: processes meet over NATS, and without it in the database.

use serde_json::json;
use testing::NatsServer;

use super::client::{Hears, Open};
use crate::support::{Another, Ask, Database, Person, World};
use api::serve::ServeRole;
use clap::ValueEnum;

struct Two {
    world: World,
    other: Another,
    ada: Person,
    ben: Person,
    chat: String,
}

impl Two {
    async fn start(nats: Option<&NatsServer>) -> Self {
        let roles = ServeRole::value_variants();
        let world = World::start(Database::fresh().await, roles, nats).await;
        let other = world.another(nats).await;
        let (ada, ben, chat) = world.pair().await;
        Self { world, other, ada, ben, chat }
    }

    /// Sends by the other process.
    async fn say_elsewhere(&self, text: &str) -> i64 {
        let path = format!("/v1/chats/{}/messages", self.chat);
        let ask = Ask::new(self.other.addr, "POST", &path).json(&json!({ "text": text }));
        let answer = ask.by(&self.ada).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.position()
    }
}

/// Messages, typing, presence and the end of a session pass from one to the other.
async fn everything_passes(nats: Option<&NatsServer>) {
    let two = Two::start(nats).await;
    let (here, there) = (two.world.addr, two.other.addr);
    let (mut his, _) = Open::at(here).by(&two.ben).socket().await;
    two.say_elsewhere("hello").await;
    let heard = his.up_to("hello").await;
    assert_eq!(heard.len(), 2, "{heard:?}");

    // Goes on at the other, where it left off here.
    let (mut moved, _) =
        Open::at(there).by(&two.ben).since(heard[1]["id"].as_str().unwrap()).stream().await;
    two.world.say(&two.ada, &two.chat, "and on").await;
    let on: Vec<_> = moved.up_to("and on").await;
    let kinds: Vec<_> = on.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert!(kinds.ends_with(&["chat", "message"]), "{kinds:?}");
    assert!(!on.iter().any(|it| it["message"]["text"] == "hello"), "{on:?}");

    let watch = json!({ "type": "watch", "account_ids": [two.ada.id] });
    assert_eq!(his.ask(watch).await["status"], 204);
    assert_eq!(his.next_of("presence").await["online"], false);
    let (ada, _) = Open::at(there).by(&two.ada).socket().await;
    assert_eq!(his.next_of("presence").await["online"], true);
    drop(ada);
    assert_eq!(his.next_of("presence").await["online"], false);

    let logout = json!({ "refresh_token": two.ben.refresh_token });
    let logout = Ask::new(there, "POST", "/v1/auth/logout").json(&logout);
    assert_eq!(logout.send().await.status, 204);
    assert_eq!(his.end().await["reason"], "session_revoked");
    two.other.stop().await;
}

#[tokio::test]
async fn everything_passes_from_one_to_the_other_by_nats() {
    let nats = NatsServer::start().await;
    Box::pin(everything_passes(Some(&nats))).await;
}

/// Only typing does not: nobody could be asked for it.
#[tokio::test]
async fn without_nats_what_lasts_passes_by_the_database() {
    Box::pin(everything_passes(None)).await;
}

#[tokio::test]
async fn typing_passes_by_nats() {
    let nats = NatsServer::start().await;
    let two = Two::start(Some(&nats)).await;
    let (mut his, _) = Open::at(two.other.addr).by(&two.ben).socket().await;
    let path = format!("/v1/chats/{}/typing", two.chat);
    let typing = json!({ "typing": true });
    // The bus of a process that has just started may not hear yet.
    for attempt in 0.. {
        two.world.put(&path, &typing).by(&two.ada).send().await;
        let patience = std::time::Duration::from_millis(200);
        if let Ok(heard) = tokio::time::timeout(patience, his.next_of("typing")).await {
            assert_eq!(heard["account_id"], two.ada.id);
            break;
        }
        assert!(attempt < 50, "typing is not heard");
    }
    two.other.stop().await;
}

/// NATS dies and comes back; nothing is lost, doubled or out of order.
#[tokio::test]
async fn messages_pass_while_nats_is_away_and_when_it_is_back() {
    let mut nats = NatsServer::start().await;
    let two = Two::start(Some(&nats)).await;
    let (mut his, _) = Open::at(two.world.addr).by(&two.ben).stream().await;
    let mut numbers = vec![];
    for round in 0..6 {
        match round {
            2 => nats.kill().await,
            4 => nats.restart().await,
            _ => {}
        }
        for number in 0..5 {
            two.say_elsewhere(&format!("{round}.{number}")).await;
        }
        let heard = his.up_to(&format!("{round}.4")).await;
        numbers.extend(heard.iter().filter_map(|it| it["message"]["number"].as_i64()));
    }
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    two.other.stop().await;
}
