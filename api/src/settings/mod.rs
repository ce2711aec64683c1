//! Settings, from the environment. `.env.example` lists each with its meaning and default.
//!
//! Each command reads what it needs once, at its start; what is missing or wrong is named.

mod firestore;

use std::collections::HashSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use commands::{
    EmbeddedSettings, FcmSettings, FilesSettings, PushHosts, PushSettings, S3Settings,
    ScannerAddress, StorageSettings,
};
use domain::chat::Limits;
use domain::library::FileLimits;
use eventlog::MasterKey;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

pub use self::firestore::FirestoreSettings;

const ADDR_DEFAULT: &str = "127.0.0.1:8080";

/// Connections of the pool.
const CONNECTIONS_DEFAULT: u32 = 10;
const CONNECTIONS_MAX: u32 = 500;

/// Characters of a text at most: what the longest body holds.
const TEXT_MAX: usize = 10_000;
/// With the longest interval that is a week: the milliseconds of it still fit an event's number.
const BURST_MAX: u32 = 10_000;
const INTERVAL_MAX_MS: u32 = 60_000;

/// Bytes of a file at most, and of an image: it is held in memory to be decoded.
const FILE_MAX: u64 = 2 << 30;
const IMAGE_MAX: u64 = 64 << 20;
/// Bytes of all files of a person: 1 PiB, as good as none.
const QUOTA_MAX: u64 = 1 << 50;

const FILES_DIR_DEFAULT: &str = "var/files";
const REGION_DEFAULT: &str = "us-east-1";

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
    /// Of messages.
    pub limits: Limits,
    pub files: FilesSettings,
    /// Without it, nothing is mirrored.
    pub firestore: Option<FirestoreSettings>,
    pub push: PushSettings,
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
        let connections =
            self.number("DATABASE_CONNECTIONS", 1..=CONNECTIONS_MAX, CONNECTIONS_DEFAULT)?;
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
            limits: self.limits()?,
            files: self.files()?,
            firestore: self.firestore()?,
            push: self.push()?,
        })
    }

    /// Where files are kept, and how much anybody may store.
    ///
    /// # Errors
    ///
    /// The setting that is wrong.
    pub fn files(&self) -> Result<FilesSettings, SettingsError> {
        let default = FileLimits::default();
        let limits = FileLimits {
            file_max: self.number("PARLANCE_FILE_MAX", 1..=FILE_MAX, default.file_max)?,
            image_max: self.number("PARLANCE_IMAGE_MAX", 1..=IMAGE_MAX, default.image_max)?,
            quota: self.number("PARLANCE_FILE_QUOTA", 0..=QUOTA_MAX, default.quota)?,
        };
        let scanner = self.text("CLAMAV_ADDR").map(|it| scanner(&it)).transpose()?;
        Ok(FilesSettings { storage: self.storage()?, limits, scanner })
    }

    fn storage(&self) -> Result<StorageSettings, SettingsError> {
        const OTHERS: [&str; 4] =
            ["S3_ENDPOINT", "S3_PUBLIC_ENDPOINT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"];
        let Some(bucket) = self.text("S3_BUCKET") else {
            if let Some(other) = OTHERS.into_iter().find(|it| self.text(it).is_some()) {
                return Err(wrong("S3_BUCKET", format!("is not set, but {other} is")));
            }
            let folder = self.text("PARLANCE_FILES_DIR");
            return Ok(StorageSettings::Embedded(EmbeddedSettings {
                folder: folder.unwrap_or_else(|| FILES_DIR_DEFAULT.to_owned()).into(),
                port: self.number("PARLANCE_FILES_PORT", 0..=u16::MAX, 0)?,
            }));
        };
        Ok(StorageSettings::S3(S3Settings {
            endpoint: self.http_url("S3_ENDPOINT")?,
            public_endpoint: self.http_url("S3_PUBLIC_ENDPOINT")?,
            region: self.text("S3_REGION").unwrap_or_else(|| REGION_DEFAULT.to_owned()),
            bucket,
            access_key_id: self.required("S3_ACCESS_KEY_ID")?,
            secret_access_key: self.required("S3_SECRET_ACCESS_KEY")?.into(),
        }))
    }

    fn http_url(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        let url = self.text(name);
        match &url {
            Some(it) if !(it.starts_with("http://") || it.starts_with("https://")) => {
                Err(wrong(name, "must begin with http:// or https://"))
            }
            _ => Ok(url),
        }
    }

    /// Which push services there are, and who we are to them.
    fn push(&self) -> Result<PushSettings, SettingsError> {
        const HOSTS: &str = "WEB_PUSH_HOSTS";
        const CONTACT: &str = "WEB_PUSH_CONTACT";
        let contact = self.text(CONTACT);
        let is_contact = |it: &String| it.starts_with("mailto:") || it.starts_with("https://");
        if contact.as_ref().is_some_and(|it| !is_contact(it)) {
            return Err(wrong(CONTACT, "must begin with mailto: or https://"));
        }
        let in_development = self.surroundings()? == Surroundings::Development;
        let hosts = match self.text(HOSTS) {
            None => PushHosts::default(),
            Some(list) => PushHosts::parse(&list, in_development)
                .map_err(|error| wrong(HOSTS, error.to_string()))?,
        };
        Ok(PushSettings {
            fcm: self.fcm(in_development)?,
            web_push_contact: contact,
            web_push_hosts: hosts,
        })
    }

    fn fcm(&self, in_development: bool) -> Result<Option<FcmSettings>, SettingsError> {
        const ENDPOINT: &str = "FCM_ENDPOINT";
        const OTHERS: [&str; 2] = ["FCM_PROJECT_ID", ENDPOINT];
        let Some(credentials) = self.text("FCM_CREDENTIALS") else {
            return match OTHERS.into_iter().find(|it| self.text(it).is_some()) {
                Some(other) => Err(wrong("FCM_CREDENTIALS", format!("is not set, but {other} is"))),
                None => Ok(None),
            };
        };
        let endpoint = self.http_url(ENDPOINT)?;
        if endpoint.is_some() && !in_development {
            return Err(wrong(ENDPOINT, "is for tests, and PARLANCE_ENV is production"));
        }
        Ok(Some(FcmSettings {
            credentials: credentials.into(),
            project_id: self.text("FCM_PROJECT_ID"),
            endpoint,
        }))
    }

    fn limits(&self) -> Result<Limits, SettingsError> {
        let default = Limits::default();
        Ok(Limits {
            text_max: self.number("PARLANCE_TEXT_MAX", 1..=TEXT_MAX, default.text_max)?,
            burst: self.number("PARLANCE_MESSAGE_BURST", 1..=BURST_MAX, default.burst)?,
            interval_ms: self.number(
                "PARLANCE_MESSAGE_INTERVAL_MS",
                0..=INTERVAL_MAX_MS,
                default.interval_ms,
            )?,
        })
    }

    fn number<T: FromStr + PartialOrd + Display>(
        &self,
        name: &'static str,
        allowed: RangeInclusive<T>,
        default: T,
    ) -> Result<T, SettingsError> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        text.parse().ok().filter(|it| allowed.contains(it)).ok_or_else(|| {
            let (min, max) = allowed.into_inner();
            wrong(name, format!("must be a number from {min} to {max}"))
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

fn scanner(address: &str) -> Result<ScannerAddress, SettingsError> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(ScannerAddress::Unix(path.into()));
    }
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(_) => Ok(ScannerAddress::Tcp(address.to_owned())),
        None => Err(wrong("CLAMAV_ADDR", "must be host:port, or unix: and a path")),
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
mod tests;
