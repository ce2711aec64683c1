//! Connections that end while something else is under way.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::client::{Hears, Open, Socket};
use crate::support::{Person, World};

const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing is held up that must not wait.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A connection with hardly any room for what was not read.
async fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(addr).await.unwrap()
}

/// More than fits into all buffers between two, and what may wait besides: 12 MB.
async fn flood(world: &World, by: &Person, chat: &str) {
    let text = "\u{1F980}".repeat(10_000);
    for _ in 0..300 {
        assert_eq!(world.say(by, chat, &text).await.status, 201);
    }
}

#[tokio::test]
async fn who_takes_nothing_is_dropped_and_told_why() {
    let world = World::with(&[("PARLANCE_MESSAGE_INTERVAL_MS", "0")]).await;
    let (ada, ben, chat) = world.pair().await;
    let mut stream = narrow(world.addr).await;
    let bearer = format!("authorization: Bearer {}\r\nconnection: close\r\n\r\n", ben.token);
    let request = format!("GET /v1/stream HTTP/1.1\r\nhost: x\r\n{bearer}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let socket = Open::at(world.addr).by(&ben).socket_over(narrow(world.addr).await);
    let (mut socket, _) = socket.await;
    let (mut other, _) = Open::at(world.addr).by(&ben).socket().await;
    let taking = tokio::spawn(async move {
        let mut count = 0;
        while count < 300 {
            count += usize::from(other.next().await["type"] == "message");
        }
        other
    });
    flood(&world, &ada, &chat).await;
    timeout(PATIENCE, taking).await.expect("who takes it is told all").unwrap();

    let mut heard = String::new();
    let reading = timeout(PATIENCE, stream.read_to_string(&mut heard)).await;
    reading.expect("the stream ends").unwrap();
    let last = heard.rsplit("event: ").next().unwrap_or_default();
    assert!(last.starts_with("end\n") && last.contains("\"reason\":\"slow_consumer\""), "{last}");
    assert!(heard.matches("event: message\n").count() < 300, "the stream was told all");

    let mut told = 0;
    let end = loop {
        let next = socket.next().await;
        if next["type"] == "end" {
            break next;
        }
        told += usize::from(next["type"] == "message");
    };
    assert_eq!(end["reason"], "slow_consumer");
    assert!(told < 300, "the socket was told all");
    assert_eq!(socket.receive().await, None);
    assert_eq!(socket.closed, Some((1013, "slow_consumer".to_owned())));
}

#[tokio::test]
async fn a_session_ends_for_one_that_catches_up() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ben, &chat, "one").await.position();
    world.read(&ada, &format!("/v1/chats/{chat}/messages"), said).await;
    let lock = world.database.lock("read.messages").await;
    let (mut socket, _) = Open::at(world.addr).by(&ada).since("1").socket().await;
    let (mut stream, _) = Open::at(world.addr).by(&ada).since("1").stream().await;
    let logout = json!({ "refresh_token": ada.refresh_token });
    assert_eq!(world.post("/v1/auth/logout", &logout).send().await.status, 204);
    let ends = async { (socket.end().await, stream.end().await) };
    let (one, other) = timeout(AT_ONCE, ends).await.expect("neither waits for what was missed");
    assert_eq!((&one["reason"], &other["reason"]), (&json!("session_revoked"), &one["reason"]));
    lock.close().await.unwrap();
}

#[tokio::test]
async fn what_was_asked_before_the_process_stops_is_answered() {
    let world = World::new().await;
    let (ada, _ben, chat) = world.pair().await;
    let (mut socket, _) = Open::at(world.addr).by(&ada).socket().await;
    let lock = world.database.lock("events").await;
    let send = json!({ "type": "send", "request_id": "last", "chat_id": chat,
        "message": { "text": "the last" } });
    socket.send(&send.to_string()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(world.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    lock.close().await.unwrap();
    let (answer, end) = answer_and_end(&mut socket).await;
    assert_eq!((&answer["status"], &answer["body"]["number"]), (&json!(201), &json!(1)));
    assert_eq!(end["reason"], "draining");
    stopping.await.unwrap();
}

async fn answer_and_end(socket: &mut Socket) -> (Value, Value) {
    let answer = socket.next().await;
    assert_eq!((&answer["type"], &answer["request_id"]), (&json!("answer"), &json!("last")));
    (answer, socket.end().await)
}
