//! Reacting to a message.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::chat::ChatCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::MessagePath;
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller, Command};
use crate::http::chats::act;
use crate::http::error::ApiResult;
use crate::http::extract::Path;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct React {
    /// One emoji of the Unicode standard, with whatever modifiers belong to it.
    #[schema(min_length = 1, example = "👍🏽")]
    emoji: String,
}

/// Reacts to a message with one emoji, in place of an earlier one.
#[utoipa::path(
    put, path = "/v1/chats/{id}/messages/{message_id}/reaction", tag = "messages",
    operation_id = "react",
    params(MessagePath),
    request_body = React,
    responses(
        (status = 204, description = "It is the caller's reaction"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "The message is deleted, the chat takes no messages, or the \
            first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn react(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    Command { body, context }: Command<React>,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    let command = ChatCommand::React { message_id, by, emoji: body.emoji, now };
    act(&app, path.chat_id(), command, &context).await
}

/// Takes one's reaction back.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/messages/{message_id}/reaction", tag = "messages",
    operation_id = "remove_reaction",
    params(MessagePath),
    responses(
        (status = 204, description = "The caller has no reaction"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    let command = ChatCommand::RemoveReaction { message_id, by, now };
    act(&app, path.chat_id(), command, &context).await
}
