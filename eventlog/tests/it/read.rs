//! Reading the log by time.

use chrono::{DateTime, TimeDelta, Utc};
use eventlog::{Position, read};

use crate::log::{Log, chat};

#[tokio::test]
async fn the_position_at_a_time_is_the_last_that_was_recorded_by_then() {
    let log = Log::create().await;
    let at = async |time| read::position_at(&log.db, time).await.expect("a position");
    let later = DateTime::UNIX_EPOCH + TimeDelta::days(100_000);
    assert_eq!(at(later).await, Position::START, "nothing was ever recorded");

    // Batches share a time, single events have one of their own.
    let mut version = 0;
    for count in [1, 7, 1, 1, 30, 2, 1, 5, 1] {
        log.append(log.plain(chat(1), version, count)).await.expect("appended");
        version += count as i64;
    }

    let page = read::page(&log.db, Position::START, 1_000).await.expect("a page");
    let times: Vec<DateTime<Utc>> = page.iter().map(|it| it.recorded_at).collect();
    assert!(times.windows(2).filter(|it| it[0] < it[1]).count() >= 5, "{times:?}");
    let instant = TimeDelta::microseconds(1); // PostgreSQL's
    for time in times.iter().flat_map(|it| [*it - instant, *it, *it + instant]) {
        let by_then = times.iter().filter(|it| **it <= time).count() as i64;
        assert_eq!(at(time).await, Position(by_then), "{time}");
    }
    assert_eq!(at(DateTime::UNIX_EPOCH).await, Position::START);
    assert_eq!(at(later).await, Position(version));
}
