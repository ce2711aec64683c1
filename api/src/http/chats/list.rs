//! Which chats the caller has.

use std::iter::once;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::chat::ChatError;
use projections::ReadModel;
use projections::chats as views;
use projections::sync::MODELS;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ChatBody, ChatPath};
use crate::http::App;
use crate::http::caller::Caller;
use crate::http::consistency::{At, MinPosition};
use crate::http::cursor::{self, Cursor};
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};
use crate::http::openapi::limit;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListChats {
    /// Which of them.
    #[serde(default)]
    #[param(inline, required = false)]
    filter: Filter,
    /// At most so many.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    limit: i64,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = "^c[0-7][0-9a-f]{15}$")]
    before: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filter {
    /// All but the archived ones.
    #[default]
    Active,
    All,
    /// Those with unread messages and those marked unread, but no archived ones.
    Unread,
    Archived,
    /// Those that are muted now, but no archived ones.
    Muted,
}

impl Filter {
    const fn view(self) -> views::Filter {
        match self {
            Self::Active => views::Filter::Active,
            Self::All => views::Filter::All,
            Self::Unread => views::Filter::Unread,
            Self::Archived => views::Filter::Archived,
            Self::Muted => views::Filter::Muted,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatList {
    items: Vec<ChatBody>,
    /// For `before`, when there is more.
    #[schema(required, value_type = Option<String>)]
    next: Option<Cursor>,
    /// Always `null`: a chat with new activity moves to the top.
    #[schema(required, value_type = Option<String>)]
    prev: Option<Cursor>,
}

/// The caller's chats, the latest activity first.
#[utoipa::path(
    get, path = "/v1/chats", tag = "chats", operation_id = "chats",
    params(ListChats),
    responses((status = 200, description = "Some of them", body = ChatList)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Query(query): Query<ListChats>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let (filter, before) = (query.filter.view(), query.before.map(|it| it.0));
    let (more, now) = (query.limit + 1, app.clock.now());
    let chats = projections::chats::list(&app.db, caller, filter, before, more, now).await;
    let chats = chats.map_err(ApiError::unavailable)?;
    let (chats, next) = cursor::page(chats, query.limit, |it| it.activity);
    let mut items: Vec<_> = chats.into_iter().map(ChatBody::from).collect();
    ChatBody::illustrate(&app, items.iter_mut()).await?;
    Ok((At(reached), Json(ChatList { items, next, prev: None })))
}

/// One of the caller's chats.
#[utoipa::path(
    get, path = "/v1/chats/{id}", tag = "chats", operation_id = "chat",
    params(ChatPath),
    responses(
        (status = 200, description = "The chat", body = ChatBody),
        (status = 404, description = "The caller has no such chat"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn chat(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let chat = projections::chats::by_id(&app.db, caller, path.chat_id(), app.clock.now()).await;
    let chat = chat.map_err(ApiError::unavailable)?.ok_or(ChatError::NotFound)?;
    let mut chat = ChatBody::from(chat);
    ChatBody::illustrate(&app, once(&mut chat)).await?;
    Ok((At(reached), Json(chat)))
}

/// How much is unread.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unread {
    /// Chats with unread messages, and those marked unread.
    #[schema(minimum = 0)]
    chats: i64,
    #[schema(minimum = 0)]
    messages: i64,
}

/// How much is unread in all chats together. Muted ones count, archived ones do not.
#[utoipa::path(
    get, path = "/v1/chats/unread", tag = "chats", operation_id = "unread",
    responses((status = 200, description = "The counts", body = Unread)),
    security(("bearer" = [])),
)]
pub(crate) async fn unread(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &[ReadModel::Chats]).await?;
    let totals = projections::chats::totals(&app.db, caller, app.clock.now()).await;
    let totals = totals.map_err(ApiError::unavailable)?;
    let unread = Unread { chats: totals.unread_chats, messages: totals.unread_messages };
    Ok((At(reached), Json(unread)))
}
