//! Sending and forwarding, with files.

use commands::{CommandError, Context, Forwarding, IdempotencyKey, SendError, Sending, Target};
use commands::{fingerprint, forward, send};
use domain::chat::{
    Attachment, ChatCommand, ChatError, ChatEvent, Content, Forwarded, Limits, NewContent, Outgoing,
};
use domain::library::{Arrived, FileLimits, Library, LibraryCommand, LibraryError, Sha256};
use domain::{AccountId, ChatId, FileId, MessageId};
use testing::TestDatabase;
use uuid::Uuid;

use crate::node::{ALICE, BOB, MALLORY, Node, message};

const FILE: FileId = FileId(Uuid::from_u128(0xF1));
const SHA256: Sha256 = Sha256([7; 32]);
const SIZE: u64 = 1_000;

impl Node {
    async fn library(&self, owner: AccountId, command: LibraryCommand) {
        let (id, context) = (owner.to_string(), Context::default());
        let executed = self.gateway.execute::<Library>(&id, command, &context).await;
        executed.expect("the library takes it");
    }

    /// A file of Alice's that can be sent.
    async fn upload(&self, content_type: &str) {
        let now = self.clock.now();
        let request = LibraryCommand::RequestUpload {
            owner: ALICE,
            file_id: FILE,
            name: "a name".to_owned(),
            content_type: content_type.to_owned(),
            size: SIZE,
            sha256: SHA256,
            multipart: None,
            limits: FileLimits::default(),
            now,
        };
        let sniffed_type = Some(content_type.to_owned());
        let arrived = Arrived { size: SIZE, sha256: SHA256, sniffed_type };
        self.library(ALICE, request).await;
        let limits = FileLimits::default();
        let complete = LibraryCommand::CompleteUpload { file_id: FILE, arrived, limits, now };
        self.library(ALICE, complete).await;
    }

    /// The messages that the file is attached to.
    async fn attachments(&self) -> Vec<(ChatId, MessageId)> {
        let of = |it: &Library| it.file(FILE).map(|it| it.attachments().collect::<Vec<_>>());
        let found = self.gateway.inspect(&ALICE.to_string(), of).await.expect("a library");
        found.expect("the file is there")
    }
}

fn chat() -> ChatId {
    ChatId::between(ALICE, BOB)
}

fn photo(sender: AccountId, message_id: MessageId, now: chrono::DateTime<chrono::Utc>) -> Sending {
    let file = Attachment { file_id: FILE, owner: ALICE };
    let content = NewContent::Image { file, caption: Some("look".to_owned()) };
    let message = Outgoing { content, ..Outgoing::text(message_id, sender, String::new()) };
    Sending { chat_id: chat(), message, limits: Limits::default(), now }
}

fn keyed(key: &str) -> Context {
    let fingerprint = fingerprint("POST", "/messages", key.as_bytes());
    let key = IdempotencyKey { caller: ALICE, key: key.to_owned(), fingerprint };
    Context { actor: Some(ALICE), request_id: "test".to_owned(), key: Some(key) }
}

fn sent(events: &[ChatEvent]) -> Option<(u64, MessageId)> {
    events.iter().find_map(|it| {
        if let ChatEvent::MessageSent {
            number, message_id, content: Content::Image { .. }, ..
        } = it
        {
            Some((*number, *message_id))
        } else {
            None
        }
    })
}

#[tokio::test]
async fn a_file_that_is_sent_is_attached() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    node.upload("image/png").await;
    let (id, now) = (message(1), node.clock.now());

    let first = send(&node.gateway, photo(ALICE, id, now), &keyed("k")).await.expect("it is sent");

    assert_eq!(sent(&first.events), Some((1, id)));
    assert_eq!(node.attachments().await, [(chat(), id)]);
    // The same id, and the same key: nothing new, also when the file is gone meanwhile.
    let events = node.events().await;
    let again = send(&node.gateway, photo(ALICE, id, now), &Context::default()).await;
    assert!(again.expect("it was sent").events.is_empty());
    let delete = ChatCommand::DeleteForEveryone { message_id: id, by: ALICE, now };
    node.chat(delete).await.expect("it is deleted");
    let (chat_id, was_sent) = (chat(), true);
    let release = LibraryCommand::Release { file_id: FILE, chat_id, message_id: id, was_sent, now };
    node.library(ALICE, release).await;
    let replayed = send(&node.gateway, photo(ALICE, message(2), now), &keyed("k")).await;
    assert_eq!(sent(&replayed.expect("it was sent").events), Some((1, id)));
    assert_eq!(node.events().await, events + 3);
}

