//! The gateway: decided once, recorded once, answered the same.

use std::collections::BTreeSet;

use commands::{CommandError, OpenChatError, open_chat};
use domain::ChatId;
use domain::chat::{Chat, ChatCommand, ChatError};
use eventlog::{Position, read};
use testing::TestDatabase;

use crate::node::{ALICE, BOB, MALLORY, Node, chat_id, message, number};

#[tokio::test]
async fn a_command_answers_with_what_it_recorded() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    assert_eq!(node.open().await.position, Position(1));
    let sent = node.send(ALICE, message(1), "hello", None).await.expect("sent");
    assert_eq!((number(&sent), sent.position), (1, Position(2)));
}

#[tokio::test]
async fn a_repeated_command_changes_nothing_and_tells_a_position_that_shows_it() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    let first = node.send(ALICE, message(1), "hello", None).await.expect("sent");
    let again = node.send(ALICE, message(1), "hello", None).await.expect("harmless");
    assert!(again.events.is_empty());
    assert!(again.position >= first.position);
    assert!(node.open().await.events.is_empty());
    assert_eq!(node.events().await, 2);
}

#[tokio::test]
async fn a_refused_command_leaves_nothing() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    let absent = node.send(ALICE, message(1), "hello", Some("k")).await;
    assert!(matches!(absent, Err(CommandError::Rule(ChatError::NotFound))));
    node.open().await;
    let stranger = node.send(MALLORY, message(1), "hello", None).await;
    assert!(matches!(stranger, Err(CommandError::Rule(ChatError::NotAMember(MALLORY)))));
    assert_eq!(node.events().await, 1);
    // The refused key is free: nothing was recorded under it.
    assert!(node.send(ALICE, message(1), "hello", Some("k")).await.is_ok());
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer_for_ever() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    let first = node.send(ALICE, message(1), "hello", Some("k")).await.expect("sent");
    node.send(BOB, message(2), "hi", Some("k")).await.expect("another caller's key is another key");
    for node in [node.clone(), Node::start(&database)] {
        // Even with another message id: the key stands for the first request.
        let again = node.send(ALICE, message(9), "hello", Some("k")).await.expect("replayed");
        assert!(again.replayed);
        assert_eq!((&again.events, again.position), (&first.events, first.position));
        let other = node.send(ALICE, message(1), "other", Some("k")).await;
        assert!(matches!(other, Err(CommandError::KeyReused)));
    }
    assert_eq!(node.events().await, 3);
}

#[tokio::test]
async fn a_key_of_a_command_that_changed_nothing_is_remembered_too() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    let first = node.send(ALICE, message(1), "hello", None).await.expect("sent");
    let same = node.send(ALICE, message(1), "hello", Some("k")).await.expect("harmless");
    assert!(same.events.is_empty() && !same.replayed);
    let again = node.send(ALICE, message(2), "hello", Some("k")).await.expect("replayed");
    assert!(again.events.is_empty() && again.replayed);
    assert_eq!(again.position, first.position);
    assert_eq!(node.events().await, 2);
}

