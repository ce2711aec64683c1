//! What a document must not tell: who has blocked whom, what was withheld, how far somebody has read,
//! who was erased.

use domain::account::AccountCommand;
use domain::chat::ChatCommand;
use domain::{AccountId, ChatId};
use projections::chats;
use serde_json::{Value, json};
use testing::FirestoreDouble;

use super::{Mirrored, assert_sound, document, seen, settled, start};
use crate::world::World;

struct Talk {
    world: World,
    double: FirestoreDouble,
    mirror: Mirrored,
    /// The first of the two.
    alice: AccountId,
    bob: AccountId,
    chat: ChatId,
}

/// Two messages of Bob's, which Alice has not read.
async fn talk() -> Talk {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.send(chat, bob, "one").await;
    world.send(chat, bob, "two").await;
    settled(&mut world).await;
    Talk { world, double, mirror, alice, bob, chat }
}

impl Talk {
    fn chat(&self) -> Value {
        seen(&self.double, &format!("chats/{}", self.chat)).expect("the chat is there")
    }

    fn writes(&self) -> usize {
        self.double.writes(&format!("chats/{}", self.chat)).len()
    }

    fn notified(&self, account: AccountId) -> bool {
        let path = format!("users-external-event/{account}");
        document(&self.double, &path).expect("it is there")["notify_new_message"] == true
    }

    fn may_see_presence(&self) -> bool {
        let path = format!("pairs/{}_{}", self.alice, self.bob);
        document(&self.double, &path).expect("it is there")["open"] == true
    }

    async fn block(&mut self, block: bool) {
        let (by, whom, now) = (self.alice, self.bob, self.world.now());
        let command = if block {
            ChatCommand::Block { by, whom, now }
        } else {
            ChatCommand::Unblock { by, whom, now }
        };
        self.world.on_chat(self.chat, command).await;
        settled(&mut self.world).await;
    }

    async fn end(self) {
        assert_sound(&self.world, self.double.host()).await;
        self.mirror.stop().await;
    }
}

#[tokio::test]
async fn nothing_of_what_was_withheld_reaches_who_has_blocked() {
    let mut talk = talk().await;
    assert!(talk.may_see_presence());
    talk.block(true).await;
    assert!(!talk.may_see_presence());
    let (before, writes) = (talk.chat(), talk.writes());
    for number in 0..5 {
        talk.world.send(talk.chat, talk.bob, &format!("withheld {number}")).await;
    }
    settled(&mut talk.world).await;
    assert_eq!(talk.chat(), before);
    assert_eq!(talk.writes(), writes, "an app would see that the document was written");
    assert!(talk.notified(talk.alice), "of what came before");
    let hers = chats::by_id(&talk.world.db, talk.alice, talk.chat, talk.world.now()).await;
    let hers = hers.expect("a row").expect("her chat");
    assert_eq!(talk.chat()["total_messages_count"], hers.total_messages);

    talk.block(false).await;
    assert_eq!(talk.chat()["total_messages_count"], 2, "what was withheld is so for ever");
    assert_eq!(talk.chat()["last_message_timestamp"], before["last_message_timestamp"]);
    assert!(talk.may_see_presence());
    talk.world.send(talk.chat, talk.bob, "again").await;
    let at = talk.world.now().timestamp() - 1;
    settled(&mut talk.world).await;
    assert_eq!(talk.chat()["total_messages_count"], 3, "five are missing, and not told of");
    assert_eq!(talk.chat()["last_message_timestamp"]["seconds"], at);
    talk.end().await;
}

#[tokio::test]
async fn who_has_blocked_whom_reads_in_secret() {
    let mut talk = talk().await;
    assert_eq!(talk.chat()["notify_new_message_to_user1"], true);
    talk.block(true).await;
    assert_eq!(talk.chat()["notify_new_message_to_user1"], false);
    let before = talk.writes();
    talk.world.read(talk.chat, talk.alice, 2).await;
    settled(&mut talk.world).await;
    assert_eq!(talk.writes(), before, "Bob does not see when");
    assert!(!talk.notified(talk.alice), "her own document is hers alone");
    talk.end().await;
}

