//! Of devices.

use cqrs_es::Aggregate;
use domain::devices::{
    Address, Devices, DevicesEvent, Platform, QuietHours, RemovalReason, Subscription,
};
use domain::{DeviceId, Personal};
use uuid::Uuid;

use super::{ALICE, NOW};

pub(crate) const PHONE: DeviceId = DeviceId(Uuid::from_u128(0xD1));
const BROWSER: DeviceId = DeviceId(Uuid::from_u128(0xD2));
const SESSION: Uuid = Uuid::from_u128(0x51);

pub(crate) fn events() -> Vec<DevicesEvent> {
    samples!(DevicesEvent {
        DeviceRegistered {
            owner: ALICE,
            device_id: PHONE,
            session_id: SESSION,
            platform: Platform::Android,
            address: Personal::new(ALICE, Address::FcmToken { token: "c1:APA91b".to_owned() }),
            registered_at: NOW,
        }
        DeviceRefreshed {
            owner: ALICE,
            device_id: PHONE,
            session_id: SESSION,
            address: Some(Personal::new(ALICE, Address::FcmInstallation {
                installation_id: "eV1x".to_owned(),
            })),
            refreshed_at: NOW,
        }
        DeviceRemoved {
            owner: ALICE,
            device_id: BROWSER,
            reason: RemovalReason::SignedOut,
            removed_at: NOW,
        }
        PreferencesChanged {
            owner: ALICE,
            enabled: true,
            messages: true,
            reactions: false,
            previews: true,
            quiet_hours: Some(Personal::new(ALICE, QuietHours {
                start: 1_320,
                end: 420,
                time_zone: "Europe/Brussels".to_owned(),
            })),
            changed_at: NOW,
        }
    })
}

/// The same events with what they may also hold, by the form that stands in the files' names.
pub(crate) fn variations() -> Vec<(&'static str, DevicesEvent)> {
    let subscription = Subscription {
        endpoint: "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA".to_owned(),
        p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4".to_owned(),
        auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
    };
    let browser = DevicesEvent::DeviceRegistered {
        owner: ALICE,
        device_id: BROWSER,
        session_id: SESSION,
        platform: Platform::Web,
        address: Personal::new(ALICE, Address::WebPush(subscription)),
        registered_at: NOW,
    };
    let still_there = DevicesEvent::DeviceRefreshed {
        owner: ALICE,
        device_id: PHONE,
        session_id: SESSION,
        address: None,
        refreshed_at: NOW,
    };
    vec![("web_push", browser), ("same_address", still_there)]
}

pub(crate) fn state() -> Devices {
    let mut devices = Devices::default();
    let browser = variations().into_iter().map(|(_, event)| event).take(1);
    let all = events().into_iter();
    let kept = |it: &DevicesEvent| !matches!(it, DevicesEvent::DeviceRemoved { .. });
    for event in browser.chain(all.filter(kept)) {
        devices.apply(event);
    }
    devices
}
