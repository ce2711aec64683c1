//! What each member sees, and what a stranger does not.

use domain::chat::ChatCommand;
use domain::{AccountId, ChatId, MessageId};
use eventlog::database;
use projections::messages::{self, MessagePage, Range};
use projections::runner::Projector;
use projections::{Filter, ReadModel, accounts, chats};

use crate::world::World;

struct Talk {
    world: World,
    alice: AccountId,
    bob: AccountId,
    chat: ChatId,
    sent: Vec<MessageId>,
}

/// Ten messages: Alice's are the odd ones.
async fn talk() -> Talk {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let bob = world.register("bob").await;
    let chat = world.open(bob, alice).await;
    let mut sent = vec![];
    for number in 1..=10 {
        let sender = if number % 2 == 1 { alice } else { bob };
        sent.push(world.send(chat, sender, &format!("message {number}")).await);
    }
    Talk { world, alice, bob, chat, sent }
}

impl Talk {
    async fn page(&self, caller: AccountId, range: Range, limit: i64) -> MessagePage {
        messages::page(&self.world.db, caller, self.chat, range, limit, self.world.now())
            .await
            .expect("a page")
            .expect("their chat")
    }
}

fn numbers(page: &MessagePage) -> (Vec<i64>, bool, bool) {
    (page.items.iter().map(|it| it.number).collect(), page.more_before, page.more_after)
}

#[tokio::test]
async fn messages_are_paged_in_both_directions() {
    let mut talk = talk().await;
    talk.world.project().await;
    let page = async |range, limit| numbers(&talk.page(talk.alice, range, limit).await);
    assert_eq!(page(Range::Latest, 3).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(Range::Before(8), 3).await, (vec![5, 6, 7], true, true));
    assert_eq!(page(Range::Before(3), 3).await, (vec![1, 2], false, true));
    assert_eq!(page(Range::Before(4), 3).await, (vec![1, 2, 3], false, true));
    assert_eq!(page(Range::Before(1), 3).await, (vec![], false, true));
    assert_eq!(page(Range::After(0), 3).await, (vec![1, 2, 3], false, true));
    assert_eq!(page(Range::After(7), 3).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(Range::After(6), 3).await, (vec![7, 8, 9], true, true));
    assert_eq!(page(Range::After(10), 3).await, (vec![], true, false));
    assert_eq!(page(Range::Latest, 100).await, ((1..=10).collect(), false, false));
    assert_eq!(page(Range::Before(i64::MAX), 1).await, (vec![10], true, false));
    assert_eq!(page(Range::After(i64::MIN), 1).await, (vec![1], false, true));
    assert_eq!(page(Range::Around(5), 4).await, (vec![3, 4, 5, 6], true, true));
    assert_eq!(page(Range::Around(5), 5).await, (vec![3, 4, 5, 6, 7], true, true));
    assert_eq!(page(Range::Around(1), 4).await, (vec![1, 2], false, true));
    assert_eq!(page(Range::Around(10), 4).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(Range::Around(11), 4).await, (vec![9, 10], true, false));
}

#[tokio::test]
async fn what_one_deleted_for_oneself_is_there_for_the_other_only() {
    let mut talk = talk().await;
    for number in [1, 5, 10] {
        talk.world.delete_for_me(talk.chat, talk.alice, talk.sent[number - 1]).await;
    }
    talk.world.project().await;
    let hers = numbers(&talk.page(talk.alice, Range::Latest, 100).await);
    assert_eq!(hers, (vec![2, 3, 4, 6, 7, 8, 9], false, false));
    let before = numbers(&talk.page(talk.alice, Range::Before(3), 1).await);
    assert_eq!(before, (vec![2], false, true), "what is hidden is not more");
    let his = numbers(&talk.page(talk.bob, Range::Latest, 100).await);
    assert_eq!(his.0.len(), 10);
    let (db, at) = (&talk.world.db, talk.world.now());
    assert_eq!(messages::by_number(db, talk.alice, talk.chat, 5, at).await.expect("a row"), None);
    assert!(messages::by_number(db, talk.bob, talk.chat, 5, at).await.expect("a row").is_some());
    let hers = chats::by_id(db, talk.alice, talk.chat, at).await.expect("a row").expect("a chat");
    assert_eq!(hers.last_message.map(|it| it.number), Some(9));
    assert_eq!((hers.total_messages, hers.unread_count), (10, 4));
    let his = chats::by_id(db, talk.bob, talk.chat, at).await.expect("a row").expect("a chat");
    assert_eq!(his.last_message.map(|it| it.number), Some(10));
    assert_eq!((his.total_messages, his.unread_count), (10, 5));
    talk.world.check().await;
}

#[tokio::test]
async fn what_was_deleted_for_everyone_leaves_a_tombstone_without_text() {
    let mut talk = talk().await;
    talk.world.delete_for_everyone(talk.chat, talk.bob, talk.sent[9]).await;
    talk.world.project().await;
    for caller in [talk.alice, talk.bob] {
        let seen =
            messages::by_number(&talk.world.db, caller, talk.chat, 10, talk.world.now()).await;
        let seen = seen.expect("a row").expect("its number stays");
        assert_eq!((seen.text, seen.deleted), (None, true));
    }
    let hers = chats::by_id(&talk.world.db, talk.alice, talk.chat, talk.world.now()).await;
    let hers = hers.expect("a row").expect("a chat");
    assert_eq!((hers.total_messages, hers.unread_count), (10, 4));
    assert!(hers.last_message.is_some_and(|it| it.deleted));
    let texts = "SELECT count(*) FROM messages WHERE text LIKE '%message 10%'";
    let left: i64 = sqlx::query_scalar(texts).fetch_one(&talk.world.db).await.expect("a count");
    assert_eq!(left, 0);
    talk.world.check().await;
}

