//! Who may fetch which file, and what is known about it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::chat::{Attachment, ChatCommand, Limits, NewContent, Outgoing};
use domain::library::{
    Arrived, FileLimits, ImageFacts, LibraryCommand, Rejection, Removal, Sha256, Thumbnail,
};
use domain::{AccountId, ChatId, FileId, MessageId, Personal};
use projections::files::{self, FileState, FileView, Usage};
use projections::{ReadModel, rebuild};
use uuid::Uuid;

use crate::world::World;

const SHA256: Sha256 = Sha256([7; 32]);
const SIZE: u64 = 1_000;

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
    for letter in letters {
        assert!(world.file(alice, letter).await.is_some(), "its owner");
    }
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
    let by_bob = |at| files::by_id(&world.db, bob, letter, at);
    let expires_at = sent_at + TimeDelta::days(1);
    assert!(by_bob(expires_at - TimeDelta::seconds(1)).await.expect("a row").is_some());
    assert_eq!(by_bob(expires_at).await.expect("no row"), None);
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
    for change in ["avatar = true", "counted = 0", "name = 'other'", "thumbnails = '[]'"] {
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

fn image(owner: AccountId) -> ImageFacts {
    let thumbnail = |edge, width| Thumbnail {
        edge,
        width,
        height: width * 3 / 4,
        content_type: "image/jpeg".to_owned(),
        size: 50,
        object: format!("t/{edge}"),
    };
    ImageFacts {
        width: 640,
        height: 480,
        blur_hash: Personal::new(owner, "LEHV6nWB2yk8".to_owned()),
        thumbnails: vec![thumbnail(256, 256), thumbnail(1024, 640)],
    }
}

impl World {
    async fn request(&mut self, owner: AccountId, name: &str, content_type: &str) -> FileId {
        let file_id = FileId(self.id());
        let command = LibraryCommand::RequestUpload {
            owner,
            file_id,
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            size: SIZE,
            sha256: SHA256,
            multipart: None,
            limits: FileLimits::default(),
            now: self.now(),
        };
        self.on_library(owner, command).await;
        file_id
    }

    async fn complete(&mut self, owner: AccountId, file_id: FileId, sniffed_type: &str) {
        let sniffed_type = Some(sniffed_type.to_owned());
        let arrived = Arrived { size: SIZE, sha256: SHA256, sniffed_type };
        let now = self.now();
        self.on_library(owner, LibraryCommand::CompleteUpload { file_id, arrived, now }).await;
    }

    async fn publish(&mut self, owner: AccountId, file_id: FileId, image: Option<ImageFacts>) {
        let now = self.now();
        let size = SIZE - 100;
        self.on_library(owner, LibraryCommand::PublishFile { file_id, size, image, now }).await;
    }

    /// A published file that is no image. It is as large as was declared.
    async fn letter(&mut self, owner: AccountId) -> FileId {
        let file_id = self.request(owner, "letter.pdf", "application/pdf").await;
        self.complete(owner, file_id, "application/pdf").await;
        let (size, image, now) = (SIZE, None, self.now());
        self.on_library(owner, LibraryCommand::PublishFile { file_id, size, image, now }).await;
        file_id
    }

    async fn photo(&mut self, owner: AccountId) -> FileId {
        let file_id = self.request(owner, "photo.jpg", "image/jpeg").await;
        self.complete(owner, file_id, "image/jpeg").await;
        self.publish(owner, file_id, Some(image(owner))).await;
        file_id
    }

    async fn remove(&mut self, owner: AccountId, file_id: FileId) {
        let (why, now) = (Removal::ByOwner, self.now());
        self.on_library(owner, LibraryCommand::RemoveFile { file_id, why, now }).await;
    }

    async fn set_avatar(&mut self, owner: AccountId, file_id: Option<FileId>) {
        let now = self.now();
        self.on_library(owner, LibraryCommand::SetAvatar { file_id, now }).await;
    }

    /// Attaches and sends, as the command side does.
    async fn send_file(
        &mut self,
        chat_id: ChatId,
        sender: AccountId,
        (owner, file_id): (AccountId, FileId),
    ) -> MessageId {
        let (message_id, now) = (MessageId(self.id()), self.now());
        let attach = LibraryCommand::Attach { file_id, chat_id, message_id, now };
        self.on_library(owner, attach).await;
        let content = NewContent::File { file: Attachment { file_id, owner }, caption: None };
        let message = Outgoing { content, ..Outgoing::text(message_id, sender, String::new()) };
        let (message, limits) = (Box::new(message), Limits::default());
        self.on_chat(chat_id, ChatCommand::Send { message, limits, now }).await;
        message_id
    }

    /// The file as `caller` sees it now.
    async fn file(&self, caller: AccountId, file_id: FileId) -> Option<FileView> {
        self.file_at(caller, file_id, self.now()).await
    }

    async fn file_at(
        &self,
        caller: AccountId,
        file_id: FileId,
        at: DateTime<Utc>,
    ) -> Option<FileView> {
        files::by_id(&self.db, caller, file_id, at).await.expect("the files are there")
    }

    /// The position at which a chat last changed, as `account` sees it.
    async fn changed(&self, chat: ChatId, account: AccountId) -> i64 {
        sqlx::query_scalar("SELECT changed FROM chats WHERE chat_id = $1 AND account_id = $2")
            .bind(chat.0)
            .bind(account.0)
            .fetch_one(&self.db)
            .await
            .expect("the chat is there")
    }

    async fn usage(&self, owner: AccountId) -> Usage {
        files::usage(&self.db, owner).await.expect("the files are there")
    }

    async fn avatars(&self, accounts: &[AccountId]) -> Vec<(Uuid, Uuid)> {
        let accounts: Vec<_> = accounts.iter().map(|it| it.0).collect();
        let avatars = files::avatars(&self.db, &accounts).await.expect("the files are there");
        avatars.into_iter().map(|(account, file)| (account, file.file_id)).collect()
    }
}
