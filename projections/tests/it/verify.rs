//! `verify` finds what is wrong, and nothing else.

use chrono::TimeDelta;
use domain::account::AccountCommand;
use domain::chat::{
    ChatCommand, Disappearing, Forwarded, NewContent, Outgoing, Reference, ReportedCopy,
};
use domain::{AccountId, ChatId, MessageId, ReportId};
use projections::ReadModel;
use projections::verify::{Verification, verify};
use serde_json::json;
use uuid::Uuid;

use crate::world::{LIMITS, World};

/// Two who talk, with something of everything, and everything applied.
async fn talk() -> (World, [AccountId; 2], ChatId) {
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
    (world, [alice, bob], chat)
}

async fn world() -> World {
    talk().await.0
}

/// What else can happen, once each. Position 13 is followed by 14 to 30.
async fn busy_world() -> World {
    let (mut world, [alice, bob], chat) = talk().await;
    let now = world.now();
    let text =
        |id, text: &str| Outgoing::text(MessageId(Uuid::from_u128(id)), alice, text.to_owned());
    let mut ask = text(1_001, "");
    ask.content = NewContent::Actionable {
        text: "Shall we?".to_owned(),
        action: "ask".to_owned(),
        action_params: json!({"choices": ["yes"]}),
    };
    let origin_chat = chat;
    let mut copy = text(1_002, "a copy #tagged");
    copy.forwarded =
        Some(Forwarded { sender: alice, sent_at: now, hops: 1, origin_chat, origin_number: 5 });
    copy.reply_to = Some(MessageId(Uuid::from_u128(1_001)));
    copy.reference = Some(Reference { kind: "order".to_owned(), id: "7".to_owned() });
    let (limits, message_id) = (LIMITS, ask.message_id);
    let seen = ReportedCopy {
        sender: alice,
        sent_at: now,
        text: None,
        file: None,
        reason: "rude".to_owned(),
    };
    let report_id = ReportId(Uuid::from_u128(77));
    let (after, emoji) = (Some(Disappearing::OneDay), "👍".to_owned());
    let draft = Some("to be continued".to_owned());
    let edited = Some("Shall we not?".to_owned());
    for command in [
        ChatCommand::Send { message: Box::new(ask), limits, now },
        ChatCommand::SetDisappearing { by: bob, after, now },
        ChatCommand::Send { message: Box::new(copy), limits, now },
        ChatCommand::Edit { message_id, by: alice, text: edited, tags: vec![], limits, now },
        ChatCommand::Answer { message_id, by: bob, answer: json!("yes"), now },
        ChatCommand::React { message_id, by: bob, emoji, now },
        ChatCommand::Pin { message_id, by: bob, now },
        ChatCommand::Star { message_id, by: bob, now },
        ChatCommand::Report { report_id, message_id, by: bob, seen: Box::new(seen), now },
        ChatCommand::MarkDelivered { by: bob, up_to: 7, now },
        ChatCommand::SaveDraft { by: bob, text: draft, reply_to: Some(message_id), limits, now },
        ChatCommand::Clear { by: alice, now },
        ChatCommand::Mute { by: bob, until: Some(now + TimeDelta::days(1)), now },
        ChatCommand::Archive { by: bob, now },
        ChatCommand::MarkUnread { by: bob, now },
        ChatCommand::Block { by: bob, whom: alice, now },
    ] {
        assert_eq!(world.on_chat(chat, command.clone()).await.len(), 1, "{command:?}");
    }
    let command = AccountCommand::ChangePrivacy { read_receipts: false, now };
    world.on_account(bob, command).await;
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
    let checkpoints = ReadModel::ALL.map(|it| (it.name(), 13));
    assert_eq!(verified.checkpoints, checkpoints);
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
            "INSERT INTO accounts VALUES (gen_random_uuid(), 'x', 'x', 'x', now(), true, 'chats', 1)",
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
        ("messages", "hidden", "UPDATE message_marks SET hidden = NULL WHERE number = 4"),
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
            "INSERT INTO messages (chat_id, number, message_id, sender_id, position, changed, sent_at)
             SELECT chat_id, 7, message_id, sender_id, position, changed, sent_at
             FROM messages WHERE number = 1",
        ),
    ];
    find_planted(&world, &planted).await;
}

