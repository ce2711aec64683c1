//! `parlance serve`: builds what the chosen roles need, and takes it down again in order.

mod parts;

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::ValueEnum;
use commands::{FilesError, InvalidKeyFile, PushError, SignInError};
use eventlog::database::DatabaseError;
use eventlog::nats::NatsError;
use eventlog::{Clock, Ids, Position, hand_over};
use metrics_exporter_prometheus::BuildError;
use socket2::SockRef;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{self, Process, metrics};
use crate::live::Hub;
use crate::settings::ServeSettings;
use parts::Parts;

/// How long requests that are under way may go on once the process begins to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long projectors, relay and appender may take after that. What they have not done by then
/// the next start does: nothing is lost.
const WIND_DOWN: Duration = Duration::from_secs(5);

/// How long the other side of a connection may leave unanswered what it was sent. Without, a device that
/// has lost its network would stay connected for a quarter of an hour.
const UNANSWERED_MAX: Duration = Duration::from_secs(30);

/// Connections that may wait to be accepted: many come at once when another process has ended. Linux takes
/// fewer if `net.core.somaxconn` is less.
const BACKLOG: u32 = 4_096;

/// What a process of Parlance does. Several may run, together or apart, each any number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ServeRole {
    /// Answers requests.
    Api,
    /// Publishes the log to NATS.
    Relay,
    /// Keeps the read models in step with the log.
    Projectors,
    /// Reacts to events with effects.
    Policies,
}

/// Why `serve` does not start, or ended.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("the key file of the service account {0}")]
    KeyFile(#[from] InvalidKeyFile),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error("metrics cannot be recorded")]
    Metrics(#[from] BuildError),
    #[error("cannot listen on {addr}")]
    Listen {
        addr: SocketAddr,
        #[source]
        error: std::io::Error,
    },
    #[error("signals cannot be waited for")]
    Signals(#[source] std::io::Error),
}

/// A running server.
pub struct Server {
    addr: SocketAddr,
    process: Arc<Process>,
    /// What is connected, in a process that answers requests.
    live: Option<Hub>,
    /// Stops taking requests.
    closing: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    /// Stops everything that runs behind the requests.
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Serves until a signal to end.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(settings: ServeSettings, roles: &BTreeSet<ServeRole>) -> Result<(), ServeError> {
    let signal = end_signal().map_err(ServeError::Signals)?;
    let server = start(settings, roles, Clock::system(), Ids::random()).await?;
    tracing::info!(addr = %server.addr, ?roles, "serving");
    signal.await;
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Starts everything that `roles` need.
///
/// # Errors
///
/// When the database is away or not migrated, the address is taken, or a setting leads nowhere.
pub async fn start(
    settings: ServeSettings,
    roles: &BTreeSet<ServeRole>,
    clock: Clock,
    ids: Ids,
) -> Result<Server, ServeError> {
    let metrics = metrics::install()?;
    let parts = Parts::open(&settings, clock, ids).await?;
    let commanding = if roles.contains(&ServeRole::Api) || roles.contains(&ServeRole::Policies) {
        Some(parts.commanding(settings.files, settings.push).await?)
    } else {
        None
    };
    let head = commanding.as_ref().map(|it| it.appended.clone());
    let head = head.unwrap_or_else(|| watch::channel(Position::START).1);
    let app = match &commanding {
        Some(it) if roles.contains(&ServeRole::Api) => {
            let firebase = parts.firebase(settings.firestore.as_ref())?;
            Some(parts.api(it, firebase, settings.issuer, settings.limits).await?)
        }
        _ => None,
    };
    let (published, relayed) = hand_over();
    if roles.contains(&ServeRole::Relay) {
        let tail = commanding.as_ref().map(|it| it.tail.clone()).unwrap_or_default();
        parts.start_relay(head.clone(), tail, published).await?;
    }
    let projects = roles.contains(&ServeRole::Projectors);
    if projects || app.is_some() || roles.contains(&ServeRole::Policies) {
        let feed = parts.feed(head, relayed).await?;
        if projects {
            parts.start_projectors(feed.clone());
            parts.start_mirror(feed.clone(), settings.firestore.map(|it| it.mirror));
        }
        if let Some(app) = &app {
            parts.start_live(feed.clone(), app);
        }
        if let Some(commanding) = commanding.filter(|_| roles.contains(&ServeRole::Policies)) {
            parts.start_policies(feed, commanding);
        }
    }
    parts.start_upkeep(metrics.clone());

    let process = Arc::new(Process {
        db: parts.db.clone(),
        ids: parts.ids.clone(),
        metrics,
        stopping: AtomicBool::new(false),
    });
    let listen = |error| ServeError::Listen { addr: settings.addr, error };
    let listener = bind(settings.addr).map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let listener = listener.tap_io(tune);
    let closing = CancellationToken::new();
    let live = app.as_ref().map(|it| it.live.clone());
    let router = http::router(Arc::clone(&process), app);
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(closing.clone().cancelled_owned())
        .into_future();
    let Parts { stop, tasks, .. } = parts;
    Ok(Server { addr, process, live, closing, http: tokio::spawn(serving), stop, tasks })
}

fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // the one before may only just have ended
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn tune(connection: &mut TcpStream) {
    // An answer is one small write: waiting to fill a packet would only delay it.
    let connection = SockRef::from(&*connection);
    let set = connection.set_tcp_nodelay(true);
    if let Err(error) = set.and(connection.set_tcp_user_timeout(Some(UNANSWERED_MAX))) {
        tracing::debug!(%error, "a connection keeps its own ways");
    }
}

impl Server {
    /// Where it listens: the port, when the settings left it open.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops: first taking requests, then, once those under way are answered, the rest.
    pub async fn stop(mut self) {
        self.process.stopping.store(true, Ordering::Relaxed);
        if let Some(live) = &self.live {
            live.drain();
        }
        self.closing.cancel();
        match timeout(DRAIN, &mut self.http).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the listener failed"),
            Ok(Err(error)) => tracing::warn!(%error, "the listener failed"),
            Err(_) => {
                tracing::warn!("requests under way are cut off");
                self.http.abort();
            }
        }
        self.stop.cancel();
        self.tasks.close();
        if timeout(WIND_DOWN, self.tasks.wait()).await.is_err() {
            tracing::warn!("what runs behind the requests did not end in time");
        }
        if timeout(WIND_DOWN, self.process.db.close()).await.is_err() {
            tracing::warn!("the database is still being asked something");
        }
    }
}

/// Ends with the first SIGTERM or SIGINT.
fn end_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
