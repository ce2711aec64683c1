//! Group commit: what is acknowledged is there, once, and nothing else is.

use eventlog::append::{AppendError, ClaimRow, Lineage};
use eventlog::{Append, Position};
use sqlx::Executor;

use crate::log::{Log, chat, key, start, taken};

#[tokio::test]
async fn an_append_answers_where_it_stands() {
    let log = Log::create().await;
    let first = log.append(log.plain(chat(1), 0, 2)).await.expect("appended");
    assert_eq!(first.position, Position(2));
    let second = log.append(log.plain(chat(2), 0, 1)).await.expect("appended");
    assert_eq!(second.position, Position(3));
    assert!(second.recorded_at >= first.recorded_at);
    assert_eq!(log.check().await, 3);
}

#[tokio::test]
async fn a_stream_that_moved_on_is_a_conflict_and_harms_nobody_else() {
    let log = Log::create().await;
    log.append(log.plain(chat(1), 0, 1)).await.expect("appended");
    let good = log.enqueue(log.plain(chat(2), 0, 1));
    let stale = log.enqueue(log.plain(chat(1), 0, 1));
    let ahead = log.enqueue(log.plain(chat(3), 4, 1));
    assert!(good.done().await.is_ok());
    assert_eq!(stale.done().await, Err(AppendError::Conflict));
    assert_eq!(ahead.done().await, Err(AppendError::Conflict));
    assert_eq!(log.check().await, 2);
    log.append(log.plain(chat(1), 1, 1)).await.expect("decided again");
    assert_eq!(log.check().await, 3);
}

#[tokio::test]
async fn appends_on_one_stream_share_a_commit_and_keep_their_order() {
    let log = Log::create().await;
    let tickets: Vec<_> = (0..300).map(|it| log.enqueue(log.plain(chat(1), it, 1))).collect();
    let mut times = std::collections::BTreeSet::new();
    for (ticket, position) in tickets.into_iter().zip(1..) {
        let appended = ticket.done().await.expect("appended");
        assert_eq!(appended.position, Position(position));
        times.insert(appended.recorded_at);
    }
    assert!(times.len() < 30, "{} commits for 300 commands", times.len());
    assert_eq!(log.check().await, 300);
}

#[tokio::test]
async fn what_follows_a_refused_append_on_its_stream_is_refused_too() {
    let log = Log::create().await;
    log.append(Append { claims: vec![taken("email", "a")], ..log.plain(chat(1), 0, 1) })
        .await
        .expect("appended");
    let refused =
        log.enqueue(Append { claims: vec![taken("email", "a")], ..log.plain(chat(2), 0, 1) });
    let follower = log.enqueue(log.plain(chat(2), 1, 1));
    let bystander = log.enqueue(log.plain(chat(3), 0, 1));
    assert_eq!(refused.done().await, Err(AppendError::ClaimHeld { scope: "email" }));
    assert_eq!(follower.done().await, Err(AppendError::Conflict));
    assert!(bystander.done().await.is_ok());
    assert_eq!(log.check().await, 2);
}

#[tokio::test]
async fn what_was_decided_on_refused_events_is_refused_even_at_the_right_version() {
    let log = Log::create().await;
    let other = start(&log.database);
    other.enqueue(log.plain(chat(1), 0, 1)).unwrap().done().await.expect("they were faster");

    let lineage = Lineage::default();
    let first = Append { lineage: lineage.clone(), ..log.plain(chat(1), 0, 1) };
    let second = Append { lineage: lineage.clone(), ..log.plain(chat(1), 1, 1) };
    assert_eq!(log.append(first).await, Err(AppendError::Conflict));
    // The stream is at version 1, but not by the event that the second decision rests on.
    assert_eq!(log.append(second).await, Err(AppendError::Conflict));
    assert!(lineage.is_void());
    assert_eq!(log.check().await, 1);
}

