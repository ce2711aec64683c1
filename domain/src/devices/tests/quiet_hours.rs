//! When quiet hours end.

use chrono::{DateTime, Utc};

use super::{ALICE, nights};
use crate::Personal;
use crate::devices::{Preferences, QuietHours};

fn until(hours: &QuietHours, now: &str) -> Option<DateTime<Utc>> {
    let quiet_hours = Some(Personal::new(ALICE, hours.clone()));
    Preferences { quiet_hours, ..Preferences::default() }.quiet_until(at(now))
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn in_zone(time_zone: &str, start: u16, end: u16) -> QuietHours {
    QuietHours { start, end, time_zone: time_zone.to_owned() }
}

#[test]
fn nights_go_over_midnight() {
    let nights = nights(); // 22:00 to 7:00 in Brussels: in January 21:00 to 6:00 UTC
    for (now, end) in [
        ("2027-01-15T20:59:59Z", None),
        ("2027-01-15T21:00:00Z", Some("2027-01-16T06:00:00Z")),
        ("2027-01-15T23:30:00Z", Some("2027-01-16T06:00:00Z")),
        ("2027-01-16T05:59:59.9Z", Some("2027-01-16T06:00:00Z")),
        ("2027-01-16T06:00:00Z", None),
        ("2027-07-15T20:30:00Z", Some("2027-07-16T05:00:00Z")), // in summer
    ] {
        assert_eq!(until(&nights, now), end.map(at), "{now}");
    }
}

#[test]
fn a_rest_at_noon_is_within_one_day() {
    let noon = in_zone("Asia/Kolkata", 12 * 60, 13 * 60 + 30); // 6:30 to 8:00 UTC
    assert_eq!(until(&noon, "2027-01-15T06:29:59Z"), None);
    assert_eq!(until(&noon, "2027-01-15T06:30:00Z"), Some(at("2027-01-15T08:00:00Z")));
    assert_eq!(until(&noon, "2027-01-15T08:00:00Z"), None);
}

/// Clocks go from 2:00 to 3:00 on 2027-03-28, and from 3:00 to 2:00 on 2027-10-31, at 1:00 UTC.
#[test]
fn an_end_that_is_skipped_is_the_next_time_that_is_not_and_one_that_comes_twice_counts_once() {
    let early = in_zone("Europe/Brussels", 22 * 60, 2 * 60 + 30);
    let ends = |now| until(&early, now);
    assert_eq!(ends("2027-03-28T00:30:00Z"), Some(at("2027-03-28T01:00:00Z")));
    assert_eq!(ends("2027-03-28T01:00:00Z"), None); // it is 3:00
    assert_eq!(ends("2027-10-31T00:00:00Z"), Some(at("2027-10-31T00:30:00Z")));
    assert_eq!(ends("2027-10-31T00:45:00Z"), None);
    // The clock says 2:00 again, and goes past 2:30 for the second time.
    assert_eq!(ends("2027-10-31T01:10:00Z"), Some(at("2027-10-31T01:30:00Z")));
}

#[test]
fn without_quiet_hours_or_after_erasure_nothing_is_quiet() {
    let night = at("2027-01-15T23:00:00Z");
    assert_eq!(Preferences::default().quiet_until(night), None);
    let quiet_hours = Some(Personal::erased(ALICE));
    assert_eq!(Preferences { quiet_hours, ..Preferences::default() }.quiet_until(night), None);
    let forgotten = in_zone("Atlantis/Port", 0, 1_439);
    assert_eq!(until(&forgotten, "2027-01-15T12:00:00Z"), None);
}
