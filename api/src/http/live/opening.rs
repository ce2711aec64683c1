//! Who opens a connection, and where it goes on.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use commands::{Caller, ConnectError};
use projections::sync::Place;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::caller::bearer;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::sync::Since;
use crate::live::{Connection, Opening};

/// Where a browser's `EventSource` left off.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveSince {
    /// The last `id` that was received, or `next` of a sync. Left out: from now on. The header
    /// `Last-Event-ID` counts before it.
    #[param(value_type = Option<String>, pattern = "^(0|[1-9][0-9]{0,17})(_[0-9a-f]{32}_[0-9]{1,18})?$")]
    since: Option<Since>,
    /// In place of an access token.
    ticket: Option<String>,
    /// The app is in the background: whoever uses it counts as away.
    #[serde(default)]
    #[param(required = false, default = false)]
    background: bool,
}

/// Who opens a connection, and where it goes on.
pub(crate) struct Proven {
    pub(super) caller: Caller,
    since: Option<Place>,
    looking: bool,
}

impl FromRequestParts<Arc<App>> for Proven {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let Query(query) = parts.extract_with_state::<Query<LiveSince>, _>(app).await?;
        let LiveSince { since, ticket, background } = query;
        let since = last_event_id(parts)?.or(since).map(|it| it.0);
        let caller = match &ticket {
            Some(ticket) => redeem(app, ticket).await?,
            None => app.sign_in.authenticate(bearer(parts)?)?,
        };
        Ok(Self { caller, since, looking: !background })
    }
}

impl Proven {
    /// Admits the connection, and registers it.
    pub(super) async fn connect(self, app: &Arc<App>) -> ApiResult<Connection> {
        let Self { caller, since, looking } = self;
        let connected = app.presence.connect(caller.account_id, looking).await;
        let connected = connected.map_err(|error| match error {
            ConnectError::TooMany => ApiError::of(Problem::TooManyConnections),
            ConnectError::Unavailable => ApiError::of(Problem::Unavailable),
        })?;
        let opening = Opening { caller, since };
        let connection = Connection::open(Arc::clone(app), connected, opening).await;
        connection.ok_or_else(|| ApiError::of(Problem::Unavailable))
    }
}

fn last_event_id(parts: &Parts) -> ApiResult<Option<Since>> {
    let Some(value) = parts.headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(None); // nothing was received yet
    }
    text.parse().map(Some).map_err(|says| ApiError::invalid("Last-Event-ID", says))
}

async fn redeem(app: &App, ticket: &str) -> ApiResult<Caller> {
    let caller = app.sign_in.redeem_ticket(ticket).await?;
    caller
        .ok_or_else(|| ApiError::field(Problem::InvalidToken, "ticket", "the ticket is not valid"))
}
