//! What hangs on messages, and what is kept beside chats, one by one.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::AccountCommand;
use domain::chat::{Attachment, ChatCommand, Forwarded, NewContent, Outgoing, ReportedCopy};
use domain::{AccountId, ChatId, FileId, MessageId, ReportId};
use projections::messages::{self, MessageView};
use projections::{Range, blocks, chats, reports};
use uuid::Uuid;

use crate::world::{LIMITS, World};

struct Talk {
    world: World,
    alice: AccountId,
    bob: AccountId,
    chat: ChatId,
}

async fn talk() -> Talk {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = world.open(alice, bob).await;
    Talk { world, alice, bob, chat }
}

impl Talk {
    /// The rules allow it.
    async fn on(&mut self, command: ChatCommand) {
        let events = self.world.on_chat(self.chat, command.clone()).await;
        assert!(!events.is_empty(), "{command:?}");
    }

    async fn send(&mut self, message: Outgoing) {
        let now = self.world.now();
        self.on(ChatCommand::Send { message: Box::new(message), limits: LIMITS, now }).await;
    }

    /// Bob sends Alice's first message on.
    async fn forward_first(&mut self, to: ChatId) {
        let now = self.world.now();
        let mut copy =
            Outgoing::text(MessageId(Uuid::from_u128(0xC)), self.bob, "pass it on".to_owned());
        copy.forwarded = Some(Forwarded {
            sender: self.alice,
            sent_at: now,
            hops: 3,
            origin_chat: self.chat,
            origin_number: 1,
        });
        let copy = ChatCommand::Send { message: Box::new(copy), limits: LIMITS, now };
        assert_eq!(self.world.on_chat(to, copy).await.len(), 1);
    }

    async fn seen(&self, by: AccountId, number: i64) -> MessageView {
        let at = self.world.now();
        let seen = messages::by_number(&self.world.db, by, self.chat, number, at).await;
        seen.expect("a row").expect("it is theirs to see")
    }
}

#[tokio::test]
async fn a_file_shows_where_it_is_also_before_anything_else_is_known_of_it() {
    let mut talk = talk().await;
    let file = Attachment { file_id: FileId(Uuid::from_u128(0xF1)), owner: talk.alice };
    let mut message = Outgoing::text(MessageId(Uuid::from_u128(0xA)), talk.alice, String::new());
    message.content = NewContent::Image { file, caption: Some("a boat".to_owned()) };
    talk.send(message).await;
    talk.world.project().await;
    let seen = talk.seen(talk.bob, 1).await;
    assert_eq!((seen.kind.as_str(), seen.text.as_deref()), ("image", Some("a boat")));
    let shown = seen.file.expect("it is there");
    assert_eq!((shown.file_id, shown.owner_id), (file.file_id.0, talk.alice.0));
    assert_eq!(shown.details, None);
}

#[tokio::test]
async fn a_quote_is_of_the_message_as_it_is_now_for_whoever_looks() {
    let mut talk = talk().await;
    let long = "é".repeat(300);
    let quoted = talk.world.send(talk.chat, talk.alice, &long).await;
    let mut reply = Outgoing::text(MessageId(Uuid::from_u128(0xB)), talk.bob, "indeed".to_owned());
    reply.reply_to = Some(quoted);
    talk.send(reply).await;
    talk.world.project().await;
    let quote = talk.seen(talk.alice, 2).await.reply.expect("a quote");
    assert_eq!((quote.message_id, quote.number, quote.deleted), (quoted.0, 1, false));
    assert_eq!(quote.text, Some("é".repeat(200)));

    talk.world.delete_for_me(talk.chat, talk.bob, quoted).await;
    talk.world.project().await;
    let his = talk.seen(talk.bob, 2).await.reply.expect("a quote");
    assert_eq!((his.deleted, his.text), (true, None));
    assert!(!talk.seen(talk.alice, 2).await.reply.expect("a quote").deleted);
    talk.world.delete_for_everyone(talk.chat, talk.alice, quoted).await;
    talk.world.project().await;
    assert!(talk.seen(talk.alice, 2).await.reply.expect("a quote").deleted);
}

