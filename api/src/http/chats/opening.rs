//! Opening a chat.

use std::iter::once;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::chat::{ChatError, ChatEvent};
use domain::{AccountId, ChatId};
use eventlog::Position;
use projections::ReadsError;
use projections::sync::MODELS;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ChatBody;
use crate::http::App;
use crate::http::caller::{Caller, Command};
use crate::http::consistency::At;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Id;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenChat {
    /// With whom.
    #[schema(value_type = Uuid)]
    member_id: Id,
}

/// Opens the chat with somebody, or finds it open.
#[utoipa::path(
    post, path = "/v1/chats", tag = "chats", operation_id = "open_chat",
    request_body = OpenChat,
    responses(
        (status = 201, description = "Opened", body = ChatBody),
        (status = 200, description = "It was open", body = ChatBody),
        (status = 404, description = "There is no such account"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Command { body, context }: Command<OpenChat>,
) -> ApiResult<impl IntoResponse> {
    let member = AccountId(body.member_id.0);
    let now = app.clock.now();
    let executed = commands::open_chat(&app.gateway, caller, member, now, &context).await?;
    let is_opening =
        |it: &ChatEvent| matches!(it, ChatEvent::Opened { .. } | ChatEvent::Revealed { .. });
    let opened = executed.events.iter().any(is_opening);
    let status = if opened { StatusCode::CREATED } else { StatusCode::OK };
    let mut chat = just_opened(&app, caller, member, executed.position).await?;
    ChatBody::illustrate(&app, once(&mut chat)).await?;
    Ok((status, At(executed.position), Json(chat)))
}

/// The chat that a command at `position` has opened or found open.
async fn just_opened(
    app: &App,
    caller: AccountId,
    member: AccountId,
    position: Position,
) -> ApiResult<ChatBody> {
    let chat_id = ChatId::between(caller, member);
    let late = match app.reads.wait(Some(position), &MODELS).await {
        Ok(_) => None,
        Err(error @ ReadsError::Behind { .. }) => Some(error),
        Err(error) => return Err(error.into()),
    };
    let chat = projections::chats::by_id(&app.db, caller, chat_id, app.clock.now()).await;
    match (chat.map_err(ApiError::unavailable)?, late) {
        (Some(chat), _) => Ok(chat.into()),
        (None, None) => Err(ChatError::NotFound.into()),
        // The read model is late: a chat that it does not know yet is new, and empty.
        (None, Some(late)) => {
            let own = projections::accounts::by_id(&app.db, caller).await;
            let own = own.map_err(ApiError::unavailable)?;
            let account = projections::accounts::by_id(&app.db, member).await;
            let participant = account.map_err(ApiError::unavailable)?.ok_or(late)?;
            let receipts = own.is_none_or(|it| it.read_receipts);
            Ok(ChatBody::new(chat_id.0, participant, receipts))
        }
    }
}
