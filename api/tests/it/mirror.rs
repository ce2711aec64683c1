//! The mirror in Firestore, from outside: tokens for apps, commands for operators, and processes that
//! take over from each other.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testing::{
    FirestoreCode, FirestoreDouble, FirestoreEmulator, FirestoreValue, FirestoreValueType,
    SERVICE_ACCOUNT, variable,
};
use tokio::time::sleep;

use crate::operators::{Process, output, parlance, stderr, stdout};
use crate::support::{Database, World};

const PROJECT: (&str, &str) = ("FIRESTORE_PROJECT_ID", "test");

#[tokio::test]
async fn without_a_service_account_there_is_no_token() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let path = "/v1/auth/firebase-token";

    world.ask("POST", path).send().await.refuses(401, "unauthenticated");
    world.ask("POST", path).by(&ada).send().await.refuses(404, "no-firebase");
}

/// By `PyJWT`, with the public half of the key, as Firebase would.
#[tokio::test]
async fn a_token_for_firebase_says_who_somebody_is_for_an_hour() {
    let double = FirestoreDouble::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key.json");
    std::fs::write(&key_file, &SERVICE_ACCOUNT.key_file).unwrap();
    let host = double.host();
    let settings = [
        PROJECT,
        ("FIRESTORE_EMULATOR_HOST", host.as_str()),
        ("FIRESTORE_CREDENTIALS", key_file.to_str().unwrap()),
    ];
    let world = World::with(&settings).await;
    let ada = world.person("ada").await;

    let answer = world.ask("POST", "/v1/auth/firebase-token").by(&ada).send().await;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["expires_in"], 3_600);
    let (header, claims) = decoded(&answer.text("firebase_token"), folder.path()).await;
    assert_eq!(header, json!({ "typ": "JWT", "alg": "RS256", "kid": "0123456789abcdef" }));
    let issued = claims["iat"].as_i64().unwrap();
    let account = "mirror@test.iam.gserviceaccount.com";
    let expected = json!({
        "iss": account,
        "sub": account,
        "aud": "https://identitytoolkit.googleapis.com/\
                google.identity.identitytoolkit.v1.IdentityToolkit",
        "iat": issued,
        "exp": issued + 3_600,
        "uid": ada.id,
        "claims": { "until": issued + 3_600 },
    });
    assert_eq!(claims, expected);

    let logout = json!({ "refresh_token": ada.refresh_token });
    assert_eq!(world.post("/v1/auth/logout", &logout).send().await.status, 204);
    let refused = world.ask("POST", "/v1/auth/firebase-token").by(&ada).send().await;
    refused.refuses(401, "invalid-token");
}

