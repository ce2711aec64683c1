//! The bus: heard here at once, by others through NATS, and lost without harm.

use std::time::Duration;

use eventlog::bus::{Bus, Listener, Note};
use eventlog::nats;
use serde::{Deserialize, Serialize};
use testing::NatsServer;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Typing {
    who: u32,
}

impl Note for Typing {
    const TOPIC: &'static str = "typing";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gone {
    who: String,
}

impl Note for Gone {
    const TOPIC: &'static str = "gone";
}

/// The bus of one process.
async fn process(nats: &NatsServer) -> Bus {
    let client = nats::connect_bus(&nats.url()).await.expect("a client");
    let (bus, following) = Bus::new(Some(client), CancellationToken::new());
    tokio::spawn(following);
    bus
}

async fn next<N: Note>(listener: &mut Listener<N>) -> N {
    timeout(PATIENCE, listener.next()).await.expect("a note")
}

/// Tells until it is heard: whoever subscribes late misses what was told before.
async fn until_heard(from: &Bus, by: &mut Listener<Typing>, who: u32) {
    let hears = async {
        loop {
            from.tell(&Typing { who });
            if timeout(Duration::from_millis(50), by.next()).await == Ok(Typing { who }) {
                return;
            }
        }
    };
    timeout(PATIENCE, hears).await.expect("it is heard");
}

#[tokio::test]
async fn a_note_is_heard_in_its_own_process_once_and_under_its_topic() {
    let (alone, following) = Bus::new(None, CancellationToken::new());
    following.await;
    let nats = NatsServer::start().await;
    for bus in [alone, process(&nats).await] {
        let (mut typing, mut gone) = (bus.listen::<Typing>(), bus.listen::<Gone>());
        bus.tell(&Typing { who: 1 });
        bus.tell(&Gone { who: "2".to_owned() });
        bus.tell(&Typing { who: 3 });
        assert_eq!(next(&mut typing).await, Typing { who: 1 });
        assert_eq!(next(&mut typing).await, Typing { who: 3 });
        assert_eq!(next(&mut gone).await, Gone { who: "2".to_owned() });
        // Neither what is told under another topic, nor what comes back from the server.
        assert!(timeout(Duration::from_millis(200), typing.next()).await.is_err());
    }
}

#[tokio::test]
async fn other_processes_hear_it_and_hear_again_once_the_server_is_back() {
    let mut nats = NatsServer::start().await;
    let (one, other) = (process(&nats).await, process(&nats).await);
    let mut heard = other.listen::<Typing>();
    until_heard(&one, &mut heard, 1).await;

    nats.kill().await;
    // Telling does not wait for a server that is away, and is heard here all the same.
    let mut here = one.listen::<Typing>();
    for who in 0..10_000 {
        one.tell(&Typing { who });
    }
    sleep(Duration::from_millis(1)).await;
    assert!(next(&mut here).await.who > 0, "the oldest are missed: nobody listened");
    nats.restart().await;
    until_heard(&one, &mut heard, 20_000).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_skipped() {
    #[derive(Serialize, Deserialize)]
    struct TypingOfAnotherVersion {
        whoever: String,
    }
    impl Note for TypingOfAnotherVersion {
        const TOPIC: &'static str = Typing::TOPIC;
    }
    let (bus, _) = Bus::new(None, CancellationToken::new());
    let mut typing = bus.listen::<Typing>();
    bus.tell(&TypingOfAnotherVersion { whoever: "it is".to_owned() });
    bus.tell(&Typing { who: 4 });
    assert_eq!(next(&mut typing).await, Typing { who: 4 });
}