#[tokio::test]
async fn one_key_at_once_from_two_nodes_has_one_effect() {
    let database = TestDatabase::create().await;
    let nodes = [Node::start(&database), Node::start(&database)];
    nodes[0].open().await;
    for round in 0..10 {
        let key = format!("key {round}");
        let attempts = (0..8).map(|attempt| {
            let (node, key) = (nodes[attempt % 2].clone(), key.clone());
            let id = message(1_000 + round * 8 + attempt as u128);
            tokio::spawn(async move { node.send(ALICE, id, "hello", Some(&key)).await })
        });
        let mut numbers = BTreeSet::new();
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.expect("no panic") {
                Ok(executed) => _ = numbers.insert(number(&executed)),
                Err(error) => assert!(matches!(error, CommandError::KeyInFlight), "{error}"),
            }
        }
        assert_eq!(numbers.len(), 1, "one message a key");
    }
    assert_eq!(nodes[0].events().await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_chat_number_every_message_once() {
    let database = TestDatabase::create().await;
    let nodes = [Node::start(&database), Node::start(&database)];
    nodes[0].open().await;
    let sends = (0..200_u128).map(|it| {
        let node = nodes[it as usize % 2].clone();
        let sender = if it % 3 == 0 { ALICE } else { BOB };
        tokio::spawn(async move {
            loop {
                match node.send(sender, message(it), "x", None).await {
                    Ok(executed) => return number(&executed),
                    Err(CommandError::Conflict) => {} // the caller is told to try again, and does
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    let mut numbers = BTreeSet::new();
    for send in sends.collect::<Vec<_>>() {
        numbers.insert(send.await.expect("sent"));
    }
    assert_eq!(numbers, (1..=200).collect());
    assert_eq!(nodes[0].events().await, 201);
}

#[tokio::test]
async fn a_stale_cache_neither_refuses_wrongly_nor_accepts_wrongly() {
    let database = TestDatabase::create().await;
    let (here, there) = (Node::start(&database), Node::start(&database));
    here.open().await;
    there.send(ALICE, message(1), "x", None).await.expect("sent"); // `there` has the chat in memory
    here.chat(ChatCommand::Deactivate { now: here.clock.now() }).await.expect("deactivated");
    let refused = there.send(ALICE, message(2), "x", None).await;
    assert!(matches!(refused, Err(CommandError::Rule(ChatError::Inactive))));
    here.chat(ChatCommand::Reactivate { now: here.clock.now() }).await.expect("reactivated");
    assert!(there.send(ALICE, message(2), "x", None).await.is_ok());
}

#[tokio::test]
async fn claims_decide_between_two_nodes() {
    let database = TestDatabase::create().await;
    let (here, there) = (Node::start(&database), Node::start(&database));
    let (one, other) = tokio::join!(
        here.register(ALICE, "sam", "a@example.com"),
        there.register(BOB, "SAM", "b@example.com")
    );
    let refused = [&one, &other]
        .into_iter()
        .filter(|it| matches!(it, Err(CommandError::ClaimHeld { scope: "username" })));
    assert_eq!(refused.count(), 1, "{one:?} {other:?}");
    let same_email = here.register(MALLORY, "mallory", "A@Example.com").await;
    let taken = matches!(same_email, Err(CommandError::ClaimHeld { scope: "email" }));
    assert_eq!(taken, one.is_ok(), "only a registered account holds its address");
}

#[tokio::test]
async fn a_chat_needs_somebody_to_chat_with() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.register(ALICE, "alice", "a@example.com").await.expect("registered");
    let (context, now) = (commands::Context::default(), node.clock.now());
    let nobody = open_chat(&node.gateway, ALICE, BOB, now, &context).await;
    assert!(matches!(nobody, Err(OpenChatError::UnknownAccount)));
    let alone = open_chat(&node.gateway, ALICE, ALICE, now, &context).await;
    assert!(matches!(alone, Err(OpenChatError::Chat(CommandError::Rule(ChatError::SameMember)))));
    node.register(BOB, "bob", "b@example.com").await.expect("registered");
    let (one, other) = tokio::join!(
        open_chat(&node.gateway, ALICE, BOB, now, &context),
        open_chat(&node.gateway, BOB, ALICE, now, &context)
    );
    let opened = one.expect("opened").events.len() + other.expect("opened").events.len();
    assert_eq!(opened, 1, "two who open at once meet in one chat");
}

#[tokio::test]
async fn a_snapshot_is_written_and_equals_the_fold() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    for it in 0..250 {
        node.send(ALICE, message(it), "x", None).await.expect("sent");
    }
    let saved = async {
        loop {
            let version = "SELECT max(version) FROM snapshots";
            let version: Option<i64> =
                sqlx::query_scalar(version).fetch_one(&node.db).await.expect("a row");
            if version == Some(200) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), saved).await.expect("it is saved");
    let fresh = Node::start(&database);
    let known = |chat: &Chat| (0..250).all(|it| chat.number_of(message(it)).is_some());
    assert!(fresh.gateway.inspect(&chat_id(), known).await.expect("it loads"));
    let sent = fresh.send(BOB, message(999), "x", None).await.expect("sent");
    assert_eq!(number(&sent), 251);
    assert_eq!(read::head(&node.db).await.expect("a head"), Position(252));
    assert_eq!(ChatId::between(BOB, ALICE).to_string(), chat_id());
}
