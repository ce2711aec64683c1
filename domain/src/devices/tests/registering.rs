//! Rules 1 to 4: which devices there are.

use uuid::Uuid;

use super::{
    ALICE, NOW, OTHER_SESSION, PHONE, SESSION, TABLET, folded, given, hours_after, refreshed,
    register, register_at, registered, registered_at, removed, token,
};
use crate::devices::{DEVICES_MAX, Devices, DevicesCommand, DevicesEvent, Platform, RemovalReason};
use crate::{Decider, DeviceId, Personal};

fn numbered(number: usize) -> DeviceId {
    DeviceId(Uuid::from_u128(0xE0 + number as u128))
}

fn of_session(session_id: Uuid) -> DevicesCommand {
    DevicesCommand::Register {
        owner: ALICE,
        device_id: PHONE,
        session_id,
        platform: Platform::Android,
        address: token("a"),
        now: NOW,
    }
}

#[test]
fn a_device_is_registered_once() {
    given([])
        .when(register(PHONE, token("a")))
        .then_expect_events(vec![registered(PHONE, token("a"))]);
    given([registered(PHONE, token("a"))])
        .when(register(PHONE, token("a")))
        .then_expect_events(vec![]);
}

#[test]
fn a_new_address_is_recorded_at_once() {
    given([registered(PHONE, token("a"))])
        .when(register(PHONE, token("b")))
        .then_expect_events(vec![refreshed(NOW, PHONE, Some(token("b")))]);
}

#[test]
fn that_a_device_is_still_there_is_recorded_once_a_day() {
    for (hours, expected) in [(23, vec![]), (24, vec![refreshed(hours_after(24), PHONE, None)])] {
        given([registered(PHONE, token("a"))])
            .when(register_at(hours_after(hours), PHONE, token("a")))
            .then_expect_events(expected);
    }
    given([registered(PHONE, token("a")), refreshed(hours_after(24), PHONE, None)])
        .when(register_at(hours_after(47), PHONE, token("a")))
        .then_expect_events(vec![]);
}

#[test]
fn a_device_belongs_to_the_session_that_registered_it_last() {
    let refreshed = DevicesEvent::DeviceRefreshed {
        owner: ALICE,
        device_id: PHONE,
        session_id: OTHER_SESSION,
        address: None,
        refreshed_at: NOW,
    };
    let first = registered(PHONE, token("a"));
    given([first.clone()])
        .when(of_session(OTHER_SESSION))
        .then_expect_events(vec![refreshed.clone()]);
    let devices = folded([first, refreshed]);
    assert_eq!(devices.devices()[&PHONE].session_id, OTHER_SESSION);
    assert_eq!(devices.decide(of_session(OTHER_SESSION)), Ok(vec![]));
    assert!(!devices.decide(of_session(SESSION)).unwrap().is_empty());
}

#[test]
fn another_platform_makes_another_device_of_it() {
    let platform = Platform::Ios;
    let (owner, device_id, session_id) = (ALICE, PHONE, SESSION);
    let command = DevicesCommand::Register {
        owner,
        device_id,
        session_id,
        platform,
        address: token("a"),
        now: NOW,
    };
    let address = Personal::new(ALICE, token("a"));
    let registered_at = NOW;
    given([registered(PHONE, token("a"))]).when(command).then_expect_events(vec![
        DevicesEvent::DeviceRegistered {
            owner,
            device_id,
            session_id,
            platform,
            address,
            registered_at,
        },
    ]);
}

#[test]
fn an_address_moves_from_one_device_to_another() {
    given([registered(PHONE, token("a"))]).when(register(TABLET, token("a"))).then_expect_events(
        vec![removed(PHONE, RemovalReason::Moved), registered(TABLET, token("a"))],
    );
    given([registered(PHONE, token("a")), registered(TABLET, token("b"))])
        .when(register(TABLET, token("a")))
        .then_expect_events(vec![
            removed(PHONE, RemovalReason::Moved),
            refreshed(NOW, TABLET, Some(token("a"))),
        ]);
}

/// As many as there can be; the second was not refreshed for the longest time.
fn full() -> Vec<DevicesEvent> {
    let hours = (-100..).map(hours_after);
    let mut events: Vec<_> = (0..DEVICES_MAX)
        .zip(hours)
        .map(|(it, at)| registered_at(at, numbered(it), token(&it.to_string())))
        .collect();
    events.push(refreshed(hours_after(-50), numbered(0), None));
    events
}

#[test]
fn one_device_more_takes_the_place_of_the_one_that_was_away_the_longest() {
    given(full()).when(register(PHONE, token("new"))).then_expect_events(vec![
        removed(numbered(1), RemovalReason::Surplus),
        registered(PHONE, token("new")),
    ]);
}

#[test]
fn a_device_that_is_known_or_takes_anothers_address_needs_no_room() {
    given(full()).when(register(numbered(5), token("new"))).then_expect_events(vec![refreshed(
        NOW,
        numbered(5),
        Some(token("new")),
    )]);
    given(full()).when(register(PHONE, token("7"))).then_expect_events(vec![
        removed(numbered(7), RemovalReason::Moved),
        registered(PHONE, token("7")),
    ]);
}

#[test]
fn there_are_none_at_first() {
    assert!(Devices::default().devices().is_empty());
}
