//! Rule 2: an address is one device's.

use super::{
    ALICE, NOW, PHONE, TABLET, folded, refreshed, register, registered, remove, removed,
    subscription, token,
};
use crate::devices::{Address, Devices, DevicesCommand, PreferencesChange, RemovalReason};
use crate::{Claim, ClaimChange, Decider, Personal};

fn take(value: &str) -> ClaimChange {
    ClaimChange::Take(claim(value))
}

fn release(value: &str) -> ClaimChange {
    ClaimChange::Release(claim(value))
}

fn claim(value: &str) -> Claim {
    Claim { scope: "push_address", value: value.to_owned() }
}

/// Of all events that `command` leads to.
fn changes(devices: &Devices, command: DevicesCommand) -> Vec<ClaimChange> {
    devices.decide(command).unwrap().iter().flat_map(|it| devices.claims(it)).collect()
}

#[test]
fn each_kind_of_address_is_claimed_by_what_it_reaches() {
    let none = Devices::default();
    let installation = Address::FcmInstallation { installation_id: "a".to_owned() };
    let subscription = Address::WebPush(subscription("https://push.example/1"));
    for (address, value) in [
        (token("a"), "fcm_token:a"),
        (installation, "fcm_installation:a"),
        (subscription, "web_push:https://push.example/1"),
    ] {
        assert_eq!(changes(&none, register(PHONE, address)), [take(value)]);
    }
}

#[test]
fn another_address_releases_the_one_before() {
    let devices = folded([registered(PHONE, token("a"))]);
    let changed = changes(&devices, register(PHONE, token("b")));
    assert_eq!(changed, [release("fcm_token:a"), take("fcm_token:b")]);
}

#[test]
fn a_refresh_and_preferences_claim_nothing() {
    let devices = folded([registered(PHONE, token("a"))]);
    assert_eq!(devices.claims(&refreshed(NOW, PHONE, None)), []);
    let change = PreferencesChange { previews: Some(true), ..PreferencesChange::default() };
    let change = DevicesCommand::ChangePreferences { owner: ALICE, change, now: NOW };
    assert_eq!(changes(&devices, change), []);
}

#[test]
fn a_device_that_goes_releases_its_address() {
    let devices = folded([registered(PHONE, token("a")), registered(TABLET, token("b"))]);
    assert_eq!(changes(&devices, remove(PHONE)), [release("fcm_token:a")]);
}

/// The value is given up before it is taken, which is how the log writes it.
#[test]
fn an_address_that_moves_within_a_persons_devices_stays_theirs() {
    let devices = folded([registered(PHONE, token("a"))]);
    let moved = changes(&devices, register(TABLET, token("a")));
    assert_eq!(moved, [release("fcm_token:a"), take("fcm_token:a")]);
}

#[test]
fn other_keys_of_a_subscription_claim_nothing_new() {
    let endpoint = "https://push.example/1";
    let devices = folded([registered(PHONE, Address::WebPush(subscription(endpoint)))]);
    let mut other = subscription(endpoint);
    other.auth = "AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let command = register(PHONE, Address::WebPush(other));
    assert_eq!(devices.decide(command.clone()).unwrap().len(), 1);
    assert_eq!(changes(&devices, command), []);
}

#[test]
fn an_erased_address_claims_nothing() {
    let mut event = registered(PHONE, token("a"));
    if let crate::devices::DevicesEvent::DeviceRegistered { address, .. } = &mut event {
        *address = Personal::erased(ALICE);
    }
    assert_eq!(Devices::default().claims(&event), []);
    assert_eq!(folded([event]).claims(&removed(PHONE, RemovalReason::Gone)), []);
}
