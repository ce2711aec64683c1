use super::{
    ALICE_EMAIL, ALICE_NAME, ALICE_USERNAME, alice_registered, call, given, register, registered,
    rename,
};
use crate::account::AccountCommand;
use crate::account::{AccountError, normalise_email, normalise_username};

#[test]
fn a_username_of_3_to_30_allowed_characters_is_accepted() {
    for username in [
        "abc",
        "a_1",
        "...",
        "___",
        "007",
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789_.",
        &"x".repeat(30),
    ] {
        assert_eq!(
            given([]).when(register_as(username)).inspect_result(),
            Ok(vec![registered(username, ALICE_NAME, ALICE_EMAIL)]),
            "{username:?}"
        );
    }
}

#[test]
fn a_username_that_breaks_its_rule_is_refused() {
    let kelvin_sign_for_k = "\u{212a}ate";
    for username in [
        "",
        "ab",
        "éé",
        &"x".repeat(31),
        " alice",
        "alice ",
        "al ice",
        "al-ice",
        "al@ice",
        "al\nice",
        "al\0ice",
        "élise",
        "алиса",
        "alice😀",
        kelvin_sign_for_k,
    ] {
        let invalid = Err(AccountError::InvalidUsername);
        let registering = given([]).when(register_as(username));
        assert_eq!(registering.inspect_result(), invalid, "{username:?}");
        let renaming = given([alice_registered()]).when(rename(username));
        assert_eq!(renaming.inspect_result(), invalid, "{username:?}");
        let normalising = normalise_username(username).map(|_| vec![]);
        assert_eq!(normalising, invalid, "{username:?}");
    }
}

#[test]
fn capitals_in_a_username_become_small_letters() {
    given([]).when(register_as("Alice.B_2")).then_expect_events(vec![registered(
        "alice.b_2",
        ALICE_NAME,
        ALICE_EMAIL,
    )]);
    assert_eq!(normalise_username("ALICE"), Ok("alice".to_owned()));
}

#[test]
fn a_display_name_of_1_to_50_characters_is_accepted() {
    for name in ["A", "Ñandú Ærø", "李小龍", &"😀".repeat(50)] {
        assert_eq!(
            given([]).when(register_called(name)).inspect_result(),
            Ok(vec![registered(ALICE_USERNAME, name, ALICE_EMAIL)]),
            "{name:?}"
        );
    }
}

#[test]
fn a_display_name_that_breaks_its_rule_is_refused() {
    for name in [
        "",
        " \t\u{3000}",
        &"😀".repeat(51),
        "Al\nice",
        "Al\tice",
        "Al\0ice",
        "Al\u{7f}ice",
        "Al\u{9b}ice",
    ] {
        let invalid = Err(AccountError::InvalidDisplayName);
        let registering = given([]).when(register_called(name));
        assert_eq!(registering.inspect_result(), invalid, "{name:?}");
        let changing = given([alice_registered()]).when(call(name));
        assert_eq!(changing.inspect_result(), invalid, "{name:?}");
    }
}

#[test]
fn a_display_name_is_counted_and_kept_trimmed() {
    let longest = "x".repeat(50);
    given([])
        .when(register_called(&format!(" \n{longest}\t ")))
        .then_expect_events(vec![registered(ALICE_USERNAME, &longest, ALICE_EMAIL)]);
}

#[test]
fn an_email_address_is_accepted_and_kept_as_written() {
    let longest_local = format!("{}@example.org", "x".repeat(64));
    let longest = format!("x@{}.{}", LONGEST_LABELS, "y".repeat(60));
    for email in [
        "a@b.c",
        "Alice.B+tag@Example.ORG",
        "o'neill_{x}!#$%&*/=?^`|~-@mail.example.org",
        "用户@例子.公司",
        "jörg@köln.example",
        "x@3com.example",
        "x@xn--kln-sna.example",
        &longest_local,
        &longest,
    ] {
        assert_eq!(
            given([]).when(register_at(email)).inspect_result(),
            Ok(vec![registered(ALICE_USERNAME, ALICE_NAME, email)]),
            "{email:?}"
        );
    }
}

#[test]
fn what_is_not_an_email_address_is_refused() {
    let local_too_long = format!("{}@example.org", "x".repeat(65));
    let too_long = format!("x@{}.{}", LONGEST_LABELS, "y".repeat(61));
    for email in [
        "",
        "@",
        "alice",
        "alice@",
        "@example.org",
        "alice@example",
        "alice@@example.org",
        "al@ice@example.org",
        "al ice@example.org",
        "al\u{a0}ice@example.org",
        "al\nice@example.org",
        "al\0ice@example.org",
        "alice@exam ple.org",
        "alice@.org",
        "alice@example.",
        "alice@example..org",
        "alice@-example.org",
        "alice@example-.org",
        "alice@exam_ple.org",
        "alice@[127.0.0.1]",
        "Alice <alice@example.org>",
        &local_too_long,
        &too_long,
    ] {
        let invalid = AccountError::InvalidEmail;
        assert_eq!(
            given([]).when(register_at(email)).inspect_result(),
            Err(invalid.clone()),
            "{email:?}"
        );
        assert_eq!(normalise_email(email), Err(invalid), "{email:?}");
    }
}

#[test]
fn an_email_address_is_kept_trimmed() {
    given([]).when(register_at(" \tAlice@example.org\r\n")).then_expect_events(vec![registered(
        ALICE_USERNAME,
        ALICE_NAME,
        "Alice@example.org",
    )]);
}

/// 191 characters, in labels as long as a label may be.
const LONGEST_LABELS: &str = concat!(
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
);

fn register_as(username: &str) -> AccountCommand {
    register(username, ALICE_NAME, ALICE_EMAIL)
}

fn register_called(display_name: &str) -> AccountCommand {
    register(ALICE_USERNAME, display_name, ALICE_EMAIL)
}

fn register_at(email: &str) -> AccountCommand {
    register(ALICE_USERNAME, ALICE_NAME, email)
}
