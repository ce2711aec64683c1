use cqrs_es::Aggregate;

use super::{ALICE, NOW, alice_registered, folded, given};
use crate::Decider;
use crate::account::{Account, AccountCommand, AccountError, AccountEvent};

#[test]
fn read_receipts_are_turned_off_and_on() {
    given([alice_registered()]).when(receipts(false)).then_expect_events(vec![turned(false)]);
    given([alice_registered(), turned(false)])
        .when(receipts(true))
        .then_expect_events(vec![turned(true)]);
}

#[test]
fn read_receipts_that_are_so_already_change_nothing() {
    given([alice_registered()]).when(receipts(true)).then_expect_events(vec![]);
    given([alice_registered(), turned(false)]).when(receipts(false)).then_expect_events(vec![]);
}

#[test]
fn an_account_that_is_not_registered_has_no_receipts_to_turn_off() {
    given([]).when(receipts(false)).then_expect_error(AccountError::NotFound);
    let mut account = Account::Absent;
    account.apply(turned(false));
    assert_eq!(account, Account::Absent);
}

#[test]
fn privacy_claims_nothing() {
    assert_eq!(folded([alice_registered()]).claims(&turned(false)), vec![]);
}

fn receipts(read_receipts: bool) -> AccountCommand {
    AccountCommand::ChangePrivacy { read_receipts, now: NOW }
}

fn turned(read_receipts: bool) -> AccountEvent {
    AccountEvent::PrivacyChanged { account_id: ALICE, read_receipts, changed_at: NOW }
}
