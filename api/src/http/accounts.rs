//! `/v1/me`, `/v1/accounts`: who is who.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use commands::Context;
use domain::AccountId;
use domain::account::{Account, AccountCommand, Audience};
use eventlog::Position;
use projections::{AccountView, ReadModel, ReadsError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::App;
use super::caller::{Caller, Command};
use super::consistency::{At, MinPosition};
use super::error::{ApiError, ApiResult};
use super::extract::{Id, Path};
use super::files::avatar::{AvatarBody, avatars};
use super::problem::Problem;

/// What an account is read from: itself, and its picture.
const MODELS: [ReadModel; 2] = [ReadModel::Accounts, ReadModel::Files];

/// Somebody's names. `null` once erased.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    account_id: Uuid,
    #[schema(required)]
    username: Option<String>,
    #[schema(required)]
    display_name: Option<String>,
    /// Only in one's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    registered_at: DateTime<Utc>,
    /// Whether others see how far one has read, and one how far they have. Only in one's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_receipts: Option<bool>,
    /// Who is shown whether one is there, and when one was last. Only in one's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_shown_to: Option<PresenceAudience>,
    /// The picture beside the name. Left out when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<AvatarBody>,
}

impl AccountBody {
    /// As everybody sees it.
    pub(crate) fn public(view: AccountView) -> Self {
        Self { email: None, read_receipts: None, presence_shown_to: None, ..Self::own(view) }
    }

    /// As its owner sees it.
    pub(crate) fn own(view: AccountView) -> Self {
        Self {
            account_id: view.account_id,
            username: view.username,
            display_name: view.display_name,
            email: view.email,
            registered_at: view.registered_at,
            read_receipts: Some(view.read_receipts),
            presence_shown_to: Some(view.presence_shown_to.into()),
            avatar: None,
        }
    }

    /// Puts the pictures beside the names.
    pub(crate) async fn illustrate<'a>(
        app: &App,
        accounts: impl Iterator<Item = &'a mut Self> + Send,
    ) -> ApiResult<()> {
        let accounts: Vec<_> = accounts.collect();
        let ids: Vec<_> = accounts.iter().map(|it| it.account_id).collect();
        let mut avatars = avatars(app, &ids).await?;
        for account in accounts {
            account.avatar = avatars.remove(&account.account_id);
        }
        Ok(())
    }

    async fn illustrated(mut self, app: &App) -> ApiResult<Self> {
        Self::illustrate(app, std::iter::once(&mut self)).await?;
        Ok(self)
    }
}

/// Who is shown whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PresenceAudience {
    Everyone,
    /// Those who have a chat with them.
    Chats,
    Nobody,
}

impl From<Audience> for PresenceAudience {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Everyone => Self::Everyone,
            Audience::Chats => Self::Chats,
            Audience::Nobody => Self::Nobody,
        }
    }
}

impl From<PresenceAudience> for Audience {
    fn from(audience: PresenceAudience) -> Self {
        match audience {
            PresenceAudience::Everyone => Self::Everyone,
            PresenceAudience::Chats => Self::Chats,
            PresenceAudience::Nobody => Self::Nobody,
        }
    }
}

/// What is missing stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeProfile {
    /// Capitals become small letters.
    #[schema(pattern = "^[A-Za-z0-9_.]{3,30}$")]
    username: Option<String>,
    /// Without control characters, and not of spaces alone.
    #[schema(
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        max_length = 50
    )]
    display_name: Option<String>,
    /// Whether others see how far one has read, and one how far they have.
    read_receipts: Option<bool>,
    /// Who is shown whether one is there, and when one was last. Who shows it to nobody is shown
    /// nobody's.
    presence_shown_to: Option<PresenceAudience>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AccountPath {
    #[param(value_type = Uuid)]
    id: Id,
}

impl AccountPath {
    pub(crate) const fn account_id(&self) -> AccountId {
        AccountId(self.id.0)
    }
}

/// One's own account.
#[utoipa::path(
    get, path = "/v1/me", tag = "accounts", operation_id = "me",
    responses((status = 200, description = "The caller's account", body = AccountBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn me(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let view = find(&app, caller).await?;
    Ok((At(reached), Json(AccountBody::own(view).illustrated(&app).await?)))
}

/// Somebody's account.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "account",
    params(AccountPath),
    responses(
        (status = 200, description = "The account", body = AccountBody),
        (status = 404, description = "There is no such account"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn account(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<AccountPath>,
    min: MinPosition,
) -> ApiResult<impl IntoResponse> {
    let reached = min.reached(&app, &MODELS).await?;
    let view = find(&app, AccountId(path.id.0)).await?;
    let body =
        if path.id.0 == caller.0 { AccountBody::own(view) } else { AccountBody::public(view) };
    Ok((At(reached), Json(body.illustrated(&app).await?)))
}

/// Changes one's names, and what others are shown of what one does.
#[utoipa::path(
    patch, path = "/v1/me", tag = "accounts", operation_id = "change_profile",
    request_body = ChangeProfile,
    responses(
        (status = 200, description = "The account as it is now", body = AccountBody),
        (status = 409, description = "The username is taken"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn change_profile(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Command { body, context }: Command<ChangeProfile>,
) -> ApiResult<impl IntoResponse> {
    let id = caller.to_string();
    let position = change(&app, &id, body, &context).await?;
    let view = match app.reads.wait(Some(position), &[ReadModel::Accounts]).await {
        Ok(_) => find(&app, caller).await?,
        // The change is recorded, whether or not the read model knows of it yet.
        Err(ReadsError::Behind { .. }) => {
            let view = find(&app, caller).await?;
            app.gateway.inspect(&id, |account| as_in(account, view)).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok((At(position), Json(AccountBody::own(view).illustrated(&app).await?)))
}

/// Names, receipts and presence are commands of their own. Names come first: they can be refused.
async fn change(
    app: &App,
    id: &str,
    body: ChangeProfile,
    context: &Context,
) -> ApiResult<Position> {
    let ChangeProfile { username, display_name, read_receipts, presence_shown_to } = body;
    let now = app.clock.now();
    let is_private = read_receipts.is_some() || presence_shown_to.is_some();
    let names = (username.is_some() || display_name.is_some() || !is_private)
        .then_some(AccountCommand::ChangeProfile { username, display_name, now });
    let privacy =
        read_receipts.map(|read_receipts| AccountCommand::ChangePrivacy { read_receipts, now });
    let mut position = Position::START;
    let presence = presence_shown_to.map(|to| AccountCommand::ShowPresence { to: to.into(), now });
    let commands = names.into_iter().chain(privacy).chain(presence);
    for (place, command) in commands.enumerate() {
        let context = context.part(place);
        position = app.gateway.execute::<Account>(id, command, &context).await?.position;
    }
    Ok(position)
}

async fn find(app: &App, id: AccountId) -> ApiResult<AccountView> {
    let view = projections::accounts::by_id(&app.db, id).await.map_err(ApiError::unavailable)?;
    view.ok_or_else(|| ApiError::of(Problem::AccountNotFound))
}

/// With what can be changed as it is in the log.
fn as_in(account: &Account, mut view: AccountView) -> AccountView {
    match account {
        Account::Absent => {}
        Account::Registered(profile) => {
            view.username = profile.username.value().cloned();
            view.display_name = profile.display_name.value().cloned();
            view.read_receipts = profile.read_receipts;
            view.presence_shown_to = profile.presence_shown_to;
        }
    }
    view
}