#[tokio::test]
async fn a_copy_says_whose_it_was_until_the_origin_is_gone_and_then_changes_in_its_chat() {
    let mut talk = talk().await;
    let carol = talk.world.register("carol").await;
    let other = talk.world.open(talk.bob, carol).await;
    let origin = talk.world.send(talk.chat, talk.alice, "pass it on").await;
    let now = talk.world.now();
    talk.forward_first(other).await;
    talk.world.project().await;
    let seen = async |talk: &Talk| {
        let seen = messages::by_number(&talk.world.db, carol, other, 1, now).await;
        seen.expect("a row").expect("theirs").forwarded.expect("a copy")
    };
    let shown = seen(&talk).await;
    assert_eq!((shown.sender_id, shown.hops, shown.withheld), (talk.alice.0, 3, false));

    talk.world.delete_for_everyone(talk.chat, talk.alice, origin).await;
    talk.world.project().await;
    assert!(seen(&talk).await.withheld);
    let head = talk.world.head().await.0;
    let changed: Vec<i64> = sqlx::query_scalar(
        "SELECT changed FROM chats WHERE chat_id = $1
         UNION ALL SELECT changed FROM messages WHERE chat_id = $1",
    )
    .bind(other.0)
    .fetch_all(&talk.world.db)
    .await
    .expect("positions");
    assert_eq!(changed, [head; 3]);
    talk.world.check().await;
}

#[tokio::test]
async fn a_copy_does_not_change_when_its_origin_is_gone_for_its_sender_alone() {
    let mut talk = talk().await;
    let carol = talk.world.register("carol").await;
    let other = talk.world.open(talk.bob, carol).await;
    let origin = talk.world.send(talk.chat, talk.alice, "pass it on").await;
    talk.forward_first(other).await;
    let now = talk.world.now();
    talk.on(ChatCommand::Block { by: talk.bob, whom: talk.alice, now }).await;
    talk.world.project().await;
    let before = talk.world.head().await.0;
    talk.world.delete_for_everyone(talk.chat, talk.alice, origin).await;
    talk.world.project().await;
    let changed = "SELECT count(*) FROM chats WHERE chat_id = $1 AND changed > $2";
    let changed: i64 = sqlx::query_scalar(changed)
        .bind(other.0)
        .bind(before)
        .fetch_one(&talk.world.db)
        .await
        .expect("a count");
    assert_eq!(changed, 0);
    talk.world.check().await;
}

#[tokio::test]
async fn what_is_withheld_is_there_for_its_author_alone() {
    let mut talk = talk().await;
    let before = talk.world.send(talk.chat, talk.alice, "before").await;
    let now = talk.world.now();
    talk.on(ChatCommand::Block { by: talk.bob, whom: talk.alice, now }).await;
    let withheld = talk.world.send(talk.chat, talk.alice, "withheld").await;
    let (text, limits) = (Some("edited".to_owned()), LIMITS);
    let (message_id, by) = (before, talk.alice);
    talk.on(ChatCommand::Edit { message_id, by, text, tags: vec![], limits, now }).await;
    let reply = Outgoing {
        reply_to: Some(before),
        ..Outgoing::text(MessageId(Uuid::from_u128(0xa5)), talk.alice, "a reply".to_owned())
    };
    talk.send(reply).await;
    talk.world.project().await;

    let (db, chat) = (&talk.world.db, talk.chat);
    let hers = messages::page(db, talk.alice, chat, Range::Latest, 10, now).await;
    let hers: Vec<_> = hers.expect("a page").expect("hers").items;
    let texts: Vec<_> = hers.iter().map(|it| it.text.as_deref().unwrap_or_default()).collect();
    assert_eq!(texts, ["edited", "withheld", "a reply"]);
    let quote = hers[2].reply.as_ref().and_then(|it| it.text.as_deref());
    assert_eq!(quote, Some("edited"), "a quote tells no more than the message does");
    let his = messages::page(db, talk.bob, chat, Range::Latest, 10, now).await;
    let his: Vec<_> = his.expect("a page").expect("his").items;
    assert_eq!(his.len(), 1);
    assert_eq!((his[0].text.as_deref(), his[0].edited_at), (Some("before"), None));
    assert_eq!(messages::by_id(db, talk.bob, chat, withheld, now).await.expect("a row"), None);
    let his = chats::by_id(db, talk.bob, chat, now).await.expect("a row").expect("his");
    assert_eq!((his.total_messages, his.unread_count, his.blocked), (1, 1, true));
    let hers = chats::by_id(db, talk.alice, chat, now).await.expect("a row").expect("hers");
    assert_eq!((hers.total_messages, hers.blocked), (3, false), "who is blocked is not told");
    for (one, other) in [(talk.alice, talk.bob), (talk.bob, talk.alice)] {
        assert!(blocks::exists_between(db, one, other).await.expect("a row"));
    }
    talk.world.check().await;
}

