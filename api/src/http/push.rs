//! `/v1/me/push`: what is pushed to one's devices, and when.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::devices::{Devices, DevicesCommand, Preferences, PreferencesChange, QuietHours};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use super::App;
use super::caller::{Caller, Command};
use super::consistency::{At, MinPosition};
use super::devices::look;
use super::error::ApiResult;

/// What is pushed to the caller's devices.
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushPreferences)]
pub(crate) struct PreferencesBody {
    /// Anything at all.
    enabled: bool,
    /// Messages of others.
    messages: bool,
    /// Reactions of others to one's own messages.
    reactions: bool,
    /// What was said goes along, and the push service may read it: all but browsers'.
    previews: bool,
    #[schema(required)]
    quiet_hours: Option<QuietHoursBody>,
    /// What a browser subscribes with (`applicationServerKey`). `null` when this server does not send
    /// to browsers.
    #[schema(required)]
    web_push_key: Option<String>,
}

/// What is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePushPreferences {
    enabled: Option<bool>,
    messages: Option<bool>,
    reactions: Option<bool>,
    previews: Option<bool>,
    /// `null`: none any more.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietHoursBody>)]
    #[expect(clippy::option_option, reason = "what is missing stays, what is null goes")]
    quiet_hours: Option<Option<QuietHoursBody>>,
}

/// The part of each day in which nothing is pushed. What was sent then is, when they end: one push a
/// chat.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = QuietHours)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietHoursBody {
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", examples("22:00"))]
    start: TimeOfDay,
    /// Before `start`: on the next day.
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", examples("07:00"))]
    end: TimeOfDay,
    /// Of the IANA database.
    #[schema(examples("Europe/Brussels"))]
    time_zone: String,
}

/// Minutes after midnight, as `22:00`.
#[derive(Debug, Clone, Copy)]
struct TimeOfDay(u16);

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        read_time(&text).map(Self).ok_or_else(|| D::Error::custom("must be a time like 22:00"))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

fn read_time(text: &str) -> Option<u16> {
    let two = |it: &str, max: u16| {
        let is_number = it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
        it.parse::<u16>().ok().filter(|it| is_number && *it <= max)
    };
    let (hours, minutes) = text.split_once(':')?;
    Some(two(hours, 23)? * 60 + two(minutes, 59)?)
}

/// A value that is there, if only as `null`.
#[expect(clippy::option_option, reason = "what is missing is none")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<QuietHoursBody> for QuietHours {
    fn from(it: QuietHoursBody) -> Self {
        Self { start: it.start.0, end: it.end.0, time_zone: it.time_zone }
    }
}

impl PreferencesBody {
    fn new(app: &App, preferences: &Preferences) -> Self {
        let quiet_hours = preferences.quiet_hours.as_ref().and_then(|it| it.value());
        Self {
            enabled: preferences.enabled,
            messages: preferences.messages,
            reactions: preferences.reactions,
            previews: preferences.previews,
            quiet_hours: quiet_hours.map(|it| QuietHoursBody {
                start: TimeOfDay(it.start),
                end: TimeOfDay(it.end),
                time_zone: it.time_zone.clone(),
            }),
            web_push_key: app.push.web_push_key().map(str::to_owned),
        }
    }
}

/// What is pushed to the caller's devices, and what a browser has to know to be one of them.
#[utoipa::path(
    get, path = "/v1/me/push", tag = "push", operation_id = "push_preferences",
    responses((status = 200, description = "As it is", body = PreferencesBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn preferences(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let see = |devices: &Devices| PreferencesBody::new(&app, devices.preferences());
    let (body, position) = look(&app, caller, min, see).await?;
    Ok((At(position), Json(body)))
}

/// Changes what is pushed to the caller's devices.
#[utoipa::path(
    patch, path = "/v1/me/push", tag = "push", operation_id = "change_push_preferences",
    request_body = ChangePushPreferences,
    responses((status = 200, description = "As it is now", body = PreferencesBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Command { body, context }: Command<ChangePushPreferences>,
) -> ApiResult<impl IntoResponse> {
    let change = PreferencesChange {
        enabled: body.enabled,
        messages: body.messages,
        reactions: body.reactions,
        previews: body.previews,
        quiet_hours: body.quiet_hours.map(|it| it.map(QuietHours::from)),
    };
    let command = DevicesCommand::ChangePreferences { owner: caller, change, now: app.clock.now() };
    let executed = app.gateway.execute::<Devices>(&caller.to_string(), command, &context).await?;
    let see = |devices: &Devices| PreferencesBody::new(&app, devices.preferences());
    let (body, _) = look(&app, caller, MinPosition(None), see).await?;
    Ok((At(executed.position), Json(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_two_digits_on_each_side() {
        for (text, minutes) in [("00:00", 0), ("07:05", 425), ("22:00", 1_320), ("23:59", 1_439)] {
            assert_eq!(read_time(text), Some(minutes), "{text}");
            let written = serde_json::to_string(&TimeOfDay(minutes)).unwrap();
            assert_eq!(written, format!("\"{text}\""));
        }
        for text in ["", "24:00", "7:05", "07:60", "07:5", "+7:05", "07:05:00", "noon"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
