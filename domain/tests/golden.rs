//! Every shape that is stored, pinned byte for byte by a file in `tests/golden/`.
//!
//! `<aggregate>/<event_type>.v<version>.json` is an event, with `.<form>` before the ending another
//! form of it, `<aggregate>/state.<schema>.json` the state in a snapshot. What was stored stays
//! stored, so a file is never changed: a new shape has a new version, and a new file beside the old
//! one. `WRITE_GOLDEN=1 cargo test -p domain` writes the files that are missing, and touches no
//! other.
#![cfg(test)]

mod samples;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{Account, AccountEvent};
use domain::chat::{Chat, ChatEvent};
use domain::devices::{Devices, DevicesEvent};
use domain::library::{Library, LibraryEvent};
use domain::{Decider, Event, Personal, UnknownAggregate, WrongAggregate};
use samples::{ALICE, NOW, QUESTION, REPLY, account, chat, chat_id, devices, library};
use serde::Serialize;
use serde_json::json;

/// What is no longer recorded under its name, and the schemas of states that are no longer read.
const RETIRED: [&str; 7] = [
    "account/state.account-1.json",
    "account/state.account-2.json",
    "chat/disappearing_set.v1.off.json",
    "chat/state.chat-1.json",
    "chat/state.chat-2.json",
    "chat/text_sent.v1.json",
    "library/state.library-1.json",
];

#[test]
fn what_is_stored_is_what_the_golden_files_show() {
    let mut files = golden_files();
    for (name, shape) in shapes() {
        let file = files.remove(&name).unwrap_or_default();
        assert_eq!(file, shape, "{name}");
    }
    for name in retired_versions() {
        assert!(files.remove(&name).is_some(), "{name} is gone");
    }
    let left: Vec<_> = files.into_keys().collect();
    assert!(left.is_empty(), "not of this version of Parlance: {left:?}");
}

#[test]
fn an_event_is_read_from_its_golden_file() {
    let files = golden_files();
    let read = |name: &str, aggregate| {
        let payload = serde_json::from_str(&files[name]).unwrap();
        Event::from_json(aggregate, payload).unwrap().unwrap()
    };
    for (aggregate, event) in samples() {
        assert_eq!(read(&event_file(aggregate, &event), aggregate), event);
    }
    for (name, aggregate, event) in variations() {
        assert_eq!(read(&name, aggregate), event);
    }
}

#[test]
fn a_state_is_read_from_its_golden_file() {
    let files = golden_files();
    let account: Account = serde_json::from_str(&files[&state_file::<Account>()]).unwrap();
    assert_eq!(account, account::state());
    let chat: Chat = serde_json::from_str(&files[&state_file::<Chat>()]).unwrap();
    assert_eq!(chat, chat::state());
    assert_eq!((chat.number_of(REPLY), chat.number_of(QUESTION)), (Some(2), Some(3)));
    let library: Library = serde_json::from_str(&files[&state_file::<Library>()]).unwrap();
    assert_eq!(library, library::state());
    assert_eq!((library.used(), library.avatar()), (2_940, Some(library::PHOTO)));
    let devices: Devices = serde_json::from_str(&files[&state_file::<Devices>()]).unwrap();
    assert_eq!(devices, devices::state());
    assert_eq!((devices.devices().len(), devices.preferences().previews), (2, true));
}

#[test]
fn a_damaged_state_is_not_read() {
    let state = &golden_files()[&state_file::<Chat>()];
    for (intact, damaged) in [
        ("AAAAwQ", "wQ"), // 29 bytes
        ("AAAAAAAAAAAAAAAAAAAAwQ", "AAAAAAAAAAAAAAAAAAAA*Q"),
        ("\"BA\"", "\"B*\""),
        ("\"active\"", "\"activ\""),
    ] {
        let damaged = state.replace(intact, damaged);
        assert_ne!(&damaged, state);
        assert!(serde_json::from_str::<Chat>(&damaged).is_err(), "{damaged}");
    }
}

