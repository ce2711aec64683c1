//! On Firestores that are none of ours, read with Google's own client.

use std::process::Stdio;

use domain::chat::ChatCommand;
use serde_json::{Value, json};
use testing::{FirestoreDouble, FirestoreEmulator, variable};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{assert_sound, check, repair, settled, start, until};
use crate::world::World;

/// What Firestore says to `conformance.py`.
const CONFORMING: &str = "\
missing: None
create: 1 done
create again: AlreadyExists
unchanged: {'number': 1}
replace: 1 done
replace late: FailedPrecondition
unchanged: {'number': 3}
replace what is missing: FailedPrecondition
replace what has to be there: NotFound
two, of which one is late: FailedPrecondition
nothing of it: {'number': 3} None
two: 2 done
at one time: True
delete late: FailedPrecondition
delete what has to be there: NotFound
page: ['a', 'b', 'c0']
next page: ['c1', 'c2', 'c3']
delete: 1 done
gone: None
empty: []
";

pub fn python(host: &str, script: &str) -> Command {
    let mut command = Command::new(variable("PARLANCE_TEST_PYTHON"));
    command.env("FIRESTORE_EMULATOR_HOST", host).arg("-c").arg(script).kill_on_drop(true);
    command
}

async fn output(mut command: Command) -> String {
    let output = command.output().await.expect("PARLANCE_TEST_PYTHON is a Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Documents by their paths, as Google's client reads them.
async fn read(host: &str, paths: &[String]) -> Value {
    let mut command = python(host, include_str!("read.py"));
    command.args(paths);
    serde_json::from_str(&output(command).await).expect("it is JSON")
}

/// Google's emulator with our rules; nothing, where there is none.
pub async fn google() -> Option<FirestoreEmulator> {
    let emulator = FirestoreEmulator::start_google(projections::firestore::RULES).await;
    if emulator.is_none() {
        eprintln!(
            "NOT RUN: there is no emulator of Google's (PARLANCE_TEST_FIRESTORE_GOOGLE is empty)"
        );
    }
    emulator
}

#[tokio::test]
async fn the_double_behaves_as_firestore_does() {
    let double = FirestoreDouble::start().await;
    assert_eq!(output(python(&double.host(), include_str!("conformance.py"))).await, CONFORMING);
}

#[tokio::test]
async fn google_s_emulator_behaves_as_the_double_does() {
    let Some(google) = google().await else { return };
    assert_eq!(output(python(&google.host(), include_str!("conformance.py"))).await, CONFORMING);
}

#[tokio::test]
async fn an_app_reads_what_is_mirrored() {
    let emulator = FirestoreEmulator::start().await;
    mirrored(&emulator.host()).await;
}

#[tokio::test]
async fn an_app_reads_what_is_mirrored_to_google_s_emulator() {
    let Some(google) = google().await else { return };
    mirrored(&google.host()).await;
}

/// People meet and talk; what an official client then reads is what it should be, and what drifts is
/// found and repaired.
async fn mirrored(host: &str) {
    let mut world = World::create().await;
    let mirror = start(&world, host.to_owned());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    for number in 0..3 {
        world.send(chat, alice, &format!("message {number}")).await;
    }
    world.execute(&format!("INSERT INTO presence VALUES ('{bob}', true, now())")).await;
    settled(&mut world).await;
    until("presence is told", async || {
        super::count(&world, "SELECT count(*) FROM presence WHERE mirrored").await == 1
    })
    .await;

    let paths = [
        format!("chats/{chat}"),
        format!("users/{alice}"),
        format!("users-external-event/{bob}"),
        format!("presence/{bob}"),
        format!("presence/{alice}"),
    ];
    let found = read(host, &paths).await;
    let sent_at = chrono::DateTime::from_timestamp(world.now().timestamp() - 1, 0);
    let mut talk = found[&paths[0]].clone();
    let guards = ["_pos", "_epoch"].map(|it| talk[it].take());
    assert!(guards.iter().all(Value::is_i64), "{guards:?}");
    let expected = json!({
        "user1": alice.to_string(),
        "user2": bob.to_string(),
        "participants": [alice.to_string(), bob.to_string()],
        "total_messages_count": 3,
        "last_message_timestamp": sent_at.expect("a time").to_rfc3339(),
        "notify_new_message_to_user1": false,
        "notify_new_message_to_user2": true,
        "_pos": null,
        "_epoch": null,
    });
    assert_eq!(talk, expected);
    assert_eq!(found[&paths[1]]["username"], "alice");
    assert_eq!(found[&paths[2]]["unread_messages_count"], 3);
    assert_eq!(found[&paths[3]]["online"], true);
    assert_eq!(found[&paths[4]], Value::Null);
    assert_sound(&world, host.to_owned()).await;

    let plant = "import sys; from google.cloud import firestore
db = firestore.Client(project='test', database='(default)')
db.document(sys.argv[1]).delete(); db.document(sys.argv[2]).set({'username': 'mallory', '_pos': 9**9})
db.document('users/nobody').set({'username': 'nobody'})";
    let mut command = python(host, plant);
    command.args(&paths[..2]);
    output(command).await;
    let now = world.now();
    world.on_chat(chat, ChatCommand::Block { by: alice, whom: bob, now }).await;
    settled(&mut world).await;
    let checked = check(&world, host.to_owned()).await;
    let documents: Vec<_> = checked.differences.iter().map(|it| it.document.as_str()).collect();
    assert_eq!(documents, [paths[1].as_str(), "users/nobody"], "the chat came back by itself");
    let repaired = repair(&world, host.to_owned()).await;
    assert_eq!((repaired.written, repaired.deleted), (2, 1));
    assert_sound(&world, host.to_owned()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn an_app_that_listens_is_told_of_a_message() {
    let emulator = FirestoreEmulator::start().await;
    let mut world = World::create().await;
    let mirror = start(&world, emulator.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    settled(&mut world).await;
    let mut app = python(&emulator.host(), include_str!("read.py"));
    app.args(["listen", &format!("chats/{chat}"), "notify_new_message_to_user2"]);
    let mut app = app.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(app.stdout.take().expect("its output")).lines();
    let first = lines.next_line().await.expect("it speaks").expect("a line");
    assert!(first.contains(r#""total_messages_count": 0"#), "{first}");
    world.send(chat, alice, "are you there?").await;
    let mut last = first;
    while let Some(line) = lines.next_line().await.expect("it speaks") {
        last = line;
    }
    assert!(app.wait().await.expect("it ends").success());
    assert!(last.contains(r#""total_messages_count": 1"#), "{last}");
    mirror.stop().await;
}

/// Google's emulator knows conditions, so that what another writer wrote meanwhile is found out.
#[tokio::test]
async fn google_s_emulator_lets_no_writer_overwrite_what_it_has_not_seen() {
    let Some(google) = google().await else { return };
    let mut world = World::create().await;
    let mirror = start(&world, google.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    settled(&mut world).await;
    let path = format!("chats/{chat}");
    let other = "import sys; from google.cloud import firestore
db = firestore.Client(project='test', database='(default)')
db.document(sys.argv[1]).update({'_pos': 9**9})";
    let mut command = python(&google.host(), other);
    command.arg(&path);
    output(command).await;
    world.send(chat, alice, "of an earlier history").await;
    settled(&mut world).await;
    let listed = projections::parked::list(&world.db).await.expect("a list");
    assert_eq!(listed.len(), 1, "{listed:?}");
    let found = read(&google.host(), std::slice::from_ref(&path)).await;
    assert_eq!(found[&path]["total_messages_count"], 0);
    repair(&world, google.host()).await;
    let found = read(&google.host(), std::slice::from_ref(&path)).await;
    assert_eq!(found[&path]["total_messages_count"], 1);
    assert_sound(&world, google.host()).await;
    mirror.stop().await;
}
