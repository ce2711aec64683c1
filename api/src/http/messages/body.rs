//! A message, as it is answered.

use chrono::{DateTime, Utc};
use domain::chat::{Attachment, ChatEvent, Content, Quoted, Reference};
use domain::{AccountId, FileId, Personal};
use projections::files::FileState;
use projections::messages as views;
use projections::{FileView, MessageView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sending::ReferenceBody;

/// From so many hops on a message is said to be forwarded many times, as in the messengers that people
/// know.
const MANY_HOPS: u32 = 5;

/// What a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MessageType)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    #[default]
    Text,
    File,
    Image,
    /// A question that the app renders with buttons.
    Actionable,
}

/// A message as the caller sees it. What it does not have is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    pub(super) message_id: Uuid,
    pub(super) chat_id: Uuid,
    /// From 1, without a gap.
    #[schema(minimum = 1)]
    pub(super) number: i64,
    pub(super) sender_id: Uuid,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    /// Text, or caption. `null` without a caption, once deleted for everyone or disappeared, or its
    /// sender erased.
    #[schema(required)]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<Uuid>,
    /// What is known of the file. Left out in the answer to sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<AttachedFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// Any JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_params: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<ReplyBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<ReferenceBody>,
    /// In small letters, without `#`.
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded: Option<ForwardedBody>,
    /// One a person.
    reactions: Vec<ReactionBody>,
    pinned: bool,
    /// By the caller.
    starred: bool,
    pub(super) sent_at: DateTime<Utc>,
    /// When it disappears, or has.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    /// How often it was edited.
    #[schema(minimum = 0)]
    revision: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<DateTime<Utc>>,
    /// For everyone, or it has disappeared: nothing of it is left but its place.
    deleted: bool,
}

/// The file that goes with a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttachedFile {
    /// `null` once its owner is erased.
    #[schema(required)]
    name: Option<String>,
    content_type: String,
    /// In bytes.
    #[schema(minimum = 0)]
    size: i64,
    /// It has been looked at, and can be fetched.
    published: bool,
    /// Of an image, in pixels; so is `height`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    width: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    height: Option<i32>,
    /// Of an image: what to show until it is there (<https://blurha.sh>).
    #[serde(skip_serializing_if = "Option::is_none")]
    blur_hash: Option<String>,
}

/// The message that a message answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reply)]
pub(crate) struct ReplyBody {
    message_id: Uuid,
    #[schema(minimum = 1)]
    number: i64,
    /// How it reads now. Left out when the caller does not see it, and in the answer to sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<QuoteBody>,
}

/// What a quoted message says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub(crate) struct QuoteBody {
    sender_id: Uuid,
    #[serde(rename = "type")]
    kind: Kind,
    /// At most 200 characters of it.
    #[schema(required)]
    text: Option<String>,
    deleted: bool,
}

/// Where a forwarded message comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forwarded)]
pub(crate) struct ForwardedBody {
    /// Who wrote it first. Left out once that message is deleted for everyone, and in the answer to
    /// forwarding; so is `sent_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    /// How often it was forwarded to come here.
    #[schema(minimum = 1)]
    hops: u32,
    /// Five times or more.
    many_times: bool,
}

/// Somebody's reaction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reaction)]
pub(crate) struct ReactionBody {
    account_id: Uuid,
    emoji: String,
    reacted_at: DateTime<Utc>,
}

/// The answer to an actionable message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answer)]
pub(crate) struct AnswerBody {
    account_id: Uuid,
    /// Any JSON. `null` also once that person is erased.
    answer: Value,
    answered_at: DateTime<Utc>,
}

impl From<MessageView> for MessageBody {
    fn from(view: MessageView) -> Self {
        let (action, action_params) = view.action.map(|it| (it.name, it.params)).unzip();
        let action_params = action_params.flatten();
        Self {
            message_id: view.message_id,
            chat_id: view.chat_id,
            number: view.number,
            sender_id: view.sender_id,
            kind: Kind::of(&view.kind),
            text: view.text,
            file_id: view.file.as_ref().map(|it| it.file_id),
            file: view.file.and_then(|it| it.details).map(AttachedFile::from),
            action,
            action_params,
            answer: view.answer.map(AnswerBody::from),
            reply_to: view.reply.map(ReplyBody::from),
            reference: view.reference.map(|it| ReferenceBody { kind: it.kind, id: it.id }),
            tags: view.tags,
            forwarded: view.forwarded.map(ForwardedBody::from),
            reactions: view.reactions.into_iter().map(ReactionBody::from).collect(),
            pinned: view.pinned,
            starred: view.starred,
            sent_at: view.sent_at,
            expires_at: view.expires_at,
            revision: count(view.revision),
            edited_at: view.edited_at,
            deleted: view.deleted,
        }
    }
}

