//! `verify` finds what is wrong, and nothing else.

use projections::verify::{Verification, verify};

use crate::world::World;

/// Two who talk, with something of everything, and everything applied.
async fn world() -> World {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.rename(alice, "Alice").await;
    let chat = world.open(alice, bob).await;
    let mut sent = vec![];
    for number in 0..6 {
        sent.push(world.send(chat, alice, &format!("message {number}")).await);
    }
    world.read(chat, bob, 2).await;
    world.delete_for_me(chat, bob, sent[3]).await;
    world.delete_for_everyone(chat, alice, sent[4]).await;
    world.project().await;
    world
}

async fn verified(world: &World) -> Verification {
    verify(&world.db, &world.codec).await.expect("verified")
}

#[tokio::test]
async fn what_is_right_has_no_differences() {
    let world = world().await;
    let verified = verified(&world).await;
    assert_eq!(verified.differences, vec![]);
    assert_eq!((verified.head, verified.events, verified.streams), (13, 13, 3));
    assert_eq!(verified.checkpoints, [("accounts", 13), ("chats", 13), ("messages", 13)]);
}

#[tokio::test]
async fn the_application_may_verify() {
    let world = world().await;
    let verified = verify(&world.app(), &world.codec).await.expect("verified");
    assert_eq!(verified.differences, vec![]);
}

#[tokio::test]
async fn every_kind_of_drift_is_found_where_it_is() {
    let world = world().await;
    let planted = [
        ("accounts", "username", "UPDATE accounts SET username = 'forged' WHERE username = 'bob'"),
        (
            "accounts",
            "display_name",
            "UPDATE accounts SET display_name = NULL WHERE username = 'bob'",
        ),
        ("accounts", "email", "UPDATE accounts SET email = 'forged' WHERE username = 'bob'"),
        ("accounts", "row", "DELETE FROM accounts WHERE username = 'bob'"),
        (
            "accounts",
            "stream",
            "INSERT INTO accounts VALUES (gen_random_uuid(), 'x', 'x', 'x', now())",
        ),
        (
            "chats",
            "unread_count",
            "UPDATE chats SET unread_count = unread_count + 1 WHERE read_up_to = 2",
        ),
        ("chats", "total_messages", "UPDATE chats SET total_messages = 5 WHERE read_up_to = 2"),
        ("chats", "read_up_to", "UPDATE chats SET read_up_to = 1 WHERE read_up_to = 2"),
        ("chats", "active", "UPDATE chats SET active = false WHERE read_up_to = 2"),
        ("chats", "activity", "UPDATE chats SET activity = 1 WHERE read_up_to = 2"),
        (
            "chats",
            "participant_id",
            "UPDATE chats SET participant_id = account_id WHERE read_up_to = 2",
        ),
        ("chats", "row", "DELETE FROM chats WHERE read_up_to = 2"),
        ("messages", "text", "UPDATE messages SET text = 'forged' WHERE number = 1"),
        ("messages", "text", "UPDATE messages SET text = 'back again' WHERE number = 5"),
        ("messages", "deleted_at", "UPDATE messages SET deleted_at = NULL WHERE number = 5"),
        ("messages", "hidden_for", "UPDATE messages SET hidden_for = '{}' WHERE number = 4"),
        ("messages", "sender_id", "UPDATE messages SET sender_id = message_id WHERE number = 1"),
        ("messages", "message_id", "UPDATE messages SET message_id = sender_id WHERE number = 1"),
        (
            "messages",
            "sent_at",
            "UPDATE messages SET sent_at = sent_at + interval '1 us' WHERE number = 1",
        ),
        ("messages", "row", "DELETE FROM messages WHERE number = 6"),
        (
            "messages",
            "row",
            "INSERT INTO messages SELECT chat_id, 7, message_id, sender_id, text, sent_at FROM messages WHERE number = 1",
        ),
    ];
    for (place, field, sql) in planted {
        let mut keeper = world.db.acquire().await.expect("a connection");
        for model in ["accounts", "chats", "messages"] {
            let keep = format!("CREATE TEMP TABLE kept_{model} AS TABLE read.{model}");
            sqlx::query(&keep).execute(&mut *keeper).await.expect("kept");
        }
        assert_eq!(world.execute(sql).await, 1, "{sql}");
        let found = verified(&world).await.differences;
        let [difference] = &found[..] else { panic!("{sql}: {found:#?}") };
        assert_eq!((difference.place, difference.field), (place, field), "{sql}: {difference:?}");
        for model in ["accounts", "chats", "messages"] {
            let back = format!(
                "WITH old AS (DELETE FROM read.{model}) SELECT 1; INSERT INTO read.{model} TABLE kept_{model}; DROP TABLE kept_{model}"
            );
            sqlx::raw_sql(&back).execute(&mut *keeper).await.expect("put back");
        }
    }
    assert_eq!(verified(&world).await.differences, vec![]);
}

#[tokio::test]
async fn a_damaged_log_is_found() {
    let damages = [
        ("position", "UPDATE events SET position = position + 5 WHERE position = 13"),
        ("sequence", "UPDATE events SET sequence = 20 WHERE position = 13"),
        ("recorded_at", "UPDATE events SET recorded_at = 'epoch' WHERE position = 8"),
        ("version", "UPDATE streams SET version = version + 1 WHERE aggregate_type = 'chat'"),
        ("version", "DELETE FROM streams WHERE aggregate_type = 'chat'"),
        ("position", "UPDATE log_head SET position = 12"),
        ("recorded_at", "UPDATE log_head SET recorded_at = now() + interval '1 hour'"),
        ("payload", "UPDATE events SET payload = '{}' WHERE position = 13"),
    ];
    for (field, sql) in damages {
        let world = world().await;
        world.execute("ALTER TABLE events DISABLE TRIGGER events_append_only").await;
        assert_eq!(world.execute(sql).await, 1, "{sql}");
        let found = verified(&world).await.differences;
        assert!(found.iter().any(|it| it.place == "log" && it.field == field), "{sql}: {found:#?}");
    }
}

#[tokio::test]
async fn swapped_events_of_a_stream_are_found() {
    let world = world().await;
    world.execute("ALTER TABLE events DISABLE TRIGGER events_append_only").await;
    for (from, to) in [(7, 100), (8, 7), (100, 8)] {
        let swap = format!("UPDATE events SET position = {to} WHERE position = {from}");
        assert_eq!(world.execute(&swap).await, 1);
    }
    let found = verified(&world).await.differences;
    assert!(found.iter().any(|it| it.place == "log" && it.field == "position"), "{found:#?}");
}
