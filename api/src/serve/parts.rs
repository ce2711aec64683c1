//! What the roles of a process are made from, and how each is started.

use std::sync::Arc;

use commands::{
    Files, FilesSettings, FirebaseTokens, Gateway, InvalidKeyFile, Policies, Presence, Push,
    PushSettings, SignIn, SignInSettings,
};
use domain::chat::Limits;
use eventlog::database::{self, PgConnectOptions, PgPool, Role};
use eventlog::nats;
use eventlog::relay::{self, Relay};
use eventlog::{
    Appender, Bus, Clock, Codec, Feed, Ids, MasterKey, Position, Published, Relayed, Tail, lease,
};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Reads;
use projections::firestore::{self, MirrorSettings};
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::ServeError;
use crate::http::{App, metrics};
use crate::live::{self, Hub};
use crate::settings::{FirestoreSettings, ServeSettings};

/// What the roles are made from.
pub(super) struct Parts {
    options: PgConnectOptions,
    pub(super) db: PgPool,
    master_key: MasterKey,
    codec: Arc<Codec>,
    /// Relay and feed have a connection each: a full pipe of one must not hold up the other.
    nats_url: Option<SecretString>,
    bus: Bus,
    reads: Reads,
    clock: Clock,
    pub(super) ids: Ids,
    /// This process, among those that ask for leases.
    holder: Uuid,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// The command side of this process.
pub(super) struct Commanding {
    gateway: Gateway,
    files: Files,
    push: Push,
    /// News of what this process appends, and that itself.
    pub(super) appended: watch::Receiver<Position>,
    pub(super) tail: Tail,
}

impl Parts {
    pub(super) async fn open(
        settings: &ServeSettings,
        clock: Clock,
        ids: Ids,
    ) -> Result<Self, ServeError> {
        let url = &settings.database.url;
        database::check_migrated(url).await?;
        // What the server promises is checked once; a pool of our own then finds the live read
        // models.
        database::connect(url, Role::App, 1).await?.close().await;
        let options = projections::live_options(database::options(url)?);
        let serving = database::serving(options.clone());
        let db = database::pool(serving, Role::App, settings.database.connections);
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
    pub(super) async fn commanding(
        &self,
        files: FilesSettings,
        push: PushSettings,
    ) -> Result<Commanding, ServeError> {
        let appender = Appender::start(self.options.clone(), &self.tasks);
        let (head, tail) = (appender.head(), appender.tail());
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
        Ok(Commanding { gateway, files, push, appended: head, tail })
    }

    /// What requests are answered with.
    pub(super) async fn api(
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

    pub(super) fn firebase(
        &self,
        settings: Option<&FirestoreSettings>,
    ) -> Result<Option<FirebaseTokens>, InvalidKeyFile> {
        let key_file = settings.and_then(|it| it.key_file.as_ref());
        key_file.map(|it| FirebaseTokens::new(it, self.clock.clone())).transpose()
    }

    pub(super) async fn start_relay(
        &self,
        appended: watch::Receiver<Position>,
        tail: Tail,
        published: Published,
    ) -> Result<(), ServeError> {
        let Some(url) = &self.nats_url else {
            tracing::info!("NATS_URL is not set: nothing is relayed, feeds ask PostgreSQL");
            return Ok(());
        };
        let stream = nats::connect(url).await?;
        let relay = Arc::new(Relay { db: self.db.clone(), stream, appended, tail, published });
        let (holder, stop) = (self.holder, self.stop.clone());
        self.tasks.spawn(async move {
            let work = |lease, lost| Arc::clone(&relay).run(lease, lost);
            lease::while_held(&relay.db, relay::NAME, holder, &stop, work).await;
        });
        Ok(())
    }

    /// The feed of this process: one, whoever reads from it.
    pub(super) async fn feed(
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

    pub(super) fn start_projectors(&self, feed: Feed) {
        let (db, reads, stop) = (self.db.clone(), self.reads.clone(), self.stop.clone());
        self.tasks.spawn(projections::run(db, feed, reads, self.holder, stop));
    }

    pub(super) fn start_live(&self, feed: Feed, app: &Arc<App>) {
        let stop = || self.stop.clone();
        self.tasks.spawn(live::run_rounds(Arc::clone(app), feed, stop()));
        self.tasks.spawn(live::run_beat(Arc::clone(app), stop()));
        self.tasks.spawn(live::run_watching(Arc::clone(app), stop()));
    }

    pub(super) fn start_mirror(&self, feed: Feed, settings: Option<MirrorSettings>) {
        let Some(settings) = settings else {
            tracing::info!("FIRESTORE_PROJECT_ID is not set: nothing is mirrored");
            return;
        };
        let (options, reads) = (self.options.clone(), self.reads.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(firestore::run(options, feed, reads, settings, self.holder, stop));
    }

    pub(super) fn start_policies(&self, feed: Feed, commanding: Commanding) {
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

    pub(super) fn start_upkeep(&self, metrics: PrometheusHandle) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            while timeout(metrics::UPKEEP, stop.cancelled()).await.is_err() {
                metrics.run_upkeep();
            }
        });
    }
}