/// Each of `planted` is found as what it is, and nothing else is.
async fn find_planted(world: &World, planted: &[(&str, &str, &str)]) {
    assert_eq!(verified(world).await.differences, vec![]);
    let mut back = String::new();
    for table in tables() {
        world.execute(&format!("CREATE TABLE public.kept_{table} AS TABLE read.{table}")).await;
        back.push_str(&put_back(world, table).await);
    }
    for (place, field, sql) in planted {
        assert_eq!(world.execute(sql).await, 1, "{sql}");
        let found = verified(world).await.differences;
        let [difference] = &found[..] else { panic!("{sql}: {found:#?}") };
        assert_eq!((difference.place, difference.field), (*place, *field), "{sql}: {difference:?}");
        sqlx::raw_sql(&back).execute(&world.db).await.expect("put back");
    }
    for table in tables() {
        world.execute(&format!("DROP TABLE public.kept_{table}")).await;
    }
    assert_eq!(verified(world).await.differences, vec![]);
}

/// What makes a table again what was kept of it. Nobody writes generated columns.
async fn put_back(world: &World, table: &str) -> String {
    let columns: String = sqlx::query_scalar(
        "SELECT string_agg(column_name, ', ')
         FROM information_schema.columns
         WHERE table_schema = 'read' AND table_name = $1 AND is_generated = 'NEVER'",
    )
    .bind(table)
    .fetch_one(&world.db)
    .await
    .expect("columns");
    format!(
        "DELETE FROM {table};
         INSERT INTO {table} ({columns}) SELECT {columns} FROM public.kept_{table};"
    )
}

fn tables() -> impl Iterator<Item = &'static str> {
    ReadModel::ALL.into_iter().flat_map(ReadModel::tables).copied()
}

#[tokio::test]
async fn drift_is_found_in_everything_that_is_counted_pointed_at_or_kept() {
    let world = busy_world().await;
    let bobs = "WHERE draft_at IS NOT NULL";
    let chats = [
        ("delivered_up_to", "delivered_up_to = 8"),
        ("participant_read_up_to", "participant_read_up_to = 1"),
        ("participant_delivered_up_to", "participant_delivered_up_to = 1"),
        ("cleared_up_to", "cleared_up_to = 1"),
        ("marked_unread", "marked_unread = false"),
        ("archived", "archived = false"),
        ("muted", "muted = false"),
        ("muted_until", "muted_until = NULL"),
        ("disappearing_days", "disappearing_days = 7"),
        ("draft_text", "draft_text = 'forged'"),
        ("draft_reply_to", "draft_reply_to = NULL"),
        ("changed", "changed = changed + 1"),
        ("changed_apart", "changed_apart = changed_apart - 1"),
        ("unread_count", "unread_count = unread_count - 1"),
    ];
    let messages = [
        ("position", "position = position + 1", 7),
        ("changed", "changed = changed - 1", 7),
        ("revision", "revision = 0", 7),
        ("edited_at", "edited_at = NULL", 7),
        ("withheld_revision", "withheld_revision = 2", 7),
        ("withheld", "withheld = true", 7),
        ("kind", "kind = 'text'", 7),
        ("action", "action = 'forged'", 7),
        ("action_params", "action_params = '{}'", 7),
        ("answer", "answer = '\"no\"'", 7),
        ("answered_by", "answered_by = sender_id", 7),
        ("answer_withheld", "answer_withheld = true", 7),
        ("answer_position", "answer_position = 1", 7),
        ("answered_at", "answered_at = NULL", 7),
        ("tags", "tags = '{forged}'", 8),
        ("reply_to", "reply_to = 1", 8),
        ("reference_type", "reference_type = 'forged'", 8),
        ("reference_id", "reference_id = 'forged'", 8),
        ("expires_at", "expires_at = NULL", 8),
        ("origin_chat", "origin_chat = message_id", 8),
        ("origin_number", "origin_number = 1", 8),
        ("origin_sender", "origin_sender = message_id", 8),
        ("origin_sent_at", "origin_sent_at = now()", 8),
        ("hops", "hops = 2", 8),
        ("file_id", "file_id = message_id", 8),
        ("file_owner", "file_owner = message_id", 8),
        ("text", "text = 'back again'", 5),
        ("expired", "expired = true", 5),
        ("taken_back_at", "taken_back_at = now()", 7),
    ];
    let chats =
        chats.map(|(field, set)| ("chats", field, format!("UPDATE chats SET {set} {bobs}")));
    let messages = messages.map(|(field, set, number)| {
        ("messages", field, format!("UPDATE messages SET {set} WHERE number = {number}"))
    });
    let planted: Vec<_> = chats.iter().chain(&messages).map(|it| (it.0, it.1, &*it.2)).collect();
    find_planted(&world, &planted).await;
}

