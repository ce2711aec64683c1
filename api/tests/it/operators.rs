//! The command line, as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Database, NOBODY, World, master_key};

pub(crate) fn parlance(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .env("PARLANCE_MASTER_KEY", master_key())
        .env("PARLANCE_ADDR", "127.0.0.1:0")
        .env("PARLANCE_FILES_DIR", database.files.path());
    command
}

/// Runs a command off the runtime's thread: the server under test shares it.
async fn run(database: &Database, arguments: &[&str]) -> Output {
    output(parlance(database, arguments)).await
}

pub(crate) async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[tokio::test]
async fn status_tells_where_everybody_is() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let head = world.say(&ada, &chat, "latest").await.position();
    let models = ["accounts", "blocks", "chats", "files", "messages", "reports"];
    for model in models {
        world.until_applied(model, head).await;
    }

    let output = run(&world.database, &["status", "--format", "json"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let status = &lines(&output)[0];
    assert_eq!(status["head"], head);
    let subscribers = status["subscribers"].as_array().unwrap();
    let names: Vec<_> = subscribers.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let expected = [
        "accounts",
        "blocks",
        "chats",
        "files",
        "messages",
        "policy:expire_messages",
        "policy:process_files",
        "policy:release_files",
        "policy:sweep_files",
        "reports",
    ];
    assert_eq!(names, expected);
    for model in models {
        let it = subscribers.iter().find(|it| it["name"] == model).unwrap();
        assert!(it["lag_events"] == 0 && it["position"] == head, "{it}");
    }

    let text = stdout(&run(&world.database, &["status"]).await);
    assert!(text.lines().any(|it| it.starts_with("head") && it.contains(&head.to_string())));
    assert!(text.lines().any(|it| it.starts_with("messages")), "{text}");
}

#[tokio::test]
async fn replay_opens_what_is_sealed_and_ends_at_the_head() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "for the record").await;

    let all = run(&world.database, &["replay", "--format", "jsonl"]).await;
    assert!(all.status.success(), "{}", stderr(&all));
    let events = lines(&all);
    let positions: Vec<_> = events.iter().map(|it| it["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=said.position()).collect::<Vec<_>>());
    let last = events.last().unwrap();
    let members: Vec<_> = last.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "aggregate_id",
        "aggregate_type",
        "event_id",
        "event_type",
        "event_version",
        "metadata",
        "payload",
        "position",
        "recorded_at",
        "sequence",
    ];
    assert_eq!(members, expected);
    assert_eq!(last["payload"]["content"]["text"]["$personal"]["value"], "for the record");
    assert_eq!(last["metadata"]["actor"], json!(ada.id));
    assert_eq!(last["metadata"]["request_id"], said.header("x-request-id"));
    assert!(!stdout(&all).contains("$sealed"));

    let some = run(&world.database, &["replay", "--from", "2", "--to", "3"]).await;
    assert_eq!(lines(&some), events[1..3]);
    let chats = run(&world.database, &["replay", "--aggregate", &chat]).await;
    assert_eq!(lines(&chats), events[2..]);
    let typed = run(&world.database, &["replay", "--type", "message_sent"]).await;
    assert_eq!(lines(&typed), events[3..]);
    let none = run(&world.database, &["replay", "--from", "1000"]).await;
    assert!(none.status.success() && none.stdout.is_empty());
}

#[tokio::test]
async fn a_closed_chat_takes_no_messages_until_it_is_opened_again() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "before").await;
    let messages = format!("/v1/chats/{chat}/messages");

    let output = run(&world.database, &["chat", "deactivate", &chat]).await;
    assert_eq!(stdout(&output), format!("recorded at position {}\n", said.position() + 1));

    let refused = world.post(&messages, &json!({ "text": "during" })).by(&ada).send().await;
    refused.refuses(409, "chat-inactive");
    let seen = world.read(&ben, &format!("/v1/chats/{chat}"), said.position() + 1).await;
    assert_eq!(seen["active"], false);
    let read = world.put(&format!("/v1/chats/{chat}/read"), &json!({ "up_to": 1 })).by(&ben);
    assert_eq!(read.send().await.status, 204);

    let output = run(&world.database, &["chat", "reactivate", &chat]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    world.say(&ada, &chat, "after").await;
    let again = run(&world.database, &["chat", "reactivate", &chat]).await;
    assert_eq!(stdout(&again), "nothing to change\n");
    let unknown = run(&world.database, &["chat", "deactivate", NOBODY]).await;
    assert!(!unknown.status.success());
    assert_eq!(stderr(&unknown), "parlance: chat does not exist\n");
}