#[tokio::test]
async fn a_stranger_sees_nothing() {
    let mut talk = talk().await;
    let mallory = talk.world.register("mallory").await;
    talk.world.project().await;
    let (db, at) = (&talk.world.app(), talk.world.now());
    assert_eq!(chats::by_id(db, mallory, talk.chat, at).await.expect("a row"), None);
    assert_eq!(chats::list(db, mallory, Filter::All, None, 10, at).await.expect("a list"), vec![]);
    for range in [Range::Latest, Range::Before(5), Range::After(5), Range::Around(5)] {
        let page = messages::page(db, mallory, talk.chat, range, 10, at).await.expect("a page");
        assert_eq!(page, None);
    }
    assert_eq!(messages::by_number(db, mallory, talk.chat, 1, at).await.expect("a row"), None);
    let nowhere = ChatId(mallory.0);
    assert_eq!(chats::by_id(db, talk.alice, nowhere, at).await.expect("a row"), None);
    let page =
        messages::page(db, talk.alice, nowhere, Range::Latest, 10, at).await.expect("a page");
    assert_eq!(page, None);
}

#[tokio::test]
async fn an_empty_chat_is_the_members_and_has_no_message() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    world.project().await;
    let page = messages::page(&world.db, alice, chat, Range::Latest, 10, world.now())
        .await
        .expect("a page");
    let empty = MessagePage { items: vec![], more_before: false, more_after: false };
    assert_eq!(page, Some(empty));
    let seen =
        chats::by_id(&world.db, bob, chat, world.now()).await.expect("a row").expect("a chat");
    assert_eq!((seen.last_message, seen.total_messages, seen.active), (None, 0, true));
    assert_eq!(seen.participant.account_id, alice.0);
    assert_eq!(seen.participant.username.as_deref(), Some("alice"));
}

#[tokio::test]
async fn chats_are_listed_by_latest_activity_and_paged_by_it() {
    let mut world = World::create().await;
    let alice = world.register("alice").await;
    let mut opened = vec![];
    for name in ["bob", "carol", "dave", "erin"] {
        let other = world.register(name).await;
        opened.push(world.open(alice, other).await);
    }
    world.send(opened[1], alice, "up again").await;
    world.project().await;
    // Some of one era of the log, some of others.
    world.execute("UPDATE chats SET activity = activity * 20000").await;
    let at = world.now();
    let order = [opened[1], opened[3], opened[2], opened[0]].map(|it| it.0);
    let all = chats::list(&world.db, alice, Filter::Active, None, 10, at).await.expect("a list");
    assert_eq!(all.iter().map(|it| it.chat_id).collect::<Vec<_>>(), order);
    let mut paged = vec![];
    let mut before = None;
    loop {
        let page =
            chats::list(&world.db, alice, Filter::Active, before, 1, at).await.expect("a page");
        let Some(last) = page.last() else { break };
        before = Some(last.activity);
        paged.extend(page.iter().map(|it| it.chat_id));
    }
    assert_eq!(paged, order);
}

#[tokio::test]
async fn a_message_leaves_the_indexes_of_the_lists_alone() {
    let mut talk = talk().await;
    talk.world.project().await;
    let head = talk.world.head().await;
    talk.world.send(talk.chat, talk.alice, "bob has unread messages as before").await;
    let events = talk.world.events(head.0, 1).await;
    let mut tx = database::begin(&talk.world.db).await.expect("a transaction");
    Projector::of(ReadModel::Chats).apply(&mut tx, &events).await.expect("applied");
    let updates = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables
                   WHERE schemaname = 'read' AND relname = 'chats'";
    let (all, in_place): (i64, i64) =
        sqlx::query_as(updates).fetch_one(&mut *tx).await.expect("counts");
    assert_eq!((all, in_place), (2, 2));
}

#[tokio::test]
async fn an_inactive_chat_says_so_to_both() {
    let mut talk = talk().await;
    let now = talk.world.now();
    talk.world.on_chat(talk.chat, ChatCommand::Deactivate { now }).await;
    talk.world.project().await;
    for caller in [talk.alice, talk.bob] {
        let seen =
            chats::by_id(&talk.world.db, caller, talk.chat, talk.world.now()).await.expect("a row");
        assert!(seen.is_some_and(|it| !it.active));
    }
    talk.world.on_chat(talk.chat, ChatCommand::Reactivate { now }).await;
    talk.world.project().await;
    let seen =
        chats::by_id(&talk.world.db, talk.bob, talk.chat, talk.world.now()).await.expect("a row");
    assert!(seen.is_some_and(|it| it.active));
}

#[tokio::test]
async fn who_was_erased_before_the_event_was_applied_has_no_name_and_no_text() {
    let mut talk = talk().await;
    talk.world.head().await;
    let erase = format!(
        "UPDATE subject_keys SET wrapped_key = NULL, destroyed_at = now() WHERE subject = '{}'",
        talk.bob
    );
    assert_eq!(talk.world.execute(&erase).await, 1);
    talk.world.forget_keys();
    talk.world.project().await;
    let seen = accounts::by_id(&talk.world.db, talk.bob).await.expect("a row").expect("a row");
    assert_eq!((seen.username, seen.display_name, seen.email), (None, None, None));
    let page = talk.page(talk.alice, Range::Latest, 100).await;
    for message in page.items {
        assert_eq!(message.text.is_none(), message.sender_id == talk.bob.0);
        assert!(!message.deleted);
    }
}
