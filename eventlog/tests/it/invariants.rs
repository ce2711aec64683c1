//! The invariants of the log, in SQL: what any reader may rely on.

use sqlx::PgPool;

/// Each answers with the number of violations.
const INVARIANTS: [(&str, &str); 6] = [
    (
        "positions are 1..N without a gap",
        "SELECT count(*) FROM (SELECT position, row_number() OVER (ORDER BY position) AS n FROM events) e
         WHERE position <> n",
    ),
    (
        "a stream's sequence is 1..n and grows with position",
        "SELECT count(*) FROM (SELECT sequence, row_number() OVER (
             PARTITION BY aggregate_type, aggregate_id ORDER BY position) AS n FROM events) e
         WHERE sequence <> n",
    ),
    (
        "recorded_at never goes back",
        "SELECT count(*) FROM (SELECT recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before
             FROM events) e
         WHERE recorded_at < before",
    ),
    (
        "streams.version is the last sequence",
        "SELECT count(*) FROM streams s FULL JOIN (
             SELECT aggregate_type, aggregate_id, max(sequence) AS last FROM events GROUP BY 1, 2) e
             USING (aggregate_type, aggregate_id)
         WHERE s.version IS DISTINCT FROM e.last",
    ),
    (
        "log_head is the last position",
        "SELECT count(*) FROM log_head
         WHERE position <> (SELECT coalesce(max(position), 0) FROM events)",
    ),
    (
        "an event id stands once",
        "SELECT count(*) FROM (SELECT event_id FROM events GROUP BY 1 HAVING count(*) > 1) e",
    ),
];

/// Checks all of them; returns how many events there are.
pub(crate) async fn check(db: &PgPool) -> i64 {
    for (invariant, query) in INVARIANTS {
        let violations: i64 = sqlx::query_scalar(query).fetch_one(db).await.expect("it answers");
        assert_eq!(violations, 0, "broken: {invariant}");
    }
    sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(db).await.expect("it answers")
}

#[tokio::test]
async fn each_invariant_notices_its_violation() {
    let plants = [
        "INSERT INTO events SELECT 3, 'chat', 'a', 3, 't', '1', '{}', '{}', gen_random_uuid(), now()",
        "INSERT INTO events SELECT 2, 'chat', 'a', 3, 't', '1', '{}', '{}', gen_random_uuid(), now()",
        "INSERT INTO events SELECT 2, 'chat', 'a', 2, 't', '1', '{}', '{}', gen_random_uuid(), 'epoch'",
        "UPDATE streams SET version = 7",
        "UPDATE log_head SET position = 7",
        "INSERT INTO events SELECT 2, 'chat', 'a', 2, 't', '1', '{}', '{}', event_id, now() FROM events",
    ];
    for ((invariant, query), plant) in INVARIANTS.iter().zip(plants) {
        let database = testing::TestDatabase::create().await;
        let db = database.owner();
        for setup in [
            "INSERT INTO events SELECT 1, 'chat', 'a', 1, 't', '1', '{}', '{}', gen_random_uuid(), now()",
            "INSERT INTO streams VALUES ('chat', 'a', 1)",
            "UPDATE log_head SET position = 1",
        ] {
            sqlx::query(setup).execute(&db).await.expect("set up");
        }
        check(&db).await;
        sqlx::query(plant).execute(&db).await.expect("planted");
        let violations: i64 = sqlx::query_scalar(query).fetch_one(&db).await.expect("it answers");
        assert_ne!(violations, 0, "not noticed: {invariant}");
    }
}