#[test]
fn an_event_says_the_newest_version_of_itself() {
    for (aggregate, event) in samples() {
        assert_eq!(
            Event::newest_version(aggregate, &event.event_type()),
            Some(version(&event)),
            "{event:?}"
        );
    }
    for (aggregate, event_type) in [("chat", "registered"), ("account", "opened"), ("", "")] {
        assert_eq!(Event::newest_version(aggregate, event_type), None);
    }
}

#[test]
fn an_event_names_its_type_as_it_is_stored() {
    for (_, event) in samples() {
        let stored: serde_json::Value = serde_json::from_str(&json_of(&event)).unwrap();
        assert_eq!(stored["type"], event.event_type());
    }
}

#[test]
fn what_did_not_change_is_not_stored() {
    let change = AccountEvent::ProfileChanged {
        account_id: ALICE,
        username: None,
        display_name: Some(Personal::new(ALICE, "Alicia".to_owned())),
        changed_at: NOW,
    };
    let stored = json!({
        "type": "profile_changed",
        "account_id": ALICE,
        "display_name": {"$personal": {"subject": ALICE, "value": "Alicia"}},
        "changed_at": "2027-01-15T08:00:00.123456Z",
    });
    assert_eq!(serde_json::to_value(&change).unwrap(), stored);
    let read = Event::from_json(Account::TYPE, stored).unwrap().unwrap();
    assert_eq!(read, change.into());
}

#[test]
fn what_was_erased_is_read_without_its_value() {
    let erased: Personal<String> = Personal::erased(ALICE);
    let stored = json!({"$personal": {"subject": ALICE}});
    assert_eq!(serde_json::to_value(&erased).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Personal<String>>(stored).unwrap(), erased);
    assert_eq!(erased.value(), None);
}

#[test]
fn what_is_still_sealed_is_no_personal_value() {
    let sealed = json!({"$sealed": {"subject": ALICE, "data": "AAAA"}});
    assert!(serde_json::from_value::<Personal<String>>(sealed).is_err());
}

#[test]
fn an_event_of_another_shape_is_not_read() {
    let deactivated = json!({
        "type": "deactivated",
        "chat_id": chat_id(),
        "deactivated_at": "2027-01-15T08:00:00Z",
    });
    let read = |payload: &serde_json::Value| Event::from_json(Chat::TYPE, payload.clone()).unwrap();
    assert!(read(&deactivated).is_ok());

    let mut with_more = deactivated.clone();
    with_more["reason"] = json!("spam");
    assert!(read(&with_more).is_err());

    let mut with_less = deactivated.clone();
    with_less.as_object_mut().unwrap().remove("chat_id");
    assert!(read(&with_less).is_err());

    let mut unheard_of = deactivated.clone();
    unheard_of["type"] = json!("unheard_of");
    assert!(read(&unheard_of).is_err());

    let of_an_account = Event::from_json(Account::TYPE, deactivated).unwrap();
    assert!(of_an_account.is_err());
}

