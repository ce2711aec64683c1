//! What changed, for whoever is there now: many people at once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::chat::ChatEvent;
use domain::library::LibraryEvent;
use domain::{AccountId, ChatId, Event};
use eventlog::{Position, RecordedEvent};
use sqlx::PgPool;
use uuid::Uuid;

use super::items::{Item, items};
use super::keys;

/// Chats whose members are remembered: 5 MB. Beyond, all are forgotten and learned again.
const MEMBERS_MAX: usize = 65_536;

/// Messages of one chat that a round tells somebody. Whoever has more to be told pages through it.
const MESSAGES_MAX: i64 = 500;

/// What events may have changed, before it is known for whom. Rather too much than too little.
#[derive(Debug, Default)]
pub struct Touched {
    chats: HashSet<Uuid>,
    /// Accounts, as their owners see them.
    accounts: HashSet<Uuid>,
    /// Whose every chat changed, on their own side.
    own: HashSet<Uuid>,
    /// The chats that others have with whom changed.
    participants: HashSet<Uuid>,
    files: HashSet<Uuid>,
    /// Messages that are gone: copies of them no longer say whose they were.
    removed: HashSet<(Uuid, i64)>,
}

/// Whom something concerns: accounts their owners, chats a member.
#[derive(Debug, Default)]
pub struct Concerned {
    pub accounts: HashSet<Uuid>,
    /// A member, and the chat.
    pub chats: HashSet<(Uuid, Uuid)>,
}

impl Concerned {
    /// Each of them once.
    pub fn everybody(&self) -> impl Iterator<Item = AccountId> {
        let members = self.chats.iter().map(|it| it.0);
        let all: HashSet<_> = self.accounts.iter().copied().chain(members).collect();
        all.into_iter().map(AccountId)
    }
}

/// Finds whom events concern, and remembers who chats with whom.
#[derive(Debug, Default)]
pub struct Acquaintances(HashMap<Uuid, [Uuid; 2]>);

/// What a round has to tell.
#[derive(Debug, Default)]
pub struct Told {
    /// By viewer and place.
    pub items: Vec<(Uuid, Item)>,
    /// Whom so much concerns that not all of it is among the items: they have to page through it.
    pub overflown: HashSet<Uuid>,
}

impl Touched {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { chats, accounts, own, participants, files, removed } = self;
        let is_without_people = accounts.is_empty() && own.is_empty() && participants.is_empty();
        is_without_people && chats.is_empty() && files.is_empty() && removed.is_empty()
    }

    /// What `event` may have changed. One that cannot be read is parked, and has changed nothing yet.
    pub fn add(&mut self, recorded: &RecordedEvent) {
        match &recorded.event {
            Ok(Event::Account(event)) => self.add_account(event),
            Ok(Event::Chat(event)) => {
                if let Ok(chat) = recorded.aggregate_id.parse() {
                    self.chats.insert(chat);
                    self.add_removed(chat, event);
                }
            }
            Ok(Event::Library(event)) => self.add_library(event),
            // A person's devices are shown to nobody else, and to them when they ask.
            Ok(Event::Devices(_)) | Err(_) => {}
        }
    }

    fn add_account(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Registered { account_id, .. }
            | AccountEvent::PresenceShown { account_id, .. } => {
                self.accounts.insert(account_id.0);
            }
            AccountEvent::ProfileChanged { account_id, .. } => {
                self.accounts.insert(account_id.0);
                self.participants.insert(account_id.0);
            }
            AccountEvent::PrivacyChanged { account_id, .. } => {
                self.accounts.insert(account_id.0);
                self.own.insert(account_id.0);
                self.participants.insert(account_id.0);
            }
        }
    }

    fn add_removed(&mut self, chat: Uuid, event: &ChatEvent) {
        let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        if let ChatEvent::MessageDeletedForEveryone { number: it, .. } = event {
            self.removed.insert((chat, number(*it)));
        } else if let ChatEvent::MessagesExpired { numbers, .. } = event {
            self.removed.extend(numbers.iter().map(|it| (chat, number(*it))));
        }
    }

    fn add_library(&mut self, event: &LibraryEvent) {
        match event {
            LibraryEvent::AvatarSet { owner, .. } => {
                self.accounts.insert(owner.0);
                self.participants.insert(owner.0);
            }
            LibraryEvent::FilePublished { file_id, .. }
            | LibraryEvent::FileRejected { file_id, .. }
            | LibraryEvent::FileRemoved { file_id, .. } => {
                self.files.insert(file_id.0);
            }
            LibraryEvent::UploadRequested { .. }
            | LibraryEvent::UploadCompleted { .. }
            | LibraryEvent::FileAttached { .. }
            | LibraryEvent::FileReleased { .. } => {}
        }
    }
}

impl Acquaintances {
    /// Learns who is in the chat of `event`, if it says so.
    pub fn meet(&mut self, event: &RecordedEvent) {
        if let Ok(Event::Chat(event)) = &event.event
            && let Some((chat, members)) = members(event)
        {
            self.remember(chat.0, members);
        }
    }

