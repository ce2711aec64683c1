//! Telling devices that something has happened, through the push services of their makers.
//!
//! - [`fcm`]: Firebase Cloud Messaging, for Android, iOS and the browsers that apps have set up for it
//! - [`web_push`]: any browser (RFC 8030), encrypted for it alone (RFC 8291)
//! - [`Notice`]: what is pushed, whichever way; `docs/push.md` shows what apps get
//!
//! When to push what to whom is the business of the policy `push`.

mod fcm;
mod http;
mod notice;
mod register;
mod web_push;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::devices::{Address, Platform};
use eventlog::{Clock, MasterKey};
use secrecy::SecretString;
use sqlx::PgPool;
use thiserror::Error;

use self::fcm::Fcm;
pub(crate) use self::notice::{Notice, Shown, preview};
pub use self::register::{DeviceRegistration, RegisterDeviceError, register_device};
use self::web_push::WebPush;
pub use self::web_push::{InvalidPushHost, PushHosts};
use crate::gateway::Cause;

/// What the operator decides about push.
#[derive(Debug, Clone, Default)]
pub struct PushSettings {
    /// Without it, nothing is sent through FCM.
    pub fcm: Option<FcmSettings>,
    /// `mailto:` or `https:`: whom a push service writes to when we trouble it. Without it, nothing
    /// is sent to browsers.
    pub web_push_contact: Option<String>,
    /// The push services that browsers may name.
    pub web_push_hosts: PushHosts,
}

/// How FCM is reached.
#[derive(Debug, Clone)]
pub struct FcmSettings {
    /// The key file of a service account that may send messages.
    pub credentials: PathBuf,
    /// Default: the project of the service account.
    pub project_id: Option<String>,
    /// In place of Google's, for tests: then nothing has to be encrypted.
    pub endpoint: Option<String>,
}

/// Why push cannot be set up.
#[derive(Debug, Error)]
pub enum PushError {
    #[error("the service account of FCM_CREDENTIALS cannot be used: {0}")]
    Credentials(String),
    #[error("the key that browsers know us by cannot be read or made")]
    Key(#[source] Cause),
    #[error("TLS cannot be set up")]
    Tls(#[source] std::io::Error),
}

/// The push services. Cheap to clone.
#[derive(Clone)]
pub struct Push {
    inner: Arc<Inner>,
}

struct Inner {
    fcm: Option<Fcm>,
    web_push: Option<WebPush>,
    hosts: PushHosts,
}

/// Whom a message is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Fcm,
    WebPush,
}

/// What it takes to send messages through a service.
pub(crate) enum Pass {
    Token(SecretString),
    NotNeeded,
}

/// What a push service made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    /// For measurements: `ok`, or what the service calls it.
    pub(crate) code: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It will be delivered, if at all possible.
    Accepted,
    /// The device is not reached there any more.
    Gone,
    /// Not now. Not before `after`, if the service says so.
    Later { after: Option<Duration> },
    /// Never, as it is: a mistake of ours, or of whoever set this up.
    Refused,
}

impl Answer {
    const fn new(verdict: Verdict, code: &'static str) -> Self {
        Self { verdict, code }
    }
}

impl Service {
    pub(crate) const fn of(address: &Address) -> Self {
        match address {
            Address::FcmToken { .. } | Address::FcmInstallation { .. } => Self::Fcm,
            Address::WebPush(_) => Self::WebPush,
        }
    }

    /// For measurements.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fcm => "fcm",
            Self::WebPush => "web_push",
        }
    }
}

impl Push {
    /// Reads the credentials, and the key that browsers know this installation by; makes it when
    /// there is none.
    ///
    /// # Errors
    ///
    /// When a key cannot be read.
    pub async fn open(
        settings: PushSettings,
        db: &PgPool,
        master: &MasterKey,
        clock: &Clock,
    ) -> Result<Self, PushError> {
        let fcm = settings.fcm.map(|it| Fcm::open(it, clock.clone())).transpose()?;
        if fcm.is_none() {
            tracing::info!("FCM_CREDENTIALS is not set: nothing is pushed through FCM");
        }
        let hosts = settings.web_push_hosts;
        let web_push = if let Some(contact) = settings.web_push_contact {
            Some(WebPush::open(contact, hosts.clone(), db, master, clock.clone()).await?)
        } else {
            tracing::info!("WEB_PUSH_CONTACT is not set: nothing is pushed to browsers");
            None
        };
        Ok(Self { inner: Arc::new(Inner { fcm, web_push, hosts }) })
    }

    /// Whether anything is pushed at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.inner.fcm.is_some() || self.inner.web_push.is_some()
    }

    /// The key that a browser subscribes with, in base64url. None when nothing is sent to browsers.
    #[must_use]
    pub fn web_push_key(&self) -> Option<&str> {
        self.inner.web_push.as_ref().map(WebPush::public_key)
    }

    /// Whether there is a service for `address`.
    pub(crate) fn serves(&self, address: &Address) -> bool {
        match Service::of(address) {
            Service::Fcm => self.inner.fcm.is_some(),
            Service::WebPush => self.inner.web_push.is_some(),
        }
    }

    /// What it takes to send through `service`. When there is none just now: when there may be one.
    pub(crate) async fn pass(&self, service: Service) -> Result<Pass, DateTime<Utc>> {
        match (service, &self.inner.fcm) {
            (Service::Fcm, Some(fcm)) => Ok(Pass::Token(fcm.token().await?)),
            (Service::Fcm, None) | (Service::WebPush, _) => Ok(Pass::NotNeeded),
        }
    }

    /// Sends `notice` to a device, in one call. None when there is no service for it.
    pub(crate) async fn send(
        &self,
        notice: &Notice,
        address: &Address,
        platform: Platform,
        pass: &Pass,
    ) -> Option<Answer> {
        match (address, pass) {
            (Address::FcmToken { .. } | Address::FcmInstallation { .. }, Pass::Token(token)) => {
                let fcm = self.inner.fcm.as_ref()?;
                Some(fcm.send(notice, address, platform, token).await)
            }
            (Address::WebPush(subscription), Pass::NotNeeded) => {
                let web_push = self.inner.web_push.as_ref()?;
                Some(web_push.send(notice, subscription).await)
            }
            (Address::FcmToken { .. } | Address::FcmInstallation { .. }, Pass::NotNeeded)
            | (Address::WebPush(_), Pass::Token(_)) => None,
        }
    }
}
