//! `/v1/devices`: where messages are pushed to.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::DeviceRegistration;
use domain::devices::{Address, Device, Devices, DevicesCommand, Platform, Subscription};
use domain::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::App;
use super::caller::{BodilessCommand, Caller, Command, Session};
use super::consistency::{At, MinPosition};
use super::error::{ApiError, ApiResult};
use super::extract::{Id, Path};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DevicePath {
    /// Made by the app, and kept for as long as it is installed.
    #[param(value_type = Uuid)]
    device_id: Id,
}

/// A device, with one of `token`, `installation_id` and `subscription`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterDevice {
    platform: PlatformBody,
    /// A registration token of Firebase Cloud Messaging.
    #[schema(min_length = 1, max_length = 4_096, pattern = r"^[\u0021-\u007e]+$")]
    token: Option<String>,
    /// A Firebase installation, which replaces the token.
    #[schema(min_length = 1, max_length = 4_096, pattern = r"^[\u0021-\u007e]+$")]
    installation_id: Option<String>,
    subscription: Option<SubscriptionBody>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Platform)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlatformBody {
    Android,
    Ios,
    Web,
}

/// A subscription of a browser, as its `toJSON` gives it.
#[derive(Deserialize, ToSchema)]
#[schema(as = PushSubscription)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionBody {
    /// Of a push service that this server sends to.
    #[schema(min_length = 1, max_length = 2_048, pattern = r"^[\u0021-\u007e]+$")]
    endpoint: String,
    /// Not heeded: the push service says when a subscription has ended.
    #[serde(rename = "expirationTime")]
    #[expect(dead_code, reason = "browsers send it along")]
    expiration_time: Option<f64>,
    keys: SubscriptionKeys,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PushSubscriptionKeys)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionKeys {
    /// 65 bytes in base64url: an uncompressed point of P-256.
    #[schema(pattern = "^B[A-P][A-Za-z0-9_-]{84}[AEIMQUYcgkosw048]=?$")]
    p256dh: String,
    /// 16 bytes in base64url.
    #[schema(pattern = "^[A-Za-z0-9_-]{21}[AQgw](==)?$")]
    auth: String,
}

/// A device of the caller. Its address is not told: who has registered it knows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceBody {
    device_id: Uuid,
    platform: PlatformBody,
    /// It belongs to the session of this request.
    is_current: bool,
    registered_at: DateTime<Utc>,
    refreshed_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceList {
    /// At most 20, by their ids.
    items: Vec<DeviceBody>,
}

impl RegisterDevice {
    fn address(self) -> ApiResult<Address> {
        match (self.token, self.installation_id, self.subscription) {
            (Some(token), None, None) => Ok(Address::FcmToken { token }),
            (None, Some(installation_id), None) => Ok(Address::FcmInstallation { installation_id }),
            (None, None, Some(it)) => Ok(Address::WebPush(Subscription {
                endpoint: it.endpoint,
                p256dh: it.keys.p256dh,
                auth: it.keys.auth,
            })),
            (None, None, None) => Err(ApiError::invalid("token", ONE_OF)),
            (_, _, Some(_)) => Err(ApiError::invalid("subscription", ONE_OF)),
            (_, Some(_), _) => Err(ApiError::invalid("installation_id", ONE_OF)),
        }
    }
}

const ONE_OF: &str = "one of `token`, `installation_id` and `subscription` must be there";

impl From<PlatformBody> for Platform {
    fn from(platform: PlatformBody) -> Self {
        match platform {
            PlatformBody::Android => Self::Android,
            PlatformBody::Ios => Self::Ios,
            PlatformBody::Web => Self::Web,
        }
    }
}

impl From<Platform> for PlatformBody {
    fn from(platform: Platform) -> Self {
        match platform {
            Platform::Android => Self::Android,
            Platform::Ios => Self::Ios,
            Platform::Web => Self::Web,
        }
    }
}

/// Registers a device, or refreshes it: from now on messages are pushed there, until it is removed, its
/// session ends, or the push service says that it is gone.
///
/// An app does this whenever it starts and whenever its address changes. An address that was somebody
/// else's, or another device's, is not any more. A person has at most 20 devices: one more takes the
/// place of the one that was not refreshed for the longest time.
#[utoipa::path(
    put, path = "/v1/devices/{device_id}", tag = "push", operation_id = "register_device",
    params(DevicePath),
    request_body = RegisterDevice,
    responses(
        (status = 204, description = "Registered, now or before"),
        (status = 409, description = "Others kept registering the same address, or the first request \
            is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Session(session_id): Session,
    Path(path): Path<DevicePath>,
    Command { body, context }: Command<RegisterDevice>,
) -> ApiResult<impl IntoResponse> {
    let registration = DeviceRegistration {
        owner: caller,
        device_id: DeviceId(path.device_id.0),
        session_id,
        platform: body.platform.into(),
        address: body.address()?,
        now: app.clock.now(),
    };
    let executed =
        commands::register_device(&app.gateway, &app.push, registration, &context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}

/// Removes a device: nothing more is pushed there.
#[utoipa::path(
    delete, path = "/v1/devices/{device_id}", tag = "push", operation_id = "remove_device",
    params(DevicePath),
    responses((status = 204, description = "Not registered, now or before")),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<DevicePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command =
        DevicesCommand::Remove { device_id: DeviceId(path.device_id.0), now: app.clock.now() };
    let executed = app.gateway.execute::<Devices>(&caller.to_string(), command, &context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}

/// The caller's devices.
#[utoipa::path(
    get, path = "/v1/devices", tag = "push", operation_id = "devices",
    responses((status = 200, description = "All of them", body = DeviceList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Session(session_id): Session,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let body = |(id, device): (&DeviceId, &Device)| DeviceBody {
        device_id: id.0,
        platform: device.platform.into(),
        is_current: device.session_id == session_id,
        registered_at: device.registered_at,
        refreshed_at: device.refreshed_at,
    };
    let (items, position) =
        look(&app, caller, min, |it| it.devices().iter().map(body).collect()).await?;
    Ok((At(position), Json(DeviceList { items })))
}

/// What the log says of the devices of `account`: they have no read model, there are few of them.
pub(super) async fn look<R>(
    app: &App,
    account: AccountId,
    min: MinPosition,
    look: impl Fn(&Devices) -> R + Send,
) -> ApiResult<(R, eventlog::Position)> {
    let (seen, position) = app.gateway.look(&account.to_string(), look).await?;
    min.check(position)?;
    Ok((seen, position))
}