#[tokio::test]
async fn a_block_needs_no_chat_and_is_listed_until_it_is_lifted() {
    let mut world = World::create().await;
    let [alice, bob] = [world.register("alice").await, world.register("bob").await];
    let chat = ChatId::between(alice, bob);
    let now = world.now();
    world.on_chat(chat, ChatCommand::Block { by: alice, whom: bob, now }).await;
    world.project().await;
    let list = blocks::list(&world.db, alice, None, 10).await.expect("a list");
    assert_eq!(list.iter().map(|it| it.account.account_id).collect::<Vec<_>>(), [bob.0]);
    let beyond = blocks::list(&world.db, alice, Some(list[0].cursor), 10).await.expect("a list");
    assert_eq!(
        (beyond, chats::by_id(&world.db, alice, chat, now).await.expect("a row")),
        (vec![], None)
    );
    assert_eq!(blocks::list(&world.db, bob, None, 10).await.expect("a list"), vec![]);
    world.open(bob, alice).await;
    world.project().await;
    let his = chats::by_id(&world.db, bob, chat, now).await.expect("a row");
    assert!(his.is_some_and(|it| !it.blocked));
    assert_eq!(chats::by_id(&world.db, alice, chat, now).await.expect("no row"), None);
    world.open(alice, bob).await;
    world.project().await;
    let hers = chats::by_id(&world.db, alice, chat, now).await.expect("a row");
    assert!(hers.is_some_and(|it| it.blocked));
    world.on_chat(chat, ChatCommand::Unblock { by: alice, whom: bob, now }).await;
    world.project().await;
    assert_eq!(blocks::list(&world.db, alice, None, 10).await.expect("a list"), vec![]);
    assert!(!blocks::exists_between(&world.db, bob, alice).await.expect("a row"));
    world.check().await;
}

#[tokio::test]
async fn receipts_are_shown_between_two_who_both_show_theirs() {
    let mut talk = talk().await;
    talk.world.send(talk.chat, talk.alice, "hello").await;
    talk.world.send(talk.chat, talk.bob, "hello").await;
    talk.world.read(talk.chat, talk.bob, 1).await;
    talk.world.read(talk.chat, talk.alice, 2).await;
    let receipts = async |talk: &mut Talk| {
        talk.world.project().await;
        let mut shown = vec![];
        for caller in [talk.alice, talk.bob] {
            let chat = chats::by_id(&talk.world.db, caller, talk.chat, talk.world.now()).await;
            let chat = chat.expect("a row").expect("theirs");
            shown.push((chat.participant_read_up_to, chat.participant_delivered_up_to));
        }
        shown
    };
    assert_eq!(receipts(&mut talk).await, [(Some(1), 1), (Some(2), 2)]);
    for (read_receipts, shown) in [(false, None), (true, Some(()))] {
        let now = talk.world.now();
        let command = AccountCommand::ChangePrivacy { read_receipts, now };
        talk.world.on_account(talk.bob, command).await;
        let expected = [(shown.map(|()| 1), 1), (shown.map(|()| 2), 2)];
        assert_eq!(receipts(&mut talk).await, expected, "what arrived is told anyway");
    }
    talk.world.check().await;
}

#[tokio::test]
async fn a_message_is_found_by_its_time_and_by_its_id() {
    let mut talk = talk().await;
    let mut sent: Vec<(DateTime<Utc>, MessageId)> = vec![];
    for number in 0..50 {
        let id = talk.world.send(talk.chat, talk.alice, &format!("message {number}")).await;
        sent.push((talk.world.now(), id));
    }
    talk.world.project().await;
    let (db, chat) = (&talk.world.db, talk.chat);
    let first = talk.seen(talk.bob, 1).await.sent_at;
    let number_at = async |time| {
        messages::number_at(db, talk.bob, chat, time).await.expect("a row").expect("his chat")
    };
    for number in [1, 2, 17, 49, 50] {
        let seen = talk.seen(talk.bob, number).await;
        assert_eq!(number_at(seen.sent_at).await, number);
        assert_eq!(number_at(seen.sent_at + TimeDelta::microseconds(1)).await, number + 1);
        let (_, id) = sent[usize::try_from(number - 1).expect("small")];
        let position = messages::position_of(db, chat, id).await.expect("a row");
        assert_eq!(position.map(|it| it.0), Some(seen.position));
    }
    assert_eq!(number_at(first - TimeDelta::days(1)).await, 1);
    let stranger = AccountId(Uuid::from_u128(0xE));
    assert_eq!(messages::number_at(db, stranger, chat, first).await.expect("a row"), None);
}

