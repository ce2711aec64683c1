//! What is sent: JSON, made once for all connections that it goes to.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use projections::sync::{Item, Place};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::App;
use crate::http::error::ApiResult;
use crate::http::sync::{ChangeBody, Since};

/// Something to be sent.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The `type` in its JSON.
    pub(crate) name: &'static str,
    /// Where whoever has got it goes on; nothing for what passes.
    pub(crate) place: Option<Place>,
    pub(crate) json: String,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EndReason)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Its access token has ended: come back with another.
    TokenExpired,
    /// Its session has ended: sign in again.
    SessionRevoked,
    /// It does not take what it is sent: come back where it left off.
    SlowConsumer,
    /// The server stops: come back, to another.
    Draining,
    /// Something went wrong here: come back where it left off.
    Unavailable,
}

impl Reason {
    /// As it stands in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TokenExpired => "token_expired",
            Self::SessionRevoked => "session_revoked",
            Self::SlowConsumer => "slow_consumer",
            Self::Draining => "draining",
            Self::Unavailable => "unavailable",
        }
    }

    /// Counts a connection that ends for it.
    pub(crate) fn count(self) {
        metrics::counter!("parlance_live_ended_total", "reason" => self.name()).increment(1);
    }
}

/// What is said besides what has changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Notice {
    /// The first.
    Welcome {
        /// Of this connection.
        connection_id: Uuid,
        /// Where it goes on.
        #[schema(value_type = String)]
        id: Since,
        /// What came before cannot be told: read everything anew at this position or later, and go on.
        start_afresh: bool,
        /// Seconds between signs of life.
        heartbeat_seconds: u64,
    },
    /// So much has changed that it cannot be told: read everything anew at this position or later.
    StartAfresh {
        #[schema(value_type = String)]
        id: Since,
    },
    /// What was missed is told.
    CaughtUp {
        #[schema(value_type = String)]
        id: Since,
    },
    /// A sign of life. Everything before is told.
    Heartbeat {
        #[schema(value_type = String)]
        id: Since,
    },
    /// Somebody types, or no longer does.
    Typing {
        chat_id: Uuid,
        account_id: Uuid,
        typing: bool,
        /// Until it is to be taken as ended, should nothing more be heard.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_ms: Option<u64>,
    },
    /// Whether somebody who is watched is there.
    Presence {
        account_id: Uuid,
        /// `null`: not shown.
        #[schema(required)]
        online: Option<bool>,
        /// When they were there last. `null` while they are, and when it is not shown.
        #[schema(required)]
        last_seen: Option<DateTime<Utc>>,
    },
    /// A session of the caller's has ended; perhaps this one.
    SessionRevoked { session_id: Uuid },
    /// The access token ends soon: renew it, or the connection ends with it.
    TokenExpiring { expires_at: DateTime<Utc> },
    /// The last.
    End {
        reason: Reason,
        /// When to come back, each at another time.
        reconnect_after_ms: u64,
    },
}

impl Notice {
    const fn name(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::StartAfresh { .. } => "start_afresh",
            Self::CaughtUp { .. } => "caught_up",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Typing { .. } => "typing",
            Self::Presence { .. } => "presence",
            Self::SessionRevoked { .. } => "session_revoked",
            Self::TokenExpiring { .. } => "token_expiring",
            Self::End { .. } => "end",
        }
    }

    const fn place(&self) -> Option<Place> {
        match self {
            Self::Welcome { id, .. }
            | Self::StartAfresh { id }
            | Self::CaughtUp { id }
            | Self::Heartbeat { id } => Some(id.0),
            Self::Typing { .. }
            | Self::Presence { .. }
            | Self::SessionRevoked { .. }
            | Self::TokenExpiring { .. }
            | Self::End { .. } => None,
        }
    }
}

impl From<Notice> for Frame {
    fn from(notice: Notice) -> Self {
        Self { name: notice.name(), place: notice.place(), json: json(&notice) }
    }
}

impl Frame {
    /// What has changed, each at its place.
    pub(crate) async fn changes(app: &App, items: Vec<Item>) -> ApiResult<Vec<Arc<Self>>> {
        let places: Vec<_> = items.iter().map(|it| it.place).collect();
        let mut bodies: Vec<_> = items.into_iter().map(ChangeBody::from).collect();
        ChangeBody::illustrate(app, bodies.iter_mut()).await?;
        let frames = places.into_iter().zip(&bodies).map(|(place, body)| Self::change(place, body));
        Ok(frames.map(Arc::new).collect())
    }

    fn change(place: Place, change: &ChangeBody) -> Self {
        #[derive(Serialize)]
        struct Told<'a> {
            id: Since,
            #[serde(flatten)]
            change: &'a ChangeBody,
        }
        let json = json(&Told { id: Since(place), change });
        Self { name: change.name(), place: Some(place), json }
    }
}

/// None of it can fail to be written.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
