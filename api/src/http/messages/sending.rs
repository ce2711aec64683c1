//! Sending a message.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::{CommandError, SendError, Sending};
use domain::chat::{Attachment, Chat, ChatError, NewContent, Outgoing, Reference};
use domain::{AccountId, ChatId, FileId, MessageId};
use eventlog::Position;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::allowance::Allowance;
use super::body::{Kind, MessageBody, sent};
use super::{MODELS, is_about_message};
use crate::http::App;
use crate::http::caller::{Caller, Command};
use crate::http::chats::ChatPath;
use crate::http::consistency::At;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Id, Path};

/// A message to be sent. Its `type` says which of the members it has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// Chosen by the client: sending it again sends nothing new. Without one, the server makes one.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<Id>,
    /// `text` when it is left out.
    #[serde(rename = "type", default)]
    #[schema(required = false)]
    kind: Kind,
    /// Of a `text` and an `actionable`: at most 10,000 characters after trimming, unless the
    /// operator has set another number.
    #[schema(
        pattern = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
        max_length = 10_000
    )]
    text: Option<String>,
    /// Of a `file` and an `image`: one's own, whose upload is completed.
    #[schema(value_type = Option<Uuid>)]
    file_id: Option<Id>,
    /// Of a `file` and an `image`, if at all. As long as a text.
    #[schema(
        pattern = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
        max_length = 10_000
    )]
    caption: Option<String>,
    /// Of an `actionable`: what the app makes buttons of.
    #[schema(pattern = "^[A-Za-z0-9_.:-]{1,100}$")]
    action: Option<String>,
    /// Of an `actionable`: any JSON of at most 4,096 bytes; without it, an empty object.
    action_params: Option<Value>,
    /// The message that it answers, of the same chat.
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<Id>,
    /// What it is about, in the app.
    reference: Option<ReferenceBody>,
    /// Besides those that stand as `#tag` in the text. At most 30, each of at most 50 letters,
    /// digits and `_`, and not of digits alone.
    #[serde(default)]
    tags: Vec<String>,
}

/// Something in the app. The app's own names: nothing here reads them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Reference)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReferenceBody {
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub(super) kind: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub(super) id: String,
}

impl SendMessage {
    fn outgoing(self, sender: AccountId, message_id: MessageId) -> ApiResult<Outgoing> {
        self.check_members()?;
        let text = |text: Option<String>| text.ok_or_else(|| missing("text"));
        let (action, action_params) = (self.action, self.action_params);
        let file = |file_id: Option<Id>| {
            let file_id = FileId(file_id.ok_or_else(|| missing("file_id"))?.0);
            Ok::<_, ApiError>(Attachment { file_id, owner: sender })
        };
        let content = match self.kind {
            Kind::Text => NewContent::Text { text: text(self.text)? },
            Kind::File => NewContent::File { file: file(self.file_id)?, caption: self.caption },
            Kind::Image => NewContent::Image { file: file(self.file_id)?, caption: self.caption },
            Kind::Actionable => NewContent::Actionable {
                text: text(self.text)?,
                action: action.ok_or_else(|| missing("action"))?,
                action_params: action_params.unwrap_or_else(|| Value::Object(Map::new())),
            },
        };
        Ok(Outgoing {
            message_id,
            sender,
            content,
            reply_to: self.reply_to.map(|it| MessageId(it.0)),
            reference: self.reference.map(|it| Reference { kind: it.kind, id: it.id }),
            tags: self.tags,
            forwarded: None,
        })
    }

    /// Refuses members of another type: whoever sends them means something else.
    fn check_members(&self) -> ApiResult<()> {
        let says = matches!(self.kind, Kind::Text | Kind::Actionable);
        let asks = matches!(self.kind, Kind::Actionable);
        let members = [
            ("text", self.text.is_some(), says),
            ("file_id", self.file_id.is_some(), !says),
            ("caption", self.caption.is_some(), !says),
            ("action", self.action.is_some(), asks),
            ("action_params", self.action_params.is_some(), asks),
        ];
        match members.into_iter().find(|(_, is_given, is_allowed)| *is_given && !is_allowed) {
            Some((name, ..)) => {
                Err(ApiError::invalid(name, format!("a message of this type has no `{name}`")))
            }
            None => Ok(()),
        }
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid(name, format!("missing field `{name}`"))
}

/// Sends a message.
///
/// The answer tells what was sent. What else belongs to the message when it is read, like what a
/// quoted message says, is left out.
#[utoipa::path(
    post, path = "/v1/chats/{id}/messages", tag = "messages", operation_id = "send_message",
    params(ChatPath),
    request_body = SendMessage,
    responses(
        (status = 201, description = "Sent, now or by an earlier request", body = MessageBody),
        (status = 404, description = "The caller has no such chat, file or quoted message"),
        (status = 409, description = "The chat takes no messages, the message id belongs to \
            another message, the file cannot be used, or the first request is under way"),
        (status = 429, description = "Too many messages in a short time, or too many requests are \
            waiting"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ChatPath>,
    Command { body, context }: Command<SendMessage>,
) -> ApiResult<Response> {
    let (chat_id, limits) = (path.chat_id(), app.limits);
    let message_id = MessageId(body.message_id.map_or_else(|| app.ids.next(), |it| it.0));
    let has_caption = body.caption.is_some();
    let message = body.outgoing(caller, message_id)?;
    let sending = Sending { chat_id, message, limits, now: app.clock.now() };
    let done = commands::send(&app.gateway, sending, &context).await;
    let allowance = Allowance::after(limits, &done);
    let executed = match done {
        Ok(executed) => executed,
        Err(error) => return Ok(refused(error, allowance, has_caption)),
    };
    let position = executed.position;
    let message = match executed.events.into_iter().find_map(sent) {
        Some(message) => message,
        None => sent_before(&app, chat_id, message_id, position).await?,
    };
    Ok((StatusCode::CREATED, At(position), allowance, Json(message)).into_response())
}

fn refused(error: SendError, allowance: Allowance, has_caption: bool) -> Response {
    let too_fast = matches!(error, SendError::Chat(CommandError::Rule(ChatError::TooFast { .. })));
    // The only other message that a sender names is the one that theirs answers.
    let error = about_quote(error.into());
    let error = if has_caption { error.renamed("text", "caption") } else { error };
    if too_fast { (allowance, error).into_response() } else { error.into_response() }
}

/// The same failure; one about a message is about `reply_to`.
pub(crate) fn about_quote(error: ApiError) -> ApiError {
    if is_about_message(&error) { error.blaming("reply_to") } else { error }
}

/// What an earlier request sent under this id, as it was answered then: from the event, for ever.
pub(super) async fn sent_before(
    app: &App,
    chat_id: ChatId,
    message_id: MessageId,
    position: Position,
) -> ApiResult<MessageBody> {
    let unknown = || ChatError::UnknownMessage(message_id);
    app.reads.wait(Some(position), &MODELS).await?;
    let at = projections::messages::position_of(&app.db, chat_id, message_id).await;
    let at = at.map_err(ApiError::unavailable)?.ok_or_else(unknown)?;
    let event = app.gateway.event_at::<Chat>(at).await?;
    Ok(event.and_then(sent).ok_or_else(unknown)?)
}
