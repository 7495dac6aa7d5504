//! Composition root: opens the store, builds hub and services, binds the listeners, runs, and
//! stops in order.

mod connect;
mod encryption;
mod greeting;

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::Instrument;

use crate::advertise::{Advertise, AdvertiseError};
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors, Limits};
use crate::hub::{Hub, RoomLimits};
use crate::mailbox::mailbox;
use crate::metrics::{Metrics, Role as Counted};
use crate::net::{Arrival, CloseReason, Gate, GateLimits, Link, Rules};
use crate::ns::{NsSession, NsSettings, ServerRole};
use crate::sb::SbSession;
use crate::service::accounts::AccountSettings;
use crate::service::{Accounts, NoticeFollower, ServiceSettings, Services};
use crate::shutdown::Shutdown;
use crate::store::{ListLimits, Store, StoreError};
use crate::tls::Modern;
use crate::wire::{Frame, Role};
use crate::{http, net};
pub use connect::{address_of, https};
pub use encryption::check_files;
use greeting::Greeting;

/// How long sessions have to take their leave. The process ends within ten seconds.
const GRACE: Duration = Duration::from_secs(6);
/// How long the rest has after that.
const LAST_MOMENT: Duration = Duration::from_secs(2);
/// How often the database is asked what the command line did to it.
const NOTICES_EVERY: Duration = Duration::from_secs(1);
/// How often rooms are looked over for idleness.
const ROOMS_EVERY: Duration = Duration::from_secs(1);
/// How often expired tickets are thrown away.
const TICKETS_EVERY: Duration = Duration::from_secs(600);
/// How often offline messages that have waited for too long are thrown away.
const OLD_MESSAGES_EVERY: Duration = Duration::from_secs(3_600);

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address} ({key}): {source}")]
    Listen {
        key: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot open the database {}", path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("cannot prepare the accounts")]
    Accounts(#[source] crate::service::Fault),
    #[error("cannot follow changes of the database")]
    Notices(#[source] StoreError),
    #[error("an advertised address cannot be used")]
    Advertise(#[source] AdvertiseError),
    #[error(transparent)]
    Files(#[from] ConfigErrors),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    services: Services,
    store: Store,
    shutdown: Shutdown,
    msnp: Vec<SocketAddr>,
    dispatch: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    ops: Vec<SocketAddr>,
}

/// What the web side does about encryption.
struct Encryption {
    tls: Option<Modern>,
    /// What clients may download and trust, in DER.
    root: Option<Vec<u8>>,
}

/// Where the listeners of one kind wait.
struct Bound {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// Runs a server until a signal stops it. A second signal ends it at once.
///
/// Answers whether everything ended in time.
pub async fn run(config: Config) -> Result<bool, StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let server = Server::start(config.clone()).await?;
    // For whoever sits in front of it; logs have lines of their own.
    // To standard output, apart from the log; nobody has to read it.
    let _ = writeln!(io::stdout(), "{}", Greeting::new(&server, &config));
    signals.wait().await;
    tracing::info!("stopping; a second signal ends at once");
    tokio::select! {
        in_time = server.stop() => Ok(in_time),
        () = signals.wait() => {
            tracing::warn!("ended at once, as asked");
            Ok(false)
        }
    }
}

impl Server {
    /// Starts everything; on an error nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let path = config.database();
        let limits = &config.limits;
        let store = Store::open(&path, list_limits(limits))
            .await
            .map_err(|source| StartError::Store { path, source })?;
        let clock = Clock::system();
        let account_settings = AccountSettings::new(&config.auth, limits);
        let accounts = Accounts::open(store.clone(), clock.clone(), account_settings)
            .await
            .map_err(StartError::Accounts)?;
        let metrics = Metrics::new();
        let hub = Hub::new(room_limits(limits));
        let services = Services::new(
            store.clone(),
            hub.clone(),
            accounts.clone(),
            clock,
            metrics.clone(),
            ServiceSettings::new(limits, &config.registration),
        );

        check_files(&config)?;
        let tls = encryption::modern(&config, &metrics)?;
        let root = encryption::root(&config)?;
        let msnp = bind("listen.msnp", &config.listen.msnp).await?;
        let dispatch = bind("listen.dispatch", &config.listen.dispatch).await?;
        let web = bind("listen.http", &config.listen.http).await?;
        let ops = bind("listen.ops", &config.listen.ops).await?;

        let advertise = Advertise::new(
            config.advertise.host.as_deref(),
            config.advertise.http_url.as_deref(),
            config.advertise.msnp_port,
        )
        .map_err(StartError::Advertise)?;
        let shutdown = Shutdown::new();
        let follower = NoticeFollower::start(services.clone())
            .await
            .map_err(StartError::Notices)?;
        let pages = http::Web {
            services: services.clone(),
            advertise: advertise.clone(),
            msnp_port: first_port(&msnp.addresses),
            redirect_hosts: config.web.redirect_hosts.clone().into(),
            pages: http::Pages::new(&config.tabs, &config.text_ads),
            site_name: config.web.name.as_str().into(),
            settings: config.to_string().into(),
            connect: http::Connect {
                https: https(&config),
                has_ca: root.is_some(),
                ..http::Connect::default()
            },
        };
        let address = Arc::clone(&pages.connect.address);
        let server = Self {
            services,
            store,
            shutdown,
            msnp: msnp.addresses,
            dispatch: dispatch.addresses,
            http: web.addresses,
            ops: ops.addresses,
        };
        server.serve_msnp(&config, advertise, msnp.listeners, dispatch.listeners);
        let encryption = Encryption { tls, root };
        server.serve_web(&config, pages, encryption, web.listeners);
        server.serve_ops(ops.listeners, hub);
        server.keep_house(follower);
        server.look_up(&config, address);
        Ok(server)
    }

    /// Where clients sign in and talk.
    pub fn msnp_addrs(&self) -> &[SocketAddr] {
        &self.msnp
    }

    /// Where clients are only referred to another server.
    pub fn dispatch_addrs(&self) -> &[SocketAddr] {
        &self.dispatch
    }

    /// Where the web side is.
    pub fn http_addrs(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Where health and metrics are.
    pub fn ops_addrs(&self) -> &[SocketAddr] {
        &self.ops
    }

    /// The operations, for whoever embeds the server.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Signs everybody out, finishes what is in hand and closes the database. Answers whether
    /// everything ended in time; what did not is ended.
    pub async fn stop(self) -> bool {
        self.shutdown.begin();
        let mut in_time = self.shutdown.wait(GRACE).await;
        if !in_time {
            self.shutdown.abort();
            in_time = self.shutdown.wait(LAST_MOMENT).await;
        }
        self.store.close().await;
        tracing::info!(in_time, "stopped");
        in_time
    }

    fn serve_msnp(
        &self,
        config: &Config,
        advertise: Advertise,
        main: Vec<TcpListener>,
        dispatch: Vec<TcpListener>,
    ) {
        let limits = &config.limits;
        let gate = Gate::new(gate_limits(limits));
        let settings = Arc::new(NsSettings {
            advertise,
            msnp_port: first_port(&self.msnp),
            http_port: first_port(&self.http),
            refuse_unknown_clients: config.auth.refuse_unknown_clients,
        });
        let door = Door {
            services: self.services.clone(),
            settings,
            limits: Arc::new(limits.clone()),
            shutdown: self.shutdown.clone(),
            connections: Arc::default(),
        };
        let notification = Arc::new(ServerRole::Notification);
        let referral = Arc::new(ServerRole::Dispatch {
            targets: config.advertise.notification.clone(),
        });
        let listeners = main
            .into_iter()
            .map(|listener| (listener, Arc::clone(&notification)))
            .chain(
                dispatch
                    .into_iter()
                    .map(|listener| (listener, Arc::clone(&referral))),
            );
        for (listener, role) in listeners {
            let door = door.clone();
            let start = move |arrival| door.welcome(arrival, &role);
            let accepting = net::accept(listener, gate.clone(), self.shutdown.clone(), start);
            self.shutdown.spawn("msnp listener", accepting);
        }
    }

    fn serve_web(
        &self,
        config: &Config,
        pages: http::Web,
        encryption: Encryption,
        listeners: Vec<TcpListener>,
    ) {
        let limits = &config.limits;
        let settings = http::Settings {
            connections: limits.http_connections,
            connections_per_address: limits.connections_per_address,
            exempt: limits.exempt.clone(),
            trusted_proxies: config.web.trusted_proxies.clone(),
            write_timeout: Duration::from_secs(limits.write_secs),
            tls: encryption.tls.clone(),
            ..http::Settings::default()
        };
        let mut router = http::router(pages);
        if let Some(root) = encryption.root {
            router = router.merge(http::root_certificate(root));
        }
        if let Some(tls) = encryption.tls {
            let stop = self.shutdown.soft().clone();
            let follow = async move { tls.follow_files(&stop).await };
            self.shutdown.spawn("certificate", follow);
        }
        for listener in listeners {
            self.serve_http("web listener", listener, router.clone(), settings.clone());
        }
    }

    fn serve_ops(&self, listeners: Vec<TcpListener>, hub: Hub) {
        let store = self.store.clone();
        let shutdown = self.shutdown.clone();
        let ready = move || {
            let store = store.clone();
            let is_stopping = shutdown.soft().is_cancelled();
            async move {
                if is_stopping {
                    return Err("stopping".to_owned());
                }
                store.ping().await.map_err(|error| error.to_string())
            }
        };
        let store = self.store.clone();
        let shutdown = self.shutdown.clone();
        let sample = move |metrics: &Metrics| {
            metrics.set_signed_in_sessions(hub.online_count());
            metrics.set_rooms(hub.room_count());
            metrics.set_task_panics(shutdown.panics());
            let load = store.write_load();
            metrics.set_store_writes(load.jobs, load.batches, load.time);
        };
        let router = http::ops::router(self.services.metrics.clone(), ready, sample);
        for listener in listeners {
            let settings = http::Settings::default();
            self.serve_http("ops listener", listener, router.clone(), settings);
        }
    }

    fn serve_http(
        &self,
        name: &'static str,
        listener: TcpListener,
        router: axum::Router,
        settings: http::Settings,
    ) {
        let shutdown = self.shutdown.clone();
        let metrics = self.services.metrics.clone();
        self.shutdown.spawn(name, async move {
            if let Err(error) = http::serve(listener, router, settings, shutdown, metrics).await {
                tracing::error!(%error, name, "a listener ended");
            }
        });
    }

    /// Finds the address that hosts files need.
    fn look_up(&self, config: &Config, address: Arc<OnceLock<IpAddr>>) {
        let Some(host) = config.advertise.host.clone() else {
            return;
        };
        let stop = self.shutdown.soft().clone();
        self.shutdown.spawn("address", async move {
            let found = stop.run_until_cancelled(address_of(&host)).await;
            if let Some(found) = found.flatten() {
                // There is one task that sets it.
                let _ = address.set(found);
            }
        });
    }

    /// What has to be done now and then.
    fn keep_house(&self, mut follower: NoticeFollower) {
        let shutdown = self.shutdown.clone();
        let chat = self.services.chat.clone();
        let accounts = self.services.accounts.clone();
        let browsers = self.services.web_sessions.clone();
        let offline = self.services.offline.clone();
        let admin = self.services.admin.clone();
        self.shutdown.spawn("housekeeping", async move {
            let mut notices = tokio::time::interval(NOTICES_EVERY);
            let mut rooms = tokio::time::interval(ROOMS_EVERY);
            let mut tickets = tokio::time::interval(TICKETS_EVERY);
            let mut messages = tokio::time::interval(OLD_MESSAGES_EVERY);
            loop {
                let done = tokio::select! {
                    () = shutdown.soft().cancelled() => return,
                    _ = notices.tick() => follower.follow().await,
                    _ = rooms.tick() => {
                        chat.close_idle_rooms();
                        admin.tick();
                        Ok(())
                    }
                    _ = tickets.tick() => match accounts.prune_tickets().await {
                        Ok(_) => browsers.prune().await.map(drop),
                        Err(error) => Err(error),
                    },
                    _ = messages.tick() => offline.prune().await.map(drop),
                };
                if let Err(error) = done {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "housekeeping failed; it is tried again");
                }
            }
        });
    }
}

/// What a new connection is received with.
#[derive(Debug, Clone)]
struct Door {
    services: Services,
    settings: Arc<NsSettings>,
    limits: Arc<Limits>,
    shutdown: Shutdown,
    connections: Arc<AtomicU64>,
}

impl Door {
    fn welcome(&self, arrival: Arrival, role: &Arc<ServerRole>) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let span = tracing::info_span!(
            "connection",
            conn = number,
            role = tracing::field::Empty,
            peer = %arrival.peer,
            dialect = tracing::field::Empty,
            user = tracing::field::Empty,
            room = tracing::field::Empty,
        );
        let door = self.clone();
        let role = Arc::clone(role);
        let connection = async move { door.receive(arrival, role).await };
        self.shutdown
            .spawn("connection", connection.instrument(span));
    }

    /// Learns from the first command what the connection is for, and carries it to its end.
    async fn receive(&self, arrival: Arrival, role: Arc<ServerRole>) {
        let sign_in = Duration::from_secs(self.limits.sign_in_secs);
        let metrics = &self.services.metrics;
        let mut link = Link::new(arrival, self.shutdown.clone(), metrics.clone());
        let reason = match link.first_frame(sign_in).await {
            Ok(frame) if is_for_switchboard(&frame) => self.switchboard(link, frame).await,
            Ok(frame) => self.notification(link, frame, role).await,
            Err(reason) => {
                metrics.closed(Counted::Ns, reason.word());
                reason
            }
        };
        if reason == CloseReason::Shutdown {
            tracing::debug!(reason = reason.word(), "connection ended");
        } else {
            tracing::info!(reason = reason.word(), "connection ended");
        }
    }

    async fn notification(&self, link: Link, first: Frame, role: Arc<ServerRole>) -> CloseReason {
        tracing::Span::current().record("role", Counted::Ns.word());
        let _live = self.services.metrics.connection(Counted::Ns);
        let (mailbox, inbox) = mailbox(self.limits.ns_queue);
        let ends = (link.peer(), link.local());
        let settings = Arc::clone(&self.settings);
        let session = NsSession::new(self.services.clone(), settings, role, ends, mailbox);
        let rules = self.rules(self.limits.commands_per_second, self.limits.commands_burst);
        link.run(Role::Notification, session, inbox, first, rules)
            .await
    }

    async fn switchboard(&self, link: Link, first: Frame) -> CloseReason {
        tracing::Span::current().record("role", Counted::Sb.word());
        let _live = self.services.metrics.connection(Counted::Sb);
        let (mailbox, inbox) = mailbox(self.limits.sb_queue);
        let session = SbSession::new(self.services.clone(), mailbox);
        let rules = self.rules(self.limits.messages_per_second, self.limits.messages_burst);
        link.run(Role::Switchboard, session, inbox, first, rules)
            .await
    }

    fn rules(&self, frames_per_second: u32, frames_burst: u32) -> Rules {
        Rules {
            sign_in: Duration::from_secs(self.limits.sign_in_secs),
            write: Duration::from_secs(self.limits.write_secs),
            frames_per_second,
            frames_burst,
        }
    }
}

/// A switchboard connection starts with a ticket, everything else is for the notification role.
fn is_for_switchboard(first: &Frame) -> bool {
    let verb = first.verb();
    verb.is_some_and(|verb| matches!(&verb.0, b"USR" | b"ANS"))
}

async fn bind(key: &'static str, addresses: &[SocketAddr]) -> Result<Bound, StartError> {
    let mut bound = Bound {
        listeners: Vec::new(),
        addresses: Vec::new(),
    };
    for &address in addresses {
        let failed = |source| StartError::Listen {
            key,
            address,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        bound.addresses.push(listener.local_addr().map_err(failed)?);
        bound.listeners.push(listener);
    }
    Ok(bound)
}

/// The list limits of a configuration.
pub fn list_limits(limits: &Limits) -> ListLimits {
    ListLimits {
        forward: limits.forward_list,
        allow: limits.allow_list,
        block: limits.block_list,
        circles: limits.circles_per_account,
        circle_members: limits.circle_members,
        circle_name: limits.circle_name,
        cards: limits.address_book,
    }
}

fn room_limits(limits: &Limits) -> RoomLimits {
    RoomLimits {
        members: limits.room_members,
        rooms_per_session: limits.rooms_per_account,
        idle: Duration::from_secs(limits.room_idle_secs),
    }
}

fn gate_limits(limits: &Limits) -> GateLimits {
    GateLimits {
        connections: limits.connections,
        per_network: limits.connections_per_address,
        waiting_per_network: limits.unauthenticated_per_address,
        exempt: limits.exempt.clone(),
    }
}

fn first_port(addresses: &[SocketAddr]) -> u16 {
    addresses.first().map_or(0, SocketAddr::port)
}

/// The signals that stop the server.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        // Without a working Ctrl+C the server runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
