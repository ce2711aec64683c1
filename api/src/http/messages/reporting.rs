//! Reporting a message to the moderators.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use domain::chat::{ChatCommand, ReportedCopy};
use domain::{AccountId, ReportId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::attachment;
use super::{MODELS, MessagePath, find};
use crate::http::App;
use crate::http::caller::{Caller, Command};
use crate::http::chats::act;
use crate::http::consistency::MinPosition;
use crate::http::error::ApiResult;
use crate::http::extract::Path;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportMessage {
    /// For the moderators to read.
    #[schema(max_length = 1_000)]
    reason: String,
}

/// Reports a message of the other member. The moderators get a copy of what the caller sees now,
/// which stays when the message is deleted; its sender is not told.
#[utoipa::path(
    post, path = "/v1/chats/{id}/messages/{message_id}/report", tag = "messages",
    operation_id = "report_message",
    params(MessagePath),
    request_body = ReportMessage,
    responses(
        (status = 204, description = "Reported, now or before"),
        (status = 404, description = "The caller has no such chat, or it no such message"),
        (status = 409, description = "It is deleted, others kept changing the chat, or the first \
            request is under way"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<MessagePath>,
    min: MinPosition,
    Command { body, context }: Command<ReportMessage>,
) -> ApiResult<impl IntoResponse> {
    min.reached(&app, &MODELS).await?;
    let message = find(&app, caller, &path).await?;
    let seen = ReportedCopy {
        sender: AccountId(message.sender_id),
        sent_at: message.sent_at,
        file: attachment(&message),
        text: message.text,
        reason: body.reason,
    };
    let command = ChatCommand::Report {
        report_id: ReportId(app.ids.next()),
        message_id: path.message_id(),
        by: caller,
        seen: Box::new(seen),
        now: app.clock.now(),
    };
    act(&app, path.chat_id(), command, &context).await
}
