//! Browsers, whose messages somebody else's program reads.

use chrono::TimeDelta;
use serde_json::{Value, json};
use testing::{Behaviour, Received, variable};
use tokio::process::Command;

use super::Pushing;
use crate::node::{ALICE, BOB};

/// The private key of the browser of RFC 8291, section 5.
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";

/// Reads the message with `http_ece`, and the proof of who sent it with `PyJWT`.
const READER: &str = r#"
import base64, json, sys
import http_ece, jwt
from cryptography.hazmat.primitives.asymmetric import ec

def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

given = json.load(sys.stdin)
private = ec.derive_private_key(int.from_bytes(decode(given["private"]), "big"), ec.SECP256R1())
plain = http_ece.decrypt(bytes(given["body"]), private_key=private,
                         auth_secret=decode(given["auth"]), version="aes128gcm")
scheme, parameters = given["authorization"].split(" ", 1)
parameters = dict(it.strip().split("=", 1) for it in parameters.split(","))
public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(parameters["k"]))
claims = jwt.decode(parameters["t"], public, algorithms=["ES256"], audience=given["origin"])
print(json.dumps({"message": json.loads(plain), "scheme": scheme, "key": parameters["k"],
                  "claims": claims}))
"#;

#[tokio::test]
async fn a_browser_reads_what_it_is_sent() {
    let world = Pushing::new().await;
    world.browser("bobs").await;
    world.allow_previews().await;
    let _policies = world.run_policies();
    let sent = world.say("Grüße aus Gent 👋").await;
    let received = world.until_received("bobs", 1).await[0].clone();
    let headers = &received.message;
    assert_eq!((&headers["ttl"], &headers["urgency"]), (&json!("2419200"), &json!("high")));
    let topic = domain::ChatId::between(ALICE, BOB).0.simple().to_string();
    assert_eq!(headers["topic"], topic.as_str());

    let read = read(&world, &received).await;
    let message = &read["message"];
    assert_eq!(message["title"], "Alice sent you a new message");
    assert_eq!(message["body"], "Grüße aus Gent 👋");
    assert_eq!(message["message_id"], json!(sent.id));
    assert_eq!(read["scheme"], "vapid");
    assert_eq!(read["key"].as_str(), world.push.web_push_key());
    assert_eq!(read["claims"]["sub"], "mailto:operator@parlance.example");
}

#[tokio::test]
async fn a_browser_is_told_nothing_of_what_was_said_unless_that_is_allowed() {
    let world = Pushing::new().await;
    world.browser("bobs").await;
    let _policies = world.run_policies();
    world.say("a secret").await;
    let received = world.until_received("bobs", 1).await[0].clone();
    let message = read(&world, &received).await["message"].clone();
    assert_eq!(message["title"], "Alice sent you a new message");
    assert!(!message.to_string().contains("a secret"), "{message}");
}

#[tokio::test]
async fn the_key_stays_for_ever() {
    let mut keys = vec![];
    let world = Pushing::new().await;
    for _ in 0..2 {
        let settings = commands::PushSettings {
            web_push_contact: Some("https://parlance.example".to_owned()),
            ..commands::PushSettings::default()
        };
        let master = testing::master_key();
        let push = commands::Push::open(settings, &world.db(), &master, &world.node.clock).await;
        keys.push(push.expect("it opens").web_push_key().map(str::to_owned));
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0].as_deref(), world.push.web_push_key());
}

#[tokio::test]
async fn a_browser_that_has_unsubscribed_is_removed() {
    for behaviour in [Behaviour::Gone, Behaviour::Invalid] {
        let world = Pushing::new().await;
        world.browser("bobs").await;
        world.double.answer("bobs", [behaviour]);
        let _policies = world.run_policies();
        world.say("1").await;
        world.until("removed", async || world.devices(BOB).await.is_empty()).await;
        world.until("recorded", async || world.removals().await == ["gone"]).await;
    }
}

#[tokio::test]
async fn a_busy_push_service_is_waited_for_and_a_forbidden_one_is_not_asked_again() {
    let world = Pushing::new().await;
    world.browser("bobs").await;
    world.double.answer("bobs", [Behaviour::Quota(Some(90)), Behaviour::Unavailable(None)]);
    let _policies = world.run_policies();
    world.say("1").await;
    world.until("refused", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(80));
    world.arrived("bobs", 1).await;
    world.pass(TimeDelta::seconds(11));
    world.until_received("bobs", 2).await;
    world.until("noted", async || world.effects("waiting").await == 1).await;
    world.pass(TimeDelta::seconds(20));
    assert!(world.until_received("bobs", 3).await[2].accepted);

    world.pass(TimeDelta::seconds(4));
    world.double.answer("bobs", [Behaviour::Mismatch]);
    world.say("2").await;
    world.until("refused", async || world.effects("failed").await == 1).await;
    world.arrived("bobs", 4).await;
    assert_eq!(world.devices(BOB).await.len(), 1);
}

/// What a browser makes of it.
async fn read(world: &Pushing, received: &Received) -> Value {
    let given = json!({
        "private": PRIVATE,
        "auth": super::world::AUTH,
        "body": received.body.to_vec(),
        "authorization": received.message["authorization"],
        "origin": world.double.url(),
    });
    python(READER, &given).await
}

/// Runs Python on `given`; returns the JSON that it prints.
pub(crate) async fn python(script: &str, given: &Value) -> Value {
    let mut python = Command::new(variable("PARLANCE_TEST_PYTHON"));
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("given.json");
    std::fs::write(&file, given.to_string()).expect("it is written");
    let input = std::fs::File::open(&file).expect("it is there");
    let output = python.arg("-c").arg(script).stdin(input).output().await;
    let output = output.expect("PARLANCE_TEST_PYTHON is a Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