#[test]
fn an_event_is_of_its_own_aggregate_alone() {
    for event in account::events() {
        assert_eq!(AccountEvent::try_from(Event::from(event.clone())), Ok(event.clone()));
        assert_eq!(ChatEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(LibraryEvent::try_from(Event::from(event)), Err(WrongAggregate));
    }
    for event in library::events() {
        assert_eq!(LibraryEvent::try_from(Event::from(event.clone())), Ok(event.clone()));
        assert_eq!(ChatEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(AccountEvent::try_from(Event::from(event)), Err(WrongAggregate));
    }
    for event in devices::events() {
        assert_eq!(DevicesEvent::try_from(Event::from(event.clone())), Ok(event.clone()));
        assert_eq!(ChatEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(AccountEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(LibraryEvent::try_from(Event::from(event)), Err(WrongAggregate));
    }
    for event in chat::events() {
        assert_eq!(DevicesEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(ChatEvent::try_from(Event::from(event.clone())), Ok(event.clone()));
        assert_eq!(AccountEvent::try_from(Event::from(event.clone())), Err(WrongAggregate));
        assert_eq!(LibraryEvent::try_from(Event::from(event)), Err(WrongAggregate));
    }
}

#[test]
fn an_unknown_aggregate_is_named() {
    let unknown = Event::from_json("inbox", json!({})).unwrap_err();
    assert_eq!(unknown, UnknownAggregate("inbox".to_owned()));
}

fn samples() -> Vec<(&'static str, Event)> {
    let account = account::events().into_iter().map(Event::from);
    let chat = chat::events().into_iter().map(Event::from);
    let library = library::events().into_iter().map(Event::from);
    let account = account.map(|it| (Account::TYPE, it));
    let chat = chat.map(|it| (Chat::TYPE, it));
    let library = library.map(|it| (Library::TYPE, it));
    let devices = devices::events().into_iter().map(|it| (Devices::TYPE, Event::from(it)));
    account.chain(chat).chain(library).chain(devices).collect()
}

/// Further forms of the same events, by the names of their files.
fn variations() -> Vec<(String, &'static str, Event)> {
    let chat = chat::variations().into_iter().map(|(form, it)| (Chat::TYPE, form, it.into()));
    let devices = devices::variations();
    let devices = devices.into_iter().map(|(form, it)| (Devices::TYPE, form, it.into()));
    let named = chat.chain(devices).map(|(aggregate, form, event): (_, _, Event)| {
        let name = event_file(aggregate, &event).replace(".json", &format!(".{form}.json"));
        (name, aggregate, event)
    });
    named.collect()
}

/// What the code stores today, by the name of its file.
fn shapes() -> BTreeMap<String, String> {
    let events = samples()
        .into_iter()
        .map(|(aggregate, event)| (event_file(aggregate, &event), json_of(&event)));
    let variations = variations().into_iter().map(|(name, _, event)| (name, json_of(&event)));
    let states = [
        (state_file::<Account>(), pretty(&account::state())),
        (state_file::<Chat>(), pretty(&chat::state())),
        (state_file::<Library>(), pretty(&library::state())),
        (state_file::<Devices>(), pretty(&devices::state())),
    ];
    events.chain(variations).chain(states).collect()
}

/// The versions before the newest, and what is no longer recorded under its name. They are kept,
/// because events of them are; states are, so that no schema is ever named as one before.
fn retired_versions() -> Vec<String> {
    let older = samples().into_iter().flat_map(|(aggregate, event)| {
        (1..version(&event)).map(move |it| file_of(aggregate, &event.event_type(), it))
    });
    older.chain(RETIRED.map(str::to_owned)).collect()
}

fn event_file(aggregate: &str, event: &Event) -> String {
    file_of(aggregate, &event.event_type(), version(event))
}

fn file_of(aggregate: &str, event_type: &str, version: u32) -> String {
    format!("{aggregate}/{event_type}.v{version}.json")
}

fn state_file<A: Decider>() -> String {
    format!("{}/state.{}.json", A::TYPE, A::STATE_SCHEMA)
}

fn version(event: &Event) -> u32 {
    let version = match event {
        Event::Account(event) => event.event_version(),
        Event::Chat(event) => event.event_version(),
        Event::Library(event) => event.event_version(),
        Event::Devices(event) => event.event_version(),
    };
    version.parse().unwrap()
}

fn json_of(event: &Event) -> String {
    match event {
        Event::Account(event) => pretty(event),
        Event::Chat(event) => pretty(event),
        Event::Library(event) => pretty(event),
        Event::Devices(event) => pretty(event),
    }
}

fn pretty(value: &impl Serialize) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

/// Every file in `tests/golden`, by its name from there.
fn golden_files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    if std::env::var_os("WRITE_GOLDEN").is_some() {
        write_missing(&root);
    }
    let mut files = BTreeMap::new();
    for folder in fs::read_dir(&root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
    files
}

fn write_missing(root: &Path) {
    for (name, shape) in shapes() {
        let path = root.join(name);
        if !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, shape).unwrap();
        }
    }
}