#[tokio::test]
async fn a_refused_message_lets_go_of_the_file() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    node.upload("image/png").await;
    let now = node.clock.now();
    let theirs = message(7);
    node.send(BOB, theirs, "mine", None).await.expect("it is sent");
    let long = |mut sending: Sending| {
        if let NewContent::Image { caption, .. } = &mut sending.message.content {
            *caption = Some("x".repeat(10_001));
        }
        sending
    };

    let taken = send(&node.gateway, photo(ALICE, theirs, now), &keyed("a")).await;
    assert!(matches!(
        taken,
        Err(SendError::Chat(CommandError::Rule(ChatError::MessageIdTaken(_))))
    ));
    let stranger = send(&node.gateway, photo(MALLORY, message(1), now), &keyed("b")).await;
    assert!(matches!(stranger, Err(SendError::Chat(CommandError::Rule(ChatError::NotAMember(_))))));
    let text = send(&node.gateway, long(photo(ALICE, message(1), now)), &keyed("c")).await;
    assert!(matches!(
        text,
        Err(SendError::Chat(CommandError::Rule(ChatError::TextTooLong { .. })))
    ));
    assert!(node.attachments().await.is_empty());

    // What was sent keeps its file, though the same message is refused when it is sent again.
    send(&node.gateway, photo(ALICE, message(1), now), &keyed("d")).await.expect("it is sent");
    let again = send(&node.gateway, long(photo(ALICE, message(1), now)), &keyed("e")).await;
    assert!(matches!(
        again,
        Err(SendError::Chat(CommandError::Rule(ChatError::TextTooLong { .. })))
    ));
    assert_eq!(node.attachments().await, [(chat(), message(1))]);
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_sends_nothing() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    let now = node.clock.now();

    let unknown = send(&node.gateway, photo(ALICE, message(1), now), &keyed("a")).await;
    assert!(matches!(
        unknown,
        Err(SendError::File(CommandError::Rule(LibraryError::UnknownFile(FILE))))
    ));
    node.upload("application/pdf").await;
    let no_image = send(&node.gateway, photo(ALICE, message(1), now), &keyed("a")).await;
    assert!(matches!(no_image, Err(SendError::File(CommandError::Rule(LibraryError::NotAnImage)))));
    assert!(node.attachments().await.is_empty());
}

/// With one key and ids of the server, one of two at once sends. Its file stays attached, whatever the
/// other does; what the other attached, a policy releases.
#[tokio::test]
async fn at_once_with_one_key_the_file_of_what_was_sent_is_attached() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    node.upload("image/png").await;
    let now = node.clock.now();

    let context = keyed("k");
    let one = send(&node.gateway, photo(ALICE, message(1), now), &context);
    let other = send(&node.gateway, photo(ALICE, message(2), now), &context);
    let (one, other) = tokio::join!(one, other);

    let answered: Vec<_> = [one, other]
        .into_iter()
        .filter_map(|it| match it {
            Ok(executed) => Some(sent(&executed.events).expect("it was sent")),
            Err(SendError::Chat(CommandError::KeyInFlight)) => None,
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    assert!(answered.windows(2).all(|it| it[0] == it[1]), "{answered:?}");
    assert!(node.attachments().await.contains(&(chat(), answered[0].1)));
}

#[tokio::test]
async fn a_forwarded_file_is_attached_once_more() {
    let database = TestDatabase::create().await;
    let node = Node::start(&database);
    node.open().await;
    let others = ChatId::between(BOB, MALLORY);
    let open = ChatCommand::Open { by: BOB, with: MALLORY, now: node.clock.now() };
    let context = Context::default();
    let id = others.to_string();
    node.gateway.execute::<domain::chat::Chat>(&id, open, &context).await.expect("it opens");
    node.upload("image/png").await;
    let now = node.clock.now();
    send(&node.gateway, photo(ALICE, message(1), now), &context).await.expect("it is sent");
    let forwarding = Forwarding {
        by: BOB,
        content: photo(BOB, message(1), now).message.content,
        reference: None,
        tags: vec![],
        forwarded: Forwarded {
            sender: ALICE,
            sent_at: now,
            hops: 1,
            origin_chat: chat(),
            origin_number: 1,
        },
        limits: Limits::default(),
        now,
    };
    let unknown = ChatId(Uuid::from_u128(0xDEAD));
    let targets = [(others, message(2)), (unknown, message(3)), (chat(), message(4))];
    let targets = targets.map(|(chat_id, message_id)| Target { chat_id, message_id });

    let done = forward(&node.gateway, Some(&forwarding), &targets, &context).await;

    assert_eq!(done.len(), 3);
    assert!(matches!(done[0], Some(Ok(_))) && matches!(done[2], Some(Ok(_))), "{done:?}");
    assert!(matches!(done[1], Some(Err(SendError::Chat(CommandError::Rule(ChatError::NotFound))))));
    let mut attached = node.attachments().await;
    attached.sort();
    let mut expected = [(chat(), message(1)), (others, message(2)), (chat(), message(4))];
    expected.sort();
    assert_eq!(attached, expected);
}
