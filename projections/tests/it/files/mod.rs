//! Who may fetch which file, and what is known about it.

mod acting;

use chrono::TimeDelta;
use domain::MessageId;
use domain::chat::ChatCommand;
use domain::library::{LibraryCommand, Rejection};
use projections::files::{FileState, Usage};
use projections::{ReadModel, rebuild};

use self::acting::image;
use crate::world::World;

/// Room for the thumbnails of an image, until they are made.
const ROOM: i64 = 1 << 20;

#[tokio::test]
async fn a_file_is_seen_as_far_as_it_has_come() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let photo = world.request(alice, "photo.jpg", "image/jpeg").await;
    world.project().await;
    let view = world.file(alice, photo).await.expect("it is hers");
    assert_eq!(view.state, FileState::Requested);
    assert_eq!(view.name.as_deref(), Some("photo.jpg"));
    assert!(view.object.starts_with("q/"), "{}", view.object);
    assert_eq!(world.usage(alice).await, Usage { used: 1_000 + ROOM, files: 1 });

    world.complete(alice, photo, "image/png").await;
    world.project().await;
    let view = world.file(alice, photo).await.expect("it is hers");
    assert_eq!((view.state, view.content_type.as_str()), (FileState::Completed, "image/png"));

    world.publish(alice, photo, Some(image(alice))).await;
    world.project().await;
    let view = world.file(alice, photo).await.expect("it is hers");
    assert_eq!(view.state, FileState::Published);
    assert!(view.object.starts_with("m/07/"), "{}", view.object);
    assert_eq!((view.width, view.height, view.size), (Some(640), Some(480), 900));
    assert_eq!(view.blur_hash.as_deref(), Some("LEHV6nWB2yk8"));
    let thumbnails: Vec<_> =
        view.thumbnails.iter().map(|it| (it.edge, it.width, it.object.as_str())).collect();
    assert_eq!(thumbnails, [(256, 256, "t/256"), (1024, 640, "t/1024")]);
    assert_eq!(world.usage(alice).await, Usage { used: 900 + 50 + 50, files: 1 });
    world.check().await;
}

#[tokio::test]
async fn what_turns_out_to_be_an_image_counts_with_its_thumbnails() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let photo = world.request(alice, "photo", "application/octet-stream").await;
    world.project().await;
    assert_eq!(world.usage(alice).await, Usage { used: 1_000, files: 1 });
    world.complete(alice, photo, "image/jpeg").await;
    world.project().await;
    assert_eq!(world.usage(alice).await, Usage { used: 1_000 + ROOM, files: 1 });
    world.check().await;
}

#[tokio::test]
async fn a_rejected_file_says_why_and_takes_no_room() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let photo = world.request(alice, "photo.jpg", "image/jpeg").await;
    world.complete(alice, photo, "text/html").await;
    world.project().await;
    let view = world.file(alice, photo).await.expect("it is hers");
    assert_eq!(view.state, FileState::Rejected);
    assert_eq!(view.rejection, Some(Rejection::TypeMismatch.to_string()));
    assert_eq!(world.usage(alice).await, Usage { used: 0, files: 1 });
    world.check().await;
}

#[tokio::test]
async fn a_removed_file_is_gone() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let (here, gone) = (world.letter(alice).await, world.letter(alice).await);
    world.project().await;
    world.remove(alice, gone).await;
    // One that comes and goes in the same run never had a row.
    let brief = world.letter(alice).await;
    world.remove(alice, brief).await;
    world.project().await;
    assert_eq!(world.file(alice, gone).await, None);
    assert_eq!(world.file(alice, brief).await, None);
    assert!(world.file(alice, here).await.is_some());
    assert_eq!(world.usage(alice).await, Usage { used: 1_000, files: 1 });
    world.check().await;
}

#[tokio::test]
async fn a_file_is_fetched_by_who_was_sent_it() {
    let mut world = World::create().await;
    let (alice, bob, carol) =
        (world.register("alice").await, world.register("bob").await, world.register("carol").await);
    let chat = world.open(alice, bob).await;
    let letter = world.letter(alice).await;
    world.project().await;
    assert!(world.file(alice, letter).await.is_some(), "its owner");
    assert_eq!(world.file(bob, letter).await, None, "nobody else before it is sent");

    world.send_file(chat, alice, (alice, letter)).await;
    world.project().await;
    assert!(world.file(bob, letter).await.is_some());
    assert_eq!(world.file(carol, letter).await, None);

    let other = world.open(bob, carol).await;
    world.send_file(other, bob, (alice, letter)).await;
    world.project().await;
    assert!(world.file(carol, letter).await.is_some(), "it was forwarded");
    world.check().await;
}

