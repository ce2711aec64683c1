//! `/health`: whether the process lives, and whether it should be sent requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use eventlog::read;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Process;
use super::error::{ApiError, ApiResult};
use super::problem::Problem;

/// How long the database may take before it counts as away.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; anything else is a problem.
    status: &'static str,
}

const OK: Json<Health> = Json(Health { status: "ok" });

/// Whether the process answers at all.
#[utoipa::path(
    get, path = "/health/live", tag = "operations", operation_id = "live",
    responses((status = 200, description = "It does", body = Health)),
)]
pub(crate) async fn live() -> Json<Health> {
    OK
}

/// Whether requests should be sent here: not before the database answers, nor once the process
/// begins to stop.
#[utoipa::path(
    get, path = "/health/ready", tag = "operations", operation_id = "ready",
    responses((status = 200, description = "They should", body = Health)),
)]
pub(crate) async fn ready(State(process): State<Arc<Process>>) -> ApiResult<Json<Health>> {
    if process.stopping.load(Ordering::Relaxed) {
        return Err(ApiError::new(Problem::Unavailable, "the process is stopping"));
    }
    match timeout(DATABASE_TIMEOUT, read::head(&process.db)).await {
        Ok(Ok(_)) => Ok(OK),
        Ok(Err(_)) | Err(_) => {
            Err(ApiError::new(Problem::Unavailable, "the database does not answer"))
        }
    }
}
