//! Pins, for both members, and stars, for oneself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::chat::{ChatCommand, ChatError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MODELS, MessageBody, MessagePath};
use crate::http::App;
use crate::http::caller::{BodilessCommand, Caller};
use crate::http::chats::{ChatPath, act};
use crate::http::consistency::{At, MinPosition};
use crate::http::cursor::{self, Cursor, PageBefore};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};

/// A pinned message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pin {
    message: MessageBody,
    pinned_by: Uuid,
    pinned_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PinList {
    /// At most 50, the latest pin first.
    items: Vec<Pin>,
}

/// A message that the caller has starred.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Star {
    message: MessageBody,
    starred_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StarList {
    /// The latest star first.
    items: Vec<Star>,
    /// For `before`, when there is more.
    #[schema(required, value_type = Option<String>)]
    next: Option<Cursor>,
    /// Always `null`: new stars come to the top.
    #[schema(required, value_type = Option<String>)]
    prev: Option<Cursor>,
}

/// Pins a message for the caller, and for the other member unless 50 are pinned for them or they do
/// not see it. At most 50 are pinned for a member.
#[utoipa::path(
    put, path = "/v1/chats/{id}/messages/{message_id}/pin", tag = "messages",
    operation_id = "pin_message",
    params(MessagePath),
    responses(
        (status = 204, description = "Pinned, now or before"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "The message is deleted, too many are pinned, the chat takes \
            no messages, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn pin(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    act(&app, path.chat_id(), ChatCommand::Pin { message_id, by, now }, &context).await
}

/// Takes a pin away, whoever has pinned it.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/messages/{message_id}/pin", tag = "messages",
    operation_id = "unpin_message",
    params(MessagePath),
    responses(
        (status = 204, description = "Not pinned"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unpin(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    act(&app, path.chat_id(), ChatCommand::Unpin { message_id, by, now }, &context).await
}

/// The pinned messages of a chat.
#[utoipa::path(
    get, path = "/v1/chats/{id}/pins", tag = "messages", operation_id = "pins",
    params(ChatPath),
    responses(
        (status = 200, description = "All of them", body = PinList),
        (status = 404, description = "The caller has no such chat"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn pins(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let pins = projections::messages::pins(&app.db, caller, path.chat_id(), app.clock.now()).await;
    let pins = pins.map_err(ApiError::unavailable)?.ok_or(ChatError::NotFound)?;
    let items = pins.into_iter().map(|it| Pin {
        message: it.message.into(),
        pinned_by: it.pinned_by,
        pinned_at: it.pinned_at,
    });
    Ok((At(reached), Json(PinList { items: items.collect() })))
}

/// Stars a message for oneself.
#[utoipa::path(
    put, path = "/v1/chats/{id}/messages/{message_id}/star", tag = "messages",
    operation_id = "star_message",
    params(MessagePath),
    responses(
        (status = 204, description = "Starred, now or before"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "The message is deleted, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn star(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    act(&app, path.chat_id(), ChatCommand::Star { message_id, by, now }, &context).await
}

/// Takes one's star away.
#[utoipa::path(
    delete, path = "/v1/chats/{id}/messages/{message_id}/star", tag = "messages",
    operation_id = "unstar_message",
    params(MessagePath),
    responses(
        (status = 204, description = "Not starred"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn unstar(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    BodilessCommand(context): BodilessCommand,
) -> ApiResult<impl IntoResponse> {
    let (message_id, by, now) = (path.message_id(), caller, app.clock.now());
    act(&app, path.chat_id(), ChatCommand::Unstar { message_id, by, now }, &context).await
}

/// What the caller has starred, in all chats.
#[utoipa::path(
    get, path = "/v1/starred", tag = "messages", operation_id = "starred",
    params(PageBefore),
    responses((status = 200, description = "Some of it", body = StarList)),
    security(("bearer" = [])),
)]
pub(crate) async fn starred(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Query(query): Query<PageBefore>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let (before, more) = (query.before.map(|it| it.0), query.limit + 1);
    let stars =
        projections::messages::starred(&app.db, caller, before, more, app.clock.now()).await;
    let stars = stars.map_err(ApiError::unavailable)?;
    let (stars, next) = cursor::page(stars, query.limit, |it| it.cursor);
    let items = stars
        .into_iter()
        .map(|it| Star { message: it.message.into(), starred_at: it.starred_at })
        .collect();
    Ok((At(reached), Json(StarList { items, next, prev: None })))
}
