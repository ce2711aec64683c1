//! Connections to PostgreSQL, and what it must promise before anything starts.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Postgres, Transaction};
use thiserror::Error;

/// What crates without SQL of their own pass along.
pub use sqlx::{PgPool, postgres::PgConnectOptions};

/// Every schema change there ever was, in order.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a request waits for a free connection before it is told to come back.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that has rested this long is tried before it is used: the server may have gone.
const REST: Duration = Duration::from_secs(1);

/// Statements slower than this are worth a line in the log.
const SLOW: Duration = Duration::from_millis(500);

/// Limits that keep a stuck client from holding locks, and no just-in-time compilation: it takes
/// tens of milliseconds before statements that take one.
const SESSION: [(&str, &str); 4] = [
    ("jit", "off"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("lock_timeout", "15s"),
    ("application_name", "parlance"),
];

/// How connections that serve plan: each statement once, not for every value of its parameters, which
/// for a page of messages takes ten times as long as reading it. And each row by index, as tables are
/// going to grow that are small when the plan is made.
const SERVING: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
];

/// Whose rights a connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `parlance_app`: may add to the log, and never change it.
    App,
    /// The owner of the tables: migrates and rebuilds.
    Owner,
}

/// Why the database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    #[error("DATABASE_URL is not a PostgreSQL URL")]
    Url(#[source] sqlx::Error),
    #[error("database is out of reach")]
    Unreachable(#[from] sqlx::Error),
    #[error("the server runs with {setting} = {value}: an answer would not be durable")]
    NotDurable { setting: &'static str, value: String },
    #[error("PostgreSQL {0} is too old, 15 is needed")]
    TooOld(i32),
    #[error("migrations are missing: run `parlance migrate`")]
    NotMigrated,
    #[error("migration failed")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// Begins a transaction.
///
/// Not [`PgPool::begin`]: dropped while it waits, that leaves a connection in the pool with the
/// transaction open, and whoever gets it next reads what was, and writes what is undone (sqlx issue
/// 4385, from 0.8.4 on). This one is left to itself then, and ends what it has begun.
///
/// # Errors
///
/// When the database fails.
pub async fn begin(db: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    begin_with(db, "BEGIN").await
}

/// Begins a transaction that only reads, all of it as of its first statement.
///
/// # Errors
///
/// When the database fails.
pub async fn snapshot(db: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    begin_with(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
}

async fn begin_with(
    db: &PgPool,
    statement: &'static str,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let connection = db.acquire().await?;
    let begun = tokio::spawn(Transaction::begin(connection, Some(statement.into())));
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// How to connect to `url`, with our session limits.
///
/// # Errors
///
/// When `url` is not a PostgreSQL URL.
pub fn options(url: &SecretString) -> Result<PgConnectOptions, DatabaseError> {
    let options: PgConnectOptions = url.expose_secret().parse().map_err(DatabaseError::Url)?;
    Ok(options.options(SESSION).log_slow_statements(tracing::log::LevelFilter::Warn, SLOW))
}

/// `options` for connections whose statements are short, many and always the same: commands, projectors
/// and queries, not a rebuild or a verification, which read whole tables.
#[must_use]
pub fn serving(options: PgConnectOptions) -> PgConnectOptions {
    options.options(SERVING)
}

/// Opens at most `connections` connections with the rights of `role`.
///
/// # Errors
///
/// When the URL is wrong, the server away, or too old or too careless to be trusted.
pub async fn connect(
    url: &SecretString,
    role: Role,
    connections: u32,
) -> Result<PgPool, DatabaseError> {
    let pool = pool(options(url)?, role, connections);
    check_durability(&mut *pool.acquire().await?).await?;
    Ok(pool)
}

/// A pool that connects when it is first used.
#[must_use]
pub fn pool(options: PgConnectOptions, role: Role, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > REST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| Box::pin(take_role(connection, role)))
        .connect_lazy_with(options)
}

/// Gives a new connection the rights of `role`.
pub(crate) async fn take_role(connection: &mut PgConnection, role: Role) -> sqlx::Result<()> {
    match role {
        Role::App => connection.execute("SET ROLE parlance_app").await.map(drop),
        Role::Owner => Ok(()),
    }
}

/// Applies every migration that is missing.
///
/// # Errors
///
/// When one fails; it then left nothing behind.
pub async fn migrate(url: &SecretString) -> Result<(), DatabaseError> {
    let mut connection = options(url)?.connect().await?;
    check_durability(&mut connection).await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(())
}

/// Refuses a database that this program's migrations have not made.
///
/// # Errors
///
/// [`DatabaseError::NotMigrated`] when one is missing.
pub async fn check_migrated(url: &SecretString) -> Result<(), DatabaseError> {
    let mut connection = options(url)?.connect().await?;
    let table = sqlx::query_scalar!("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut connection)
        .await?;
    if table != Some(true) {
        return Err(DatabaseError::NotMigrated);
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(&mut connection)
            .await?;
    let missing = MIGRATIONS.iter().any(|it| !applied.contains(&it.version));
    if missing { Err(DatabaseError::NotMigrated) } else { Ok(()) }
}

/// Refuses a server that may forget what it has acknowledged.
async fn check_durability(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let row = sqlx::query!(
        r#"SELECT current_setting('server_version_num')::int / 10000 AS "version!",
                  current_setting('fsync') AS "fsync!",
                  current_setting('full_page_writes') AS "full_page_writes!",
                  current_setting('synchronous_commit') AS "synchronous_commit!""#
    )
    .fetch_one(connection)
    .await?;
    if row.version < 15 {
        return Err(DatabaseError::TooOld(row.version));
    }
    let settings = [
        ("fsync", row.fsync, &["on"] as &[&str]),
        ("full_page_writes", row.full_page_writes, &["on"]),
        ("synchronous_commit", row.synchronous_commit, &["on", "remote_apply"]),
    ];
    for (setting, value, durable) in settings {
        if !durable.contains(&value.as_str()) {
            return Err(DatabaseError::NotDurable { setting, value });
        }
    }
    Ok(())
}