#[tokio::test]
async fn drift_is_found_in_what_is_not_counted() {
    let world = busy_world().await;
    let others = [
        (
            "accounts",
            "presence_shown_to",
            "UPDATE accounts SET presence_shown_to = 'everyone' WHERE username = 'bob'",
        ),
        ("accounts", "changed", "UPDATE accounts SET changed = 1 WHERE username = 'bob'"),
        (
            "accounts",
            "read_receipts",
            "UPDATE accounts SET read_receipts = NOT read_receipts WHERE username = 'bob'",
        ),
        ("chats", "up_to", "UPDATE clears SET up_to = 1"),
        ("chats", "row", "DELETE FROM clears"),
        ("chats", "position", "UPDATE forwards SET position = 1"),
        ("chats", "row", "DELETE FROM forwards"),
        ("chats", "expires_at", "UPDATE expiring SET expires_at = now() WHERE number = 8"),
        ("chats", "account_id", "UPDATE expiring SET account_id = chat_id WHERE number = 8"),
        ("chats", "row", "DELETE FROM expiring WHERE number = 8"),
        ("messages", "changed", "UPDATE message_marks SET changed = 1 WHERE number = 7"),
        ("messages", "starred", "UPDATE message_marks SET starred = 1 WHERE number = 7"),
        ("messages", "starred_at", "UPDATE message_marks SET starred_at = now() WHERE number = 7"),
        ("messages", "row", "DELETE FROM message_marks WHERE number = 7"),
        ("messages", "text", "UPDATE message_revisions SET text = 'forged' WHERE revision = 0"),
        ("messages", "tags", "UPDATE message_revisions SET tags = '{forged}' WHERE revision = 0"),
        ("messages", "position", "UPDATE message_revisions SET position = 1 WHERE revision = 1"),
        (
            "messages",
            "edited_at",
            "UPDATE message_revisions SET edited_at = now() WHERE revision = 1",
        ),
        ("messages", "withheld", "UPDATE message_revisions SET withheld = true WHERE revision = 1"),
        ("messages", "row", "DELETE FROM message_revisions WHERE revision = 1"),
        ("messages", "emoji", "UPDATE reactions SET emoji = '👎'"),
        ("messages", "until", "UPDATE reactions SET until = 30"),
        ("messages", "shown_until", "UPDATE reactions SET shown_until = 30"),
        ("messages", "account_id", "UPDATE reactions SET account_id = gen_random_uuid()"),
        ("messages", "row", "DELETE FROM reactions"),
        ("messages", "until", "UPDATE pins SET until = 30"),
        ("messages", "shown_until", "UPDATE pins SET shown_until = 30"),
        ("messages", "pinned_by", "UPDATE pins SET pinned_by = gen_random_uuid()"),
        ("messages", "row", "DELETE FROM pins"),
        ("blocks", "blocked_id", "UPDATE blocks SET blocked_id = account_id"),
        ("blocks", "blocked_at", "UPDATE blocks SET blocked_at = now()"),
        ("blocks", "row", "DELETE FROM blocks"),
        ("reports", "position", "UPDATE reports SET position = 1"),
        ("reports", "message_id", "UPDATE reports SET message_id = report_id"),
        ("reports", "row", "DELETE FROM reports"),
    ];
    find_planted(&world, &others).await;
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
