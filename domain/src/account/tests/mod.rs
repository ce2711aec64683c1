//! What an account does with each command. The vocabulary is here; the modules hold the tests.

mod claims;
mod names;
mod privacy;
mod profile;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{Account, AccountCommand, AccountEvent};
use crate::{AccountId, Personal};

const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
const ALICE_USERNAME: &str = "alice";
const ALICE_NAME: &str = "Alice";
const ALICE_EMAIL: &str = "alice@example.org";
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

fn given(events: impl IntoIterator<Item = AccountEvent>) -> AggregateTestExecutor<Account> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn register(username: &str, display_name: &str, email: &str) -> AccountCommand {
    AccountCommand::Register {
        account_id: ALICE,
        username: username.to_owned(),
        display_name: display_name.to_owned(),
        email: email.to_owned(),
        now: NOW,
    }
}

fn change(username: Option<&str>, display_name: Option<&str>) -> AccountCommand {
    AccountCommand::ChangeProfile {
        username: username.map(str::to_owned),
        display_name: display_name.map(str::to_owned),
        now: NOW,
    }
}

fn rename(username: &str) -> AccountCommand {
    change(Some(username), None)
}

fn call(display_name: &str) -> AccountCommand {
    change(None, Some(display_name))
}

fn alice_registered() -> AccountEvent {
    registered(ALICE_USERNAME, ALICE_NAME, ALICE_EMAIL)
}

fn registered(username: &str, display_name: &str, email: &str) -> AccountEvent {
    AccountEvent::Registered {
        account_id: ALICE,
        username: Personal::new(ALICE, username.to_owned()),
        display_name: Personal::new(ALICE, display_name.to_owned()),
        email: Personal::new(ALICE, email.to_owned()),
        registered_at: NOW,
    }
}

fn changed(username: Option<&str>, display_name: Option<&str>) -> AccountEvent {
    let personal = |it: &str| Personal::new(ALICE, it.to_owned());
    AccountEvent::ProfileChanged {
        account_id: ALICE,
        username: username.map(personal),
        display_name: display_name.map(personal),
        changed_at: NOW,
    }
}

fn folded(events: impl IntoIterator<Item = AccountEvent>) -> Account {
    let mut account = Account::default();
    for event in events {
        account.apply(event);
    }
    account
}