    /// Whom `touched` concerns.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn concerned(&mut self, db: &PgPool, touched: &Touched) -> sqlx::Result<Concerned> {
        let mut concerned =
            Concerned { accounts: touched.accounts.clone(), ..Concerned::default() };
        let mut unknown = vec![];
        for chat in &touched.chats {
            match self.0.get(chat) {
                Some(members) => concerned.chats.extend(members.map(|it| (it, *chat))),
                None => unknown.push(*chat),
            }
        }
        for (account, chat) in look_up(db, touched, &unknown).await? {
            concerned.chats.insert((account, chat));
        }
        let mut found: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (account, chat) in concerned.chats.iter().filter(|it| unknown.contains(&it.1)) {
            found.entry(*chat).or_default().push(*account);
        }
        for (chat, members) in found {
            if let [one, other] = members[..] {
                self.remember(chat, [one, other]);
            }
        }
        Ok(concerned)
    }

    fn remember(&mut self, chat: Uuid, members: [Uuid; 2]) {
        if self.0.len() >= MEMBERS_MAX {
            self.0.clear();
        }
        self.0.insert(chat, members);
    }
}

/// The members of the chat of `event`, as far as it names them.
fn members(event: &ChatEvent) -> Option<(ChatId, [Uuid; 2])> {
    if let ChatEvent::MessageSent { chat_id, sender, recipient, .. } = event {
        Some((*chat_id, [sender.0, recipient.0]))
    } else if let ChatEvent::Opened { chat_id, members, .. } = event {
        Some((*chat_id, members.map(|it| it.0)))
    } else {
        None
    }
}

/// The rows of chats that changed without an event of their own, and those of chats of which nobody
/// knows the members yet.
async fn look_up(
    db: &PgPool,
    touched: &Touched,
    chats: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let Touched { own, participants, files, removed, .. } = touched;
    let is_nothing = own.is_empty() && participants.is_empty() && files.is_empty();
    if is_nothing && removed.is_empty() && chats.is_empty() {
        return Ok(vec![]);
    }
    let all = |it: &HashSet<Uuid>| it.iter().copied().collect::<Vec<_>>();
    let (origins, numbers): (Vec<_>, Vec<_>) = removed.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"SELECT c.account_id AS "account_id!", c.chat_id AS "chat_id!"
           FROM chats c
           WHERE c.chat_id = ANY ($1)
           UNION ALL
           SELECT c.account_id, c.chat_id
           FROM chats c
           WHERE c.account_id = ANY ($2)
           UNION ALL
           SELECT own.participant_id, own.chat_id
           FROM chats own
           WHERE own.account_id = ANY ($3)
           UNION ALL
           SELECT a.account_id, a.chat_id
           FROM attachments a
           WHERE a.file_id = ANY ($4)
           UNION ALL
           SELECT c.account_id, c.chat_id
           FROM unnest($5::uuid[], $6::bigint[]) AS r (chat_id, number)
           JOIN forwards f ON f.origin_chat = r.chat_id AND f.origin_number = r.number
           JOIN chats c ON c.chat_id = f.chat_id"#,
        chats,
        &all(own),
        &all(participants),
        &all(files),
        &origins,
        &numbers
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|it| (it.account_id, it.chat_id)).collect())
}

/// What changed after `from` up to `to` for those of `concerned`, as they see it at the time `at`. The
/// read models must have applied `to`.
///
/// Rows that have changed again beyond `to` are left out: they come with what follows, once.
///
/// # Errors
///
/// When the database fails.
pub async fn live(
    db: &PgPool,
    from: Position,
    to: Position,
    concerned: &Concerned,
    at: DateTime<Utc>,
) -> sqlx::Result<Told> {
    let Concerned { accounts, chats } = concerned;
    if accounts.is_empty() && chats.is_empty() {
        return Ok(Told::default());
    }
    let accounts: Vec<_> = accounts.iter().copied().collect();
    let (viewers, chat_ids): (Vec<_>, Vec<_>) = chats.iter().copied().unzip();
    let mut db = db.acquire().await?;
    let pairs = (&viewers[..], &chat_ids[..]);
    let mut keys = keys::among(&mut db, from.0, &accounts, pairs, MESSAGES_MAX).await?;
    let overflown = overflown(&keys);
    keys.retain(|it| it.position <= to.0 && !overflown.contains(&it.account_id));
    let mut items = items(&mut db, keys, at).await?;
    items.sort_by_key(|(viewer, item)| (*viewer, item.place));
    Ok(Told { items, overflown })
}

/// Who may not have been told all of some chat.
fn overflown(keys: &[keys::Key]) -> HashSet<Uuid> {
    let mut counts: HashMap<(Uuid, Uuid), i64> = HashMap::new();
    for key in keys.iter().filter(|it| it.number > 0) {
        *counts.entry((key.account_id, key.chat_id)).or_default() += 1;
    }
    let full = counts.into_iter().filter(|(_, count)| *count >= MESSAGES_MAX);
    full.map(|((viewer, _), _)| viewer).collect()
}
