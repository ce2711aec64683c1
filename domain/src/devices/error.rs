use thiserror::Error;

/// Why [`Devices`](super::Devices) refuse a command: one variant a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DevicesError {
    #[error("token must be 1 to 4,096 visible ASCII characters")]
    InvalidToken,
    #[error("installation_id must be 1 to 4,096 visible ASCII characters")]
    InvalidInstallationId,
    #[error("endpoint must be a URL of at most 2,048 visible ASCII characters")]
    InvalidEndpoint,
    #[error("p256dh must be an uncompressed point of P-256 in base64url")]
    InvalidPublicKey,
    #[error("auth must be 16 bytes in base64url")]
    InvalidAuthSecret,
    #[error("{0:?} is no time zone of the IANA database, such as Europe/Brussels")]
    UnknownTimeZone(String),
    #[error("quiet hours must begin and end at different minutes of the day")]
    InvalidQuietHours,
}
