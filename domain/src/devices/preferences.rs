//! What a person wants to be pushed, and when.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::DevicesError;
use crate::Personal;

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// Clocks that are put forward skip an hour, or half of one: never as much as this.
const SKIPPED_MAX: usize = 48;
const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);

/// What is pushed to a person's devices.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// Anything at all.
    pub enabled: bool,
    pub messages: bool,
    /// To one's own messages.
    pub reactions: bool,
    /// What was said goes along. Push services can read it, unless they carry it encrypted.
    pub previews: bool,
    pub quiet_hours: Option<Personal<QuietHours>>,
}

impl Default for Preferences {
    /// Messages, without what they say.
    fn default() -> Self {
        Self { enabled: true, messages: true, reactions: false, previews: false, quiet_hours: None }
    }
}

/// What to change. What is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreferencesChange {
    pub enabled: Option<bool>,
    pub messages: Option<bool>,
    pub reactions: Option<bool>,
    pub previews: Option<bool>,
    /// None within: no quiet hours any more.
    pub quiet_hours: Option<Option<QuietHours>>,
}

/// The part of each day in which nothing is pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Minutes after midnight, from 0. Later than `end`: over midnight.
    pub start: u16,
    /// The first minute that is not quiet any more.
    pub end: u16,
    /// Of the IANA database, such as `Europe/Brussels`.
    pub time_zone: String,
}

impl Preferences {
    /// When the quiet hours end that `now` is in.
    #[must_use]
    pub fn quiet_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.quiet_hours.as_ref()?.value()?.until(now)
    }
}

impl QuietHours {
    pub(super) fn check(&self) -> Result<(), DevicesError> {
        if self.start.max(self.end) >= MINUTES_OF_A_DAY || self.start == self.end {
            return Err(DevicesError::InvalidQuietHours);
        }
        let known = self.time_zone.parse::<Tz>();
        known.map(drop).map_err(|_| DevicesError::UnknownTimeZone(self.time_zone.clone()))
    }

    /// When they end, if `now` is within. In a time zone that has left the database there are none.
    fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone: Tz = self.time_zone.parse().ok()?;
        let local = now.with_timezone(&zone).naive_local();
        let minute = u16::try_from(local.hour() * 60 + local.minute()).ok()?;
        let is_within = if self.start < self.end {
            (self.start..self.end).contains(&minute)
        } else {
            minute >= self.start || minute < self.end
        };
        let today = minute < self.end;
        let day = if today { local.date() } else { local.date().succ_opt()? };
        let (hour, minute) = (u32::from(self.end) / 60, u32::from(self.end) % 60);
        let end = day.and_time(NaiveTime::from_hms_opt(hour, minute, 0)?);
        is_within.then(|| instant(zone, end, now)).flatten()
    }
}

/// When it is `local` in `zone`, after `now`: a time that comes twice counts once, and for one that
/// is skipped the next one that is not.
fn instant(zone: Tz, local: NaiveDateTime, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let later = std::iter::successors(Some(local), |it| it.checked_add_signed(HALF_AN_HOUR));
    later.take(SKIPPED_MAX).find_map(|it| {
        let times = zone.from_local_datetime(&it);
        let times = [times.earliest(), times.latest()].into_iter().flatten();
        times.map(|it| it.with_timezone(&Utc)).find(|it| *it > now)
    })
}
