//! `/v1/chats/{id}/typing`: the caller types, or no longer does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use projections::presence;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::caller::Caller;
use crate::http::chats::ChatPath;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Json, Path};
use crate::http::problem::Problem;
use crate::live::Typing;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTyping {
    typing: bool,
}

/// Says that the caller types, or no longer does.
///
/// The other member is told, if they are connected. It ends by itself after 6 seconds, and with a
/// message: say it again every few seconds. Nothing is recorded.
#[utoipa::path(
    put, path = "/v1/chats/{id}/typing", tag = "live", operation_id = "set_typing",
    params(ChatPath),
    request_body = SetTyping,
    responses(
        (status = 204, description = "Said, to whom may hear it"),
        (status = 404, description = "The caller has no such chat"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Json(body): Json<SetTyping>,
) -> ApiResult<impl IntoResponse> {
    let chat_id = path.chat_id();
    let hears = presence::hears_typing(&app.db, caller, chat_id).await;
    let hears = hears.map_err(ApiError::unavailable)?;
    let hears = hears.ok_or_else(|| ApiError::of(Problem::ChatNotFound))?;
    if hears.is_heard {
        app.bus.tell(&Typing { chat_id, by: caller, to: hears.to, begins: body.typing });
    }
    Ok(StatusCode::NO_CONTENT)
}
