//! HTTP: one file a resource, and what all of them share.
//!
//! - [`auth`], [`accounts`], [`chats`], [`messages`], [`health`], [`jwks`], [`docs`]: the resources
//! - [`caller`], [`extract`], [`idempotency`], [`consistency`], [`cursor`]: what requests say
//! - [`error`], [`problem`]: what is answered instead of success
//! - [`middleware`], [`metrics`], [`openapi`]: around all of it

mod accounts;
mod auth;
mod caller;
mod chats;
mod consistency;
mod cursor;
mod docs;
pub(crate) mod error;
mod extract;
mod health;
mod idempotency;
mod jwks;
mod messages;
pub(crate) mod metrics;
mod middleware;
mod openapi;
mod problem;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use commands::{Gateway, SignIn};
use eventlog::database::PgPool;
use eventlog::{Clock, Ids};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Reads;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a body: nothing but a message is longer.
const BODY_MAX: usize = 64 * 1024;

/// Bytes of a message's body. 10,000 characters beyond the basic plane, written as `\ud83d\ude00`,
/// are 120,000 bytes.
const MESSAGE_BODY_MAX: usize = 128 * 1024;

/// What the API's handlers work with.
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) sign_in: SignIn,
    pub(crate) reads: Reads,
    pub(crate) db: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

/// What is there in every role: the process answers for its own health.
pub(crate) struct Process {
    pub(crate) db: PgPool,
    pub(crate) ids: Ids,
    pub(crate) metrics: PrometheusHandle,
    /// Set when the process begins to stop.
    pub(crate) stopping: AtomicBool,
}

/// Everything that is served. Without `app`: health and measurements alone.
pub(crate) fn router(process: Arc<Process>, app: Option<Arc<App>>) -> Router {
    let mut router = operations().with_state(Arc::clone(&process)).split_for_parts().0;
    if let Some(app) = app {
        let room = Semaphore::new(middleware::IN_FLIGHT_MAX);
        let api = api()
            .layer(from_fn_with_state(Arc::new(room), middleware::bound))
            .with_state(app)
            .split_for_parts()
            .0;
        router = router.merge(api).merge(docs::router()).merge(openapi::router(&document()));
    }
    router
        .fallback(middleware::nothing_here)
        .method_not_allowed_fallback(middleware::no_such_method)
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn_with_state(process, middleware::observe))
}

/// The document of all of it.
fn document() -> serde_json::Value {
    let mut document = operations().into_openapi();
    document.merge(api().into_openapi());
    openapi::complete(document)
}

fn operations() -> OpenApiRouter<Arc<Process>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
}

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(jwks::jwks))
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(accounts::me, accounts::change_profile))
        .routes(routes!(accounts::account))
        .routes(routes!(chats::open, chats::list))
        .routes(routes!(chats::chat))
        .routes(routes!(chats::mark_read))
        .routes(routes!(messages::page))
        .routes(routes!(messages::delete))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(messages::send))
                .layer(DefaultBodyLimit::max(MESSAGE_BODY_MAX)),
        )
}
