//! How far the caller has come: delivered, read, cleared.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::chat::ChatCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ChatPath, act};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::error::ApiResult;
use crate::http::extract::{self, Path};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkUpTo {
    /// The number of the last message.
    #[serde(deserialize_with = "extract::count")]
    #[schema(minimum = 0)]
    up_to: u64,
}

/// Says how far the caller has read. Never goes back. A chat that was marked unread is read then.
#[utoipa::path(
    put, path = "/v1/chats/{id}/read", tag = "chats", operation_id = "mark_read",
    params(ChatPath),
    request_body = MarkUpTo,
    responses(
        (status = 204, description = "Read up to there, or further"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<MarkUpTo>,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::MarkRead { reader: caller, up_to: body.up_to, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}

/// Says how far messages have reached the caller. Never goes back; what is read has arrived.
#[utoipa::path(
    put, path = "/v1/chats/{id}/delivered", tag = "chats", operation_id = "mark_delivered",
    params(ChatPath),
    request_body = MarkUpTo,
    responses(
        (status = 204, description = "Delivered up to there, or further"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn delivered(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<MarkUpTo>,
) -> ApiResult<impl IntoResponse> {
    let (up_to, now) = (body.up_to, app.clock.now());
    let command = ChatCommand::MarkDelivered { by: caller, up_to, now };
    act(&app, path.chat_id(), command, &context).await
}

/// Marks a chat unread, for the caller alone, until they read it again. The pointer stays.
#[utoipa::path(
    put, path = "/v1/chats/{id}/unread", tag = "chats", operation_id = "mark_unread",
    params(ChatPath),
    responses(
        (status = 204, description = "Marked, now or before"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unread(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::MarkUnread { by: caller, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}

/// Deletes all messages so far, for the caller alone.
#[utoipa::path(
    post, path = "/v1/chats/{id}/clear", tag = "chats", operation_id = "clear_chat",
    params(ChatPath),
    responses(
        (status = 204, description = "Cleared"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn clear(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::Clear { by: caller, now: app.clock.now() };
    act(&app, path.chat_id(), command, &context).await
}
