//! Where a device is reached.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::DevicesError;
use crate::Claim;

/// The scope in which addresses are unique.
pub const SCOPE_PUSH_ADDRESS: &str = "push_address";

/// Characters in a token or installation id: Google promises no length, and has had 4,096 as a bound.
const TOKEN_MAX: usize = 4_096;

/// Characters in an endpoint; those of today's push services have some hundreds.
const ENDPOINT_MAX: usize = 2_048;

/// Bytes of an uncompressed point of P-256 (SEC 1, section 2.3.3), and what they begin with.
const POINT_LEN: usize = 65;
const UNCOMPRESSED: u8 = 4;

/// Bytes of the secret of a subscription (RFC 8291, section 3.2).
const AUTH_LEN: usize = 16;

/// Where a push service reaches a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Address {
    /// A registration token of Firebase Cloud Messaging.
    FcmToken { token: String },
    /// A Firebase installation, which replaces the token.
    FcmInstallation { installation_id: String },
    /// A subscription of a browser (RFC 8030).
    WebPush(Subscription),
}

/// What a browser gives to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// The URL of the push service.
    pub endpoint: String,
    /// The browser's public key, in base64url.
    pub p256dh: String,
    /// A secret of both sides, in base64url.
    pub auth: String,
}

impl Address {
    /// The same, when it has the form of an address. The keys lose their padding.
    ///
    /// # Errors
    ///
    /// Which part breaks rule 5.
    pub(super) fn checked(self) -> Result<Self, DevicesError> {
        match self {
            Self::FcmToken { token } => {
                check(&token, TOKEN_MAX, DevicesError::InvalidToken)?;
                Ok(Self::FcmToken { token })
            }
            Self::FcmInstallation { installation_id } => {
                check(&installation_id, TOKEN_MAX, DevicesError::InvalidInstallationId)?;
                Ok(Self::FcmInstallation { installation_id })
            }
            Self::WebPush(Subscription { endpoint, p256dh, auth }) => {
                check(&endpoint, ENDPOINT_MAX, DevicesError::InvalidEndpoint)?;
                let is_point =
                    |it: &[u8]| it.len() == POINT_LEN && it.first() == Some(&UNCOMPRESSED);
                let p256dh = key(&p256dh, is_point).ok_or(DevicesError::InvalidPublicKey)?;
                let auth = key(&auth, |it| it.len() == AUTH_LEN);
                let auth = auth.ok_or(DevicesError::InvalidAuthSecret)?;
                Ok(Self::WebPush(Subscription { endpoint, p256dh, auth }))
            }
        }
    }

    /// What is claimed: the same for everything that reaches the same device.
    #[must_use]
    pub fn claim(&self) -> Claim {
        let value = match self {
            Self::FcmToken { token } => format!("fcm_token:{token}"),
            Self::FcmInstallation { installation_id } => {
                format!("fcm_installation:{installation_id}")
            }
            Self::WebPush(Subscription { endpoint, .. }) => format!("web_push:{endpoint}"),
        };
        Claim { scope: SCOPE_PUSH_ADDRESS, value }
    }

    /// Whether both reach the same device, by whatever keys.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.claim() == other.claim()
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::FcmToken { token: it } | Self::FcmInstallation { installation_id: it } => {
                it.capacity()
            }
            Self::WebPush(Subscription { endpoint, p256dh, auth }) => {
                endpoint.capacity() + p256dh.capacity() + auth.capacity()
            }
        }
    }
}

fn check(text: &str, max: usize, error: DevicesError) -> Result<(), DevicesError> {
    let visible = text.bytes().all(|it| it.is_ascii_graphic());
    if visible && (1..=max).contains(&text.len()) { Ok(()) } else { Err(error) }
}

/// The key without padding, when it decodes to what it is to be.
fn key(text: &str, is_key: impl Fn(&[u8]) -> bool) -> Option<String> {
    let text = text.trim_end_matches('=');
    let bytes = BASE64.decode(text).ok()?;
    is_key(&bytes).then(|| text.to_owned())
}
