use cqrs_es::Aggregate;

use super::{ALICE, NOW, alice_registered, folded, given};
use crate::Decider;
use crate::account::{Account, AccountCommand, AccountError, AccountEvent, Audience};

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
    let alice = folded([alice_registered()]);
    assert_eq!(alice.claims(&turned(false)), vec![]);
    assert_eq!(alice.claims(&shown(Audience::Nobody)), vec![]);
}

#[test]
fn presence_is_shown_to_whom_one_chats_with_until_another_choice() {
    for to in [Audience::Everyone, Audience::Nobody] {
        given([alice_registered()]).when(show(to)).then_expect_events(vec![shown(to)]);
        given([alice_registered(), shown(to)])
            .when(show(Audience::Chats))
            .then_expect_events(vec![shown(Audience::Chats)]);
    }
}

#[test]
fn presence_that_is_shown_so_already_changes_nothing() {
    given([alice_registered()]).when(show(Audience::Chats)).then_expect_events(vec![]);
    given([alice_registered(), shown(Audience::Nobody)])
        .when(show(Audience::Nobody))
        .then_expect_events(vec![]);
}

#[test]
fn an_account_that_is_not_registered_shows_no_presence() {
    given([]).when(show(Audience::Nobody)).then_expect_error(AccountError::NotFound);
    let mut account = Account::Absent;
    account.apply(shown(Audience::Nobody));
    assert_eq!(account, Account::Absent);
}

fn show(to: Audience) -> AccountCommand {
    AccountCommand::ShowPresence { to, now: NOW }
}

fn shown(to: Audience) -> AccountEvent {
    AccountEvent::PresenceShown { account_id: ALICE, to, changed_at: NOW }
}

fn receipts(read_receipts: bool) -> AccountCommand {
    AccountCommand::ChangePrivacy { read_receipts, now: NOW }
}

fn turned(read_receipts: bool) -> AccountEvent {
    AccountEvent::PrivacyChanged { account_id: ALICE, read_receipts, changed_at: NOW }
}
