//! A migrated database for one test.

use std::sync::mpsc;
use std::time::Duration;

use eventlog::database::{self, MIGRATIONS, Role};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};

use crate::variable;

/// Keeps tests that start together from making the template twice.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;

/// Connections of each pool: enough for a test, few enough for many tests.
const CONNECTIONS: u32 = 8;

/// How long the end of a test waits for its database to be dropped.
const DROPPING: Duration = Duration::from_secs(1);

/// A database that is dropped when the test ends.
pub struct TestDatabase {
    name: String,
    admin: PgConnectOptions,
}

impl TestDatabase {
    /// Makes a database with every migration applied: a copy of a template that the first test
    /// makes.
    ///
    /// # Panics
    ///
    /// When `PARLANCE_TEST_DATABASE_URL` is missing or leads nowhere.
    pub async fn create() -> Self {
        let admin: PgConnectOptions = variable("PARLANCE_TEST_DATABASE_URL")
            .parse()
            .expect("PARLANCE_TEST_DATABASE_URL is a PostgreSQL URL");
        let mut connection = admin.connect().await.expect("PARLANCE_TEST_DATABASE_URL answers");
        let template = template(&admin, &mut connection).await;
        let name = format!("parlance_test_{}", eventlog::Ids::random().next().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        connection.execute(create.as_str()).await.expect("a database is made");
        connection.close().await.expect("the connection closes");
        Self { name, admin }
    }

    /// How to reach it.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        self.admin.clone().database(&self.name)
    }

    /// How to reach it, as a setting.
    #[must_use]
    pub fn url(&self) -> SecretString {
        SecretString::from(self.options().to_url_lossy().to_string())
    }

    /// A pool with the rights of the application.
    #[must_use]
    pub fn app(&self) -> PgPool {
        self.pool(Role::App)
    }

    /// A pool with the rights of the owner.
    #[must_use]
    pub fn owner(&self) -> PgPool {
        self.pool(Role::Owner)
    }

    fn pool(&self, role: Role) -> PgPool {
        let url = self.url();
        debug_assert!(!url.expose_secret().is_empty());
        database::pool(database::options(&url).expect("it is a URL"), role, CONNECTIONS)
    }
}

impl Drop for TestDatabase {
    /// Drops the database from a thread of its own: the test's runtime may be ending. Connections that it
    /// has half opened hold that up until they end with the runtime, which must not wait for them here.
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let (done, dropped) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if let Err(error) = drop_database(&admin, &name) {
                eprintln!("test database {name} was not dropped: {error}");
            }
            drop(done);
        });
        let _late = dropped.recv_timeout(DROPPING);
    }
}

fn drop_database(admin: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = admin.connect().await?;
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        connection.execute(drop.as_str()).await?;
        connection.close().await
    })
}

/// The name of the migrated template, made now if it is not there. Its name follows from the
/// migrations, so that a changed one makes another.
async fn template(admin: &PgConnectOptions, connection: &mut PgConnection) -> String {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a
    for byte in MIGRATIONS.iter().flat_map(|it| it.checksum.iter()) {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let name = format!("parlance_template_{sum:016x}");
    let lock = "SELECT pg_advisory_lock($1)";
    sqlx::query(lock).bind(TEMPLATE_LOCK).execute(&mut *connection).await.expect("a lock");
    let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)";
    let exists: bool =
        sqlx::query_scalar(exists).bind(&name).fetch_one(&mut *connection).await.expect("a row");
    if !exists {
        let fresh = format!("DROP DATABASE IF EXISTS {name}");
        connection.execute(fresh.as_str()).await.expect("what a killed run left is dropped");
        let create = format!("CREATE DATABASE {name}");
        connection.execute(create.as_str()).await.expect("a template is made");
        let url = SecretString::from(admin.clone().database(&name).to_url_lossy().to_string());
        database::migrate(&url).await.expect("the migrations apply");
        let mark = format!("ALTER DATABASE {name} WITH IS_TEMPLATE true");
        connection.execute(mark.as_str()).await.expect("the template is marked");
    }
    let unlock = "SELECT pg_advisory_unlock($1)";
    sqlx::query(unlock).bind(TEMPLATE_LOCK).execute(&mut *connection).await.expect("an unlock");
    name
}
