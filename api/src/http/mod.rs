//! HTTP: one file a resource, and what all of them share.
//!
//! - [`auth`], [`firebase`], [`accounts`], [`chats`], [`messages`], [`files`], [`blocks`], [`sync`], [`live`],
//!   [`devices`], [`push`], [`export`], [`health`], [`jwks`], [`docs`]: the resources
//! - [`caller`], [`extract`], [`idempotency`], [`consistency`], [`cursor`]: what requests say
//! - [`error`], [`problem`]: what is answered instead of success
//! - [`middleware`], [`metrics`], [`openapi`]: around all of it

mod accounts;
mod auth;
mod blocks;
mod caller;
mod chats;
mod consistency;
mod cursor;
mod devices;
mod docs;
pub(crate) mod error;
pub(crate) mod export;
mod extract;
mod files;
mod firebase;
mod health;
mod idempotency;
mod jwks;
mod live;
mod messages;
pub(crate) mod metrics;
mod middleware;
mod openapi;
mod problem;
mod push;
pub(crate) mod sync;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use commands::{Files, FirebaseTokens, Gateway, Presence, Push, SignIn};
use domain::chat::Limits;
use eventlog::database::PgPool;
use eventlog::{Bus, Clock, Ids};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Reads;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::live::Hub;

/// Bytes of a body: nothing but a text is longer.
const BODY_MAX: usize = 64 * 1024;

/// Bytes of a body with a text of a message. 10,000 characters beyond the basic plane, written as `\ud83d\ude00`,
/// are 120,000 bytes.
const MESSAGE_BODY_MAX: usize = 128 * 1024;

/// What the API's handlers work with.
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) files: Files,
    pub(crate) push: Push,
    pub(crate) sign_in: SignIn,
    /// Nothing, where there is no service account.
    pub(crate) firebase: Option<FirebaseTokens>,
    pub(crate) reads: Reads,
    pub(crate) db: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    /// Of messages.
    pub(crate) limits: Limits,
    /// Room for exports.
    pub(crate) exports: Arc<export::Room>,
    /// What processes tell each other.
    pub(crate) bus: Bus,
    pub(crate) presence: Presence,
    /// The connections of this process.
    pub(crate) live: Hub,
    /// Sockets, among what has to come to its end when the process stops.
    pub(crate) tasks: TaskTracker,
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
        let room = Arc::new(Semaphore::new(middleware::IN_FLIGHT_MAX));
        let bounded = |routes: OpenApiRouter<Arc<App>>| {
            let bound = from_fn_with_state(Arc::clone(&room), middleware::bound);
            routes.layer(bound).with_state(Arc::clone(&app)).split_for_parts().0
        };
        let api = bounded(api());
        // What a socket is asked goes the way of every request.
        let commands = live::Commands(observed(Arc::clone(&process), api.clone()));
        let live = bounded(of_connections()).layer(Extension(commands));
        router = router.merge(api).merge(live);
        router = router.merge(docs::router()).merge(openapi::router(&document()));
    }
    observed(process, router)
}

/// With what is around every request.
fn observed(process: Arc<Process>, router: Router) -> Router {
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
    document.merge(of_connections().into_openapi());
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
        .routes(routes!(firebase::token))
        .routes(routes!(accounts::me, accounts::change_profile))
        .routes(routes!(accounts::account))
        .merge(of_chats())
        .merge(of_messages())
        .merge(of_files())
        .merge(of_push())
        .merge(of_what_passes())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .merge(with_texts())
}

/// What stays open.
fn of_connections() -> OpenApiRouter<Arc<App>> {
    use live::{socket, stream};
    OpenApiRouter::new().routes(routes!(stream::stream)).routes(routes!(socket::socket))
}

fn of_what_passes() -> OpenApiRouter<Arc<App>> {
    use live::{presence, tickets, typing};
    OpenApiRouter::new()
        .routes(routes!(tickets::issue))
        .routes(routes!(typing::set))
        .routes(routes!(presence::presence))
        .routes(routes!(presence::watch))
}

fn of_files() -> OpenApiRouter<Arc<App>> {
    use files::{avatar, fetching, uploading};
    OpenApiRouter::new()
        .routes(routes!(uploading::request))
        .routes(routes!(uploading::upload))
        .routes(routes!(uploading::request_parts, uploading::arrived_parts))
        .routes(routes!(uploading::complete))
        .routes(routes!(fetching::usage))
        .routes(routes!(fetching::file, fetching::remove))
        .routes(routes!(avatar::set, avatar::remove))
}

fn of_push() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(devices::list))
        .routes(routes!(devices::register, devices::remove))
        .routes(routes!(push::preferences, push::change))
}

fn of_chats() -> OpenApiRouter<Arc<App>> {
    use chats::{list, opening, pointers, settings};
    OpenApiRouter::new()
        .routes(routes!(opening::open, list::list))
        .routes(routes!(list::unread))
        .routes(routes!(list::chat))
        .routes(routes!(pointers::read))
        .routes(routes!(pointers::delivered))
        .routes(routes!(pointers::unread))
        .routes(routes!(pointers::clear))
        .routes(routes!(settings::set_disappearing))
        .routes(routes!(settings::mute, settings::unmute))
        .routes(routes!(settings::archive, settings::unarchive))
        .routes(routes!(sync::sync))
        .routes(routes!(export::export))
        .routes(routes!(blocks::list))
        .routes(routes!(blocks::block, blocks::unblock))
}

fn of_messages() -> OpenApiRouter<Arc<App>> {
    use messages::{changing, forwarding, marks, page, reactions, reporting};
    OpenApiRouter::new()
        .routes(routes!(page::page))
        .routes(routes!(page::message, changing::delete))
        .routes(routes!(changing::history))
        .routes(routes!(changing::answer))
        .routes(routes!(forwarding::forward))
        .routes(routes!(reporting::report))
        .routes(routes!(reactions::react, reactions::remove))
        .routes(routes!(marks::pin, marks::unpin))
        .routes(routes!(marks::pins))
        .routes(routes!(marks::star, marks::unstar))
        .routes(routes!(marks::starred))
}

/// Those that take a whole text.
fn with_texts() -> OpenApiRouter<Arc<App>> {
    use chats::settings;
    use messages::{changing, sending};
    OpenApiRouter::new()
        .routes(routes!(sending::send))
        .routes(routes!(changing::edit))
        .routes(routes!(settings::save_draft, settings::forget_draft))
        .layer(DefaultBodyLimit::max(MESSAGE_BODY_MAX))
}
