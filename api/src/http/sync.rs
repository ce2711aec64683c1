//! `/v1/sync`: what a device that was away has missed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use domain::AccountId;
use eventlog::{Position, read};
use projections::sync::{self, Change, Delta, MODELS, Place};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::App;
use super::accounts::AccountBody;
use super::caller::Caller;
use super::chats::ChatBody;
use super::consistency::{At, MinPosition};
use super::error::{ApiError, ApiResult};
use super::extract::Query;
use super::messages::MessageBody;
use super::openapi::limit;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncSince {
    /// `next` of the answer before, or a position. Left out the first time.
    #[param(value_type = Option<String>, pattern = "^(0|[1-9][0-9]{0,17})(_[0-9a-f]{32}_[0-9]{1,18})?$")]
    since: Option<Since>,
    /// At most so many changes.
    #[serde(default = "limit::default", deserialize_with = "limit::deserialize")]
    #[param(minimum = 1, maximum = 100, default = 50, required = false)]
    limit: i64,
}

/// A place among the changes: a position, and in the middle of what one event changed, also the chat
/// and number that came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) Place);

/// What has changed in the caller's chats.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sync {
    /// Too much has changed, or `since` was left out: read chats and messages anew, and go on with
    /// `next`.
    start_afresh: bool,
    /// By ascending position. A chat or message comes as it looks now, once however often it changed,
    /// and may come again.
    items: Vec<ChangeBody>,
    /// For `since`.
    #[schema(value_type = String)]
    next: Since,
    /// Whether to ask again at once. Without, everything up to `Parlance-Position` is told.
    more: bool,
}

/// Something that has changed, at the position of its last change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ChangeBody {
    /// The caller's own account.
    Account { position: i64, account: Box<AccountBody> },
    /// A chat. Messages up to its `cleared_up_to` are gone.
    Chat { position: i64, chat: Box<ChatBody> },
    /// A message. What quotes it quotes it as it is now.
    Message { position: i64, message: Box<MessageBody> },
    /// The caller has deleted the message for themselves.
    MessageGone {
        position: i64,
        chat_id: Uuid,
        #[schema(minimum = 1)]
        number: i64,
    },
}

/// What has changed since a position: for a device that was away.
///
/// The caller's account, chats (new ones, settings, receipts, drafts), messages (new, edited, deleted, disappeared, with
/// reactions, pins, answers and stars) and messages that the caller has deleted for themselves. The
/// first time, and when more than 20,000 have changed, it says to start afresh.
#[utoipa::path(
    get, path = "/v1/sync", tag = "chats", operation_id = "sync",
    params(SyncSince),
    responses((status = 200, description = "Some of it", body = Sync)),
    security(("bearer" = [])),
)]
pub(crate) async fn sync(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Query(query): Query<SyncSince>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let since = query.since.map(|it| it.0);
    Ok(match page(&app, caller, since, query.limit, reached).await? {
        Delta::StartAfresh(position) => {
            let next = Since(Place::after(position.0));
            (At(position), Json(Sync { start_afresh: true, items: vec![], next, more: false }))
        }
        Delta::Changes(changes) => {
            let mut items: Vec<_> = changes.items.into_iter().map(ChangeBody::from).collect();
            ChangeBody::illustrate(&app, items.iter_mut()).await?;
            let (next, more) = (Since(changes.next), changes.more);
            (At(changes.reflects), Json(Sync { start_afresh: false, items, next, more }))
        }
    })
}

/// What has changed for `caller` since a place, as far as the read models have come.
pub(crate) async fn delta(
    app: &App,
    caller: AccountId,
    since: Option<Place>,
    limit: i64,
) -> ApiResult<Delta> {
    let reached = app.reads.wait(None, &MODELS).await?;
    page(app, caller, since, limit, reached).await
}