#[tokio::test]
async fn what_was_reported_is_read_from_the_log_as_it_was_seen() {
    let mut talk = talk().await;
    let message_id = talk.world.send(talk.chat, talk.alice, "rude").await;
    let now = talk.world.now();
    let seen = ReportedCopy {
        sender: talk.alice,
        sent_at: now,
        text: Some("rude".to_owned()),
        file: None,
        reason: "it is rude".to_owned(),
    };
    let (report_id, by) = (ReportId(Uuid::from_u128(0xD)), talk.bob);
    let copy = Box::new(seen.clone());
    talk.on(ChatCommand::Report { report_id, message_id, by, seen: copy, now }).await;
    talk.world.delete_for_everyone(talk.chat, talk.alice, message_id).await;
    talk.world.project().await;
    let (db, codec) = (&talk.world.db, &talk.world.codec);
    let list = reports::list(db, codec, None, 10).await.expect("a list");
    let [report] = &list[..] else { panic!("{list:?}") };
    assert_eq!((report.report_id, report.reporter_id), (report_id.0, talk.bob.0));
    assert_eq!((report.message_id, report.seen.as_ref()), (message_id.0, Some(&seen)));
    let beyond = reports::list(db, codec, Some(report.cursor), 10).await.expect("a list");
    assert_eq!(beyond, vec![]);
    let plain = "SELECT count(*) FROM reports r WHERE r::text LIKE '%rude%'";
    let plain: i64 = sqlx::query_scalar(plain).fetch_one(db).await.expect("a count");
    assert_eq!(plain, 0, "what was seen stays sealed in the log");
    talk.world.check().await;
}

#[tokio::test]
async fn a_caption_that_was_removed_leaves_the_file() {
    let mut talk = talk().await;
    let file = Attachment { file_id: FileId(Uuid::from_u128(0xF2)), owner: talk.alice };
    let message_id = MessageId(Uuid::from_u128(0x10));
    let mut message = Outgoing::text(message_id, talk.alice, String::new());
    message.content = NewContent::File { file, caption: Some("see #this".to_owned()) };
    talk.send(message).await;
    let (now, by, limits) = (talk.world.now(), talk.alice, LIMITS);
    talk.on(ChatCommand::Edit { message_id, by, text: None, tags: vec![], limits, now }).await;
    talk.world.project().await;
    let seen = talk.seen(talk.bob, 1).await;
    assert_eq!((seen.text, seen.tags, seen.revision), (None, vec![], 1));
    assert!(seen.file.is_some() && seen.edited_at.is_some());
    let history = messages::history(&talk.world.db, talk.bob, talk.chat, message_id, now).await;
    let history = history.expect("rows").expect("theirs");
    assert_eq!(history[0].tags, ["this"]);
    assert_eq!(
        history.iter().map(|it| it.text.as_deref()).collect::<Vec<_>>(),
        [Some("see #this"), None]
    );
    talk.world.check().await;
}

/// Whether it was closed before or after it came to be there for the other.
#[tokio::test]
async fn a_chat_that_is_revealed_is_as_it_is_for_the_other() {
    for closed_before in [true, false] {
        let mut world = World::create().await;
        let [alice, bob] = [world.register("alice").await, world.register("bob").await];
        let chat = ChatId::between(alice, bob);
        let now = world.now();
        world.on_chat(chat, ChatCommand::Block { by: alice, whom: bob, now }).await;
        world.open(bob, alice).await;
        for closes in [closed_before, !closed_before] {
            if closes {
                world.on_chat(chat, ChatCommand::Deactivate { now }).await;
            } else {
                world.open(alice, bob).await;
            }
            world.project().await;
            world.check().await;
        }
        for member in [alice, bob] {
            let view = chats::by_id(&world.db, member, chat, now).await.expect("a row");
            assert_eq!(view.map(|it| it.active), Some(false));
        }
    }
}
