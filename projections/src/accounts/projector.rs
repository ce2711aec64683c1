use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Audience};
use domain::library::LibraryEvent;
use domain::{AccountId, Event, Personal};
use eventlog::Position;
use sqlx::PgConnection;
use uuid::Uuid;

use super::audience;
use crate::error::{ProjectionError, contradiction, expect_all};

/// What a run of events changes in the directory.
#[derive(Default)]
pub(crate) struct Changes(HashMap<AccountId, Change>);

enum Change {
    Registered(Account),
    Profile(Profile),
}

struct Account {
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    registered_at: DateTime<Utc>,
    read_receipts: bool,
    presence_shown_to: Audience,
    changed: Position,
}

/// A name that was there before, and may be another now.
#[derive(Default)]
enum Name {
    #[default]
    Unchanged,
    /// `None` when it has been erased.
    Changed(Option<String>),
}

#[derive(Default)]
struct Profile {
    username: Name,
    display_name: Name,
    read_receipts: Option<bool>,
    presence_shown_to: Option<Audience>,
    changed: Position,
}

impl Changes {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes in the next event: wholly, or not at all.
    pub(crate) fn fold(
        &mut self,
        position: Position,
        event: &Event,
    ) -> Result<(), ProjectionError> {
        match event {
            Event::Account(event) => self.fold_account(position, event),
            Event::Library(LibraryEvent::AvatarSet { owner, .. }) => {
                self.account(*owner, position);
                Ok(())
            }
            Event::Chat(_) | Event::Library(_) | Event::Devices(_) => Ok(()),
        }
    }

    fn fold_account(
        &mut self,
        position: Position,
        event: &AccountEvent,
    ) -> Result<(), ProjectionError> {
        match event {
            AccountEvent::Registered {
                account_id,
                username,
                display_name,
                email,
                registered_at,
            } => match self.0.entry(*account_id) {
                Entry::Occupied(_) => Err(contradiction("the account is registered already")),
                Entry::Vacant(entry) => {
                    entry.insert(Change::Registered(Account {
                        username: owned(username),
                        display_name: owned(display_name),
                        email: owned(email),
                        registered_at: *registered_at,
                        read_receipts: true,
                        presence_shown_to: Audience::default(),
                        changed: position,
                    }));
                    Ok(())
                }
            },
            AccountEvent::ProfileChanged { account_id, username, display_name, changed_at: _ } => {
                let username = username.as_ref().map(owned);
                let display_name = display_name.as_ref().map(owned);
                match self.account(*account_id, position) {
                    Change::Registered(account) => {
                        replace(&mut account.username, username);
                        replace(&mut account.display_name, display_name);
                    }
                    Change::Profile(profile) => {
                        replace(&mut profile.username, username.map(Name::Changed));
                        replace(&mut profile.display_name, display_name.map(Name::Changed));
                    }
                }
                Ok(())
            }
            AccountEvent::PrivacyChanged { account_id, read_receipts, changed_at: _ } => {
                match self.account(*account_id, position) {
                    Change::Registered(account) => account.read_receipts = *read_receipts,
                    Change::Profile(profile) => profile.read_receipts = Some(*read_receipts),
                }
                Ok(())
            }
            AccountEvent::PresenceShown { account_id, to, changed_at: _ } => {
                match self.account(*account_id, position) {
                    Change::Registered(account) => account.presence_shown_to = *to,
                    Change::Profile(profile) => profile.presence_shown_to = Some(*to),
                }
                Ok(())
            }
        }
    }

    /// What is known of an account that changes at `position`.
    fn account(&mut self, account: AccountId, position: Position) -> &mut Change {
        let change = self.0.entry(account).or_insert_with(|| Change::Profile(Profile::default()));
        match change {
            Change::Registered(account) => account.changed = position,
            Change::Profile(profile) => profile.changed = position,
        }
        change
    }

    pub(crate) async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        let mut registered = Registered::default();
        let mut changed = Changed::default();
        for (account_id, change) in self.0 {
            match change {
                Change::Registered(account) => registered.push(account_id, account),
                Change::Profile(profile) => changed.push(account_id, profile),
            }
        }
        registered.write(db).await?;
        changed.write(db).await
    }
}