async fn page(
    app: &App,
    caller: AccountId,
    mut since: Option<Place>,
    limit: i64,
    mut reached: Position,
) -> ApiResult<Delta> {
    if let Some(place) = since.filter(|it| it.position > reached.0) {
        match come_to(app, place).await? {
            Some(position) => reached = position,
            None => since = None,
        }
    }
    let now = app.clock.now();
    Ok(sync::page(&app.db, caller, since, limit, reached, now).await?)
}

/// Waits until the read models have come to `place`. None for one beyond the log: it was given by
/// another, or by this one before it was restored from a backup.
async fn come_to(app: &App, place: Place) -> ApiResult<Option<Position>> {
    let position = Position(place.position);
    if position > read::head(&app.db).await.map_err(ApiError::unavailable)? {
        return Ok(None);
    }
    Ok(Some(app.reads.wait(Some(position), &MODELS).await?))
}

impl ChangeBody {
    /// Its `type`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Account { .. } => "account",
            Self::Chat { .. } => "chat",
            Self::Message { .. } => "message",
            Self::MessageGone { .. } => "message_gone",
        }
    }

    /// Puts the pictures beside the names.
    pub(crate) async fn illustrate<'a>(
        app: &App,
        changes: impl Iterator<Item = &'a mut Self> + Send,
    ) -> ApiResult<()> {
        AccountBody::illustrate(app, changes.filter_map(Self::account)).await
    }

    /// The account in it that has a picture.
    fn account(&mut self) -> Option<&mut AccountBody> {
        match self {
            Self::Account { account, .. } => Some(account),
            Self::Chat { chat, .. } => Some(chat.participant()),
            Self::Message { .. } | Self::MessageGone { .. } => None,
        }
    }
}

impl From<sync::Item> for ChangeBody {
    fn from(item: sync::Item) -> Self {
        let position = item.place.position;
        match item.change {
            Change::Account(account) => {
                Self::Account { position, account: Box::new(AccountBody::own(*account)) }
            }
            Change::Chat(chat) => Self::Chat { position, chat: Box::new((*chat).into()) },
            Change::Message(message) => {
                Self::Message { position, message: Box::new((*message).into()) }
            }
            Change::MessageGone { chat_id, number } => {
                Self::MessageGone { position, chat_id, number }
            }
        }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { position, chat_id, number } = self.0;
        if self.0.is_after_position() {
            return write!(f, "{position}");
        }
        write!(f, "{position}_{}_{number}", chat_id.simple())
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SAYS: &str = "must be a position, or the `next` of an answer";
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
            digits.parse().ok().filter(|_| is_number).ok_or(SAYS)
        };
        let mut parts = text.split('_');
        let (position, place) = (parts.next(), (parts.next(), parts.next(), parts.next()));
        let position = number(position.unwrap_or_default())?;
        match place {
            (None, None, None) => Ok(Self(Place::after(position))),
            (Some(chat_id), Some(last), None) => {
                let chat_id = Uuid::try_parse(chat_id).map_err(|_| SAYS)?;
                Ok(Self(Place { position, chat_id, number: number(last)? }))
            }
            _ => Err(SAYS),
        }
    }
}

impl Serialize for Since {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let chat_id = Uuid::from_u128(0x0190_f6f4);
        let middle = Place { position: 12, chat_id, number: 0 };
        for place in [Place::after(0), Place::after(1_234), middle, Place { number: 7, ..middle }] {
            assert_eq!(Since(place).to_string().parse(), Ok(Since(place)));
        }
        assert_eq!("1234".parse(), Ok(Since(Place::after(1_234))));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let id = Uuid::nil().simple().to_string();
        let texts = ["", "x", "-1", "+1", "1_", "1_2", "99999999999999999999", "1__1"];
        for text in texts.map(str::to_owned).into_iter().chain([
            format!("1_{id}"),
            format!("1_{id}_"),
            format!("1_{id}_-1"),
            format!("1_{id}_1_1"),
        ]) {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
