//! What a member makes of a chat: a draft, how long messages stay, muted, archived.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::MessageId;
use domain::chat::{ChatCommand, Disappearing};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::{ChatPath, act};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::error::ApiResult;
use crate::http::extract::{self, Id, Path, Time};
use crate::http::messages::sending::about_quote;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveDraft {
    #[schema(max_length = 10_000)]
    text: Option<String>,
    /// The message that it answers.
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<Id>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetDisappearing {
    #[serde(deserialize_with = "extract::nullable")]
    #[schema(required, schema_with = after_days)]
    after_days: Option<AfterDays>,
}

/// Days that a message stays.
#[derive(Clone, Copy)]
struct AfterDays(Disappearing);

impl<'de> Deserialize<'de> for AfterDays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match extract::count(deserializer)? {
            1 => Ok(Self(Disappearing::OneDay)),
            7 => Ok(Self(Disappearing::SevenDays)),
            90 => Ok(Self(Disappearing::NinetyDays)),
            _ => Err(D::Error::custom("must be 1, 7, 90 or null")),
        }
    }
}

fn after_days() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .enum_values(Some([json!(1), json!(7), json!(90), json!(null)]))
        .description(Some("Days that a message stays. `null`: for ever."))
        .build()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mute {
    /// In the future. Without it, or `null`: until it is unmuted.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    until: Option<Time>,
}

/// Keeps what the caller has begun to write, for their other devices. With neither text nor
/// `reply_to`, nothing is kept.
#[utoipa::path(
    put, path = "/v1/chats/{id}/draft", tag = "chats", operation_id = "save_draft",
    params(ChatPath),
    request_body = SaveDraft,
    responses(
        (status = 204, description = "Kept"),
        (status = 404, description = "The caller has no such chat, or it no message to answer"),
        (status = 409, description = "The message to answer is deleted, or the first request is \
            under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn save_draft(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<SaveDraft>,
) -> ApiResult<impl IntoResponse> {
    let reply_to = body.reply_to.map(|it| MessageId(it.0));
    let (by, text, limits, now) = (caller, body.text, app.limits, app.clock.now());
    let command = ChatCommand::SaveDraft { by, text, reply_to, limits, now };
    act(&app, path.chat_id(), command, &context).await.map_err(about_quote)
}

/// Forgets what the caller has begun to write.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/draft", tag = "chats", operation_id = "forget_draft",
    params(ChatPath),
    responses(
        (status = 204, description = "Nothing is kept"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn forget_draft(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (by, limits, now) = (caller, app.limits, app.clock.now());
    let command = ChatCommand::SaveDraft { by, text: None, reply_to: None, limits, now };
    act(&app, path.chat_id(), command, &context).await
}

/// Lets the messages that are sent from now on disappear for both members, files included, after
/// some days; or stay.
#[utoipa::path(
    put, path = "/v1/chats/{id}/disappearing", tag = "chats", operation_id = "set_disappearing",
    params(ChatPath),
    request_body = SetDisappearing,
    responses(
        (status = 204, description = "Set, now or before"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "The chat takes no messages, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn set_disappearing(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<SetDisappearing>,
) -> ApiResult<impl IntoResponse> {
    let after = body.after_days.map(|it| it.0);
    let command = ChatCommand::SetDisappearing { by: caller, after, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}

/// Mutes a chat for the caller: until a time, or until it is unmuted.
#[utoipa::path(
    put, path = "/v1/chats/{id}/mute", tag = "chats", operation_id = "mute",
    params(ChatPath),
    request_body = Mute,
    responses(
        (status = 204, description = "Muted"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn mute(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<Mute>,
) -> ApiResult<impl IntoResponse> {
    let (by, until, now) = (caller, body.until.map(|it| it.0), app.clock.now());
    act(&app, path.chat_id(), ChatCommand::Mute { by, until, now }, &context).await
}

/// Unmutes a chat for the caller.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/mute", tag = "chats", operation_id = "unmute",
    params(ChatPath),
    responses(
        (status = 204, description = "Not muted"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unmute(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::Unmute { by: caller, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}

/// Puts a chat away for the caller. It comes back with the next message, unless it is muted.
#[utoipa::path(
    put, path = "/v1/chats/{id}/archive", tag = "chats", operation_id = "archive",
    params(ChatPath),
    responses(
        (status = 204, description = "Archived, now or before"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn archive(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::Archive { by: caller, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}

/// Takes a chat out of the archive.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/archive", tag = "chats", operation_id = "unarchive",
    params(ChatPath),
    responses(
        (status = 204, description = "Not archived"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unarchive(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::Unarchive { by: caller, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}
