//! The second reader agrees with the first, and notices when it should not.

use chrono::DateTime;
use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{Account, AccountEvent};
use domain::chat::Chat;
use domain::devices::{Devices, DevicesEvent, RemovalReason};
use domain::library::{Library, LibraryEvent};
use domain::{DeviceId, Event};
use eventlog::{Append, Position, audit, snapshot};

use crate::log::{ALICE, Log, chat, opened, sent};

#[tokio::test]
async fn postgres_es_reads_what_we_load_and_shows_a_wrong_snapshot() {
    let log = Log::create().await;
    for number in 1..=3 {
        let id = chat(number);
        let events = [opened(id), sent(id, 1, "one"), sent(id, 2, "two")];
        log.append(log.real(id, 0, &events).await).await.expect("appended");
    }
    let same = audit::compare(&log.db, &log.codec, 10).await.expect("compared");
    assert_eq!(same, Vec::<String>::new());

    let id = chat(2).to_string();
    snapshot::save(&log.db, &log.codec, &id, &Chat::Absent, 2, Position(5)).await.expect("saved");
    let differences = audit::compare(&log.db, &log.codec, 10).await.expect("compared");
    assert_eq!(differences.len(), 1);
    assert!(differences[0].contains(&id), "{differences:?}");
}

#[tokio::test]
async fn streams_of_every_aggregate_are_compared() {
    let log = Log::create().await;
    let (account_id, owner, at) = (ALICE, ALICE, DateTime::UNIX_EPOCH);
    let account =
        [AccountEvent::PrivacyChanged { account_id, read_receipts: false, changed_at: at }];
    append(&log, Account::TYPE, &account).await;
    let library = [LibraryEvent::AvatarSet { owner, file_id: None, replaced: None, set_at: at }];
    append(&log, Library::TYPE, &library).await;
    append(&log, Chat::TYPE, &[opened(chat(1))]).await;
    let (device_id, reason) = (DeviceId(uuid::Uuid::from_u128(1)), RemovalReason::Gone);
    let removed = DevicesEvent::DeviceRemoved { owner, device_id, reason, removed_at: at };
    append(&log, Devices::TYPE, &[removed]).await;
    let same = audit::compare(&log.db, &log.codec, 10).await.expect("compared");
    assert_eq!(same, Vec::<String>::new());

    append(&log, "unheard_of", &library).await;
    let differences = audit::compare(&log.db, &log.codec, 10).await.expect("compared");
    assert_eq!(differences.len(), 1, "{differences:?}");
}

async fn append(
    log: &Log,
    aggregate_type: &'static str,
    events: &[impl DomainEvent + Into<Event>],
) {
    let append = log.real(chat(1), 0, events).await;
    log.append(Append { aggregate_type, ..append }).await.expect("appended");
}