#[tokio::test]
async fn read_models_are_rebuilt_while_they_are_read() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    for number in 1..=20 {
        world.say(&ada, &chat, &format!("text {number}")).await;
    }
    let path = format!("/v1/chats/{chat}");
    let before = world.read(&ben, &path, world.say(&ada, &chat, "last").await.position()).await;

    let output = run(&world.database, &["rebuild", "all"]).await;

    assert!(output.status.success(), "{}", stderr(&output));
    for model in ["accounts", "chats", "messages", "blocks", "reports", "files"] {
        assert!(stdout(&output).contains(&format!("{model}: live at position 24")), "{output:?}");
    }
    assert_eq!(stdout(&output).matches("was as the log says").count(), 6, "{output:?}");
    assert_eq!(world.read(&ben, &path, 0).await, before);
    let said = world.say(&ada, &chat, "goes on").await;
    assert_eq!(world.read(&ben, &path, said.position()).await["last_message"], said.body);
    let unknown = run(&world.database, &["rebuild", "everything"]).await;
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test]
async fn verify_finds_what_is_not_as_the_log_says() {
    let world = World::new().await;
    let (ada, _, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "counted").await;
    world.read(&ada, &format!("/v1/chats/{chat}"), said.position()).await;

    let sound = run(&world.database, &["verify"]).await;
    assert!(sound.status.success(), "{}", stdout(&sound));
    assert!(stdout(&sound).ends_with("no differences\n"));

    world.database.run("UPDATE read.chats SET unread_count = unread_count + 1").await;

    let drifted = run(&world.database, &["verify"]).await;
    assert_eq!(drifted.status.code(), Some(1), "{}", stdout(&drifted));
    assert!(stdout(&drifted).contains("unread_count"), "{}", stdout(&drifted));
    let rebuilt = run(&world.database, &["rebuild", "chats"]).await;
    assert!(stdout(&rebuilt).contains("differed from the log"), "{}", stdout(&rebuilt));
    assert!(run(&world.database, &["verify"]).await.status.success());
}

#[tokio::test]
async fn nothing_is_parked_when_nothing_failed() {
    let world = World::new().await;
    let (_, _, chat) = world.pair().await;

    assert_eq!(stdout(&run(&world.database, &["parked", "list"]).await), "nothing is parked\n");
    let retry = run(&world.database, &["parked", "retry", "chats", "chat", &chat]).await;
    assert!(!retry.status.success());
    assert_eq!(stderr(&retry), "parlance: nothing of this stream is parked\n");
}

#[tokio::test]
async fn reports_show_what_was_seen_though_it_is_deleted() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let said = world.say(&ada, &chat, "rude\nwords").await;
    let message = format!("/v1/chats/{chat}/messages/{}", said.text("message_id"));
    let report = world.post(&format!("{message}/report"), &json!({ "reason": " an insult " }));
    let reported = report.by(&ben).at(said.position()).send().await;
    assert_eq!(reported.status, 204, "{reported:?}");
    let deleted = world.delete(&format!("{message}?for=everyone")).by(&ada).send().await;
    world.read(&ben, &format!("/v1/chats/{chat}"), deleted.position()).await;
    let position = reported.position();
    world.until_applied("reports", position).await;

    let output = run(&world.database, &["reports", "list"]).await;

    assert!(output.status.success(), "{}", stderr(&output));
    let reports = lines(&output);
    assert_eq!(reports.len(), 1);
    let expected = json!({
        "position": position,
        "report_id": reports[0]["report_id"],
        "reported_at": reports[0]["reported_at"],
        "reported_by": ben.id,
        "chat_id": chat,
        "message_id": said.text("message_id"),
        "number": 1,
        "seen": {
            "sender": ada.id,
            "sent_at": said.body["sent_at"],
            "text": "rude\nwords",
            "reason": "an insult",
        },
    });
    assert_eq!(reports[0], expected);
    let before = position.to_string();
    let earlier = run(&world.database, &["reports", "list", "--before", &before]).await;
    assert!(earlier.status.success() && earlier.stdout.is_empty(), "{}", stdout(&earlier));
    let stored = run(&world.database, &["replay", "--type", "message_reported"]).await;
    let subject = &lines(&stored)[0]["payload"]["seen"]["$personal"]["subject"];
    assert_ne!(subject, &json!(ada.id), "it outlives her");
}

