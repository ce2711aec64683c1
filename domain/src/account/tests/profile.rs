use cqrs_es::Aggregate;

use super::{
    ALICE_EMAIL, ALICE_NAME, ALICE_USERNAME, alice_registered, call, change, changed, folded,
    given, register, registered, rename,
};
use crate::Decider;
use crate::account::{Account, AccountError};

#[test]
fn a_person_registers() {
    given([])
        .when(register("alice", "Alice A.", "alice@example.org"))
        .then_expect_events(vec![registered("alice", "Alice A.", "alice@example.org")]);
}

#[test]
fn registering_again_is_refused_even_with_the_same_names() {
    given([alice_registered()])
        .when(register(ALICE_USERNAME, ALICE_NAME, ALICE_EMAIL))
        .then_expect_error(AccountError::AlreadyRegistered);
    given([alice_registered()])
        .when(register("somebody", "Somebody", "somebody@example.org"))
        .then_expect_error(AccountError::AlreadyRegistered);
}

#[test]
fn an_account_that_is_not_registered_has_no_profile_to_change() {
    given([]).when(rename("alicia")).then_expect_error(AccountError::NotFound);
}

#[test]
fn a_profile_change_records_what_was_asked() {
    given([alice_registered()])
        .when(change(Some("Alicia"), Some(" Alicia B. ")))
        .then_expect_events(vec![changed(Some("alicia"), Some("Alicia B."))]);
}

#[test]
fn a_profile_change_leaves_the_rest() {
    given([alice_registered()])
        .when(rename("alicia"))
        .then_expect_events(vec![changed(Some("alicia"), None)]);
    given([alice_registered()])
        .when(call("Alicia"))
        .then_expect_events(vec![changed(None, Some("Alicia"))]);
    given([alice_registered()])
        .when(change(Some(ALICE_USERNAME), Some("Alicia")))
        .then_expect_events(vec![changed(None, Some("Alicia"))]);
    given([alice_registered()])
        .when(change(Some("alicia"), Some(ALICE_NAME)))
        .then_expect_events(vec![changed(Some("alicia"), None)]);
}

#[test]
fn a_profile_change_of_which_one_part_is_refused_changes_nothing() {
    given([alice_registered()])
        .when(change(Some("alicia"), Some("")))
        .then_expect_error(AccountError::InvalidDisplayName);
    given([alice_registered()])
        .when(change(Some("a"), Some("Alicia")))
        .then_expect_error(AccountError::InvalidUsername);
}

#[test]
fn changing_the_profile_to_what_it_is_changes_nothing() {
    given([alice_registered()]).when(change(None, None)).then_expect_events(vec![]);
    given([alice_registered()])
        .when(change(Some(ALICE_USERNAME), Some(ALICE_NAME)))
        .then_expect_events(vec![]);
    given([alice_registered(), changed(Some("alicia"), Some("Alicia"))])
        .when(change(Some("alicia"), Some("Alicia")))
        .then_expect_events(vec![]);
}

#[test]
fn a_change_builds_on_the_changes_before() {
    given([alice_registered(), changed(Some("alicia"), None), changed(None, Some("Alicia"))])
        .when(change(Some(ALICE_USERNAME), Some(ALICE_NAME)))
        .then_expect_events(vec![changed(Some(ALICE_USERNAME), Some(ALICE_NAME))]);
}

#[test]
fn renaming_in_capitals_changes_nothing() {
    given([alice_registered()])
        .when(rename(&ALICE_USERNAME.to_uppercase()))
        .then_expect_events(vec![]);
}

#[test]
fn a_display_name_may_change_its_case() {
    given([alice_registered()])
        .when(call(&ALICE_NAME.to_uppercase()))
        .then_expect_events(vec![changed(None, Some(&ALICE_NAME.to_uppercase()))]);
}

#[test]
fn a_change_of_an_account_that_was_never_registered_is_not_folded() {
    let mut account = Account::Absent;
    account.apply(changed(Some("alicia"), None));
    assert_eq!(account, Account::Absent);
}

#[test]
fn the_weight_counts_the_text() {
    let short = folded([registered("alice", "A", ALICE_EMAIL)]).weight();
    let long = folded([registered("alice", &"A".repeat(1_000), ALICE_EMAIL)]).weight();
    assert_eq!(long - short, 999);
}
