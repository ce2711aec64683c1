//! `parlance serve`: builds what the chosen roles need, and takes it down again in order.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::ValueEnum;
use commands::{
    Files, FilesError, FilesSettings, FirebaseTokens, Gateway, InvalidKeyFile, Policies, Presence,
    Push, PushError, PushSettings, SignIn, SignInError, SignInSettings,
};
use domain::chat::Limits;
use eventlog::database::{self, DatabaseError, PgConnectOptions, PgPool, Role};
use eventlog::nats::{self, NatsError};
use eventlog::relay::{self, Relay};
use eventlog::{
    Appender, Bus, Clock, Codec, Feed, Ids, MasterKey, Position, Published, Relayed, hand_over,
    lease,
};
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use projections::Reads;
use projections::firestore::{self, MirrorSettings};
use secrecy::SecretString;
use socket2::SockRef;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::http::{self, App, Process, metrics};
use crate::live::{self, Hub};
use crate::settings::{FirestoreSettings, ServeSettings};

/// How long requests that are under way may go on once the process begins to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long projectors, relay and appender may take after that. What they have not done by then
/// the next start does: nothing is lost.
const WIND_DOWN: Duration = Duration::from_secs(5);

/// How long the other side of a connection may leave unanswered what it was sent. Without, a device that
/// has lost its network would stay connected for a quarter of an hour.
const UNANSWERED_MAX: Duration = Duration::from_secs(30);

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
        parts.start_relay(head.clone(), published).await?;
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
    let listener = TcpListener::bind(settings.addr).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let listener = listener.tap_io(|connection| {
        // An answer is one small write: waiting to fill a packet would only delay it.
        let connection = SockRef::from(&*connection);
        let set = connection.set_tcp_nodelay(true);
        if let Err(error) = set.and(connection.set_tcp_user_timeout(Some(UNANSWERED_MAX))) {
            tracing::debug!(%error, "a connection keeps its own ways");
        }
    });
    let closing = CancellationToken::new();
    let live = app.as_ref().map(|it| it.live.clone());
    let router = http::router(Arc::clone(&process), app);
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(closing.clone().cancelled_owned())
        .into_future();
    let Parts { stop, tasks, .. } = parts;
    Ok(Server { addr, process, live, closing, http: tokio::spawn(serving), stop, tasks })
}

/// What the roles are made from.
struct Parts {
    options: PgConnectOptions,
    db: PgPool,
    master_key: MasterKey,
    codec: Arc<Codec>,
    /// Relay and feed have a connection each: a full pipe of one must not hold up the other.
    nats_url: Option<SecretString>,
    bus: Bus,
    reads: Reads,
    clock: Clock,
    ids: Ids,
    /// This process, among those that ask for leases.
    holder: Uuid,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The command side of this process.
struct Commanding {
    gateway: Gateway,
    files: Files,
    push: Push,
    /// News of what this process appends.
    appended: watch::Receiver<Position>,
}

impl Parts {
    async fn open(settings: &ServeSettings, clock: Clock, ids: Ids) -> Result<Self, ServeError> {
        let url = &settings.database.url;
        database::check_migrated(url).await?;
        // What the server promises is checked once; a pool of our own then finds the live read
        // models.
        database::connect(url, Role::App, 1).await?.close().await;
        let options = projections::live_options(database::options(url)?);
        let db = database::pool(options.clone(), Role::App, settings.database.connections);
        let master_key = settings.master_key.clone();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let client = match &settings.nats_url {
            Some(url) => Some(nats::connect_bus(url).await?),
            None => None,
        };
        let (bus, hearing) = Bus::new(client, stop.clone());
        tasks.spawn(hearing);
        let reads = Reads::new(db.clone(), bus.clone());
        tasks.spawn(reads.clone().follow(stop.clone()));
        Ok(Self {
            options,
            codec: Arc::new(Codec::new(db.clone(), master_key.clone())),
            bus,
            reads,
            db,
            master_key,
            nats_url: settings.nats_url.clone(),
            clock,
            holder: ids.next(),
            ids,
            stop,
            tasks,
        })
    }

    /// What executes commands, keeps files, and reaches devices.
    async fn commanding(
        &self,
        files: FilesSettings,
        push: PushSettings,
    ) -> Result<Commanding, ServeError> {
        let appender = Appender::start(self.options.clone(), &self.tasks);
        let head = appender.head();
        let gateway = Gateway::new(
            self.db.clone(),
            Arc::clone(&self.codec),
            appender,
            &self.master_key,
            self.clock.clone(),
            self.ids.clone(),
        );
        let stop = self.stop.clone();
        let files = Files::open(files, gateway.clone(), &self.tasks, stop).await?;
        let push = Push::open(push, &self.db, &self.master_key, &self.clock).await?;
        Ok(Commanding { gateway, files, push, appended: head })
    }

