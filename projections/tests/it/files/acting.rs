//! What people do with files, and what is known of them.

use chrono::{DateTime, Utc};
use domain::chat::{Attachment, ChatCommand, Limits, NewContent, Outgoing};
use domain::library::{
    Arrived, FileLimits, ImageFacts, LibraryCommand, Removal, Sha256, Thumbnail,
};
use domain::{AccountId, ChatId, FileId, MessageId, Personal};
use projections::files::{self, FileView, SeenFile, Usage};
use uuid::Uuid;

use crate::world::World;

const SHA256: Sha256 = Sha256([7; 32]);
const SIZE: u64 = 1_000;

pub fn image(owner: AccountId) -> ImageFacts {
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
    /// A file that has arrived, and is not published yet.
    pub async fn upload(&mut self, owner: AccountId) -> FileId {
        let file_id = self.request(owner, "letter.pdf", "application/pdf").await;
        self.complete(owner, file_id, "application/pdf").await;
        file_id
    }

    pub async fn request(&mut self, owner: AccountId, name: &str, content_type: &str) -> FileId {
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

    pub async fn complete(&mut self, owner: AccountId, file_id: FileId, sniffed_type: &str) {
        let sniffed_type = Some(sniffed_type.to_owned());
        let arrived = Arrived { size: SIZE, sha256: SHA256, sniffed_type };
        let now = self.now();
        let limits = FileLimits::default();
        let complete = LibraryCommand::CompleteUpload { file_id, arrived, limits, now };
        self.on_library(owner, complete).await;
    }

    pub async fn publish(&mut self, owner: AccountId, file_id: FileId, image: Option<ImageFacts>) {
        let now = self.now();
        let size = SIZE - 100;
        self.on_library(owner, LibraryCommand::PublishFile { file_id, size, image, now }).await;
    }

    /// A published file that is no image. It is as large as was declared.
    pub async fn letter(&mut self, owner: AccountId) -> FileId {
        let file_id = self.upload(owner).await;
        let (size, image, now) = (SIZE, None, self.now());
        self.on_library(owner, LibraryCommand::PublishFile { file_id, size, image, now }).await;
        file_id
    }

    pub async fn photo(&mut self, owner: AccountId) -> FileId {
        let file_id = self.request(owner, "photo.jpg", "image/jpeg").await;
        self.complete(owner, file_id, "image/jpeg").await;
        self.publish(owner, file_id, Some(image(owner))).await;
        file_id
    }

    pub async fn remove(&mut self, owner: AccountId, file_id: FileId) {
        let (why, now) = (Removal::ByOwner, self.now());
        self.on_library(owner, LibraryCommand::RemoveFile { file_id, why, now }).await;
    }

    pub async fn set_avatar(&mut self, owner: AccountId, file_id: Option<FileId>) {
        let now = self.now();
        self.on_library(owner, LibraryCommand::SetAvatar { file_id, now }).await;
    }

    /// Attaches and sends, as the command side does.
    pub async fn send_file(
        &mut self,
        chat_id: ChatId,
        sender: AccountId,
        (owner, file_id): (AccountId, FileId),
    ) -> MessageId {
        let (message_id, now) = (MessageId(self.id()), self.now());
        let attach = LibraryCommand::Attach { file_id, by: sender, chat_id, message_id, now };
        self.on_library(owner, attach).await;
        let content = NewContent::File { file: Attachment { file_id, owner }, caption: None };
        let message = Outgoing { content, ..Outgoing::text(message_id, sender, String::new()) };
        let (message, limits) = (Box::new(message), Limits::default());
        self.on_chat(chat_id, ChatCommand::Send { message, limits, now }).await;
        message_id
    }

    /// The file as `caller` sees it now.
    pub async fn file(&self, caller: AccountId, file_id: FileId) -> Option<FileView> {
        self.file_at(caller, file_id, self.now()).await
    }

    pub async fn file_at(
        &self,
        caller: AccountId,
        file_id: FileId,
        at: DateTime<Utc>,
    ) -> Option<FileView> {
        self.seen(caller, file_id, at).await.map(|it| it.view)
    }

    pub async fn seen(
        &self,
        caller: AccountId,
        file_id: FileId,
        at: DateTime<Utc>,
    ) -> Option<SeenFile> {
        files::by_id(&self.db, caller, file_id, at).await.expect("the files are there")
    }

    /// The position at which a chat last changed, as `account` sees it.
    pub async fn changed(&self, chat: ChatId, account: AccountId) -> i64 {
        sqlx::query_scalar("SELECT changed FROM chats WHERE chat_id = $1 AND account_id = $2")
            .bind(chat.0)
            .bind(account.0)
            .fetch_one(&self.db)
            .await
            .expect("the chat is there")
    }

    pub async fn usage(&self, owner: AccountId) -> Usage {
        files::usage(&self.db, owner).await.expect("the files are there")
    }

    pub async fn avatars(&self, accounts: &[AccountId]) -> Vec<(Uuid, Uuid)> {
        let accounts: Vec<_> = accounts.iter().map(|it| it.0).collect();
        let avatars = files::avatars(&self.db, &accounts).await.expect("the files are there");
        avatars.into_iter().map(|(account, file)| (account, file.file_id)).collect()
    }
}
