//! Who is there: asked once, or watched by a connection.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use domain::AccountId;
use projections::presence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::App;
use crate::http::accounts::AccountPath;
use crate::http::caller::Caller;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{self, Id, Path};
use crate::live::{WATCHED_MAX, Watch};

/// Whether somebody is there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Presence)]
pub(crate) struct PresenceBody {
    account_id: Uuid,
    /// `null`: not shown to the caller.
    #[schema(required)]
    online: Option<bool>,
    /// When they were there last. `null` while they are, if they never were, and when it is not shown.
    #[schema(required)]
    last_seen: Option<DateTime<Utc>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchPeople {
    /// At most 100.
    #[schema(value_type = Vec<Uuid>, max_items = 100)]
    account_ids: Vec<Id>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ConnectionPath {
    /// Of the `welcome`.
    #[param(value_type = Uuid)]
    id: Id,
}

/// Whether somebody is there, as far as they show it to the caller.
///
/// An account that does not exist looks like one that is not shown.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/presence", tag = "live", operation_id = "presence",
    params(AccountPath),
    responses((status = 200, description = "What the caller is shown", body = PresenceBody)),
    security(("bearer" = [])),
)]
pub(crate) async fn presence(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<AccountPath>,
) -> ApiResult<impl IntoResponse> {
    let views = presence::seen(&app.db, &[(caller, path.account_id())]).await;
    let seen = views.map_err(ApiError::unavailable)?.first().and_then(|it| it.seen);
    Ok(Json(PresenceBody {
        account_id: path.account_id().0,
        online: seen.map(|it| it.online),
        last_seen: seen.filter(|it| !it.online).and_then(|it| it.since),
    }))
}

/// Whom one of the caller's connections is told of, in place of whom it was before.
///
/// The stream or socket is told at once what the caller is shown of each, and then whenever that changes.
/// A connection that is gone, or is not the caller's, is not looked for.
#[utoipa::path(
    put, path = "/v1/connections/{id}/watching", tag = "live", operation_id = "watch",
    params(ConnectionPath),
    request_body = WatchPeople,
    responses((status = 204, description = "Said, to the connection")),
    security(("bearer" = [])),
)]
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    Path(path): Path<ConnectionPath>,
    extract::Json(body): extract::Json<WatchPeople>,
) -> ApiResult<impl IntoResponse> {
    app.bus.tell(&body.by(caller, path.id.0)?);
    Ok(StatusCode::NO_CONTENT)
}

impl WatchPeople {
    pub(super) fn by(self, caller: AccountId, connection_id: Uuid) -> ApiResult<Watch> {
        if self.account_ids.len() > WATCHED_MAX {
            let says = format!("must be at most {WATCHED_MAX} ids");
            return Err(ApiError::invalid("account_ids", says));
        }
        let watched = self.account_ids.iter().map(|it| AccountId(it.0)).collect();
        Ok(Watch { connection_id, account_id: caller, watched })
    }
}