#[tokio::test]
async fn a_reported_file_is_there_for_moderators_though_it_is_deleted() {
    let world = World::new().await;
    let (ada, ben, chat) = world.pair().await;
    let letter = b"a letter\0that insults";
    let file_id = world.upload(&ada, "letter.bin", "application/octet-stream", letter).await;
    world.published(&ada, &file_id).await;
    let messages = format!("/v1/chats/{chat}/messages");
    let message = json!({ "type": "file", "file_id": file_id });
    let sent = world.post(&messages, &message).by(&ada).send().await;
    let message = format!("{messages}/{}", sent.text("message_id"));
    let report = world.post(&format!("{message}/report"), &json!({ "reason": "an insult" }));
    let reported = report.by(&ben).at(sent.position()).send().await;
    assert_eq!(reported.status, 204, "{reported:?}");
    let deleted = world.delete(&format!("{message}?for=everyone")).by(&ada).send().await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    world.until_applied("reports", reported.position()).await;
    let reports = lines(&run(&world.database, &["reports", "list"]).await);
    let report_id = reports[0]["report_id"].as_str().unwrap().to_owned();
    assert_eq!(reports[0]["seen"]["file"]["file_id"], json!(file_id));

    let give_up = Instant::now() + Duration::from_secs(20);
    let copy = loop {
        let copy = run(&world.database, &["reports", "file", &report_id]).await;
        if copy.status.success() || Instant::now() > give_up {
            break copy;
        }
        assert_eq!(stderr(&copy), "parlance: there is no copy: not yet, or not any more\n");
    };

    assert_eq!((copy.status.code(), copy.stdout.as_slice()), (Some(0), letter.as_slice()));
    let unknown = run(&world.database, &["reports", "file", NOBODY]).await;
    assert_eq!(stderr(&unknown), "parlance: there is no such report\n");
}

#[tokio::test]
async fn a_setting_that_is_missing_is_named() {
    let database = Database::fresh().await;
    for (variable, arguments) in [
        ("DATABASE_URL", ["status"].as_slice()),
        ("DATABASE_URL", &["migrate"]),
        ("PARLANCE_MASTER_KEY", &["serve"]),
        ("PARLANCE_MASTER_KEY", &["replay"]),
    ] {
        let output = parlance(&database, arguments).env_remove(variable).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), format!("parlance: {variable} is not set\n"));
    }
}

/// A `parlance serve` that was started as a process.
pub(crate) struct Process {
    pub(crate) child: Child,
    addr: String,
}

impl Process {
    fn start(database: &Database, roles: &str) -> Self {
        Self::of(parlance(database, &["serve", "--roles", roles]))
    }

    pub(crate) fn of(mut serve: Command) -> Self {
        let mut child =
            serve.env("PARLANCE_LOG_FORMAT", "json").stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let addr = log.find_map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            (line["message"] == "serving").then(|| line["addr"].as_str().unwrap().to_owned())
        });
        // Whoever writes a log must find a reader.
        std::thread::spawn(move || log.for_each(drop));
        Self { child, addr: addr.unwrap() }
    }

    pub(crate) fn end(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < give_up, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[tokio::test]
async fn serve_ends_in_order_when_it_is_asked_to() {
    let database = Database::fresh().await;
    let process = Process::start(&database, "api,relay,projectors,policies");
    let addr = process.addr.parse().unwrap();
    assert_eq!(crate::support::Ask::new(addr, "GET", "/health/ready").send().await.status, 200);

    let asked = Instant::now();
    let status = process.end();

    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn other_roles_answer_for_their_health_alone() {
    let database = Database::fresh().await;
    let process = Process::start(&database, "relay,projectors");
    let ask = |path: &str| crate::support::Ask::new(process.addr.parse().unwrap(), "GET", path);

    assert_eq!(ask("/health/ready").send().await.status, 200);
    assert_eq!(ask("/metrics").send().await.status, 200);
    ask("/v1/me").send().await.refuses(404, "not-found");
    assert_eq!(process.end().code(), Some(0));
}

#[tokio::test]
async fn serve_refuses_a_database_that_was_not_migrated() {
    let database = Database::empty().await;

    let output = parlance(&database, &["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "parlance: migrations are missing: run `parlance migrate`\n");

    for _ in 0..2 {
        assert!(parlance(&database, &["migrate"]).output().unwrap().status.success());
    }
    let process = Process::start(&database, "api");
    assert_eq!(process.end().code(), Some(0));
}