async fn decoded(token: &str, folder: &Path) -> (Value, Value) {
    let key = folder.join("public.pem");
    std::fs::write(&key, &SERVICE_ACCOUNT.public_key).unwrap();
    let script = "import json, jwt, sys
token, key = sys.argv[1], open(sys.argv[2]).read()
audience = 'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit'
required = ['iss', 'sub', 'aud', 'iat', 'exp', 'uid']
claims = jwt.decode(token, key, ['RS256'], {'require': required}, audience=audience)
print(json.dumps([jwt.get_unverified_header(token), claims]))";
    let mut command = Command::new(variable("PARLANCE_TEST_PYTHON"));
    command.args(["-c", script, token]).arg(&key);
    let output = output(command).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// `parlance` as an operator calls it who has set the mirror.
async fn mirrored(database: &Database, host: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = with_mirror(parlance(database, arguments), host);
    command.env("PARLANCE_LOG", "error");
    let output = output(command).await;
    (output.status.code(), stdout(&output) + &stderr(&output))
}

fn with_mirror(mut command: Command, host: &str) -> Command {
    command.env(PROJECT.0, PROJECT.1).env("FIRESTORE_EMULATOR_HOST", host);
    command
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < give_up, "in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn total(double: &FirestoreDouble, chat: &str) -> Option<i64> {
    let document = double.document(&format!("chats/{chat}"))?;
    match document.get("total_messages_count")?.value_type {
        Some(FirestoreValueType::IntegerValue(it)) => Some(it),
        _ => None,
    }
}

#[tokio::test]
async fn operators_compare_and_repair_the_documents() {
    let double = FirestoreDouble::start().await;
    let host = double.host();
    let settings = [PROJECT, ("FIRESTORE_EMULATOR_HOST", host.as_str())];
    let world = World::with(&settings).await;
    let (ada, ben, chat) = world.pair().await;
    world.say(&ada, &chat, "hello").await;
    until("it is mirrored", async || total(&double, &chat) == Some(1)).await;

    let sound = mirrored(&world.database, &host, &["verify", "firestore"]).await;
    assert_eq!(sound, (Some(0), "6 documents; 0 still to be written\nno differences\n".to_owned()));
    until("nothing is left to do", async || {
        let (_, status) = mirrored(&world.database, &host, &["status"]).await;
        assert!(status.lines().any(|it| it.starts_with("firestore ")), "{status}");
        status.ends_with("Firestore: 0 documents to be written, due for 0.0 seconds; 0 parked\n")
    })
    .await;

    double.remove(&format!("users/{}", ben.id));
    let planted =
        FirestoreValue { value_type: Some(FirestoreValueType::StringValue("mallory".to_owned())) };
    let planted = [("username".to_owned(), planted)].into_iter().collect();
    double.plant(&format!("users/{}", ada.id), planted);
    let (code, drifted) = mirrored(&world.database, &host, &["verify", "firestore"]).await;
    assert_eq!(code, Some(1), "{drifted}");
    assert!(drifted.ends_with("2 differences\n") && !drifted.contains("mallory"), "{drifted}");

    let (code, rebuilt) = mirrored(&world.database, &host, &["rebuild", "firestore"]).await;
    let expected = "6 documents compared, 2 written, 0 of them deleted, 0 parked\n";
    assert_eq!((code, rebuilt.as_str()), (Some(0), expected));
    let again = mirrored(&world.database, &host, &["verify", "firestore"]).await;
    assert_eq!(again.0, Some(0), "{}", again.1);

    double.poison(&format!("chats/{chat}"), FirestoreCode::PermissionDenied);
    world.say(&ada, &chat, "refused").await;
    until("it is parked", async || {
        let (_, parked) = mirrored(&world.database, &host, &["parked", "list"]).await;
        parked.contains(&format!(" chat {chat} ["))
            && parked.contains(&format!("] chats/{chat}: PermissionDenied"))
    })
    .await;
    double.cure();
    let retry = ["parked", "retry", "firestore", "chat", &chat];
    let retried = mirrored(&world.database, &host, &retry).await;
    assert_eq!(retried, (Some(0), "1 will be tried again\n".to_owned()));
    until("it is written", async || total(&double, &chat) == Some(2)).await;
}

#[tokio::test]
async fn operators_are_told_when_there_is_no_mirror() {
    let database = Database::fresh().await;
    for arguments in [["verify", "firestore"], ["rebuild", "firestore"]] {
        let output = output(parlance(&database, &arguments)).await;
        assert_eq!(output.status.code(), Some(1));
        let expected = "parlance: FIRESTORE_PROJECT_ID is not set: nothing is mirrored\n";
        assert_eq!(stderr(&output), expected);
    }
    for arguments in [["verify", "firestore"], ["rebuild", "firestore"]] {
        let never_on = mirrored(&database, "127.0.0.1:1", &arguments).await;
        assert!(never_on.1.contains("Firestore was never filled"), "{}", never_on.1);
    }
    let rules = output(parlance(&database, &["firestore", "rules"])).await;
    assert!(stdout(&rules).starts_with("rules_version = '2';"));
}

/// As in production, but for Firestore: on the emulator that any machine can have.
#[tokio::test]
async fn a_whole_parlance_mirrors_to_an_emulator() {
    let emulator = FirestoreEmulator::start().await;
    let host = emulator.host();
    let world = World::with(&[PROJECT, ("FIRESTORE_EMULATOR_HOST", host.as_str())]).await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "hello").await;
    let read = json!({ "up_to": 1 });
    let read = world.put(&format!("/v1/chats/{chat}/read"), &read).by(&ben).at(said.position());
    let read = read.send().await;
    world.until_applied("firestore", read.position()).await;
    let (code, verified) = mirrored(&world.database, &host, &["verify", "firestore"]).await;
    assert_eq!(code, Some(0), "{verified}");
    assert!(verified.starts_with("6 documents; 0 still"), "{verified}");
}

