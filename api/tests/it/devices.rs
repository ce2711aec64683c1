//! Devices, and what is pushed to them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::serve::ServeRole;
use serde_json::{Value, json};
use testing::{Behaviour, PushDouble, Received};

use crate::support::{Database, Person, World, master_key};

const PHONE: &str = "0190f6f4-7c1e-7b1a-8f7e-0000000000d1";
const TABLET: &str = "0190f6f4-7c1e-7b1a-8f7e-0000000000d2";

const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

fn path(device: &str) -> String {
    format!("/v1/devices/{device}")
}

fn android(token: &str) -> Value {
    json!({ "platform": "android", "token": token })
}

fn browser(endpoint: &str) -> Value {
    let keys = json!({ "p256dh": P256DH, "auth": AUTH });
    let subscription = json!({ "endpoint": endpoint, "expirationTime": null, "keys": keys });
    json!({ "platform": "web", "subscription": subscription })
}

async fn devices(world: &World, by: &Person) -> Vec<Value> {
    let list = world.read(by, "/v1/devices", 0).await;
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_device_is_registered_shown_and_removed() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let position = world.done(&ada, world.put(&path(PHONE), &android("t"))).await;
    let list = world.read(&ada, "/v1/devices", position).await;
    let device = &list["items"][0];
    let expected = json!({
        "device_id": PHONE,
        "platform": "android",
        "is_current": true,
        "registered_at": device["registered_at"],
        "refreshed_at": device["registered_at"],
    });
    assert_eq!(list["items"], json!([expected]));
    let again = world.done(&ada, world.put(&path(PHONE), &android("t"))).await;
    assert!(again >= position);

    // From another session it is another's.
    let elsewhere = world.again(&ada).await;
    assert_eq!(devices(&world, &elsewhere).await[0]["is_current"], false);
    let installation = json!({ "platform": "ios", "installation_id": "i" });
    world.done(&elsewhere, world.put(&path(TABLET), &installation)).await;
    assert_eq!(devices(&world, &ada).await.len(), 2);

    for _ in 0..2 {
        world.done(&ada, world.delete(&path(PHONE))).await;
        let left = devices(&world, &ada).await;
        assert_eq!((left.len(), &left[0]["device_id"]), (1, &json!(TABLET)));
    }
}

#[tokio::test]
async fn nobody_sees_or_removes_the_devices_of_others() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    world.done(&ada, world.put(&path(PHONE), &android("t"))).await;
    world.done(&ben, world.delete(&path(PHONE))).await;
    assert!(devices(&world, &ben).await.is_empty());
    assert_eq!(devices(&world, &ada).await.len(), 1);
    // Unless the phone is theirs now.
    world.done(&ben, world.put(&path(PHONE), &android("t"))).await;
    assert_eq!((devices(&world, &ada).await.len(), devices(&world, &ben).await.len()), (0, 1));
}

#[tokio::test]
async fn signing_out_removes_the_devices_of_the_session() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let elsewhere = world.again(&ada).await;
    world.done(&ada, world.put(&path(PHONE), &android("a"))).await;
    world.done(&elsewhere, world.put(&path(TABLET), &android("b"))).await;
    let body = json!({ "refresh_token": ada.refresh_token });
    assert_eq!(world.post("/v1/auth/logout", &body).send().await.status, 204);
    let left = devices(&world, &elsewhere).await;
    assert_eq!((left.len(), &left[0]["device_id"]), (1, &json!(TABLET)));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_with_its_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut short = browser("https://fcm.googleapis.com/x");
    short["subscription"]["keys"]["auth"] = json!("AAAA");
    let mut compressed = browser("https://fcm.googleapis.com/x");
    compressed["subscription"]["keys"]["p256dh"] = json!("AAAA");
    let internal = "http://169.254.169.254/latest";
    let cases = [
        (android(""), 422, "invalid-push-address", "token"),
        (android("a b"), 422, "invalid-push-address", "token"),
        (short, 422, "invalid-push-address", "subscription.keys.auth"),
        (compressed, 422, "invalid-push-address", "subscription.keys.p256dh"),
        (browser(internal), 422, "foreign-push-service", "subscription.endpoint"),
        (
            browser("https://push.evil.example/x"),
            422,
            "foreign-push-service",
            "subscription.endpoint",
        ),
        (json!({ "platform": "android" }), 400, "invalid-request", "token"),
        (json!({ "platform": "car", "token": "t" }), 400, "invalid-request", "platform"),
        (
            json!({ "platform": "ios", "token": "t", "installation_id": "i" }),
            400,
            "invalid-request",
            "installation_id",
        ),
        (json!({ "token": "t" }), 400, "invalid-request", "platform"),
    ];
    for (body, status, code, field) in cases {
        let answer = world.put(&path(PHONE), &body).by(&ada).send().await;
        answer.refuses(status, code).blames(field);
    }
    let answer = world.put(&path("phone"), &android("t")).by(&ada).send().await;
    answer.refuses(400, "invalid-request").blames("device_id");
    assert!(devices(&world, &ada).await.is_empty());
    for endpoint in ["https://fcm.googleapis.com/x", "https://web.push.apple.com/x"] {
        world.done(&ada, world.put(&path(PHONE), &browser(endpoint))).await;
    }
}

