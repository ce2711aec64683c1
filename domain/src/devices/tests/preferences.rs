//! What is pushed.

use super::{ALICE, NOW, change, folded, given, nights, registered};
use crate::Personal;
use crate::devices::{DevicesError, DevicesEvent, Preferences, PreferencesChange, QuietHours};

fn changed(preferences: Preferences) -> DevicesEvent {
    let Preferences { enabled, messages, reactions, previews, quiet_hours } = preferences;
    DevicesEvent::PreferencesChanged {
        owner: ALICE,
        enabled,
        messages,
        reactions,
        previews,
        quiet_hours,
        changed_at: NOW,
    }
}

fn quiet(hours: Option<QuietHours>) -> PreferencesChange {
    PreferencesChange { quiet_hours: Some(hours), ..PreferencesChange::default() }
}

#[test]
fn messages_are_pushed_without_what_they_say_unless_somebody_wants_it() {
    let preferences = folded([registered(super::PHONE, super::token("a"))]).preferences().clone();
    assert_eq!(preferences, Preferences::default());
    assert!(preferences.enabled && preferences.messages);
    assert!(!preferences.previews && !preferences.reactions);
}

#[test]
fn what_is_given_changes_and_the_rest_stays() {
    let default = Preferences::default();
    let all = PreferencesChange {
        enabled: Some(false),
        messages: Some(false),
        reactions: Some(true),
        previews: Some(true),
        quiet_hours: Some(Some(nights())),
    };
    let quiet_hours = Some(Personal::new(ALICE, nights()));
    let whole = Preferences {
        enabled: false,
        messages: false,
        reactions: true,
        previews: true,
        quiet_hours,
    };
    given([]).when(change(all.clone())).then_expect_events(vec![changed(whole.clone())]);
    given([changed(whole.clone())]).when(change(all)).then_expect_events(vec![]);
    let one = PreferencesChange { previews: Some(false), ..PreferencesChange::default() };
    given([changed(whole.clone())])
        .when(change(one.clone()))
        .then_expect_events(vec![changed(Preferences { previews: false, ..whole.clone() })]);
    given([changed(default)]).when(change(one)).then_expect_events(vec![]);
    given([changed(whole.clone())])
        .when(change(quiet(None)))
        .then_expect_events(vec![changed(Preferences { quiet_hours: None, ..whole })]);
}

#[test]
fn quiet_hours_begin_and_end_at_different_minutes_of_the_day() {
    for (start, end) in [(0, 1), (1_439, 0), (0, 1_439)] {
        let hours = QuietHours { start, end, ..nights() };
        let quiet_hours = Some(Personal::new(ALICE, hours.clone()));
        given([]).when(change(quiet(Some(hours)))).then_expect_events(vec![changed(Preferences {
            quiet_hours,
            ..Preferences::default()
        })]);
    }
    for (start, end) in [(0, 0), (1_439, 1_439), (0, 1_440), (1_440, 0), (u16::MAX, 0)] {
        given([])
            .when(change(quiet(Some(QuietHours { start, end, ..nights() }))))
            .then_expect_error(DevicesError::InvalidQuietHours);
    }
}

#[test]
fn a_time_zone_is_one_of_the_database() {
    for name in ["Europe/Brusels", "", "CEST+2"] {
        given([])
            .when(change(quiet(Some(QuietHours { time_zone: name.to_owned(), ..nights() }))))
            .then_expect_error(DevicesError::UnknownTimeZone(name.to_owned()));
    }
}
