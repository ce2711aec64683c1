//! Sealing: what is personal is unreadable without the person's key.

use domain::chat::{ChatEvent, Content};
use domain::{Event, Personal};
use eventlog::codec::DecodeError;
use eventlog::{Codec, MasterKey, Position, read};
use secrecy::SecretString;

use crate::log::{ALICE, Log, chat, sent};

const SECRET: &str = "meet me at the old lighthouse \u{1F5FC}";

async fn logged() -> Log {
    let log = Log::create().await;
    let append = log.real(chat(1), 0, &[sent(chat(1), 1, SECRET)]).await;
    log.append(append).await.expect("appended");
    log
}

async fn decoded(log: &Log, codec: &Codec) -> Result<Event, DecodeError> {
    let stored = read::page(&log.db, Position::START, 1).await.expect("read");
    codec.decode(stored).await.expect("decoded").pop().expect("one event").event
}

fn text(event: Event) -> Option<String> {
    match event {
        Event::Chat(ChatEvent::MessageSent { content: Content::Text { text }, .. }) => {
            text.into_value()
        }
        Event::Chat(_) | Event::Account(_) | Event::Library(_) | Event::Devices(_) => {
            panic!("not a text")
        }
    }
}

#[tokio::test]
async fn a_text_is_sealed_in_the_log_and_opens_again() {
    let log = logged().await;
    let stored = read::page(&log.db, Position::START, 1).await.expect("read").remove(0);
    assert!(!stored.payload.contains("lighthouse"), "{}", stored.payload);
    assert!(stored.payload.contains("$sealed"));
    let fresh = Codec::new(log.db.clone(), testing::master_key());
    assert_eq!(text(decoded(&log, &fresh).await.expect("it decodes")).as_deref(), Some(SECRET));
}

#[tokio::test]
async fn a_destroyed_key_erases() {
    let log = logged().await;
    sqlx::query("UPDATE subject_keys SET wrapped_key = NULL, destroyed_at = now()")
        .execute(&log.db)
        .await
        .expect("destroyed");
    let fresh = Codec::new(log.db.clone(), testing::master_key());
    assert_eq!(text(decoded(&log, &fresh).await.expect("it decodes")), None);
    assert!(
        fresh.encode(&[sent(chat(1), 2, "again")]).await.is_err(),
        "no new data for the erased"
    );
}

#[tokio::test]
async fn a_lost_key_is_no_erasure() {
    let log = logged().await;
    sqlx::query("DELETE FROM subject_keys").execute(&log.database.owner()).await.expect("lost");
    let fresh = Codec::new(log.db.clone(), testing::master_key());
    assert!(matches!(decoded(&log, &fresh).await, Err(DecodeError::Malformed(_))));
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let log = logged().await;
    let other = SecretString::from("/////////////////////////////////////////w8=");
    let other = Codec::new(log.db.clone(), MasterKey::from_base64(&other).expect("a key"));
    let stored = read::page(&log.db, Position::START, 1).await.expect("read");
    assert!(other.decode(stored).await.is_err());
}

#[tokio::test]
async fn what_a_person_writes_is_never_taken_for_a_marker() {
    let log = Log::create().await;
    for (number, crafted) in [
        r#"{"$sealed":{"subject":"00000000-0000-0000-0000-0000000000a1","data":"AAAA"}}"#,
        r#"{"$personal":{"subject":"00000000-0000-0000-0000-0000000000b2","value":"x"}}"#,
        r#"","text":{"$personal":{"subject":"not a person","value":"#,
        r#"\{"$personal":\"{\u0022$personal\u0022:"#,
    ]
    .into_iter()
    .enumerate()
    {
        let said = sent(chat(1), number as u64 + 1, crafted);
        let params = serde_json::from_str(crafted).unwrap_or_else(|_| crafted.into());
        let mut asked = sent(chat(1), 1, "");
        if let ChatEvent::MessageSent { content, .. } = &mut asked {
            *content = Content::Actionable {
                text: Personal::new(ALICE, crafted.to_owned()),
                action: "ask".to_owned(),
                action_params: Personal::new(ALICE, params),
            };
        }
        let events = [said, asked];
        let append = log.real(chat(number as u128), 0, &events).await;
        let position = log.append(append).await.expect("appended").position;
        let stored = read::page(&log.db, Position(position.0 - 2), 2).await.expect("read");
        assert!(stored.iter().all(|it| !it.payload.contains("$personal")), "{stored:?}");
        for (read, event) in log.codec.decode(stored).await.expect("decoded").iter().zip(events) {
            assert_eq!(read.event, Ok(event.into()), "{crafted}");
        }
    }
}

#[tokio::test]
async fn a_newer_version_stops_the_reader_and_a_broken_payload_is_poison() {
    let log = Log::create().await;
    let mut newer = log.real(chat(1), 0, &[sent(chat(1), 1, "x")]).await;
    newer.events[0].encoded.event_version = "2".to_owned();
    log.append(newer).await.expect("appended");
    assert!(matches!(decoded(&log, &log.codec).await, Err(DecodeError::TooNew { .. })));

    let log = Log::create().await;
    log.append(log.plain(chat(1), 0, 1)).await.expect("appended");
    assert!(matches!(decoded(&log, &log.codec).await, Err(DecodeError::Malformed(_))));
}

#[test]
fn a_personal_value_keeps_its_subject_when_erased() {
    assert_eq!(Personal::<String>::erased(ALICE).subject(), ALICE);
}
