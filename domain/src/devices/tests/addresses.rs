//! Rule 5: what an address looks like.

use super::{AUTH, P256DH, PHONE, given, register, registered, subscription, token};
use crate::devices::{Address, DevicesError, Subscription};

const ENDPOINT: &str = "https://push.example/1";

fn refused(address: Address, error: DevicesError) {
    given([]).when(register(PHONE, address)).then_expect_error(error);
}

fn taken(address: Address) {
    given([])
        .when(register(PHONE, address.clone()))
        .then_expect_events(vec![registered(PHONE, address)]);
}

fn installation(id: &str) -> Address {
    Address::FcmInstallation { installation_id: id.to_owned() }
}

fn with_keys(p256dh: &str, auth: &str) -> Address {
    let (p256dh, auth) = (p256dh.to_owned(), auth.to_owned());
    Address::WebPush(Subscription { p256dh, auth, ..subscription(ENDPOINT) })
}

#[test]
fn a_token_is_visible_ascii_of_a_bounded_length() {
    for good in ["a".to_owned(), "c".repeat(4_096), "dE-f_:APA91b!".to_owned()] {
        taken(token(&good));
        taken(installation(&good));
    }
    for bad in [String::new(), "c".repeat(4_097), "a b".to_owned(), "é".to_owned(), "\n".to_owned()]
    {
        refused(token(&bad), DevicesError::InvalidToken);
        refused(installation(&bad), DevicesError::InvalidInstallationId);
    }
}

#[test]
fn an_endpoint_is_visible_ascii_of_a_bounded_length() {
    taken(Address::WebPush(subscription(&"e".repeat(2_048))));
    for bad in ["", "https://push.example/ ", &"e".repeat(2_049)] {
        refused(Address::WebPush(subscription(bad)), DevicesError::InvalidEndpoint);
    }
}

#[test]
fn the_keys_of_a_subscription_are_a_point_and_sixteen_bytes() {
    taken(with_keys(P256DH, AUTH));
    let compressed = "A".repeat(44);
    let other_form = format!("A{}", &P256DH[1..]);
    for bad in ["", "*", &P256DH[..86], &compressed, &other_form] {
        refused(with_keys(bad, AUTH), DevicesError::InvalidPublicKey);
    }
    for bad in ["", "*", &AUTH[..21], &format!("{AUTH}AAAA")] {
        refused(with_keys(P256DH, bad), DevicesError::InvalidAuthSecret);
    }
}

#[test]
fn keys_lose_their_padding() {
    given([])
        .when(register(PHONE, with_keys(&format!("{P256DH}="), &format!("{AUTH}=="))))
        .then_expect_events(vec![registered(PHONE, with_keys(P256DH, AUTH))]);
}
