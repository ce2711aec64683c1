//! Clients that are none of ours.

use std::process::Command;

use serde_json::{Value, json};
use testing::variable;

use crate::operators::{output, stderr};
use crate::support::World;

#[tokio::test]
async fn clients_of_others_understand_streams_and_sockets() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let mut python = Command::new(variable("PARLANCE_TEST_PYTHON"));
    python.args(["-c", include_str!("peers.py")]);
    python.arg(world.addr.to_string()).args([&ada.token, &ben.token, &chat]);
    let output = output(python).await;
    let seen: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let expected = json!({
        "stream begins": true,
        "answer": 201,
        "told": "one",
        "stream goes on": false,
        "told later": ["two"],
        "closed": 1000,
        "too long": 1009,
        "refused": [401, "invalid-token"],
    });
    assert_eq!(seen, expected);
}