impl Name {
    /// Whether it changed, and to what.
    fn into_parts(self) -> (bool, Option<String>) {
        match self {
            Self::Unchanged => (false, None),
            Self::Changed(value) => (true, value),
        }
    }
}

fn owned(value: &Personal<String>) -> Option<String> {
    value.value().cloned()
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// New rows, as arrays.
#[derive(Default)]
struct Registered {
    account_ids: Vec<Uuid>,
    usernames: Vec<Option<String>>,
    display_names: Vec<Option<String>>,
    emails: Vec<Option<String>>,
    times: Vec<DateTime<Utc>>,
    read_receipts: Vec<bool>,
    presence: Vec<&'static str>,
    changed: Vec<i64>,
}

impl Registered {
    fn push(&mut self, account_id: AccountId, account: Account) {
        self.account_ids.push(account_id.0);
        self.usernames.push(account.username);
        self.display_names.push(account.display_name);
        self.emails.push(account.email);
        self.times.push(account.registered_at);
        self.read_receipts.push(account.read_receipts);
        self.presence.push(audience::name(account.presence_shown_to));
        self.changed.push(account.changed.0);
    }

    async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.account_ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO accounts (
                 account_id, username, display_name, email, registered_at, read_receipts,
                 presence_shown_to, changed
             )
             SELECT *
             FROM unnest(
                 $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[],
                 $7::text[], $8::bigint[]
             )",
            &self.account_ids,
            &self.usernames as &[Option<String>],
            &self.display_names as &[Option<String>],
            &self.emails as &[Option<String>],
            &self.times,
            &self.read_receipts,
            &self.presence as &[&str],
            &self.changed
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Changes to rows that are there, as arrays.
#[derive(Default)]
struct Changed {
    account_ids: Vec<Uuid>,
    has_username: Vec<bool>,
    usernames: Vec<Option<String>>,
    has_display_name: Vec<bool>,
    display_names: Vec<Option<String>>,
    read_receipts: Vec<Option<bool>>,
    presence: Vec<Option<&'static str>>,
    positions: Vec<i64>,
}

impl Changed {
    fn push(&mut self, account_id: AccountId, profile: Profile) {
        self.account_ids.push(account_id.0);
        let (is_new, username) = profile.username.into_parts();
        self.has_username.push(is_new);
        self.usernames.push(username);
        let (is_new, display_name) = profile.display_name.into_parts();
        self.has_display_name.push(is_new);
        self.display_names.push(display_name);
        self.read_receipts.push(profile.read_receipts);
        self.presence.push(profile.presence_shown_to.map(audience::name));
        self.positions.push(profile.changed.0);
    }

    async fn write(self, db: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.account_ids.is_empty() {
            return Ok(());
        }
        let done = sqlx::query!(
            "UPDATE accounts a
             SET username = CASE WHEN c.has_username THEN c.username ELSE a.username END,
                 display_name = CASE WHEN c.has_display_name THEN c.display_name
                                     ELSE a.display_name END,
                 read_receipts = coalesce(c.read_receipts, a.read_receipts),
                 presence_shown_to = coalesce(c.presence_shown_to, a.presence_shown_to),
                 changed = c.changed
             FROM unnest(
                 $1::uuid[], $2::boolean[], $3::text[], $4::boolean[], $5::text[], $6::boolean[],
                 $7::text[], $8::bigint[]
             ) AS c (
                 account_id, has_username, username, has_display_name, display_name, read_receipts,
                 presence_shown_to, changed
             )
             WHERE a.account_id = c.account_id",
            &self.account_ids,
            &self.has_username,
            &self.usernames as &[Option<String>],
            &self.has_display_name,
            &self.display_names as &[Option<String>],
            &self.read_receipts as &[Option<bool>],
            &self.presence as &[Option<&str>],
            &self.positions
        )
        .execute(db)
        .await?;
        let expected = self.account_ids.len() as u64;
        expect_all(done.rows_affected(), expected, "the account was never registered")
    }
}
