//! `/v1/chats`: who chats with whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::chat::{Chat, ChatCommand, ChatError, ChatEvent};
use domain::{AccountId, ChatId};
use eventlog::Position;
use projections::{ChatView, ReadModel, ReadsError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::App;
use super::accounts::AccountBody;
use super::caller::{Caller, Command};
use super::consistency::{At, MinPosition};
use super::cursor::Cursor;
use super::error::{ApiError, ApiResult};
use super::extract::{self, Id, Path, Query};
use super::messages::MessageBody;
use super::openapi::limit;

/// What a chat is read from: itself, its last message, and who the other is.
const MODELS: [ReadModel; 3] = ReadModel::ALL;

/// A chat as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chat)]
pub(crate) struct ChatBody {
    chat_id: Uuid,
    /// The other member.
    participant: AccountBody,
    /// The latest that the caller has not deleted for themselves.
    #[schema(required)]
    last_message: Option<MessageBody>,
    /// Messages of the other that the caller has not read.
    #[schema(minimum = 0)]
    unread_count: i64,
    /// The number up to which the caller has read.
    #[schema(minimum = 0)]
    read_up_to: i64,
    /// The number of the last message.
    #[schema(minimum = 0)]
    total_messages: i64,
    /// Whether anything was ever sent.
    started: bool,
    /// Whether it takes messages.
    active: bool,
}

impl From<ChatView> for ChatBody {
    fn from(view: ChatView) -> Self {
        Self {
            chat_id: view.chat_id,
            participant: AccountBody::public(view.participant),
            last_message: view.last_message.map(MessageBody::from),
            unread_count: view.unread_count,
            read_up_to: view.read_up_to,
            total_messages: view.total_messages,
            started: view.total_messages > 0,
            active: view.active,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenChat {
    /// With whom.
    #[schema(value_type = Uuid)]
    member_id: Id,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkRead {
    /// The number of the last message that was read.
    #[serde(deserialize_with = "extract::count")]
    #[schema(minimum = 0)]
    up_to: u64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ChatPath {
    #[param(value_type = Uuid)]
    id: Id,
}

impl ChatPath {
    pub(crate) const fn chat_id(&self) -> ChatId {
        ChatId(self.id.0)
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListChats {
    /// At most so many.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    limit: i64,
    /// `next` of the page before.
    #[param(value_type = Option<String>, pattern = "^c[0-7][0-9a-f]{15}$")]
    before: Option<Cursor>,
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
    let opened = executed.events.iter().any(|it| matches!(it, ChatEvent::Opened { .. }));
    let status = if opened { StatusCode::CREATED } else { StatusCode::OK };
    let chat = just_opened(&app, caller, member, executed.position).await?;
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
    let chat = projections::chats::by_id(&app.db, caller, chat_id).await;
    match (chat.map_err(ApiError::unavailable)?, late) {
        (Some(chat), _) => Ok(chat.into()),
        (None, None) => Err(ChatError::NotFound.into()),
        // The read model is late: a chat that it does not know yet is new, and empty.
        (None, Some(late)) => {
            let account = projections::accounts::by_id(&app.db, member).await;
            let participant = account.map_err(ApiError::unavailable)?.ok_or(late)?;
            Ok(ChatBody {
                chat_id: chat_id.0,
                participant: AccountBody::public(participant),
                last_message: None,
                unread_count: 0,
                read_up_to: 0,
                total_messages: 0,
                started: false,
                active: true,
            })
        }
    }
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
    let before = query.before.map(|Cursor(activity)| activity);
    // One more than asked for tells whether there is a next page.
    let chats = projections::chats::list(&app.db, caller, before, query.limit + 1).await;
    let mut chats = chats.map_err(ApiError::unavailable)?;
    let shown = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let more = chats.len() > shown;
    chats.truncate(shown);
    let next = chats.last().filter(|_| more).map(|it| Cursor(it.activity));
    let items = chats.into_iter().map(ChatBody::from).collect();
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
    let chat = projections::chats::by_id(&app.db, caller, path.chat_id()).await;
    let chat = chat.map_err(ApiError::unavailable)?.ok_or(ChatError::NotFound)?;
    Ok((At(reached), Json(ChatBody::from(chat))))
}

/// Says how far the caller has read. Never goes back.
#[utoipa::path(
    put, path = "/v1/chats/{id}/read", tag = "chats", operation_id = "mark_read",
    params(ChatPath),
    request_body = MarkRead,
    responses(
        (status = 204, description = "Read up to there, or further"),
        (status = 404, description = "The caller has no such chat"),
        (status = 409, description = "Others kept changing the chat, or the first request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn mark_read(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<MarkRead>,
) -> ApiResult<impl IntoResponse> {
    let command = ChatCommand::MarkRead { reader: caller, up_to: body.up_to, now: app.clock.now() };
    let id = path.chat_id().to_string();
    let executed = app.gateway.execute::<Chat>(&id, command, &context).await?;
    Ok((StatusCode::NO_CONTENT, At(executed.position)))
}
