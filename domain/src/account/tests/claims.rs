use super::{ALICE, NOW, alice_registered, call, change, changed, folded, register};
use crate::account::{
    Account, AccountCommand, AccountEvent, SCOPE_EMAIL, SCOPE_USERNAME, normalise_email,
};
use crate::{Claim, ClaimChange, Decider, Personal};

#[test]
fn registering_claims_username_and_email_whatever_the_case_of_their_letters() {
    let event = decided(&Account::Absent, register("Alice", "A", "Alice@Example.ORG"));
    assert_eq!(
        Account::Absent.claims(&event),
        vec![take_username("alice"), take_email("alice@example.org")]
    );
}

#[test]
fn an_address_is_looked_up_by_what_registering_claimed() {
    for email in ["Alice@Example.ORG", " JÖRG@köln.example "] {
        let claims =
            Account::Absent.claims(&decided(&Account::Absent, register("alice", "Alice", email)));
        let looked_up = normalise_email(email).unwrap();
        assert!(claims.contains(&take_email(&looked_up)), "{email:?}");
    }
}

#[test]
fn renaming_claims_the_new_username_and_gives_up_the_old() {
    let account = folded([alice_registered(), changed(Some("alicia"), None)]);
    let event = decided(&account, change(Some("ALLY"), Some("Ally")));
    assert_eq!(account.claims(&event), vec![take_username("ally"), release_username("alicia")]);
}

#[test]
fn a_new_display_name_claims_nothing() {
    let account = folded([alice_registered()]);
    assert_eq!(account.claims(&decided(&account, call("Ally"))), vec![]);
}

#[test]
fn what_has_been_erased_is_neither_claimed_nor_given_up() {
    let erased = AccountEvent::Registered {
        account_id: ALICE,
        username: Personal::erased(ALICE),
        display_name: Personal::erased(ALICE),
        email: Personal::erased(ALICE),
        registered_at: NOW,
    };
    assert_eq!(Account::Absent.claims(&erased), vec![]);
    assert_eq!(
        folded([erased]).claims(&changed(Some("alicia"), None)),
        vec![take_username("alicia")]
    );
}

fn decided(account: &Account, command: AccountCommand) -> AccountEvent {
    let mut events = account.decide(command).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn take_username(value: &str) -> ClaimChange {
    ClaimChange::Take(claim(SCOPE_USERNAME, value))
}

fn release_username(value: &str) -> ClaimChange {
    ClaimChange::Release(claim(SCOPE_USERNAME, value))
}

fn take_email(value: &str) -> ClaimChange {
    ClaimChange::Take(claim(SCOPE_EMAIL, value))
}

fn claim(scope: &'static str, value: &str) -> Claim {
    Claim { scope, value: value.to_owned() }
}