/// The first process is killed between a write and the note of it (SIGKILL): the write arrives, and the
/// second process makes it good.
#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_of_a_write_loses_nothing() {
    let double = FirestoreDouble::start().await;
    let host = double.host();
    let roles = [api::serve::ServeRole::Api];
    let world = World::start(Database::fresh().await, &roles, None).await;
    let serve = || {
        let serve = parlance(&world.database, &["serve", "--roles", "projectors"]);
        Process::of(with_mirror(serve, &host))
    };
    let mut first = serve();
    let (ada, _, chat) = world.pair().await;
    until("it is mirrored", async || total(&double, &chat) == Some(0)).await;
    for round in 1..=3 {
        let (held, go_on) = double.hold();
        world.say(&ada, &chat, &format!("message {round}")).await;
        held.notified().await;
        first.child.kill().unwrap();
        first.child.wait().unwrap();
        if round % 2 == 1 {
            let before = double.all_writes();
            go_on.notify_one(); // it arrives, and nobody is left to hear of it
            until("it arrives", async || double.all_writes() > before).await;
        }
        first = serve();
        until("it is made good", async || total(&double, &chat) == Some(round)).await;
        go_on.notify_one(); // or it arrives late
        until("all is as it should be", async || {
            let verified = mirrored(&world.database, &host, &["verify", "firestore"]).await;
            verified.1.ends_with("0 still to be written\nno differences\n")
        })
        .await;
    }
    assert_eq!(first.end().code(), Some(0));
}

/// The first process is stopped in the middle of a write (SIGSTOP), a second takes over and writes what
/// is newer, the first write arrives, and then the first process wakes up (SIGCONT).
#[tokio::test]
async fn a_process_that_was_stopped_in_the_middle_of_a_write_disturbs_nothing() {
    let double = FirestoreDouble::start().await;
    let host = double.host();
    let world = World::start(Database::fresh().await, &[api::serve::ServeRole::Api], None).await;
    let serve = || {
        let serve = parlance(&world.database, &["serve", "--roles", "projectors"]);
        Process::of(with_mirror(serve, &host))
    };
    let signal = |process: &Process, signal: &str| {
        let id = process.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    let first = serve();
    let (ada, _, chat) = world.pair().await;
    until("it is mirrored", async || total(&double, &chat) == Some(0)).await;

    let (held, go_on) = double.hold();
    world.say(&ada, &chat, "one").await;
    held.notified().await;
    signal(&first, "-STOP");
    let second = serve();
    world.say(&ada, &chat, "two").await;
    until("the second takes over", async || total(&double, &chat) == Some(2)).await;
    go_on.notify_one();
    signal(&first, "-CONT");
    world.say(&ada, &chat, "three").await;
    until("it goes on", async || total(&double, &chat) == Some(3)).await;
    for _ in 0..50 {
        assert_eq!(total(&double, &chat), Some(3));
        sleep(Duration::from_millis(20)).await;
    }
    let verified = mirrored(&world.database, &host, &["verify", "firestore"]).await;
    assert_eq!(verified.0, Some(0), "{}", verified.1);
    let parked = mirrored(&world.database, &host, &["parked", "list"]).await;
    assert_eq!(parked.1, "nothing is parked\n");
    assert_eq!(second.end().code(), Some(0));
    world.say(&ada, &chat, "four").await;
    until("the first takes over", async || total(&double, &chat) == Some(4)).await;
    assert_eq!(first.end().code(), Some(0));
}