#[tokio::test]
async fn a_question_records_nothing_and_tells_the_head() {
    let log = Log::create().await;
    log.append(log.plain(chat(1), 0, 3)).await.expect("appended");
    let answer = log.append(log.plain(chat(1), 3, 0)).await.expect("the version is right");
    assert_eq!(answer.position, Position(3));
    assert_eq!(log.append(log.plain(chat(1), 2, 0)).await, Err(AppendError::Conflict));
    let absent = log.append(log.plain(chat(2), 0, 0)).await.expect("there is no such stream");
    assert_eq!(absent.position, Position(3));
    assert_eq!(log.check().await, 3);
}

#[tokio::test]
async fn a_claim_has_one_owner_until_it_is_released() {
    let log = Log::create().await;
    let take = |number, expected| Append {
        claims: vec![taken("username", "alice")],
        ..log.plain(chat(number), expected, 1)
    };
    let race: Vec<_> = (1..=20).map(|it| log.enqueue(take(it, 0))).collect();
    let mut winners = Vec::new();
    for (ticket, number) in race.into_iter().zip(1..) {
        match ticket.done().await {
            Ok(_) => winners.push(number),
            Err(error) => assert_eq!(error, AppendError::ClaimHeld { scope: "username" }),
        }
    }
    let [winner] = winners[..] else { panic!("{} winners", winners.len()) };
    let mut release = take(winner, 1);
    release.claims[0].take = false;
    log.append(release).await.expect("released");
    log.append(take(30, 0)).await.expect("free again");
    assert_eq!(log.check().await, 3);
}

#[tokio::test]
async fn a_value_taken_and_given_up_at_once_is_free_again() {
    let log = Log::create().await;
    let change = |expected, take, give_up: Option<&str>| {
        let given_up = give_up.map(|it| ClaimRow { take: false, ..taken("username", it) });
        let claims = [taken("username", take)].into_iter().chain(given_up).collect();
        log.enqueue(Append { claims, ..log.plain(chat(1), expected, 1) })
    };
    let other = |number, name| {
        log.enqueue(Append {
            claims: vec![taken("username", name)],
            ..log.plain(chat(number), 0, 1)
        })
    };
    // All of them wait before the first is written.
    let a = change(0, "a", None);
    let early = other(2, "a");
    let b = change(1, "b", Some("a"));
    let in_between = other(3, "a");
    let c = change(2, "c", Some("b"));
    let back = change(3, "b", Some("c"));
    let late = other(4, "c");
    for appended in [a, b, c, back, in_between, late] {
        assert!(appended.done().await.is_ok());
    }
    let held = Err(AppendError::ClaimHeld { scope: "username" });
    assert_eq!(early.done().await, held);
    assert_eq!(other(5, "b").done().await, held);
    let owners: Vec<(Vec<u8>, String)> =
        sqlx::query_as("SELECT value, owner FROM claims ORDER BY value")
            .fetch_all(&log.db)
            .await
            .expect("claims");
    let held = [("a", 3), ("b", 1), ("c", 4)];
    assert_eq!(owners, held.map(|(it, by)| (it.as_bytes().to_vec(), chat(by).to_string())));
    assert_eq!(log.check().await, 6);
}

#[tokio::test]
async fn an_idempotency_key_is_written_with_its_events_or_not_at_all() {
    let log = Log::create().await;
    let keyed =
        |number, expected| Append { key: Some(key("k")), ..log.plain(chat(number), expected, 1) };
    assert_eq!(log.append(keyed(1, 5)).await, Err(AppendError::Conflict));
    log.append(keyed(1, 0)).await.expect("the refused attempt left no key");
    assert_eq!(log.append(keyed(2, 0)).await, Err(AppendError::KeyTaken));
    let row: (String, i64, i64) =
        sqlx::query_as("SELECT aggregate_id, first_sequence, last_sequence FROM idempotency_keys")
            .fetch_one(&log.db)
            .await
            .expect("one key");
    assert_eq!(row, (chat(1).to_string(), 1, 1));
    assert_eq!(log.check().await, 1);
}

