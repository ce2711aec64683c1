//! Whether news are to be pushed, as far as chat and devices say.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::chat::{Chat, News as ChatNews};
use domain::devices::{Address, Device, Devices, Platform, Preferences};
use domain::{AccountId, DeviceId};

use super::shown::Shown;
use super::surroundings::Surroundings;
use super::{AGE_MAX, Effect, EffectError, News, PushNews};

/// Whoever is looking gets a message at once, over their connection. So long after it was sent it is
/// seen whether they have: a process that dies takes its connections with it, and nobody notices.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Between two pushes of one chat to one person: what comes meanwhile is pushed as one.
const CHAT_PAUSE: TimeDelta = TimeDelta::seconds(3);

/// Something that may be pushed to somebody.
pub(super) struct Candidate<'a> {
    pub(super) news: &'a News,
    pub(super) effect: &'a Effect,
    pub(super) to: AccountId,
    /// Of a message.
    pub(super) message: Option<ChatNews>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) previews: bool,
}

pub(super) enum Decision<'a> {
    Push(Candidate<'a>),
    Later(DateTime<Utc>),
    Nothing,
}

/// Of the devices of somebody, what concerns a push.
struct Theirs {
    devices: BTreeMap<DeviceId, Device>,
    preferences: Preferences,
}

impl PushNews {
    /// None when there is nothing to push.
    pub(super) async fn candidate<'a>(
        &self,
        news: &'a News,
        effect: &'a Effect,
        shown: Option<Shown>,
    ) -> Result<Option<Candidate<'a>>, EffectError> {
        let now = effect.now;
        let (to, message) = match news {
            News::Message { chat_id, number, recipient, sent_at, .. } => {
                if now - *sent_at > AGE_MAX {
                    return Ok(None);
                }
                let told = shown.map_or(0, |it| it.told).min(number - 1);
                let look = |chat: &Chat| chat.news(*number, *recipient, told, now);
                let Some(message) = self.gateway.look(&chat_id.to_string(), look).await?.0 else {
                    return Ok(None);
                };
                (*recipient, Some(message))
            }
            News::Reaction { chat_id, number, by, reacted_at, .. } => {
                if now - *reacted_at > AGE_MAX {
                    return Ok(None);
                }
                let look = |chat: &Chat| chat.reaction_news(*number, *by, now);
                let Some(to) = self.gateway.look(&chat_id.to_string(), look).await?.0 else {
                    return Ok(None);
                };
                (to, None)
            }
            News::Read { reader, up_to, .. } => {
                if shown.is_none_or(|it| it.number > *up_to) {
                    return Ok(None);
                }
                (*reader, None)
            }
            News::Deleted { number, recipient, .. } => {
                if shown.is_none_or(|it| it.number < *number) {
                    return Ok(None);
                }
                (*recipient, None)
            }
        };
        let Theirs { devices, preferences } = self.theirs(to, news).await?;
        if devices.is_empty() || !wants(&preferences, news) {
            return Ok(None);
        }
        if let Some(later) = pause(news, effect, shown, &preferences) {
            return Err(EffectError::Later(later));
        }
        let previews = preferences.previews;
        Ok(Some(Candidate { news, effect, to, message, devices, previews }))
    }

    /// Those devices that are told of such news.
    async fn theirs(&self, account: AccountId, news: &News) -> Result<Theirs, EffectError> {
        let look = |devices: &Devices| Theirs {
            devices: devices.devices().clone(),
            preferences: devices.preferences().clone(),
        };
        let (mut theirs, _) = self.gateway.look(&account.to_string(), look).await?;
        theirs.devices.retain(|_, device| {
            let is_served = device.address.value().is_some_and(|it| self.push.serves(it));
            is_served && (is_shown(news) || works_unseen(device))
        });
        Ok(theirs)
    }
}

impl<'a> Candidate<'a> {
    /// What to do, now that it is known who is looking and which sessions have ended.
    pub(super) fn decide(mut self, surroundings: &Surroundings) -> Decision<'a> {
        let to = self.to;
        self.devices.retain(|_, it| !surroundings.ended.contains(&(to, it.session_id)));
        if self.devices.is_empty() {
            return Decision::Nothing;
        }
        let Some(at) = happened_at(self.news) else {
            return Decision::Push(self);
        };
        let second_look = at + LOOK_AGAIN;
        let is_second = self.effect.due == second_look;
        let is_delivered = self.message.is_some_and(|it| it.is_delivered);
        match (surroundings.looking.contains(&to), is_second) {
            (true, false) => Decision::Later(second_look),
            (true, true) => Decision::Nothing,
            // They were looking then.
            (false, true) if is_delivered => Decision::Nothing,
            (false, _) => Decision::Push(self),
        }
    }
}

/// When what a person is shown happened.
const fn happened_at(news: &News) -> Option<DateTime<Utc>> {
    match news {
        News::Message { sent_at: at, .. } | News::Reaction { reacted_at: at, .. } => Some(*at),
        News::Read { .. } | News::Deleted { .. } => None,
    }
}

const fn is_shown(news: &News) -> bool {
    happened_at(news).is_some()
}

/// Whether an app there can work without showing anything: browsers let none.
fn works_unseen(device: &Device) -> bool {
    let is_app = match device.platform {
        Platform::Android | Platform::Ios => true,
        Platform::Web => false,
    };
    is_app && !matches!(device.address.value(), Some(Address::WebPush(_)))
}

fn wants(preferences: &Preferences, news: &News) -> bool {
    preferences.enabled
        && match news {
            News::Message { .. } => preferences.messages,
            News::Reaction { .. } => preferences.reactions,
            News::Read { .. } | News::Deleted { .. } => true,
        }
}

/// Until when a person is left alone.
fn pause(
    news: &News,
    effect: &Effect,
    shown: Option<Shown>,
    preferences: &Preferences,
) -> Option<DateTime<Utc>> {
    let now = effect.now;
    if let Some(quiet_until) = preferences.quiet_until(now).filter(|_| is_shown(news)) {
        return Some(quiet_until);
    }
    match news {
        News::Message { number, .. } => {
            let pushed_at = shown.filter(|it| it.told < *number).and_then(|it| it.pushed_at);
            pushed_at.map(|it| it + CHAT_PAUSE).filter(|it| now < *it)
        }
        News::Reaction { .. } | News::Read { .. } | News::Deleted { .. } => None,
    }
}
