//! Of accounts.

use cqrs_es::Aggregate;
use domain::Personal;
use domain::account::{Account, AccountEvent, Audience};

use super::{ALICE, NOW};

pub(crate) fn events() -> Vec<AccountEvent> {
    samples!(AccountEvent {
        Registered {
            account_id: ALICE,
            username: Personal::new(ALICE, "alice".to_owned()),
            display_name: Personal::new(ALICE, "Alice \"Ålicia\" 李".to_owned()),
            email: Personal::new(ALICE, "Alice@example.org".to_owned()),
            registered_at: NOW,
        }
        ProfileChanged {
            account_id: ALICE,
            username: Some(Personal::new(ALICE, "alicia".to_owned())),
            display_name: Some(Personal::new(ALICE, "Alicia".to_owned())),
            changed_at: NOW,
        }
        PrivacyChanged {
            account_id: ALICE,
            read_receipts: false,
            changed_at: NOW,
        }
        PresenceShown {
            account_id: ALICE,
            to: Audience::Nobody,
            changed_at: NOW,
        }
    })
}

pub(crate) fn state() -> Account {
    let mut account = Account::default();
    for event in events() {
        account.apply(event);
    }
    account
}