#[tokio::test]
async fn a_file_is_no_longer_fetched_once_its_message_is_gone() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let letters = [world.letter(alice).await, world.letter(alice).await, world.letter(alice).await];
    let mut messages = vec![];
    for letter in letters {
        messages.push(world.send_file(chat, alice, (alice, letter)).await);
    }
    world.delete_for_everyone(chat, alice, messages[0]).await;
    world.delete_for_me(chat, bob, messages[1]).await;
    world.project().await;
    assert_eq!(world.file(bob, letters[0]).await, None, "deleted for everyone");
    assert_eq!(world.file(bob, letters[1]).await, None, "deleted for him");
    assert!(world.file(bob, letters[2]).await.is_some());

    let now = world.now();
    world.on_chat(chat, ChatCommand::Clear { by: bob, now }).await;
    world.project().await;
    assert_eq!(world.file(bob, letters[2]).await, None, "cleared");
    assert_eq!(world.file(alice, letters[0]).await, None, "for everyone is for its owner too");
    for letter in &letters[1..] {
        assert!(world.file(alice, *letter).await.is_some(), "she sees her message");
    }
    world.delete_for_me(chat, alice, messages[1]).await;
    world.project().await;
    assert_eq!(world.file(alice, letters[1]).await, None, "she has deleted it for herself");
}

#[tokio::test]
async fn who_sent_a_file_sees_it_in_messages_from_then_on() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let (letter, photo) = (world.letter(alice).await, world.photo(alice).await);
    let sent = [
        world.send_file(chat, alice, (alice, letter)).await,
        world.send_file(chat, alice, (alice, photo)).await,
    ];
    world.set_avatar(alice, Some(photo)).await;
    for message_id in sent {
        world.delete_for_everyone(chat, alice, message_id).await;
    }
    world.project().await;
    assert_eq!(world.file(alice, letter).await, None, "not released yet, and not hers to fetch");
    assert!(world.file(alice, photo).await.is_some(), "it is her picture");
    world.check().await;
    // One that was attached to a message that never came is an upload again.
    let letter = world.letter(alice).await;
    let (message_id, now) = (MessageId(world.id()), world.now());
    let attach =
        LibraryCommand::Attach { file_id: letter, by: alice, chat_id: chat, message_id, now };
    world.on_library(alice, attach).await;
    let was_sent = false;
    let release =
        LibraryCommand::Release { file_id: letter, chat_id: chat, message_id, was_sent, now };
    world.on_library(alice, release).await;
    world.project().await;
    assert!(world.file(alice, letter).await.is_some());
    world.check().await;
}

#[tokio::test]
async fn a_file_disappears_with_its_message_at_the_very_time() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let after = Some(domain::chat::Disappearing::OneDay);
    let now = world.now();
    world.on_chat(chat, ChatCommand::SetDisappearing { by: alice, after, now }).await;
    let letter = world.letter(alice).await;
    let sent_at = world.now() + TimeDelta::seconds(1);
    world.send_file(chat, alice, (alice, letter)).await;
    world.project().await;
    let expires_at = sent_at + TimeDelta::days(1);
    let just_before = expires_at - TimeDelta::seconds(1);
    for caller in [bob, alice] {
        let seen = world.seen(caller, letter, just_before).await.expect("it is there");
        assert_eq!(seen.until, Some(expires_at), "its links end then");
        assert_eq!(world.seen(caller, letter, expires_at).await, None);
    }

    // Seen in several messages, it is gone with the last; in one that stays, it stays.
    let last_at = world.now() + TimeDelta::seconds(1);
    world.send_file(chat, alice, (alice, letter)).await;
    world.project().await;
    let seen = world.seen(bob, letter, just_before).await.expect("it is there");
    assert_eq!(seen.until, Some(last_at + TimeDelta::days(1)));
    let now = world.now();
    world.on_chat(chat, ChatCommand::SetDisappearing { by: alice, after: None, now }).await;
    world.send_file(chat, alice, (alice, letter)).await;
    world.project().await;
    assert_eq!(world.seen(bob, letter, just_before).await.expect("it is there").until, None);
}

#[tokio::test]
async fn who_was_blocked_does_not_pass_on_a_file() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let letter = world.letter(alice).await;
    let now = world.now();
    world.on_chat(chat, ChatCommand::Block { by: bob, whom: alice, now }).await;
    world.send_file(chat, alice, (alice, letter)).await;
    world.project().await;
    assert_eq!(world.file(bob, letter).await, None);
    assert!(world.file(alice, letter).await.is_some());
}