#[tokio::test]
async fn preferences_are_changed_one_by_one() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let mut expected = json!({
        "enabled": true,
        "messages": true,
        "reactions": false,
        "previews": false,
        "quiet_hours": null,
        "web_push_key": null,
    });
    assert_eq!(world.read(&ada, "/v1/me/push", 0).await, expected);
    let night = json!({ "start": "22:30", "end": "07:00", "time_zone": "Europe/Brussels" });
    for (change, member, value) in [
        (json!({ "previews": true }), "previews", json!(true)),
        (json!({ "quiet_hours": night }), "quiet_hours", night.clone()),
        (json!({ "reactions": true }), "reactions", json!(true)),
        (json!({ "quiet_hours": null }), "quiet_hours", Value::Null),
        (json!({ "enabled": false, "messages": null }), "enabled", json!(false)),
        (json!({}), "enabled", json!(false)),
    ] {
        expected[member] = value;
        let answer = world.patch("/v1/me/push", &change).by(&ada).send().await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{change}");
        assert_eq!(world.read(&ada, "/v1/me/push", answer.position()).await, expected);
    }
    let hours = |start: &str, end: &str, zone: &str| json!({ "quiet_hours": { "start": start, "end": end, "time_zone": zone } });
    let cases = [
        (hours("22:00", "22:00", "UTC"), 422, "invalid-quiet-hours", "quiet_hours.end"),
        (hours("22:00", "07:00", "Moon/Base"), 422, "invalid-time-zone", "quiet_hours.time_zone"),
        (hours("24:00", "07:00", "UTC"), 400, "invalid-request", "quiet_hours.start"),
        (json!({ "loud": true }), 400, "invalid-request", "loud"),
    ];
    for (body, status, code, field) in cases {
        let answer = world.patch("/v1/me/push", &body).by(&ada).send().await;
        answer.refuses(status, code).blames(field);
    }
    assert_eq!(world.read(&ada, "/v1/me/push", 0).await, expected);
}

#[tokio::test]
async fn a_position_beyond_the_log_is_not_waited_for() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    for path in ["/v1/devices", "/v1/me/push"] {
        let answer = world.get(path).by(&ada).at(1_000_000).send().await;
        answer.refuses(503, "read-model-behind").blames("Parlance-Min-Position");
    }
}

/// From the request of a sender to what Google is sent, through a whole Parlance.
#[tokio::test]
async fn a_message_reaches_the_phone_of_its_recipient() {
    let double = PushDouble::start().await;
    let credentials = double.credentials().display().to_string();
    let settings = [
        ("FCM_CREDENTIALS", credentials.as_str()),
        ("FCM_ENDPOINT", &double.url()),
        ("WEB_PUSH_CONTACT", "mailto:operator@parlance.example"),
    ];
    let world = World::with(&settings).await;
    let (ada, ben, chat) = world.pair().await;
    world.done(&ben, world.put(&path(PHONE), &android("bens"))).await;
    let said = world.say(&ada, &chat, "Hello, Ben!").await;
    let received = until_received(&double, 1).await;
    let data = received[0].message["data"].clone();
    assert_eq!(data["title"], "The ada sent you a new message");
    assert_eq!(
        (&data["reference_id"], &data["reference_username"]),
        (&json!(ada.id), &json!("ada"))
    );
    // What was tapped is there: the position makes its answer wait until it is.
    let position = data["position"].as_str().unwrap().parse().unwrap();
    let message = format!("/v1/chats/{chat}/messages/{}", data["message_id"].as_str().unwrap());
    let read = world.read(&ben, &message, position).await;
    assert_eq!(
        (&read["text"], &read["message_id"]),
        (&json!("Hello, Ben!"), &said.body["message_id"])
    );
    let key = world.read(&ben, "/v1/me/push", 0).await["web_push_key"].clone();
    assert_eq!(key.as_str().map(str::len), Some(87));
    let metrics = String::from_utf8(world.get("/metrics").send().await.bytes.to_vec()).unwrap();
    let counted = r#"parlance_pushes_total{service="fcm",outcome="accepted",code="ok"}"#;
    assert!(metrics.contains(counted), "{metrics}");
}

/// Waits until Ben's phone has been sent so many.
async fn until_received(double: &PushDouble, count: usize) -> Vec<Received> {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let received = double.received_by("bens");
        if received.len() >= count {
            return received;
        }
        assert!(Instant::now() < give_up, "{} of {count} were pushed", received.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A process of its own that pushes, until it is killed.
struct Worker(Child);

impl Worker {
    fn start(database: &Database, double: &PushDouble) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_parlance"))
            .args(["serve", "--roles", "policies"])
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("PARLANCE_MASTER_KEY", master_key())
            .env("PARLANCE_ADDR", "127.0.0.1:0")
            .env("PARLANCE_FILES_DIR", database.files.path())
            .env("FCM_CREDENTIALS", double.credentials())
            .env("FCM_ENDPOINT", double.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Worker {
    /// `kill -9`
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn a_process_killed_between_sending_and_noting_sends_nothing_twice() {
    let double = PushDouble::start().await;
    let roles = [ServeRole::Api, ServeRole::Projectors];
    let world = World::start(Database::fresh().await, &roles, None).await;
    let (ada, ben, chat) = world.pair().await;
    world.done(&ben, world.put(&path(PHONE), &android("bens"))).await;
    double.answer("bens", [Behaviour::Hang]);
    let worker = Worker::start(&world.database, &double);
    world.say(&ada, &chat, "once").await;
    let first = until_received(&double, 1).await[0].message["data"].clone();
    drop(worker);

    let _worker = Worker::start(&world.database, &double);
    tokio::time::sleep(Duration::from_secs(5)).await; // its lease has passed, and it looks every 250 ms
    world.say(&ada, &chat, "next").await;
    let received = until_received(&double, 2).await;
    let next = &received[1].message["data"];
    assert_ne!(next["effect_id"], first["effect_id"]);
    assert_eq!((&next["number"], received.len()), (&json!("2"), 2));
}
