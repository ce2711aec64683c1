//! What an installation had before there was more than texts is brought to where the projectors would
//! have it.

use domain::MessageId;
use domain::chat::{ChatCommand, Forwarded, Outgoing};
use domain::library::LibraryCommand;
use projections::ReadModel;
use uuid::Uuid;

use crate::world::{LIMITS, World};

const ALICE: &str = "00000000-0000-0000-0000-0000000000a1";
const BOB: &str = "00000000-0000-0000-0000-0000000000b2";

const FIRST: &str = include_str!("../../../migrations/20261123000005_create_read_models.sql");
const APP_ROLE: &str = include_str!("../../../migrations/20261123000006_create_app_role.sql");
const FILES: &str = include_str!("../../../migrations/20261123000010_create_files.sql");
const EXTENDED: &str =
    include_str!("../../../migrations/20261123000011_extend_chats_and_messages.sql");
const ERAS: &str = include_str!("../../../migrations/20261123000013_index_chats_by_era.sql");
const FARING: &str = include_str!("../../../migrations/20261123000014_show_how_files_fare.sql");
const WITHHELD: &str =
    include_str!("../../../migrations/20261123000015_keep_what_is_withheld_to_one_side.sql");
const ACCOUNTS: &str =
    include_str!("../../../migrations/20261130000002_tell_devices_of_accounts.sql");
const TAKEN_BACK: &str =
    include_str!("../../../migrations/20261130000003_tell_of_copies_of_what_was_taken_back.sql");

/// Puts the read models back to what they were first.
async fn turn_back(world: &World) {
    let drop = "DROP SCHEMA read CASCADE";
    for sql in [drop, FIRST, APP_ROLE] {
        sqlx::raw_sql(sql).execute(&world.db).await.expect("it runs");
    }
}

