//! From events to marks: which documents say something else now.

use std::collections::BTreeMap;

use domain::account::AccountEvent;
use domain::chat::ChatEvent;
use domain::{AccountId, Event};
use eventlog::{Position, RecordedEvent};
use sqlx::PgConnection;
use uuid::Uuid;

use super::document::{Collection, Key};

/// The checkpoint, the lease and the parked documents of the mirror go by this name.
pub const NAME: &str = "firestore";

/// What a run of events marks, with the last position of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    documents: BTreeMap<Key, i64>,
    /// Those whose every chat is marked.
    chats_of: BTreeMap<AccountId, i64>,
    /// Those of whom every pair is marked.
    pairs_of: BTreeMap<AccountId, i64>,
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.chats_of.is_empty() && self.pairs_of.is_empty()
    }

    /// Takes in the next event. One that cannot be read changed no read model, and so no document.
    pub(super) fn take(&mut self, event: &RecordedEvent) {
        match &event.event {
            Ok(Event::Account(it)) => self.take_account(event.position, it),
            Ok(Event::Chat(it)) => self.take_chat(event.position, it),
            Ok(Event::Devices(_) | Event::Library(_)) | Err(_) => {}
        }
    }

    fn take_account(&mut self, at: Position, event: &AccountEvent) {
        match event {
            AccountEvent::Registered { account_id, .. } => {
                self.mark(at, Key::of_account(Collection::Users, *account_id));
                self.mark_events(at, *account_id);
            }
            AccountEvent::ProfileChanged { account_id, .. } => {
                self.mark(at, Key::of_account(Collection::Users, *account_id));
            }
            // With receipts goes what the other sees of how far somebody has read.
            AccountEvent::PrivacyChanged { account_id, .. } => {
                self.chats_of.insert(*account_id, at.0);
            }
            AccountEvent::PresenceShown { account_id, .. } => {
                self.pairs_of.insert(*account_id, at.0);
            }
        }
    }

    fn take_chat(&mut self, at: Position, event: &ChatEvent) {
        match event {
            ChatEvent::Opened { chat_id, members: [one, other], .. }
            | ChatEvent::Revealed { chat_id, members: [one, other], .. }
            | ChatEvent::Blocked { chat_id, members: [one, other], .. }
            | ChatEvent::Unblocked { chat_id, members: [one, other], .. } => {
                self.mark(at, Key::chat(*chat_id));
                self.mark(at, Key::pair(*one, *other));
            }
            // Not even that something was written is to be seen of what was withheld.
            ChatEvent::MessageSent { chat_id, recipient, withheld, .. } => {
                if !withheld {
                    self.mark(at, Key::chat(*chat_id));
                    self.mark_events(at, *recipient);
                }
            }
            ChatEvent::MessagesRead { chat_id, reader: by, .. }
            | ChatEvent::Cleared { chat_id, by, .. } => {
                self.mark(at, Key::chat(*chat_id));
                self.mark_events(at, *by);
            }
            ChatEvent::MessageDeletedForMe { chat_id, by, was_unread, .. } => {
                if *was_unread {
                    self.mark(at, Key::chat(*chat_id));
                    self.mark_events(at, *by);
                }
            }
            ChatEvent::MessageDeletedForEveryone {
                chat_id,
                recipient,
                was_unread,
                withheld,
                ..
            } => {
                if *was_unread && !withheld {
                    self.mark(at, Key::chat(*chat_id));
                    self.mark_events(at, *recipient);
                }
            }
            ChatEvent::MessagesExpired { chat_id, members, .. } => {
                self.mark(at, Key::chat(*chat_id));
                for member in members {
                    self.mark_events(at, *member);
                }
            }
            ChatEvent::MarkedUnread { by, .. }
            | ChatEvent::Archived { by, .. }
            | ChatEvent::Unarchived { by, .. } => self.mark_events(at, *by),
            ChatEvent::MessageEdited { .. }
            | ChatEvent::MessagesDelivered { .. }
            | ChatEvent::Reacted { .. }
            | ChatEvent::ReactionRemoved { .. }
            | ChatEvent::MessagePinned { .. }
            | ChatEvent::MessageUnpinned { .. }
            | ChatEvent::MessageStarred { .. }
            | ChatEvent::MessageUnstarred { .. }
            | ChatEvent::ActionAnswered { .. }
            | ChatEvent::MessageReported { .. }
            | ChatEvent::DraftSaved { .. }
            | ChatEvent::DisappearingSet { .. }
            | ChatEvent::Muted { .. }
            | ChatEvent::Unmuted { .. }
            | ChatEvent::Deactivated { .. }
            | ChatEvent::Reactivated { .. } => {}
        }
    }

    fn mark_events(&mut self, at: Position, account: AccountId) {
        self.mark(at, Key::of_account(Collection::ExternalEvents, account));
    }

    fn mark(&mut self, at: Position, key: Key) {
        self.documents.insert(key, at.0);
    }

    /// Writes them, always in the same order of keys: no two writers wait for each other.
    pub(super) async fn write(self, db: &mut PgConnection) -> sqlx::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let (mut collections, mut ids, mut positions) = (vec![], vec![], vec![]);
        for (key, position) in self.documents {
            collections.push(key.collection.name().to_owned());
            ids.push(key.id);
            positions.push(position);
        }
        let columns = |of: BTreeMap<AccountId, i64>| -> (Vec<Uuid>, Vec<i64>) {
            of.into_iter().map(|(account, position)| (account.0, position)).unzip()
        };
        let (chats_of, chats_at) = columns(self.chats_of);
        let (pairs_of, pairs_at) = columns(self.pairs_of);
        sqlx::query!(
            "INSERT INTO firestore_documents AS d (collection, id, position, due_at)
             SELECT m.collection, m.id, max(m.position), clock_timestamp()
             FROM (
                 SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
                 UNION ALL
                 SELECT $4, c.chat_id::text, a.position
                 FROM unnest($5::uuid[], $6::bigint[]) AS a (account_id, position)
                 JOIN chats c ON c.account_id = a.account_id
                 UNION ALL
                 SELECT $7,
                        least(c.account_id, c.participant_id) || '_'
                            || greatest(c.account_id, c.participant_id),
                        a.position
                 FROM unnest($8::uuid[], $9::bigint[]) AS a (account_id, position)
                 JOIN chats c ON c.account_id = a.account_id
             ) AS m (collection, id, position)
             GROUP BY m.collection, m.id
             ORDER BY m.collection, m.id
             ON CONFLICT (collection, id) DO UPDATE
             SET position = greatest(d.position, excluded.position),
                 marks = d.marks + 1,
                 due_at = coalesce(
                     d.due_at, greatest(excluded.due_at, d.written_at + interval '1 second')
                 ),
                 attempts = CASE WHEN d.parked_at IS NULL THEN d.attempts ELSE 0 END,
                 parked_at = NULL",
            &collections,
            &ids,
            &positions,
            Collection::Chats.name(),
            &chats_of,
            &chats_at,
            Collection::Pairs.name(),
            &pairs_of,
            &pairs_at
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Marks what `events` concern, which were applied to a read model later than their time: the mirror
/// has passed them. Nothing where there is no mirror.
pub(crate) async fn mark_again(
    db: &mut PgConnection,
    events: &[RecordedEvent],
) -> sqlx::Result<()> {
    let mut marks = Marks::default();
    for event in events {
        marks.take(event);
    }
    if marks.is_empty() || !is_on(db).await? {
        return Ok(());
    }
    marks.write(db).await
}

/// Whether there ever was a mirror.
pub(super) async fn is_on(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM checkpoints WHERE name = $1) AS "is_on!""#,
        NAME
    )
    .fetch_one(db)
    .await
}

/// Marks everything there is, without the log. How a mirror begins.
pub(super) async fn mark_everything(db: &mut PgConnection) -> sqlx::Result<u64> {
    let [chats, pairs, presence, users, events] = Collection::ALL.map(Collection::name);
    let marked = sqlx::query!(
        "INSERT INTO firestore_documents (collection, id, due_at)
         SELECT collection, id, clock_timestamp()
         FROM (
             SELECT $1, chat_id::text FROM chats WHERE account_id < participant_id
             UNION ALL
             SELECT $2, account_id || '_' || participant_id
             FROM chats
             WHERE account_id < participant_id
             UNION ALL
             SELECT $3, account_id::text FROM presence
             UNION ALL
             SELECT $4, account_id::text FROM accounts
             UNION ALL
             SELECT $5, account_id::text FROM accounts
         ) AS m (collection, id)
         ON CONFLICT DO NOTHING",
        chats,
        pairs,
        presence,
        users,
        events
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected())
}