impl Kind {
    /// By its name in the read model, which only names these.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "file" => Self::File,
            "image" => Self::Image,
            "actionable" => Self::Actionable,
            _ => Self::Text,
        }
    }
}

impl From<FileView> for AttachedFile {
    fn from(view: FileView) -> Self {
        Self {
            name: view.name,
            content_type: view.content_type,
            size: view.size,
            published: view.state == FileState::Published,
            width: view.width,
            height: view.height,
            blur_hash: view.blur_hash,
        }
    }
}

impl From<views::AnswerView> for AnswerBody {
    fn from(view: views::AnswerView) -> Self {
        Self {
            account_id: view.account_id,
            answer: view.answer.unwrap_or_default(),
            answered_at: view.answered_at,
        }
    }
}

impl From<views::QuoteView> for ReplyBody {
    fn from(view: views::QuoteView) -> Self {
        let quote = QuoteBody {
            sender_id: view.sender_id,
            kind: Kind::of(&view.kind),
            text: view.text,
            deleted: view.deleted,
        };
        Self { message_id: view.message_id, number: view.number, quote: Some(quote) }
    }
}

impl From<views::ForwardedView> for ForwardedBody {
    fn from(view: views::ForwardedView) -> Self {
        let is_shown = !view.withheld;
        Self {
            sender_id: is_shown.then_some(view.sender_id),
            sent_at: is_shown.then_some(view.sent_at),
            ..Self::after(count(view.hops))
        }
    }
}

impl ForwardedBody {
    /// Without whose it was.
    const fn after(hops: u32) -> Self {
        Self { sender_id: None, sent_at: None, hops, many_times: hops >= MANY_HOPS }
    }
}

impl From<views::ReactionView> for ReactionBody {
    fn from(view: views::ReactionView) -> Self {
        Self { account_id: view.account_id, emoji: view.emoji, reacted_at: view.reacted_at }
    }
}

/// Read models count in signed numbers, of which none is negative.
pub(super) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// The message that an event says was sent, as it was then.
pub(super) fn sent(event: ChatEvent) -> Option<MessageBody> {
    let ChatEvent::MessageSent {
        chat_id,
        message_id,
        number,
        sender,
        content,
        reply_to,
        reference,
        tags,
        forwarded,
        expires_at,
        sent_at,
        ..
    } = event
    else {
        return None;
    };
    let file_id = content.file().map(|it| it.file_id.0);
    let (kind, text, action, action_params) = match content {
        Content::Text { text } => (Kind::Text, Some(text), None, None),
        Content::File { caption, .. } => (Kind::File, caption, None, None),
        Content::Image { caption, .. } => (Kind::Image, caption, None, None),
        Content::Actionable { text, action, action_params } => {
            (Kind::Actionable, Some(text), Some(action), action_params.into_value())
        }
    };
    Some(MessageBody {
        message_id: message_id.0,
        chat_id: chat_id.0,
        number: wide(number),
        sender_id: sender.0,
        kind,
        text: text.and_then(Personal::into_value),
        file_id,
        file: None,
        action,
        action_params,
        answer: None,
        reply_to: reply_to.map(ReplyBody::from),
        reference: reference.map(ReferenceBody::from),
        tags: tags.and_then(Personal::into_value).unwrap_or_default(),
        forwarded: forwarded.map(|it| ForwardedBody::after(it.hops)),
        reactions: vec![],
        pinned: false,
        starred: false,
        sent_at,
        expires_at,
        revision: 0,
        edited_at: None,
        deleted: false,
    })
}

impl From<Quoted> for ReplyBody {
    fn from(quoted: Quoted) -> Self {
        Self { message_id: quoted.message_id.0, number: wide(quoted.number), quote: None }
    }
}

impl From<Reference> for ReferenceBody {
    fn from(reference: Reference) -> Self {
        Self { kind: reference.kind, id: reference.id }
    }
}

fn wide(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The file that goes with a message.
pub(super) fn attachment(view: &MessageView) -> Option<Attachment> {
    let file = view.file.as_ref()?;
    Some(Attachment { file_id: FileId(file.file_id), owner: AccountId(file.owner_id) })
}