#[tokio::test]
async fn an_event_the_database_refuses_takes_nobody_with_it() {
    let log = Log::create().await;
    let mut broken = log.plain(chat(1), 0, 1);
    broken.events[0].encoded.payload = "not json".to_owned();
    let broken = log.enqueue(broken);
    let good: Vec<_> = (2..20).map(|it| log.enqueue(log.plain(chat(it), 0, 1))).collect();
    assert!(matches!(broken.done().await, Err(AppendError::Refused(_))));
    for ticket in good {
        assert!(ticket.done().await.is_ok());
    }
    assert_eq!(log.check().await, 18);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_loses_and_doubles_nothing() {
    let log = Log::create().await;
    let owner = log.database.owner();
    let cut = tokio::spawn(async move {
        for _ in 0..20 {
            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()
                         AND query LIKE '%append_events%'";
            owner.execute(cut).await.expect("cut");
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
    });
    let mut version = 0;
    while !cut.is_finished() {
        let tickets: Vec<_> =
            (version..version + 50).map(|it| log.enqueue(log.plain(chat(1), it, 1))).collect();
        for ticket in tickets {
            assert!(ticket.done().await.is_ok());
            version += 1;
        }
    }
    cut.await.expect("cut");
    assert_eq!(log.check().await, version);
}

#[tokio::test]
async fn two_appenders_share_a_log_without_deadlock() {
    let log = Log::create().await;
    let other = start(&log.database);
    let mut appended = 0;
    for round in 0..40 {
        // The same streams in opposite orders, each wanted by both.
        let ours: Vec<_> = (0..20).map(|it| log.plain(chat(it), round, 1)).collect();
        let theirs: Vec<_> = (0..20).rev().map(|it| log.plain(chat(it), round, 1)).collect();
        let ours: Vec<_> = ours.into_iter().map(|it| log.enqueue(it)).collect();
        let theirs: Vec<_> = theirs.into_iter().map(|it| other.enqueue(it).unwrap()).collect();
        let mut won = 0;
        for ticket in ours.into_iter().chain(theirs) {
            match ticket.done().await {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error, AppendError::Conflict),
            }
        }
        assert_eq!(won, 20, "each stream moves once a round");
        appended += won;
    }
    assert_eq!(log.check().await, appended);
}

#[tokio::test]
async fn the_log_refuses_to_be_changed() {
    let log = Log::create().await;
    log.append(log.plain(chat(1), 0, 1)).await.expect("appended");
    let changes = ["UPDATE events SET payload = '{}'", "DELETE FROM events", "TRUNCATE events"];
    for (role, db) in [("app", log.db.clone()), ("owner", log.database.owner())] {
        for change in changes {
            assert!(db.execute(change).await.is_err(), "{role}: {change}");
        }
    }
    assert_eq!(log.check().await, 1);
}

#[tokio::test]
async fn a_reader_never_sees_a_position_before_those_below_it() {
    let log = Log::create().await;
    let other = start(&log.database);
    let db = log.db.clone();
    let reader = tokio::spawn(async move {
        let mut seen = 0_i64;
        while seen < 2_000 {
            let (count, last): (i64, Option<i64>) =
                sqlx::query_as("SELECT count(*), max(position) FROM events")
                    .fetch_one(&db)
                    .await
                    .expect("it answers");
            assert_eq!(count, last.unwrap_or_default());
            seen = count;
        }
    });
    for round in 0..50 {
        let ours: Vec<_> = (0..20).map(|it| log.enqueue(log.plain(chat(it), round, 1))).collect();
        let theirs: Vec<_> =
            (20..40).map(|it| other.enqueue(log.plain(chat(it), round, 1)).unwrap()).collect();
        for ticket in ours.into_iter().chain(theirs) {
            ticket.done().await.expect("appended");
        }
    }
    reader.await.expect("no reader was misled");
    assert_eq!(log.check().await, 2_000);
}