/// An event of an account, or of the chat.
async fn plant(world: &mut World, id: &str, event_type: &str, fields: &str) {
    let kind = if id == ALICE || id == BOB { "account" } else { "chat" };
    let own = format!(r#""type": "{event_type}", "{kind}_id": "{id}""#);
    let payload = format!("{{{own}, {fields}}}");
    world.plant(kind, id, event_type, &payload).await;
}

fn personal(subject: &str, value: &str) -> String {
    format!(r#"{{"$personal": {{"subject": "{subject}", "value": "{value}"}}}}"#)
}

/// Two people, and a chat of four texts of Alice's with something done to most of them. Returns the
/// chat's id.
async fn plant_history(world: &mut World) -> String {
    let at = r#""2026-11-01T08:00:00Z""#;
    for (id, name) in [(ALICE, "alice"), (BOB, "bob")] {
        let name = personal(id, name);
        let fields = format!(
            r#""username": {name}, "display_name": {name}, "email": {name}, "registered_at": {at}"#
        );
        plant(world, id, "registered", &fields).await;
    }
    let [alice, bob] = [ALICE, BOB].map(|it| domain::AccountId(it.parse().expect("an id")));
    let chat = domain::ChatId::between(alice, bob).to_string();
    let opened =
        format!(r#""members": ["{ALICE}", "{BOB}"], "opened_by": "{BOB}", "opened_at": {at}"#);
    plant(world, &chat, "opened", &opened).await;
    for number in 1..=4 {
        plant_text(world, &chat, number).await;
    }
    let read = format!(r#""reader": "{BOB}", "up_to": 2, "unread": 2, "read_at": {at}"#);
    plant(world, &chat, "messages_read", &read).await;
    let hidden = format!(
        r#""message_id": "{}", "number": 1, "by": "{BOB}", "was_unread": false, "deleted_at": {at}"#,
        message(1)
    );
    plant(world, &chat, "message_deleted_for_me", &hidden).await;
    let deleted = format!(
        r#""message_id": "{}", "number": 3, "by": "{ALICE}", "recipient": "{BOB}",
           "was_unread": true, "deleted_at": {at}"#,
        message(3)
    );
    plant(world, &chat, "message_deleted_for_everyone", &deleted).await;
    let renamed = format!(r#""display_name": {}, "changed_at": {at}"#, personal(ALICE, "Alice"));
    plant(world, ALICE, "profile_changed", &renamed).await;
    chat
}

fn message(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

async fn plant_text(world: &mut World, chat: &str, number: u32) {
    let fields = format!(
        r#""message_id": "{}", "number": {number}, "sender": "{ALICE}", "recipient": "{BOB}",
           "text": {}, "sent_at": "2026-11-01T08:00:00Z""#,
        message(number),
        personal(ALICE, &format!("text {number}"))
    );
    plant(world, chat, "text_sent", &fields).await;
}

/// The rows of the history up to position 11, as the first projectors left them.
async fn plant_rows(world: &World, chat: &str) {
    let at = "'2026-11-01T08:00:00Z'";
    let mut statements = vec![format!(
        "INSERT INTO accounts VALUES ('{ALICE}', 'alice', 'Alice', 'alice', {at}),
                                     ('{BOB}', 'bob', 'bob', 'bob', {at});
         INSERT INTO chats VALUES ('{ALICE}', '{chat}', '{BOB}', 4, 0, 0, true, {at}, 7),
                                  ('{BOB}', '{chat}', '{ALICE}', 4, 1, 2, true, {at}, 7);"
    )];
    for number in 1..=4 {
        let (text, deleted, hidden) = match number {
            1 => ("'text 1'", "NULL", format!("{{{BOB}}}")),
            3 => ("NULL", at, "{}".to_owned()),
            2 => ("'text 2'", "NULL", "{}".to_owned()),
            _ => ("'text 4'", "NULL", "{}".to_owned()),
        };
        statements.push(format!(
            "INSERT INTO messages VALUES (
                 '{chat}', {number}, '{}', '{ALICE}', {text}, {at}, {deleted}, '{hidden}'
             );",
            message(number)
        ));
    }
    for model in ["accounts", "chats", "messages"] {
        statements
            .push(format!("INSERT INTO checkpoints (name, position) VALUES ('{model}', 11);"));
    }
    sqlx::raw_sql(&statements.concat()).execute(&world.db).await.expect("planted");
}

#[tokio::test]
async fn an_installation_of_texts_needs_no_rebuild() {
    let mut world = World::create().await;
    turn_back(&world).await;
    let chat = plant_history(&mut world).await;
    plant_rows(&world, &chat).await;
    // Recorded, and not applied yet.
    plant_text(&mut world, &chat, 5).await;
    for migration in [FILES, EXTENDED, ERAS, FARING, WITHHELD, ACCOUNTS, TAKEN_BACK] {
        sqlx::raw_sql(migration).execute(&world.db).await.expect("migrated");
    }
    world.check().await;
    let marks = "SELECT count(*) FROM message_marks WHERE hidden = 9 AND changed = 9";
    let marks: i64 = sqlx::query_scalar(marks).fetch_one(&world.db).await.expect("a count");
    assert_eq!(marks, 1);
    world.project().await;
    world.check().await;
    assert_eq!(world.rows(ReadModel::Messages).await.len(), 6, "five messages and a mark");
    let rebuilt = crate::rebuild::all(&world).await;
    assert!(rebuilt.iter().all(|it| !it.had_drifted()), "{rebuilt:?}");
}

#[tokio::test]
async fn files_that_were_sent_before_need_no_rebuild() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let (seen, withheld) = (world.upload(alice).await, world.upload(alice).await);
    world.send_file(chat, alice, (alice, seen)).await;
    let now = world.now();
    world.on_chat(chat, ChatCommand::Block { by: bob, whom: alice, now }).await;
    world.send_file(chat, alice, (alice, withheld)).await;
    for file_id in [seen, withheld] {
        let publish = LibraryCommand::PublishFile { file_id, size: 1, image: None, now };
        world.on_library(alice, publish).await;
    }
    world.project().await;
    let rows = world.all_rows().await;
    // Before that, nothing changed with its files.
    let before = "DROP TABLE attachments;
                  ALTER TABLE files DROP COLUMN attachments;
                  UPDATE messages SET changed = position;
                  UPDATE chats SET changed = activity, changed_apart = activity";
    sqlx::raw_sql(before).execute(&world.db).await.expect("turned back");
    let touched = "UPDATE chats SET changed = $1, changed_apart = $1 WHERE account_id = $2";
    let blocked = "SELECT position FROM events WHERE event_type = 'blocked'";
    let blocked: i64 = sqlx::query_scalar(blocked).fetch_one(&world.db).await.expect("one");
    sqlx::query(touched).bind(blocked).bind(bob.0).execute(&world.db).await.expect("touched");

    sqlx::raw_sql(FARING).execute(&world.db).await.expect("migrated");

    world.check().await;
    assert_eq!(world.all_rows().await, rows);
}

#[tokio::test]
async fn copies_of_what_was_taken_back_need_no_rebuild() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let carol = world.register("carol").await;
    let chat = world.open(alice, bob).await;
    let message_id = world.send(chat, alice, "words that travel").await;
    let elsewhere = world.open(alice, carol).await;
    let now = world.now();
    let mut copy = Outgoing::text(MessageId(Uuid::from_u128(7)), alice, "words".to_owned());
    copy.forwarded = Some(Forwarded {
        sender: alice,
        sent_at: now,
        hops: 1,
        origin_chat: chat,
        origin_number: 1,
    });
    let send = ChatCommand::Send { message: Box::new(copy), limits: LIMITS, now };
    world.on_chat(elsewhere, send).await;
    world.on_chat(chat, ChatCommand::Block { by: bob, whom: alice, now }).await;
    world.on_chat(chat, ChatCommand::DeleteForEveryone { message_id, by: alice, now }).await;
    world.project().await;
    let rows = world.all_rows().await;
    // Before that, nothing changed with what was taken back.
    let before = "UPDATE messages SET changed = position WHERE origin_chat IS NOT NULL;
                  UPDATE chats c SET changed = activity, changed_apart = activity
                  FROM forwards f WHERE f.chat_id = c.chat_id";
    sqlx::raw_sql(before).execute(&world.db).await.expect("turned back");
    assert_ne!(world.all_rows().await, rows);

    sqlx::raw_sql(TAKEN_BACK).execute(&world.db).await.expect("migrated");

    world.check().await;
    assert_eq!(world.all_rows().await, rows);
}
