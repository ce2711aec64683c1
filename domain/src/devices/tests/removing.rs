//! Rules 1 and 2: devices that go.

use super::{
    OTHER_SESSION, PHONE, SESSION, TABLET, given, register, registered, remove, remove_address,
    removed, sign_out, subscription, token,
};
use crate::devices::{Address, RemovalReason};

#[test]
fn a_device_is_removed_once() {
    let phone = registered(PHONE, token("a"));
    let gone = removed(PHONE, RemovalReason::ByOwner);
    given([phone.clone()]).when(remove(PHONE)).then_expect_events(vec![gone.clone()]);
    given([phone.clone(), gone.clone()]).when(remove(PHONE)).then_expect_events(vec![]);
    given([phone.clone()]).when(remove(TABLET)).then_expect_events(vec![]);
    given([]).when(remove(PHONE)).then_expect_events(vec![]);
    given([phone.clone(), gone]).when(register(PHONE, token("a"))).then_expect_events(vec![phone]);
}

#[test]
fn a_device_is_removed_by_its_address_while_it_is_there() {
    let phone = registered(PHONE, token("a"));
    for why in [RemovalReason::Gone, RemovalReason::Moved] {
        given([phone.clone(), registered(TABLET, token("b"))])
            .when(remove_address(token("a"), why))
            .then_expect_events(vec![removed(PHONE, why)]);
        given([phone.clone()]).when(remove_address(token("b"), why)).then_expect_events(vec![]);
    }
}

#[test]
fn a_subscription_is_the_same_with_other_keys() {
    let endpoint = "https://push.example/1";
    let mut other = subscription(endpoint);
    other.auth = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    given([registered(PHONE, Address::WebPush(subscription(endpoint)))])
        .when(remove_address(Address::WebPush(other), RemovalReason::Moved))
        .then_expect_events(vec![removed(PHONE, RemovalReason::Moved)]);
}

#[test]
fn signing_out_removes_the_devices_of_the_session() {
    let both = [registered(PHONE, token("a")), registered(TABLET, token("b"))];
    given(both.clone()).when(sign_out(SESSION)).then_expect_events(vec![
        removed(PHONE, RemovalReason::SignedOut),
        removed(TABLET, RemovalReason::SignedOut),
    ]);
    given(both).when(sign_out(OTHER_SESSION)).then_expect_events(vec![]);
    given([]).when(sign_out(SESSION)).then_expect_events(vec![]);
}
