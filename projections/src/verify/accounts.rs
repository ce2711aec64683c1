//! Accounts, told anew.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Audience};
use domain::{AccountId, Event};
use eventlog::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::elsewhere;
use super::rows::{Entry, Rows, veiled};
use super::scope::Scope;

struct AccountRow {
    account_id: Uuid,
    username: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    registered_at: DateTime<Utc>,
    read_receipts: bool,
    presence_shown_to: String,
    changed: i64,
}

impl AccountRow {
    fn into_entry(self) -> Entry {
        let fields = vec![
            ("username", veiled(self.username.as_deref())),
            ("display_name", veiled(self.display_name.as_deref())),
            ("email", veiled(self.email.as_deref())),
            ("registered_at", self.registered_at.to_string()),
            ("read_receipts", self.read_receipts.to_string()),
            ("presence_shown_to", self.presence_shown_to),
            ("changed", self.changed.to_string()),
        ];
        (format!("account {}", self.account_id), fields)
    }
}

/// What the log says.
pub(super) async fn fold<'a>(
    db: &mut PgConnection,
    scope: &Scope,
    events: impl Iterator<Item = &'a RecordedEvent>,
) -> sqlx::Result<Rows> {
    let mut accounts = told(events);
    let pictures = elsewhere::picture_changes(db, scope, accounts.keys().copied()).await?;
    for (account, position) in pictures {
        if let Some(row) = accounts.get_mut(&account) {
            row.changed = row.changed.max(position);
        }
    }
    Ok(accounts.into_values().map(AccountRow::into_entry).collect())
}

fn told<'a>(events: impl Iterator<Item = &'a RecordedEvent>) -> HashMap<AccountId, AccountRow> {
    let mut accounts: HashMap<AccountId, AccountRow> = HashMap::new();
    for recorded in events {
        let Ok(Event::Account(event)) = &recorded.event else { continue };
        let changed = recorded.position.0;
        match event.clone() {
            AccountEvent::Registered {
                account_id,
                username,
                display_name,
                email,
                registered_at,
            } => {
                let row = AccountRow {
                    account_id: account_id.0,
                    username: username.into_value(),
                    display_name: display_name.into_value(),
                    email: email.into_value(),
                    registered_at,
                    read_receipts: true,
                    presence_shown_to: "chats".to_owned(),
                    changed,
                };
                accounts.insert(account_id, row);
            }
            AccountEvent::ProfileChanged { account_id, username, display_name, changed_at: _ } => {
                let Some(row) = accounts.get_mut(&account_id) else { continue };
                row.changed = changed;
                if let Some(username) = username {
                    row.username = username.into_value();
                }
                if let Some(display_name) = display_name {
                    row.display_name = display_name.into_value();
                }
            }
            AccountEvent::PrivacyChanged { account_id, read_receipts, changed_at: _ } => {
                if let Some(row) = accounts.get_mut(&account_id) {
                    row.read_receipts = read_receipts;
                    row.changed = changed;
                }
            }
            AccountEvent::PresenceShown { account_id, to, changed_at: _ } => {
                let Some(row) = accounts.get_mut(&account_id) else { continue };
                row.changed = changed;
                let shown_to = match to {
                    Audience::Everyone => "everyone",
                    Audience::Chats => "chats",
                    Audience::Nobody => "nobody",
                };
                shown_to.clone_into(&mut row.presence_shown_to);
            }
        }
    }
    accounts
}

/// What the read model holds of these streams.
pub(super) async fn read(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Rows> {
    let rows = sqlx::query_as!(
        AccountRow,
        "SELECT account_id, username, display_name, email, registered_at, read_receipts,
                presence_shown_to, changed
         FROM accounts
         WHERE account_id = ANY ($1)",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(AccountRow::into_entry).collect())
}
