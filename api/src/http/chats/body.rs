//! A chat, as it is answered.

use chrono::{DateTime, Utc};
use projections::chats::DraftView;
use projections::{AccountView, ChatView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::App;
use crate::http::accounts::AccountBody;
use crate::http::error::ApiResult;
use crate::http::messages::MessageBody;

/// A chat as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Chat)]
#[expect(clippy::struct_excessive_bools, reason = "what callers read, each by its name")]
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
    /// By the caller, until they read it again.
    marked_unread: bool,
    /// The number up to which the caller has read.
    #[schema(minimum = 0)]
    read_up_to: i64,
    /// The number up to which messages have reached the caller.
    #[schema(minimum = 0)]
    delivered_up_to: i64,
    /// The number up to which the other member has read. `null` when one of the two hides it.
    #[schema(required, minimum = 0)]
    participant_read_up_to: Option<i64>,
    /// The number up to which messages have reached the other member.
    #[schema(minimum = 0)]
    participant_delivered_up_to: i64,
    /// Messages of the caller up to there that never reached the other member, and so were not
    /// read either.
    participant_missed: Vec<Missed>,
    /// The number of the last message.
    #[schema(minimum = 0)]
    total_messages: i64,
    /// The number up to which the caller has cleared the chat.
    #[schema(minimum = 0)]
    cleared_up_to: i64,
    /// Whether anything was ever sent.
    started: bool,
    /// Whether it takes messages.
    active: bool,
    /// By the caller.
    archived: bool,
    /// By the caller, now.
    muted: bool,
    /// When that ends by itself.
    #[schema(required)]
    muted_until: Option<DateTime<Utc>>,
    /// After how many days new messages disappear: 1, 7 or 90. `null`: they stay.
    #[schema(required, minimum = 1)]
    disappearing_after_days: Option<i32>,
    /// What the caller has begun to write.
    #[schema(required)]
    draft: Option<DraftBody>,
    /// Whether the caller has blocked the other member.
    blocked: bool,
}

/// Messages that follow one another, by the numbers of the first and the last.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Missed {
    #[schema(minimum = 1)]
    first: i64,
    #[schema(minimum = 1)]
    last: i64,
}

/// A message that is not sent yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Draft)]
pub(crate) struct DraftBody {
    #[schema(required)]
    text: Option<String>,
    /// The message that it answers.
    #[schema(required)]
    reply_to: Option<Uuid>,
    saved_at: DateTime<Utc>,
}

impl From<ChatView> for ChatBody {
    fn from(view: ChatView) -> Self {
        Self {
            chat_id: view.chat_id,
            participant: AccountBody::public(view.participant),
            last_message: view.last_message.map(MessageBody::from),
            unread_count: view.unread_count,
            marked_unread: view.marked_unread,
            read_up_to: view.read_up_to,
            delivered_up_to: view.delivered_up_to,
            participant_read_up_to: view.participant_read_up_to,
            participant_delivered_up_to: view.participant_delivered_up_to,
            participant_missed: view
                .participant_missed
                .into_iter()
                .map(|(first, last)| Missed { first, last })
                .collect(),
            total_messages: view.total_messages,
            cleared_up_to: view.cleared_up_to,
            started: view.total_messages > 0,
            active: view.active,
            archived: view.archived,
            muted: view.muted,
            muted_until: view.muted_until,
            disappearing_after_days: view.disappearing_days,
            draft: view.draft.map(DraftBody::from),
            blocked: view.blocked,
        }
    }
}

impl From<DraftView> for DraftBody {
    fn from(view: DraftView) -> Self {
        Self { text: view.text, reply_to: view.reply_to, saved_at: view.saved_at }
    }
}

impl ChatBody {
    /// The other member.
    pub(crate) fn participant(&mut self) -> &mut AccountBody {
        &mut self.participant
    }

    /// Puts the pictures of the other members beside their names.
    pub(crate) async fn illustrate<'a>(
        app: &App,
        chats: impl Iterator<Item = &'a mut Self> + Send,
    ) -> ApiResult<()> {
        AccountBody::illustrate(app, chats.map(|it| &mut it.participant)).await
    }

    /// A chat in which nothing has happened.
    pub(super) fn new(chat_id: Uuid, participant: AccountView, receipts: bool) -> Self {
        Self {
            chat_id,
            participant_read_up_to: (receipts && participant.read_receipts).then_some(0),
            participant: AccountBody::public(participant),
            last_message: None,
            unread_count: 0,
            marked_unread: false,
            read_up_to: 0,
            delivered_up_to: 0,
            participant_delivered_up_to: 0,
            participant_missed: vec![],
            total_messages: 0,
            cleared_up_to: 0,
            started: false,
            active: true,
            archived: false,
            muted: false,
            muted_until: None,
            disappearing_after_days: None,
            draft: None,
            blocked: false,
        }
    }
}
