//! The database of a run, and the tables that Parlance's are compared with.

use eventlog::database::{self, Role};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};

use crate::Outcome;

/// Made at the start of a run and dropped at its end; what a killed run left is dropped first.
const NAME: &str = "parlance_bench";

/// Connections of the benchmark itself.
const CONNECTIONS: u32 = 8;

/// A table of the same shape and with the same indexes as `events`, and nothing around it: no gate,
/// no head. Its positions come from a sequence, so they have gaps and no order of commits.
const BARE: &str = "
    CREATE SCHEMA bare;
    CREATE TABLE bare.events (LIKE public.events INCLUDING ALL) WITH (
        autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 100000,
        autovacuum_analyze_scale_factor = 0,
        autovacuum_analyze_threshold = 50000
    );
    CREATE SEQUENCE bare.position;
";

pub(crate) struct Database {
    admin: PgConnectOptions,
    pub(crate) url: SecretString,
    pub(crate) options: PgConnectOptions,
    /// With the owner's rights.
    pub(crate) pool: PgPool,
}

impl Database {
    /// Makes it, with every migration applied.
    pub(crate) async fn create(admin_url: &str) -> Outcome<Self> {
        let admin: PgConnectOptions = admin_url.parse()?;
        recreate(&admin).await?;
        let url = admin.clone().database(NAME).to_url_lossy();
        let url = SecretString::from(url.to_string());
        let options = database::options(&url)?;
        database::migrate(&url).await?;
        let pool = database::connect(&url, Role::Owner, CONNECTIONS).await?;
        pool.execute(BARE).await?;
        Ok(Self { admin, url, options, pool })
    }

    /// A URL that every PostgreSQL program understands, without the password, and the password.
    pub(crate) fn plain_url_and_password(&self) -> (String, String) {
        let (host, port) = (self.options.get_host(), self.options.get_port());
        let url = format!("postgres://{}@{host}:{port}/{NAME}", self.options.get_username());
        // What stands between the user's name and the host; the options do not tell it.
        let (login, _) = self.url.expose_secret().split_once('@').unwrap_or_default();
        let (_, password) = login.rsplit_once(':').unwrap_or_default();
        (url, password.to_owned())
    }

    /// Writes everything out, so that no measurement pays for what another has written.
    pub(crate) async fn settle(&self) -> Outcome<()> {
        self.pool.execute("CHECKPOINT").await?;
        Ok(())
    }

    pub(crate) async fn drop(self) -> Outcome<()> {
        self.pool.close().await;
        let mut connection = self.admin.connect().await?;
        connection.execute(drop_statement().as_str()).await?;
        connection.close().await?;
        Ok(())
    }

    /// What a reader of the numbers wants to know of the server.
    pub(crate) async fn describe(&self) -> Outcome<String> {
        let setting = |name: &'static str| async move {
            let value = sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(name);
            value.fetch_one(&self.pool).await
        };
        let mut parts = vec![format!("PostgreSQL {}", setting("server_version").await?)];
        for name in ["fsync", "synchronous_commit", "full_page_writes", "shared_buffers"] {
            parts.push(format!("{name} {}", setting(name).await?));
        }
        Ok(parts.join(", "))
    }
}

async fn recreate(admin: &PgConnectOptions) -> Outcome<()> {
    let mut connection: PgConnection = admin.connect().await?;
    connection.execute(drop_statement().as_str()).await?;
    connection.execute(format!("CREATE DATABASE {NAME}").as_str()).await?;
    connection.close().await?;
    Ok(())
}

fn drop_statement() -> String {
    format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
}
