use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Address, DEVICES_MAX, DevicesCommand, DevicesError, DevicesEvent, Platform, Preferences,
    PreferencesChange, RemovalReason,
};
use crate::{AccountId, ClaimChange, Decider, DeviceId, Personal};

/// How often it is recorded that a device is still there.
const REFRESH_PAUSE: TimeDelta = TimeDelta::days(1);

/// The state that decisions about a person's devices depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Devices {
    /// None while there never was any.
    owner: Option<AccountId>,
    by_id: BTreeMap<DeviceId, Device>,
    preferences: Preferences,
}

/// A device that messages are pushed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub session_id: Uuid,
    pub platform: Platform,
    pub address: Personal<Address>,
    pub registered_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
}

/// What a device says of itself.
struct Registration {
    owner: AccountId,
    device_id: DeviceId,
    session_id: Uuid,
    platform: Platform,
    address: Address,
    now: DateTime<Utc>,
}

impl Devices {
    /// By id; at most [`DEVICES_MAX`].
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<DeviceId, Device> {
        &self.by_id
    }

    #[must_use]
    pub const fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    fn register(&self, registration: Registration) -> Result<Vec<DevicesEvent>, DevicesError> {
        let Registration { owner, device_id, session_id, platform, address, now } = registration;
        let address = address.checked()?;
        let known = self.by_id.get(&device_id).filter(|it| it.platform == platform);
        if let Some(device) = known {
            let is_new = device.address.value() != Some(&address);
            let is_late = now - device.refreshed_at >= REFRESH_PAUSE;
            if !is_new && !is_late && device.session_id == session_id {
                return Ok(vec![]);
            }
        }
        let elsewhere =
            |(id, device): &(&DeviceId, &Device)| **id != device_id && device.is_at(&address);
        let moved = self.by_id.iter().find(elsewhere).map(|(id, _)| *id);
        let surplus = if self.by_id.contains_key(&device_id) || moved.is_some() {
            None
        } else {
            self.surplus()
        };
        let removed = |id, reason| self.removed(id, reason, now);
        let mut events: Vec<_> =
            moved.and_then(|it| removed(it, RemovalReason::Moved)).into_iter().collect();
        events.extend(surplus.and_then(|it| removed(it, RemovalReason::Surplus)));
        events.push(match known {
            None => DevicesEvent::DeviceRegistered {
                owner,
                device_id,
                session_id,
                platform,
                address: Personal::new(owner, address),
                registered_at: now,
            },
            Some(device) => DevicesEvent::DeviceRefreshed {
                owner,
                device_id,
                session_id,
                address: (device.address.value() != Some(&address))
                    .then(|| Personal::new(owner, address)),
                refreshed_at: now,
            },
        });
        Ok(events)
    }

    /// Which device has to make room for one more.
    fn surplus(&self) -> Option<DeviceId> {
        let oldest = self.by_id.iter().min_by_key(|(_, it)| it.refreshed_at);
        oldest.filter(|_| self.by_id.len() >= DEVICES_MAX).map(|(id, _)| *id)
    }

    fn removed(
        &self,
        device_id: DeviceId,
        reason: RemovalReason,
        now: DateTime<Utc>,
    ) -> Option<DevicesEvent> {
        let owner = self.owner?;
        let removed = DevicesEvent::DeviceRemoved { owner, device_id, reason, removed_at: now };
        self.by_id.contains_key(&device_id).then_some(removed)
    }

    /// Removes every device that `is_meant`.
    fn remove_all(
        &self,
        reason: RemovalReason,
        now: DateTime<Utc>,
        is_meant: impl Fn(&Device) -> bool,
    ) -> Vec<DevicesEvent> {
        let meant = self.by_id.iter().filter(|(_, it)| is_meant(it));
        meant.filter_map(|(id, _)| self.removed(*id, reason, now)).collect()
    }

    fn change_preferences(
        &self,
        owner: AccountId,
        change: PreferencesChange,
        now: DateTime<Utc>,
    ) -> Result<Vec<DevicesEvent>, DevicesError> {
        let old = &self.preferences;
        let quiet_hours = match change.quiet_hours {
            None => old.quiet_hours.clone(),
            Some(None) => None,
            Some(Some(hours)) => {
                hours.check()?;
                Some(Personal::new(owner, hours))
            }
        };
        let new = Preferences {
            enabled: change.enabled.unwrap_or(old.enabled),
            messages: change.messages.unwrap_or(old.messages),
            reactions: change.reactions.unwrap_or(old.reactions),
            previews: change.previews.unwrap_or(old.previews),
            quiet_hours,
        };
        if new == *old {
            return Ok(vec![]);
        }
        let Preferences { enabled, messages, reactions, previews, quiet_hours } = new;
        Ok(vec![DevicesEvent::PreferencesChanged {
            owner,
            enabled,
            messages,
            reactions,
            previews,
            quiet_hours,
            changed_at: now,
        }])
    }

