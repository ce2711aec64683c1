//! Registering a device. Its address may be another person's until now: a phone that changed hands, or
//! an app that somebody else has signed in to. Then it leaves them first.

use chrono::{DateTime, Utc};
use domain::devices::{
    Address, Devices, DevicesCommand, DevicesError, DevicesEvent, Platform, RemovalReason,
};
use domain::{AccountId, DeviceId};
use thiserror::Error;
use uuid::Uuid;

use super::Push;
use crate::gateway::{CommandError, Context, Executed, Gateway};

/// How often an address is taken from somebody: two who fight over it do so in vain.
const TAKEN_MAX: usize = 4;

/// A device, as its app names it.
#[derive(Debug, Clone)]
pub struct DeviceRegistration {
    pub owner: AccountId,
    pub device_id: DeviceId,
    pub session_id: Uuid,
    pub platform: Platform,
    pub address: Address,
    pub now: DateTime<Utc>,
}

/// Why a device was not registered.
#[derive(Debug, Error)]
pub enum RegisterDeviceError {
    /// Sending there would be sending wherever a client wants.
    #[error("endpoint is not of a push service that this server sends to")]
    ForeignEndpoint,
    #[error(transparent)]
    Devices(#[from] CommandError<DevicesError>),
}

/// Registers a device, or refreshes it.
///
/// # Errors
///
/// See [`RegisterDeviceError`]. Nothing was registered then.
pub async fn register_device(
    gateway: &Gateway,
    push: &Push,
    registration: DeviceRegistration,
    context: &Context,
) -> Result<Executed<DevicesEvent>, RegisterDeviceError> {
    let DeviceRegistration { owner, device_id, session_id, platform, address, now } = registration;
    if let Address::WebPush(subscription) = &address
        && !push.inner.hosts.allow(&subscription.endpoint)
    {
        return Err(RegisterDeviceError::ForeignEndpoint);
    }
    let claim = address.claim();
    let command = DevicesCommand::Register { owner, device_id, session_id, platform, address, now };
    let id = owner.to_string();
    for _ in 0..TAKEN_MAX {
        let registered = gateway.execute::<Devices>(&id, command.clone(), context).await;
        let Err(CommandError::ClaimHeld { .. }) = registered else {
            return Ok(registered?);
        };
        let holder = gateway.claims().owner(gateway.db(), &claim).await.map_err(unavailable)?;
        if let (Some(holder), DevicesCommand::Register { address, .. }) = (holder, &command) {
            let (address, why) = (address.clone(), RemovalReason::Moved);
            let leave = DevicesCommand::RemoveAddress { address, why, now };
            let unkeyed = Context { key: None, ..context.clone() };
            gateway.execute::<Devices>(&holder.to_string(), leave, &unkeyed).await?;
        }
    }
    // Whoever took it last keeps it, so that somebody does.
    match gateway.execute::<Devices>(&id, command, context).await {
        Err(CommandError::ClaimHeld { .. }) => Err(CommandError::Conflict.into()),
        registered => Ok(registered?),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn unavailable(error: sqlx::Error) -> CommandError<DevicesError> {
    tracing::warn!(%error, "the log is out of reach");
    CommandError::Unavailable
}
