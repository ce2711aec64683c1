//! What holds after any history of commands.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::{NOW, OTHER_SESSION, SESSION, register_at, remove, remove_address, sign_out, token};
use crate::devices::{DEVICES_MAX, Devices, DevicesCommand, RemovalReason};
use crate::{Claim, ClaimChange, Decider, DeviceId};

fn histories() -> impl Strategy<Value = Vec<DevicesCommand>> {
    let device = (0_u128..30).prop_map(|it| DeviceId(Uuid::from_u128(it)));
    let address = (0_u32..40).prop_map(|it| token(&it.to_string()));
    let session = prop_oneof![Just(SESSION), Just(OTHER_SESSION)];
    let registering = (device.clone(), address.clone(), session.clone(), 0_i64..100).prop_map(
        |(device_id, address, session, hours)| {
            let mut command = register_at(NOW + TimeDelta::hours(hours), device_id, address);
            if let DevicesCommand::Register { session_id, .. } = &mut command {
                *session_id = session;
            }
            command
        },
    );
    let command = prop_oneof![
        20 => registering,
        2 => device.prop_map(remove),
        2 => address.prop_map(|it| remove_address(it, RemovalReason::Gone)),
        1 => session.prop_map(sign_out),
    ];
    vec(command, 1..80)
}

/// Gives up all and then takes, as the log does with one command.
fn settle(held: &mut BTreeSet<String>, changes: &[ClaimChange]) {
    for change in changes {
        if let ClaimChange::Release(Claim { value, .. }) = change {
            assert!(held.remove(value), "{value} was not held");
        }
    }
    for change in changes {
        if let ClaimChange::Take(Claim { value, .. }) = change {
            assert!(held.insert(value.clone()), "{value} is taken twice");
        }
    }
}

proptest! {
    #[test]
    fn what_is_claimed_is_where_devices_are_reached(history in histories()) {
        let mut devices = Devices::default();
        let mut held = BTreeSet::new();
        for command in history {
            let events = devices.decide(command.clone()).unwrap();
            let changes: Vec<_> = events.iter().flat_map(|it| devices.claims(it)).collect();
            settle(&mut held, &changes);
            let done = !events.is_empty();
            for event in events {
                devices.apply(event);
            }
            let addresses = devices.devices().values().filter_map(|it| it.address.value());
            let reached: Vec<_> = addresses.map(|it| it.claim().value).collect();
            prop_assert_eq!(reached.len(), devices.devices().len());
            prop_assert_eq!(&held, &reached.into_iter().collect());
            prop_assert!(devices.devices().len() <= DEVICES_MAX);
            if done {
                prop_assert_eq!(devices.decide(command), Ok(vec![]));
            }
        }
    }
}
