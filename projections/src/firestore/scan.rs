//! All documents side by side: those that should be there, and those that are.
//!
//! Both come by pages in the order of their ids, so that neither has to fit into memory.

use std::cmp::Ordering;
use std::collections::VecDeque;

use domain::AccountId;
use sqlx::PgPool;
use uuid::Uuid;

use super::MirrorError;
use super::content;
use super::document::{Collection, Fields, Key};
use super::remote::{Found, Remote};

/// Documents in a page.
const PAGE: i32 = 300;

/// A document as it should be and as it is. One of the two is there.
pub(super) struct Pair {
    pub(super) key: Key,
    pub(super) expected: Option<Fields>,
    pub(super) found: Option<Found>,
}

impl Pair {
    pub(super) fn is_as_expected(&self) -> bool {
        self.expected.as_ref() == self.found.as_ref().map(|it| &it.fields)
    }
}

/// The documents of one collection.
pub(super) struct Scan<'a> {
    db: &'a PgPool,
    remote: &'a Remote,
    collection: Collection,
    expected: Side<Fields>,
    found: Side<Found>,
}

/// One side of it, read ahead by a page.
struct Side<T> {
    page: VecDeque<(Key, T)>,
    /// The last id read.
    after: Option<String>,
    is_over: bool,
}

impl<T> Side<T> {
    const fn new() -> Self {
        Self { page: VecDeque::new(), after: None, is_over: false }
    }

    fn is_spent(&self) -> bool {
        self.page.is_empty() && !self.is_over
    }
}

impl<'a> Scan<'a> {
    pub(super) const fn new(db: &'a PgPool, remote: &'a Remote, collection: Collection) -> Self {
        Self { db, remote, collection, expected: Side::new(), found: Side::new() }
    }

    /// The next pairs, some hundreds; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Pair>, MirrorError> {
        let mut pairs = vec![];
        while pairs.len() < PAGE.unsigned_abs() as usize {
            while self.expected.is_spent() {
                self.read_expected().await?;
            }
            while self.found.is_spent() {
                self.read_found().await?;
            }
            let (expected, found) = (self.expected.page.front(), self.found.page.front());
            let order = match (expected, found) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((expected, _)), Some((found, _))) => expected.id.cmp(&found.id),
            };
            let expected = if order.is_le() { self.expected.page.pop_front() } else { None };
            let found = if order.is_ge() { self.found.page.pop_front() } else { None };
            let (key, expected, found) = match (expected, found) {
                (Some((key, expected)), found) => (key, Some(expected), found.map(|it| it.1)),
                (None, Some((key, found))) => (key, None, Some(found)),
                (None, None) => break,
            };
            pairs.push(Pair { key, expected, found });
        }
        Ok(pairs)
    }

    async fn read_expected(&mut self) -> Result<(), MirrorError> {
        let side = &mut self.expected;
        let after = side.after.as_deref();
        let keys = keys(self.db, self.collection, after, i64::from(PAGE)).await?;
        side.is_over = keys.len() < PAGE.unsigned_abs() as usize;
        side.after = keys.last().map(|it| it.id.clone());
        let contents = content::read(self.db, &keys).await?;
        side.page.extend(contents.fields);
        Ok(())
    }

    async fn read_found(&mut self) -> Result<(), MirrorError> {
        let side = &mut self.found;
        let page = self.remote.page(self.collection, side.after.as_deref(), PAGE).await?;
        side.is_over = page.len() < PAGE.unsigned_abs() as usize;
        side.after = page.last().map(|(key, _)| key.id.clone());
        side.page.extend(page);
        Ok(())
    }
}

/// The documents of `collection` that there may be, in the order of their ids.
async fn keys(
    db: &PgPool,
    collection: Collection,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Key>> {
    if collection == Collection::Pairs {
        return pairs(db, after, limit).await;
    }
    let after = after.and_then(|it| it.parse().ok()).unwrap_or(Uuid::nil());
    let ids = match collection {
        Collection::Chats | Collection::Pairs => {
            sqlx::query_scalar!(
                "SELECT chat_id
                 FROM chats
                 WHERE chat_id > $1 AND account_id < participant_id
                 ORDER BY chat_id
                 LIMIT $2",
                after,
                limit
            )
            .fetch_all(db)
            .await?
        }
        Collection::Presence => sqlx::query_scalar!(
            "SELECT account_id FROM presence WHERE account_id > $1 ORDER BY account_id LIMIT $2",
            after,
            limit
        )
        .fetch_all(db)
        .await?,
        Collection::Users | Collection::ExternalEvents => sqlx::query_scalar!(
            "SELECT account_id FROM accounts WHERE account_id > $1 ORDER BY account_id LIMIT $2",
            after,
            limit
        )
        .fetch_all(db)
        .await?,
    };
    Ok(ids.into_iter().map(|it| Key { collection, id: it.to_string() }).collect())
}

async fn pairs(db: &PgPool, after: Option<&str>, limit: i64) -> sqlx::Result<Vec<Key>> {
    let after = after.and_then(|id| Key { collection: Collection::Pairs, id: id.to_owned() }.two());
    let [one, other] = after.unwrap_or([AccountId(Uuid::nil()); 2]);
    let rows = sqlx::query!(
        "SELECT account_id, participant_id
         FROM chats
         WHERE account_id >= $1
           AND (account_id, participant_id) > ($1, $2)
           AND account_id < participant_id
         ORDER BY account_id, participant_id
         LIMIT $3",
        one.0,
        other.0,
        limit
    )
    .fetch_all(db)
    .await?;
    let pairs = rows.into_iter();
    Ok(pairs.map(|it| Key::pair(AccountId(it.account_id), AccountId(it.participant_id))).collect())
}