    /// What a device gives up and takes when it is reached at `address` from now on.
    fn readdressed(&self, device_id: DeviceId, address: &Personal<Address>) -> Vec<ClaimChange> {
        let new = address.value();
        let old = self.by_id.get(&device_id).and_then(|it| it.address.value());
        if let (Some(new), Some(old)) = (new, old)
            && new.is_same(old)
        {
            return vec![];
        }
        let old = old.map(|it| ClaimChange::Release(it.claim()));
        old.into_iter().chain(new.map(|it| ClaimChange::Take(it.claim()))).collect()
    }
}

impl Device {
    fn is_at(&self, address: &Address) -> bool {
        self.address.value().is_some_and(|it| it.is_same(address))
    }
}

impl Decider for Devices {
    const STATE_SCHEMA: &'static str = "devices-1";

    fn decide(&self, command: DevicesCommand) -> Result<Vec<DevicesEvent>, DevicesError> {
        match command {
            DevicesCommand::Register { owner, device_id, session_id, platform, address, now } => {
                self.register(Registration { owner, device_id, session_id, platform, address, now })
            }
            DevicesCommand::Remove { device_id, now } => {
                let removed = self.removed(device_id, RemovalReason::ByOwner, now);
                Ok(removed.into_iter().collect())
            }
            DevicesCommand::RemoveAddress { address, why, now } => {
                Ok(self.remove_all(why, now, |it| it.is_at(&address)))
            }
            DevicesCommand::SignOut { session_id, now } => {
                let reason = RemovalReason::SignedOut;
                Ok(self.remove_all(reason, now, |it| it.session_id == session_id))
            }
            DevicesCommand::ChangePreferences { owner, change, now } => {
                self.change_preferences(owner, change, now)
            }
        }
    }

    fn claims(&self, event: &DevicesEvent) -> Vec<ClaimChange> {
        match event {
            DevicesEvent::DeviceRegistered { device_id, address, .. }
            | DevicesEvent::DeviceRefreshed { device_id, address: Some(address), .. } => {
                self.readdressed(*device_id, address)
            }
            DevicesEvent::DeviceRemoved { device_id, .. } => {
                let address = self.by_id.get(device_id).and_then(|it| it.address.value());
                address.map(|it| ClaimChange::Release(it.claim())).into_iter().collect()
            }
            DevicesEvent::DeviceRefreshed { address: None, .. }
            | DevicesEvent::PreferencesChanged { .. } => vec![],
        }
    }

    fn weight(&self) -> usize {
        let address = |it: &Device| it.address.value().map_or(0, Address::weight);
        let device = |it| size_of::<DeviceId>() + size_of::<Device>() + address(it);
        size_of::<Self>() + self.by_id.values().map(device).sum::<usize>()
    }
}

impl Aggregate for Devices {
    const TYPE: &'static str = "devices";
    type Command = DevicesCommand;
    type Event = DevicesEvent;
    type Error = DevicesError;
    type Services = ();

    async fn handle(
        &mut self,
        command: DevicesCommand,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), DevicesError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    /// Folds one recorded event into the state. Never fails and never judges: it already happened.
    fn apply(&mut self, event: DevicesEvent) {
        match event {
            DevicesEvent::DeviceRegistered {
                owner,
                device_id,
                session_id,
                platform,
                address,
                registered_at: at,
            } => {
                self.owner = Some(owner);
                let (registered_at, refreshed_at) = (at, at);
                let device = Device { session_id, platform, address, registered_at, refreshed_at };
                self.by_id.insert(device_id, device);
            }
            DevicesEvent::DeviceRefreshed {
                device_id, session_id, address, refreshed_at, ..
            } => {
                if let Some(device) = self.by_id.get_mut(&device_id) {
                    device.session_id = session_id;
                    device.refreshed_at = refreshed_at;
                    if let Some(address) = address {
                        device.address = address;
                    }
                }
            }
            DevicesEvent::DeviceRemoved { device_id, .. } => _ = self.by_id.remove(&device_id),
            DevicesEvent::PreferencesChanged {
                owner,
                enabled,
                messages,
                reactions,
                previews,
                quiet_hours,
                changed_at: _,
            } => {
                self.owner = Some(owner);
                self.preferences =
                    Preferences { enabled, messages, reactions, previews, quiet_hours };
            }
        }
    }
}
