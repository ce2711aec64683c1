//! Settings, from the environment. `.env.example` lists each with its meaning and default.
//!
//! Each command reads what it needs once, at its start; what is missing or wrong is named.

use std::collections::HashSet;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use eventlog::MasterKey;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

const ADDR_DEFAULT: &str = "127.0.0.1:8080";

/// Connections of the pool.
const CONNECTIONS_DEFAULT: u32 = 10;
const CONNECTIONS_MAX: u32 = 500;

/// Different bytes a random key of 32 has: fewer than this come up less than once in 10^15.
const DISTINCT_BYTES_MIN: usize = 16;

/// A setting that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable} {problem}")]
pub struct SettingsError {
    variable: &'static str,
    problem: String,
}

/// Where Parlance runs: production takes nothing for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    Development,
    Production,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// A filter of the `tracing` crate: `info`, or `info,parlance::access=debug`.
    pub filter: String,
    pub format: LogFormat,
}

/// The database, as every command needs it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub connections: u32,
}

/// Everything that `serve` needs.
#[derive(Clone)]
pub struct ServeSettings {
    pub database: DatabaseSettings,
    pub master_key: MasterKey,
    /// Without it, feeds ask PostgreSQL.
    pub nats_url: Option<SecretString>,
    pub addr: SocketAddr,
    /// `iss` of access tokens.
    pub issuer: String,
}

