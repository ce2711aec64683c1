//! The second reader agrees with the first, and notices when it should not.

use domain::chat::Chat;
use eventlog::{Position, audit, snapshot};

use crate::log::{Log, chat, opened, sent};

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
