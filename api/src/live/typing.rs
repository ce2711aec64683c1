//! Who types: told to the other member of the chat, and written down nowhere.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{AccountId, ChatId};
use eventlog::bus::Note;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::frame::Notice;
use super::hub::Hub;

/// How long somebody types who says nothing more.
const TYPING: Duration = Duration::from_secs(6);

/// How soon after another something is told of one who types: one member must not fill the other's
/// connections.
const PACE: Duration = Duration::from_millis(500);

/// How soon it is told again that somebody still types.
const AGAIN: Duration = Duration::from_secs(2);

/// Somebody types in a chat, or no longer does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Typing {
    pub(crate) chat_id: ChatId,
    pub(crate) by: AccountId,
    pub(crate) to: AccountId,
    pub(crate) begins: bool,
}

impl Note for Typing {
    const TOPIC: &'static str = "typing";
}

/// For whom, where, by whom something is typed.
type Key = (AccountId, ChatId, AccountId);

/// What those who are connected here are told.
#[derive(Default)]
pub(super) struct Types(Mutex<HashMap<Key, Said>>);

/// What somebody has said, and what was told of it.
struct Said {
    until: Instant,
    /// It was said again after it was told.
    again: bool,
    told: Option<(bool, Instant)>,
}

impl Types {
    pub(super) fn hear(&self, hub: &Hub, note: Typing) {
        let Typing { chat_id, by, to, begins } = note;
        if begins && !hub.lanes(to).is_empty() {
            self.say(hub, (to, chat_id, by), TYPING);
        } else {
            self.has_ended(hub, chat_id, by, to);
        }
    }

    /// Somebody types no longer, as a message of theirs says, too.
    pub(super) fn has_ended(&self, hub: &Hub, chat: ChatId, by: AccountId, to: AccountId) {
        let key = (to, chat, by);
        if self.lock().contains_key(&key) {
            self.say(hub, key, Duration::ZERO);
        }
    }

    /// Tells what has been kept back, and that those type no longer who have said nothing more.
    pub(super) fn tick(&self, hub: &Hub) {
        let now = Instant::now();
        let mut due = vec![];
        self.lock().retain(|key, said| {
            due.extend(said.due(now).map(|it| (*key, it)));
            !said.is_over(now)
        });
        for (key, left) in due {
            tell(hub, key, left);
        }
    }

    fn say(&self, hub: &Hub, key: Key, left: Duration) {
        let now = Instant::now();
        let due = {
            let mut all = self.lock();
            let said = all.entry(key).or_insert(Said { until: now, again: false, told: None });
            said.say(now + left);
            said.due(now)
        };
        if let Some(left) = due {
            tell(hub, key, left);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn say(&mut self, until: Instant) {
        (self.until, self.again) = (until, true);
    }

    /// For how long they are to be told to type, if something is to be told now. Counts as told.
    fn due(&mut self, now: Instant) -> Option<Duration> {
        let left = self.until.saturating_duration_since(now);
        let types = !left.is_zero();
        let pause = match self.told {
            None => types.then_some(Duration::ZERO),
            Some((true, _)) if types => self.again.then_some(AGAIN),
            Some((told, _)) => (told != types).then_some(PACE),
        };
        let since = self.told.map_or(now, |it| it.1);
        let is_due = pause.is_some_and(|it| since + it <= now);
        is_due.then(|| {
            (self.told, self.again) = (Some((types, now)), false);
            left
        })
    }

    /// Whether nothing is left to be told, nor to be kept in mind.
    fn is_over(&self, now: Instant) -> bool {
        self.until <= now && self.told.is_none_or(|(told, at)| !told && at + PACE <= now)
    }
}

fn tell(hub: &Hub, (to, chat, by): Key, left: Duration) {
    let expires_in = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let typing = !left.is_zero();
    let notice = Notice::Typing {
        chat_id: chat.0,
        account_id: by.0,
        typing,
        expires_in_ms: typing.then_some(expires_in),
    };
    hub.pass(to, notice);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of `said`, which is heard at these milliseconds, ten times a second: when, and whether
    /// they type.
    fn told(said: &[(u64, bool)]) -> Vec<(u64, bool)> {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut state = Said { until: start, again: false, told: None };
        let (mut told, mut said) = (vec![], said.iter().peekable());
        for millis in (0..12_000).step_by(100) {
            while let Some((_, types)) = said.next_if(|it| it.0 <= millis) {
                state.say(if *types { at(millis) + TYPING } else { at(millis) });
                told.extend(state.due(at(millis)).map(|it| (millis, !it.is_zero())));
            }
            told.extend(state.due(at(millis)).map(|it| (millis, !it.is_zero())));
        }
        assert!(state.is_over(at(20_000)));
        told
    }

    #[test]
    fn it_ends_by_itself_or_when_it_is_said() {
        assert_eq!(told(&[(0, true)]), [(0, true), (6_000, false)]);
        assert_eq!(told(&[(0, true), (1_000, false)]), [(0, true), (1_000, false)]);
        assert_eq!(told(&[(0, false)]), []);
    }

    #[test]
    fn who_goes_on_is_told_again() {
        let said = [(0, true), (4_000, true)];
        assert_eq!(told(&said), [(0, true), (4_000, true), (10_000, false)]);
    }

    #[test]
    fn who_says_it_all_the_time_is_not_told_all_the_time() {
        let said: Vec<_> = (0..30).map(|it| (it * 100, true)).collect();
        assert_eq!(told(&said), [(0, true), (2_000, true), (4_000, true), (8_900, false)]);
        let said: Vec<_> = (0..30).map(|it| (it * 100, it % 2 == 0)).collect();
        let told = told(&said);
        assert!(told.len() <= 7, "{told:?}");
        assert!(told.windows(2).all(|it| it[1].0 - it[0].0 >= 500), "{told:?}");
        assert_eq!(told.last().map(|it| it.1), Some(false));
    }
}