/// The environment, or a stand-in for it.
pub struct Environment<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Environment<'a> {
    /// Settings that `read` knows by name.
    #[must_use]
    pub fn new(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { read }
    }

    /// `PARLANCE_LOG`, `PARLANCE_LOG_FORMAT`.
    ///
    /// # Errors
    ///
    /// When the format is unknown.
    pub fn log(&self) -> Result<LogSettings, SettingsError> {
        let format = match self.text("PARLANCE_LOG_FORMAT").as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(_) => return Err(wrong("PARLANCE_LOG_FORMAT", "must be text or json")),
        };
        let filter = self.text("PARLANCE_LOG").unwrap_or_else(|| "info".to_owned());
        Ok(LogSettings { filter, format })
    }

    /// `DATABASE_URL`, `DATABASE_CONNECTIONS`.
    ///
    /// # Errors
    ///
    /// When the URL is missing, or the number is none.
    pub fn database(&self) -> Result<DatabaseSettings, SettingsError> {
        let url = self.required("DATABASE_URL")?;
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(wrong("DATABASE_URL", "must begin with postgres://"));
        }
        let connections = match self.text("DATABASE_CONNECTIONS") {
            None => CONNECTIONS_DEFAULT,
            Some(text) => {
                text.parse().ok().filter(|it| (1..=CONNECTIONS_MAX).contains(it)).ok_or_else(
                    || {
                        let problem = format!("must be a number from 1 to {CONNECTIONS_MAX}");
                        wrong("DATABASE_CONNECTIONS", problem)
                    },
                )?
            }
        };
        Ok(DatabaseSettings { url: url.into(), connections })
    }

    /// `PARLANCE_MASTER_KEY`.
    ///
    /// # Errors
    ///
    /// When it is missing or no key; in production also when it does not look random.
    pub fn master_key(&self) -> Result<MasterKey, SettingsError> {
        const NAME: &str = "PARLANCE_MASTER_KEY";
        let text = SecretString::from(self.required(NAME)?);
        let key = MasterKey::from_base64(&text).map_err(|_| {
            wrong(NAME, "must be 32 bytes in base64: head -c 32 /dev/urandom | base64")
        })?;
        if self.surroundings()? == Surroundings::Production && !looks_random(&text) {
            return Err(wrong(NAME, "does not look random, and PARLANCE_ENV is production"));
        }
        Ok(key)
    }

    /// Everything that `serve` needs.
    ///
    /// # Errors
    ///
    /// What is missing or wrong, the first of it.
    pub fn serve(&self) -> Result<ServeSettings, SettingsError> {
        let addr_text = self.text("PARLANCE_ADDR").unwrap_or_else(|| ADDR_DEFAULT.to_owned());
        let addr = addr_text.parse().map_err(|_| {
            wrong("PARLANCE_ADDR", "must be an address and a port, like 127.0.0.1:8080")
        })?;
        let nats_url = self.text("NATS_URL");
        if nats_url
            .as_ref()
            .is_some_and(|it| !(it.starts_with("nats://") || it.starts_with("tls://")))
        {
            return Err(wrong("NATS_URL", "must begin with nats:// or tls://"));
        }
        Ok(ServeSettings {
            database: self.database()?,
            master_key: self.master_key()?,
            nats_url: nats_url.map(SecretString::from),
            addr,
            issuer: self.issuer(&addr_text)?,
        })
    }

    fn issuer(&self, addr: &str) -> Result<String, SettingsError> {
        const NAME: &str = "PARLANCE_ISSUER";
        let issuer = self.text(NAME);
        match (self.surroundings()?, issuer) {
            (Surroundings::Production, Some(issuer)) if issuer.starts_with("https://") => {
                Ok(issuer)
            }
            (Surroundings::Production, _) => {
                Err(wrong(NAME, "must be an https:// URL when PARLANCE_ENV is production"))
            }
            (Surroundings::Development, Some(issuer)) => Ok(issuer),
            (Surroundings::Development, None) => Ok(format!("http://{addr}")),
        }
    }

    fn surroundings(&self) -> Result<Surroundings, SettingsError> {
        match self.text("PARLANCE_ENV").as_deref() {
            None | Some("development") => Ok(Surroundings::Development),
            Some("production") => Ok(Surroundings::Production),
            Some(_) => Err(wrong("PARLANCE_ENV", "must be development or production")),
        }
    }

    /// An empty value counts as none: that is how a compose file leaves a setting out.
    fn text(&self, name: &str) -> Option<String> {
        (self.read)(name).filter(|it| !it.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, SettingsError> {
        self.text(name).ok_or_else(|| wrong(name, "is not set"))
    }
}

fn looks_random(key: &SecretString) -> bool {
    let bytes = BASE64.decode(key.expose_secret().trim()).unwrap_or_default();
    bytes.iter().collect::<HashSet<_>>().len() >= DISTINCT_BYTES_MIN
}

fn wrong(variable: &'static str, problem: impl Into<String>) -> SettingsError {
    SettingsError { variable, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://owner@localhost/parlance");
    const KEY: (&str, &str) =
        ("PARLANCE_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    const ZEROES: (&str, &str) =
        ("PARLANCE_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    const PRODUCTION: (&str, &str) = ("PARLANCE_ENV", "production");
    const HTTPS: (&str, &str) = ("PARLANCE_ISSUER", "https://chat.example.org");

    fn serve(settings: &[(&str, &str)]) -> Result<ServeSettings, String> {
        let read = |name: &str| {
            let found = settings.iter().rev().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment::new(&read).serve().map_err(|it| it.to_string())
    }

    #[test]
    fn two_settings_are_enough_for_development() {
        let settings = serve(&[URL, KEY]).unwrap();

        assert_eq!(settings.addr.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.issuer, "http://127.0.0.1:8080");
        assert_eq!(settings.database.connections, 10);
        assert!(settings.nats_url.is_none());
    }

    #[test]
    fn an_error_names_the_variable() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[KEY], "DATABASE_URL is not set"),
            (&[URL], "PARLANCE_MASTER_KEY is not set"),
            (&[URL, ("PARLANCE_MASTER_KEY", "")], "PARLANCE_MASTER_KEY is not set"),
            (&[("DATABASE_URL", "mysql://x"), KEY], "DATABASE_URL must begin"),
            (&[URL, ("PARLANCE_MASTER_KEY", "c2hvcnQ=")], "PARLANCE_MASTER_KEY must be 32 bytes"),
            (&[URL, KEY, ("PARLANCE_ADDR", "8080")], "PARLANCE_ADDR must be"),
            (&[URL, KEY, ("NATS_URL", "localhost")], "NATS_URL must begin"),
            (&[URL, KEY, ("DATABASE_CONNECTIONS", "0")], "DATABASE_CONNECTIONS must be"),
            (&[URL, KEY, ("PARLANCE_ENV", "prod")], "PARLANCE_ENV must be"),
        ];
        for (settings, expected) in cases {
            let error = serve(settings).err().unwrap();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn production_takes_nothing_for_granted() {
        assert!(serve(&[URL, KEY, PRODUCTION, HTTPS]).is_ok());

        let weak = serve(&[URL, ZEROES, PRODUCTION, HTTPS]).err().unwrap();
        assert!(weak.starts_with("PARLANCE_MASTER_KEY does not look random"), "{weak}");
        let issuer = serve(&[URL, KEY, PRODUCTION]).err().unwrap();
        assert!(issuer.starts_with("PARLANCE_ISSUER must be an https://"), "{issuer}");
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = serve(&[URL, KEY]).unwrap();

        assert!(!format!("{:?}", settings.database).contains("owner"));
    }
}