    /// What requests are answered with.
    async fn api(
        &self,
        commanding: &Commanding,
        firebase: Option<FirebaseTokens>,
        issuer: String,
        limits: Limits,
    ) -> Result<Arc<App>, ServeError> {
        let gateway = commanding.gateway.clone();
        let settings = SignInSettings { issuer };
        let bus = self.bus.clone();
        let sign_in = SignIn::new(gateway.clone(), &self.master_key, settings, bus).await?;
        let (follower, stop) = (sign_in.clone(), self.stop.clone());
        self.tasks.spawn(async move { follower.follow_revocations(stop).await });
        let (db, bus, clock) = (self.db.clone(), self.bus.clone(), self.clock.clone());
        let (presence, noting) = Presence::new(db, bus, clock, self.holder, self.stop.clone());
        self.tasks.spawn(noting);
        let app = App {
            gateway,
            files: commanding.files.clone(),
            push: commanding.push.clone(),
            sign_in,
            firebase,
            reads: self.reads.clone(),
            db: self.db.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            limits,
            exports: Arc::default(),
            bus: self.bus.clone(),
            presence,
            live: Hub::new(self.ids.clone()),
            tasks: self.tasks.clone(),
        };
        Ok(Arc::new(app))
    }

    fn firebase(
        &self,
        settings: Option<&FirestoreSettings>,
    ) -> Result<Option<FirebaseTokens>, InvalidKeyFile> {
        let key_file = settings.and_then(|it| it.key_file.as_ref());
        key_file.map(|it| FirebaseTokens::new(it, self.clock.clone())).transpose()
    }

    async fn start_relay(
        &self,
        appended: watch::Receiver<Position>,
        published: Published,
    ) -> Result<(), ServeError> {
        let Some(url) = &self.nats_url else {
            tracing::info!("NATS_URL is not set: nothing is relayed, feeds ask PostgreSQL");
            return Ok(());
        };
        let stream = nats::connect(url).await?;
        let relay = Arc::new(Relay { db: self.db.clone(), stream, appended, published });
        let (holder, stop) = (self.holder, self.stop.clone());
        self.tasks.spawn(async move {
            let work = |lease, lost| Arc::clone(&relay).run(lease, lost);
            lease::while_held(&relay.db, relay::NAME, holder, &stop, work).await;
        });
        Ok(())
    }

    /// The feed of this process: one, whoever reads from it.
    async fn feed(
        &self,
        appended: watch::Receiver<Position>,
        relayed: Relayed,
    ) -> Result<Feed, ServeError> {
        let stream = match &self.nats_url {
            Some(url) => Some(nats::connect(url).await?),
            None => None,
        };
        let (db, codec) = (self.db.clone(), Arc::clone(&self.codec));
        let (feed, follow) = Feed::new(db, codec, stream, appended, relayed, self.stop.clone());
        self.tasks.spawn(follow);
        Ok(feed)
    }

    fn start_projectors(&self, feed: Feed) {
        let (db, reads, stop) = (self.db.clone(), self.reads.clone(), self.stop.clone());
        self.tasks.spawn(projections::run(db, feed, reads, self.holder, stop));
    }

    fn start_live(&self, feed: Feed, app: &Arc<App>) {
        let stop = || self.stop.clone();
        self.tasks.spawn(live::run_rounds(Arc::clone(app), feed, stop()));
        self.tasks.spawn(live::run_watching(Arc::clone(app), stop()));
    }

    fn start_mirror(&self, feed: Feed, settings: Option<MirrorSettings>) {
        let Some(settings) = settings else {
            tracing::info!("FIRESTORE_PROJECT_ID is not set: nothing is mirrored");
            return;
        };
        let (db, reads, stop) = (self.db.clone(), self.reads.clone(), self.stop.clone());
        self.tasks.spawn(firestore::run(db, feed, reads, settings, self.holder, stop));
    }

    fn start_policies(&self, feed: Feed, commanding: Commanding) {
        let policies = Policies {
            db: self.db.clone(),
            feed,
            gateway: commanding.gateway,
            files: commanding.files,
            push: commanding.push,
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            holder: self.holder,
        };
        self.tasks.spawn(policies.run(self.stop.clone()));
    }

    fn start_upkeep(&self, metrics: PrometheusHandle) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            while timeout(metrics::UPKEEP, stop.cancelled()).await.is_err() {
                metrics.run_upkeep();
            }
        });
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
