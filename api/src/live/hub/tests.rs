//! Who pages, who has missed nothing, and who is told that it ends.

use super::super::lane::Next;
use super::*;

const ALICE: AccountId = AccountId(Uuid::from_u128(0xA1));
const BOB: AccountId = AccountId(Uuid::from_u128(0xB2));

fn caller(account_id: AccountId) -> Caller {
    let (session_id, expires_at) = (Uuid::from_u128(1), DateTime::<Utc>::MAX_UTC);
    Caller { account_id, session_id, expires_at }
}

async fn open(hub: &Hub, account: AccountId, since: Option<i64>) -> Opened {
    let since = since.map(Place::after);
    hub.open(Opening { caller: caller(account), since }).await.expect("it is open")
}

fn concerning(account: AccountId) -> Concerned {
    Concerned { accounts: HashSet::from([account.0]), ..Concerned::default() }
}

fn frame(position: i64) -> Arc<Frame> {
    let place = Some(Place { position, chat_id: Uuid::nil(), number: 0 });
    Arc::new(Frame { name: "x", place, json: String::new() })
}

/// A round that tells `account` of one change, at `to`.
fn round(hub: &Hub, account: AccountId, to: i64) {
    let (found, mark) = hub.present(&concerning(account));
    let present: HashSet<_> = found.everybody().collect();
    let frames: Vec<_> = present.iter().map(|it| (*it, frame(to))).collect();
    let none = HashSet::new();
    hub.deliver(Position(to), (&present, mark), &concerning(account), &frames, &none);
}

async fn next(opened: &Opened) -> String {
    match timeout(Duration::from_millis(50), opened.lane.next()).await {
        Err(_) => "nothing".to_owned(),
        Ok(Next::Send(frame)) => format!("{}", frame.place.expect("a place").position),
        Ok(Next::Page) => "page".to_owned(),
        Ok(Next::End(reason)) => reason.name().to_owned(),
    }
}

#[tokio::test]
async fn whoever_comes_in_the_middle_of_a_round_pages_if_it_concerns_them() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let first = open(&hub, ALICE, None).await;
    let (present, mark) = hub.present(&concerning(ALICE));
    assert_eq!(present.accounts.len(), 1);
    let (second, other) = (open(&hub, ALICE, None).await, open(&hub, BOB, None).await);
    let frames = [(ALICE, frame(12))];
    let here = HashSet::from([ALICE]);
    hub.deliver(Position(12), (&here, mark), &concerning(ALICE), &frames, &HashSet::new());
    assert_eq!(next(&first).await, "12");
    assert_eq!((next(&second).await.as_str(), second.place), ("page", Place::after(10)));
    assert_eq!(next(&other).await, "nothing");
}

#[tokio::test]
async fn memory_tells_who_has_missed_nothing() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let _there = open(&hub, BOB, None).await;
    round(&hub, ALICE, 12);
    round(&hub, BOB, 15);
    for (account, since, expected) in [
        (ALICE, 12, "nothing"),
        (ALICE, 15, "nothing"),
        (ALICE, 11, "page"),
        (ALICE, 16, "page"),
        (BOB, 12, "page"),
        (BOB, 15, "nothing"),
        (ALICE, 9, "page"),
    ] {
        let opened = open(&hub, account, Some(since)).await;
        assert_eq!(next(&opened).await, expected, "{account} since {since}");
        assert_eq!((opened.place, opened.start_afresh), (Place::after(since), false));
    }
    // In the middle of what one event changed: where Bob was told last, and Alice was not told.
    for (account, position, expected) in
        [(BOB, 15, "nothing"), (BOB, 14, "page"), (ALICE, 12, "page")]
    {
        let since = Some(Place { position, chat_id: Uuid::nil(), number: 0 });
        let opening = Opening { caller: caller(account), since };
        let opened = hub.open(opening).await.expect("open");
        assert_eq!(next(&opened).await, expected, "{account} in {position}");
    }
}

#[tokio::test]
async fn while_nobody_is_there_nothing_is_remembered_and_nothing_missed() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    assert!(hub.is_alone_at(Position(20)));
    let opened = open(&hub, ALICE, None).await;
    assert_eq!((opened.place, opened.start_afresh), (Place::after(20), true));
    assert!(!hub.is_alone_at(Position(30)));
    assert_eq!(next(&open(&hub, BOB, Some(20)).await).await, "nothing");
    assert_eq!(next(&open(&hub, BOB, Some(19)).await).await, "page", "that was forgotten");
    hub.close(&opened.lane);
}

#[tokio::test]
async fn what_overflows_is_paged_through_by_all_of_a_person() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let opened = open(&hub, ALICE, None).await;
    let (_, mark) = hub.present(&concerning(ALICE));
    let overflown = HashSet::from([ALICE.0]);
    let here = HashSet::from([ALICE]);
    hub.deliver(Position(11), (&here, mark), &concerning(ALICE), &[], &overflown);
    assert_eq!(next(&opened).await, "page");
}

#[tokio::test]
async fn the_end_of_a_session_is_told_to_all_and_ends_its_own() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let mut other = caller(ALICE);
    other.session_id = Uuid::from_u128(2);
    let (own, kept) = (
        open(&hub, ALICE, None).await,
        hub.open(Opening { caller: other, since: None }).await.expect("open"),
    );
    hub.end_session(ALICE, Uuid::from_u128(1));
    assert_eq!(next(&own).await, "session_revoked");
    match kept.lane.next().await {
        Next::Send(frame) => assert_eq!(frame.name, "session_revoked"),
        other @ (Next::Page | Next::End(_)) => panic!("{other:?}"),
    }
    assert_eq!(next(&kept).await, "nothing");
}

#[tokio::test]
async fn a_process_that_stops_ends_everything_and_takes_nobody() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let opened = open(&hub, ALICE, None).await;
    hub.drain();
    assert_eq!(next(&opened).await, "draining");
    assert!(hub.open(Opening { caller: caller(BOB), since: None }).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_are_given_every_fifteen_seconds() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let opened = open(&hub, ALICE, None).await;
    let tick = || hub.tick(DateTime::UNIX_EPOCH, |_| false);
    let mut given = vec![];
    for second in 0..40 {
        tick();
        while let Some(Next::Send(frame)) = opened.lane.try_next() {
            assert_eq!((frame.name, frame.place), ("heartbeat", Some(Place::after(10))));
            given.push(second);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(given, [15, 30]);
}

/// The word that a session has ended may be lost, or come while a connection of it is opened.
#[tokio::test]
async fn a_session_that_is_over_ends_without_a_word() {
    let hub = Hub::new(Ids::random());
    hub.begin(Position(10));
    let (alice, bob) = (open(&hub, ALICE, None).await, open(&hub, BOB, None).await);
    hub.tick(DateTime::UNIX_EPOCH, |it| it.account_id == ALICE);
    assert_eq!(next(&alice).await, "session_revoked");
    assert_eq!(next(&bob).await, "nothing");
    hub.tick(DateTime::<Utc>::MAX_UTC, |_| false);
    assert_eq!(next(&bob).await, "token_expired");
}
