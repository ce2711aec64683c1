//! A device: what it keeps, and how it goes on from there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, ChatId};
use eventlog::Position;
use projections::messages::{self, QuoteView};
use projections::sync::{self, Change, Changes, Delta, Place};
use projections::{AccountView, ChatView, Filter, MessageView, Range, ReadsError, accounts, chats};
use sqlx::PgPool;
use uuid::Uuid;

/// Characters of a quoted message.
const QUOTE: usize = 200;

/// What a device keeps.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kept {
    account: Option<AccountView>,
    chats: BTreeMap<Uuid, ChatView>,
    pub messages: BTreeMap<(Uuid, i64), MessageView>,
}

/// A device: what it keeps, and where it goes on.
pub struct Device {
    pub of: AccountId,
    pub kept: Kept,
    since: Option<Place>,
}

impl Kept {
    /// Everything, as it is read without sync.
    pub async fn fresh(db: &PgPool, of: AccountId, at: DateTime<Utc>) -> Self {
        let account = accounts::by_id(db, of).await.expect("an account");
        let mut kept = Self { account, ..Self::default() };
        let all = chats::list(db, of, Filter::All, None, 1_000, at).await.expect("a list");
        for chat in all {
            let id = ChatId(chat.chat_id);
            let page = messages::page(db, of, id, Range::After(0), 10_000, at).await;
            let page = page.expect("a page").expect("their chat");
            assert!(!page.more_after);
            kept.messages.extend(page.items.into_iter().map(|it| ((it.chat_id, it.number), it)));
            kept.chats.insert(chat.chat_id, chat);
        }
        kept
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Account(account) => self.account = Some(*account),
            Change::Chat(chat) => {
                let cleared = (chat.chat_id, 0)..=(chat.chat_id, chat.cleared_up_to);
                let gone: Vec<_> = self.messages.range(cleared).map(|it| *it.0).collect();
                for (chat_id, number) in gone {
                    self.forget(chat_id, number);
                }
                self.chats.insert(chat.chat_id, *chat);
            }
            Change::Message(message) => {
                let quote = QuoteView {
                    text: message.text.as_ref().map(|it| it.chars().take(QUOTE).collect()),
                    deleted: message.deleted,
                    ..quote_of(&message)
                };
                self.requote(message.chat_id, message.number, &quote);
                self.messages.insert((message.chat_id, message.number), *message);
            }
            Change::MessageGone { chat_id, number } => self.forget(chat_id, number),
        }
    }

    /// What quotes it says no longer what it said.
    fn forget(&mut self, chat_id: Uuid, number: i64) {
        if let Some(message) = self.messages.remove(&(chat_id, number)) {
            let quote = QuoteView { text: None, deleted: true, ..quote_of(&message) };
            self.requote(chat_id, number, &quote);
        }
    }

    fn requote(&mut self, chat_id: Uuid, number: i64, quote: &QuoteView) {
        let messages = self.messages.range_mut((chat_id, 0)..=(chat_id, i64::MAX));
        let last = self.chats.get_mut(&chat_id).and_then(|it| it.last_message.as_mut());
        for message in messages.map(|it| it.1).chain(last) {
            if let Some(reply) = message.reply.as_mut().filter(|it| it.number == number) {
                *reply = quote.clone();
            }
        }
    }
}

fn quote_of(message: &MessageView) -> QuoteView {
    QuoteView {
        message_id: message.message_id,
        number: message.number,
        sender_id: message.sender_id,
        kind: message.kind.clone(),
        text: None,
        deleted: true,
    }
}

impl Device {
    /// Reads everything, and remembers where to go on.
    pub async fn start(db: &PgPool, of: AccountId, reached: Position, at: DateTime<Utc>) -> Self {
        let since = match sync::page(db, of, None, 1, reached, at).await.expect("a position") {
            Delta::StartAfresh(position) => Place::after(position.0),
            Delta::Changes(changes) => panic!("it has nothing yet: {changes:?}"),
        };
        Self { of, kept: Kept::fresh(db, of, at).await, since: Some(since) }
    }

    /// The next page; nothing when a read model is too far behind another.
    pub async fn page(
        &mut self,
        db: &PgPool,
        limit: i64,
        reached: Position,
        at: DateTime<Utc>,
    ) -> Option<Changes> {
        let since = self.since.expect("it has started");
        match sync::page(db, self.of, Some(since), limit, reached, at).await {
            Ok(Delta::Changes(changes)) => {
                assert!(i64::try_from(changes.items.len()).expect("few") <= limit);
                assert!(changes.items.iter().map(|it| it.place).is_sorted());
                let (next, reflects) = (changes.next, Place::after(changes.reflects.0));
                assert!(next >= since && next <= reflects.max(since), "{since:?} {next:?}");
                assert!(if changes.more { next > since } else { next >= reflects });
                for item in changes.items.clone() {
                    self.kept.apply(item.change);
                }
                self.since = Some(changes.next);
                Some(changes)
            }
            Ok(Delta::StartAfresh(position)) => panic!("it was at {since:?}, not {position}"),
            Err(ReadsError::Behind { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Everything that is left.
    pub async fn catch_up(
        &mut self,
        db: &PgPool,
        limit: i64,
        reached: Position,
        at: DateTime<Utc>,
    ) -> Vec<Change> {
        let mut told = vec![];
        loop {
            let changes =
                self.page(db, limit, reached, at).await.expect("all are where the log is");
            let more = changes.more;
            told.extend(changes.items.into_iter().map(|it| it.change));
            if !more {
                return told;
            }
        }
    }
}

/// Says which row differs: two whole stores fill screens.
pub fn same(kept: &Kept, fresh: &Kept) {
    assert_eq!(kept.messages.keys().collect::<Vec<_>>(), fresh.messages.keys().collect::<Vec<_>>());
    for (key, message) in &fresh.messages {
        assert_eq!(kept.messages.get(key), Some(message), "{key:?}");
    }
    assert_eq!(kept, fresh);
}
