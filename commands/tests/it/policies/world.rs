//! A library with policies that look after it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use commands::{Context, FilesSettings, Policies, Push, PushSettings, Sending};
use domain::chat::{Attachment, Limits, NewContent, Outgoing};
use domain::library::{File, Library, LibraryCommand, Stage};
use domain::{ChatId, FileId, MessageId};
use eventlog::{Clock, Codec, Feed, Ids, Position, hand_over};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::files::{self, Storage, send};
use crate::node::{ALICE, BOB};

/// How long something may take that policies do at once.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) files: files::World,
    pub(crate) push: Push,
    ahead: Arc<AtomicI64>,
}

/// Policies that run until this is dropped.
pub(crate) struct Running {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Deref for World {
    type Target = files::World;

    fn deref(&self) -> &files::World {
        &self.files
    }
}

impl World {
    pub(crate) async fn on(storage: Storage) -> Self {
        Self::with(storage, |_| {}).await
    }

    pub(crate) async fn with(storage: Storage, change: impl FnOnce(&mut FilesSettings)) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let (milliseconds, system) = (Arc::clone(&ahead), Clock::system());
        let clock = Clock::from_fn(move || {
            system.now() + TimeDelta::milliseconds(milliseconds.load(Ordering::Relaxed))
        });
        let files = files::World::with(storage, clock, change).await;
        let push = open(&files, PushSettings::default()).await;
        Self { files, push, ahead }
    }

    /// Pushes as these settings say, from now on.
    pub(crate) async fn push_by(&mut self, settings: PushSettings) {
        self.push = open(&self.files, settings).await;
    }

    /// Lets time jump.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.ahead.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
    }

    /// Starts policies, as another process would.
    pub(crate) fn run_policies(&self) -> Running {
        let (stop, db) = (CancellationToken::new(), self.db());
        let codec = Arc::new(Codec::new(db.clone(), testing::master_key()));
        let news = watch::channel(Position::START).1;
        let (feed, follow) = Feed::new(db.clone(), codec, None, news, hand_over().1, stop.clone());
        let policies = Policies {
            db,
            feed,
            gateway: self.node.gateway.clone(),
            files: self.files.files.clone(),
            push: self.push.clone(),
            clock: self.node.clock.clone(),
            ids: Ids::random(),
            holder: Ids::random().next(),
        };
        let run = policies.run(stop.clone());
        let task = tokio::spawn(async { _ = tokio::join!(follow, run) });
        Running { stop, task: Some(task) }
    }

    pub(crate) fn db(&self) -> PgPool {
        self.node.db.clone()
    }

    /// Sends a file as an app does, up to its completion.
    pub(crate) async fn upload(&self, bytes: &[u8], content_type: &str) -> FileId {
        let (file_id, ticket) = self.ticket(bytes, content_type).await;
        let sent = send(&ticket, &self.scratch(bytes)).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        self.complete(file_id).await.expect("it has arrived");
        file_id
    }

    /// Waits until the policies have made a file what it is to be.
    pub(crate) async fn until_stage(&self, file_id: FileId, stage: Stage) -> File {
        self.until(&format!("{stage:?}"), async || {
            self.file(file_id).await.is_some_and(|it| it.stage == stage)
        })
        .await;
        self.file(file_id).await.expect("it is there")
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            while !is_so().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "not yet: {what}");
    }

    /// Whether the storage has this object.
    pub(crate) async fn is_stored(&self, object: &str) -> bool {
        self.files.files.read(object).await.expect("the storage answers").is_some()
    }

    /// Puts an object into the storage that is in the process, past everybody.
    pub(crate) fn store(&self, object: &str, bytes: &[u8]) {
        let path = self.folder.path().join("files/objects/parlance").join(object);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(path, bytes).expect("it is written");
    }

    /// How many messages carry the file.
    pub(crate) async fn attachments(&self, file_id: FileId) -> usize {
        self.file(file_id).await.map_or(0, |it| it.uses())
    }

    pub(crate) async fn attach(&self, file_id: FileId, message_id: MessageId) {
        let chat_id = ChatId::between(ALICE, BOB);
        let (by, now) = (ALICE, self.now());
        let command = LibraryCommand::Attach { file_id, by, chat_id, message_id, now };
        let (gateway, context) = (&self.node.gateway, Context::default());
        gateway.execute::<Library>(&ALICE.to_string(), command, &context).await.expect("attached");
    }

    /// Sends a message with the file, from Alice to Bob.
    pub(crate) async fn send_file(&self, file_id: FileId, message_id: MessageId) {
        let file = Attachment { file_id, owner: ALICE };
        let mut message = Outgoing::text(message_id, ALICE, String::new());
        message.content = NewContent::File { file, caption: None };
        let (chat_id, now) = (ChatId::between(ALICE, BOB), self.now());
        let sending = Sending { chat_id, message, limits: Limits::default(), now };
        commands::send(&self.node.gateway, sending, &Context::default()).await.expect("sent");
    }

    /// How many events of this type there are.
    pub(crate) async fn count(&self, event_type: &str) -> i64 {
        let count = "SELECT count(*) FROM events WHERE event_type = $1";
        sqlx::query_scalar(count).bind(event_type).fetch_one(&self.db()).await.expect("a count")
    }

    pub(crate) async fn head(&self) -> i64 {
        let head = "SELECT position FROM log_head";
        sqlx::query_scalar(head).fetch_one(&self.db()).await.expect("a position")
    }

    /// Waits until every policy has read the whole log and has nothing to do that is due.
    pub(crate) async fn until_idle(&self) {
        self.until("idle", async || {
            let behind = "SELECT count(*) FROM log_head h, checkpoints c
                          WHERE c.name LIKE 'policy:%' AND c.position = h.position";
            let read: i64 =
                sqlx::query_scalar(behind).fetch_one(&self.db()).await.expect("a count");
            let due = "SELECT count(*) FROM policy_work WHERE due_at <= $1";
            let due: i64 = sqlx::query_scalar(due)
                .bind(self.now())
                .fetch_one(&self.db())
                .await
                .expect("a count");
            (read, due) == (if self.push.is_on() { 5 } else { 4 }, 0)
        })
        .await;
    }
}

async fn open(files: &files::World, settings: PushSettings) -> Push {
    let (db, clock) = (&files.node.db, &files.node.clock);
    Push::open(settings, db, &testing::master_key(), clock).await.expect("push opens")
}

impl Running {
    /// Ends them at once, as a process does that is killed.
    pub(crate) async fn kill(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
        }
    }

    /// Ends them in order, as a process that is stopped does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.expect("they end");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
