//! What devices do with each command. The vocabulary is here; the modules hold the tests.

mod addresses;
mod claims;
mod histories;
mod preferences;
mod quiet_hours;
mod registering;
mod removing;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::{
    Address, Devices, DevicesCommand, DevicesEvent, Platform, PreferencesChange, QuietHours,
    RemovalReason, Subscription,
};
use crate::{AccountId, DeviceId, Personal};

const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
const PHONE: DeviceId = DeviceId(Uuid::from_u128(0xD1));
const TABLET: DeviceId = DeviceId(Uuid::from_u128(0xD2));
const SESSION: Uuid = Uuid::from_u128(0x51);
const OTHER_SESSION: Uuid = Uuid::from_u128(0x52);
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

/// The example of RFC 8291, section 5.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

fn given(events: impl IntoIterator<Item = DevicesEvent>) -> AggregateTestExecutor<Devices> {
    TestFramework::with(()).given(events.into_iter().collect())
}

fn folded(events: impl IntoIterator<Item = DevicesEvent>) -> Devices {
    let mut devices = Devices::default();
    for event in events {
        devices.apply(event);
    }
    devices
}

fn hours_after(hours: i64) -> DateTime<Utc> {
    NOW + TimeDelta::hours(hours)
}

fn token(token: &str) -> Address {
    Address::FcmToken { token: token.to_owned() }
}

fn subscription(endpoint: &str) -> Subscription {
    Subscription { endpoint: endpoint.to_owned(), p256dh: P256DH.to_owned(), auth: AUTH.to_owned() }
}

fn register(device_id: DeviceId, address: Address) -> DevicesCommand {
    register_at(NOW, device_id, address)
}

fn register_at(now: DateTime<Utc>, device_id: DeviceId, address: Address) -> DevicesCommand {
    let (owner, session_id, platform) = (ALICE, SESSION, Platform::Android);
    DevicesCommand::Register { owner, device_id, session_id, platform, address, now }
}

fn remove(device_id: DeviceId) -> DevicesCommand {
    DevicesCommand::Remove { device_id, now: NOW }
}

fn remove_address(address: Address, why: RemovalReason) -> DevicesCommand {
    DevicesCommand::RemoveAddress { address, why, now: NOW }
}

fn sign_out(session_id: Uuid) -> DevicesCommand {
    DevicesCommand::SignOut { session_id, now: NOW }
}

fn change(change: PreferencesChange) -> DevicesCommand {
    DevicesCommand::ChangePreferences { owner: ALICE, change, now: NOW }
}

fn registered(device_id: DeviceId, address: Address) -> DevicesEvent {
    registered_at(NOW, device_id, address)
}

fn registered_at(at: DateTime<Utc>, device_id: DeviceId, address: Address) -> DevicesEvent {
    DevicesEvent::DeviceRegistered {
        owner: ALICE,
        device_id,
        session_id: SESSION,
        platform: Platform::Android,
        address: Personal::new(ALICE, address),
        registered_at: at,
    }
}

fn refreshed(at: DateTime<Utc>, device_id: DeviceId, address: Option<Address>) -> DevicesEvent {
    DevicesEvent::DeviceRefreshed {
        owner: ALICE,
        device_id,
        session_id: SESSION,
        address: address.map(|it| Personal::new(ALICE, it)),
        refreshed_at: at,
    }
}

fn removed(device_id: DeviceId, reason: RemovalReason) -> DevicesEvent {
    DevicesEvent::DeviceRemoved { owner: ALICE, device_id, reason, removed_at: NOW }
}

fn nights() -> QuietHours {
    QuietHours { start: 22 * 60, end: 7 * 60, time_zone: "Europe/Brussels".to_owned() }
}