#[tokio::test]
async fn an_avatar_replaces_the_one_before() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let (first, second) = (world.photo(alice).await, world.photo(alice).await);
    world.set_avatar(alice, Some(first)).await;
    world.project().await;
    assert_eq!(world.avatars(&[alice, bob]).await, [(alice.0, first.0)]);
    world.set_avatar(alice, Some(second)).await;
    world.project().await;
    assert_eq!(world.avatars(&[alice, bob]).await, [(alice.0, second.0)]);
    world.set_avatar(alice, None).await;
    world.project().await;
    assert_eq!(world.avatars(&[alice, bob]).await, []);
    world.check().await;
}

#[tokio::test]
async fn a_new_avatar_changes_the_chats_of_others() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let photo = world.photo(alice).await;
    world.project().await;
    let before = [world.changed(chat, alice).await, world.changed(chat, bob).await];
    world.set_avatar(alice, Some(photo)).await;
    let set = world.head().await.0;
    world.project().await;
    assert_eq!(
        [world.changed(chat, alice).await, world.changed(chat, bob).await],
        [before[0], set]
    );
    world.check().await;
}

#[tokio::test]
async fn rebuilt_files_are_the_same() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let photo = world.photo(alice).await;
    world.set_avatar(alice, Some(photo)).await;
    let letter = world.letter(alice).await;
    world.send_file(chat, alice, (alice, letter)).await;
    let gone = world.letter(alice).await;
    world.remove(alice, gone).await;
    world.request(bob, "a name", "text/plain").await;
    world.project().await;
    let rows = world.rows(ReadModel::Files).await;
    assert_eq!(rows.len(), 3);

    let rebuilt =
        rebuild::rebuild(&world.options(), world.codec.clone(), &[ReadModel::Files], |_| {})
            .await
            .expect("it is rebuilt");

    assert!(!rebuilt[0].had_drifted(), "{rebuilt:?}");
    assert_eq!(world.rows(ReadModel::Files).await, rows);
    world.check().await;
}

#[tokio::test]
async fn a_file_that_drifted_is_found() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    world.photo(alice).await;
    world.project().await;
    world.check().await;
    for change in
        ["avatar = true", "counted = 0", "attachments = 1", "name = 'other'", "thumbnails = '[]'"]
    {
        let before = world.rows(ReadModel::Files).await;
        world.execute("CREATE TABLE kept AS SELECT * FROM files").await;
        world.execute(&format!("UPDATE files SET {change}")).await;
        assert_ne!(world.rows(ReadModel::Files).await, before);
        let verified = projections::verify::verify(&world.db, &world.codec).await;
        let differences = verified.expect("verified").differences;
        assert_eq!(differences.len(), 1, "{change}");
        assert!(change.starts_with(differences[0].field), "{differences:?}");
        world.execute("DELETE FROM files").await;
        world.execute("INSERT INTO files SELECT * FROM kept").await;
        world.execute("DROP TABLE kept").await;
    }
}

#[tokio::test]
async fn a_chat_that_drifted_from_its_files_is_found() {
    let mut world = World::create().await;
    let (alice, bob) = (world.register("alice").await, world.register("bob").await);
    let chat = world.open(alice, bob).await;
    let letter = world.upload(alice).await;
    world.send_file(chat, alice, (alice, letter)).await;
    let now = world.now();
    let publish = LibraryCommand::PublishFile { file_id: letter, size: 1, image: None, now };
    world.on_library(alice, publish).await;
    world.project().await;
    world.check().await;
    for (place, field, change, back) in [
        ("chats", "position", "UPDATE attachments SET position = position - 1", "position + 1"),
        ("chats", "changed", "UPDATE chats SET changed = changed - 1", "changed + 1"),
        ("messages", "changed", "UPDATE messages SET changed = changed - 1", "changed + 1"),
    ] {
        world.execute(change).await;
        let verified = projections::verify::verify(&world.db, &world.codec).await;
        let differences = verified.expect("verified").differences;
        assert!(!differences.is_empty(), "{change}");
        assert!(differences.iter().all(|it| (it.place, it.field) == (place, field)), "{change}");
        let undo = change.replace(&format!("{field} - 1"), back);
        world.execute(&undo).await;
    }
    world.execute("DELETE FROM attachments").await;
    let verified = projections::verify::verify(&world.db, &world.codec).await;
    assert_eq!(verified.expect("verified").differences.len(), 2, "shown to both");
}