#[tokio::test]
async fn how_far_somebody_has_read_is_told_where_receipts_are() {
    let mut talk = talk().await;
    assert_eq!(talk.chat()["notify_new_message_to_user1"], true);
    for (whose, read_receipts) in [(talk.alice, false), (talk.alice, true), (talk.bob, false)] {
        let now = talk.world.now();
        let change = AccountCommand::ChangePrivacy { read_receipts, now };
        talk.world.on_account(whose, change).await;
        settled(&mut talk.world).await;
        assert_eq!(talk.chat()["notify_new_message_to_user1"], read_receipts);
        assert!(talk.notified(talk.alice), "she is told all the same");
        assert_eq!(talk.chat()["total_messages_count"], 2);
    }
    let before = talk.writes();
    talk.world.read(talk.chat, talk.alice, 2).await;
    settled(&mut talk.world).await;
    assert_eq!(talk.writes(), before);
    talk.end().await;
}

#[tokio::test]
async fn a_chat_is_there_once_both_have_it() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let mirror = start(&world, double.host());
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let (chat, now) = (ChatId::between(alice, bob), world.now());
    world.on_chat(chat, ChatCommand::Block { by: alice, whom: bob, now }).await;
    world.open(bob, alice).await;
    world.send(chat, bob, "withheld").await;
    settled(&mut world).await;
    assert_eq!(seen(&double, &format!("chats/{chat}")), None);
    assert_eq!(seen(&double, &format!("pairs/{alice}_{bob}")), None);
    let now = world.now();
    world.on_chat(chat, ChatCommand::Unblock { by: alice, whom: bob, now }).await;
    world.send(chat, bob, "arrives").await;
    settled(&mut world).await;
    let there = seen(&double, &format!("chats/{chat}")).expect("it was revealed");
    assert_eq!(there["total_messages_count"], 1);
    assert_eq!(there["participants"], json!([alice.to_string(), bob.to_string()]));
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn who_is_erased_has_no_name_and_a_late_writer_finds_the_place_taken() {
    let mut world = World::create().await;
    let double = FirestoreDouble::start().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    world.open(alice, bob).await;
    world.head().await;
    let erase = format!(
        "UPDATE subject_keys SET wrapped_key = NULL, destroyed_at = now() WHERE subject = '{alice}'"
    );
    assert_eq!(world.execute(&erase).await, 1);
    world.forget_keys();
    let mirror = start(&world, double.host());
    settled(&mut world).await;
    assert_eq!(seen(&double, &format!("users/{alice}")), Some(json!({ "username": null })));
    assert_eq!(seen(&double, &format!("users/{bob}")), Some(json!({ "username": "bob" })));
    assert_sound(&world, double.host()).await;
    mirror.stop().await;
}

#[tokio::test]
async fn who_is_erased_later_is_found_by_a_check_and_forgotten_by_a_repair() {
    let talk = talk().await;
    let path = format!("users/{}", talk.alice);
    assert_eq!(seen(&talk.double, &path), Some(json!({ "username": "alice" })));
    // What the erasure of a person does to the read model, once there is one.
    talk.world
        .execute(&format!(
            "UPDATE accounts SET username = NULL WHERE account_id = '{}'",
            talk.alice
        ))
        .await;
    let checked = super::check(&talk.world, talk.double.host()).await;
    let [drift] = checked.differences.as_slice() else { panic!("one differs: {checked:?}") };
    assert_eq!((drift.document.as_str(), drift.field.as_str()), (path.as_str(), "username"));
    assert!(!format!("{checked:?}").contains("alice"), "a name stays out of what is printed");
    super::repair(&talk.world, talk.double.host()).await;
    assert_eq!(seen(&talk.double, &path), Some(json!({ "username": null })));
    talk.end().await;
}
