//! Composition root: opens the store, builds hub and services, binds the listeners, runs, and
//! stops in order.

mod connect;
mod door;
mod encryption;
mod greeting;
#[cfg(feature = "legacy-tls")]
mod legacy;

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::advertise::{Advertise, AdvertiseError};
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors, Limits};
use crate::http::{Gateway, GatewaySettings};
use crate::hub::{Hub, RoomLimits};
use crate::metrics::Metrics;
use crate::net::{Gate, GateLimits};
use crate::ns::{NsSettings, ServerRole};
use crate::service::accounts::AccountSettings;
use crate::service::{Accounts, NoticeFollower, ServiceSettings, Services};
use crate::shutdown::Shutdown;
use crate::store::{ListLimits, Store, StoreError};
use crate::{http, net};
pub use connect::{address_of, https};
use door::Door;
use encryption::Encryption;
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
    #[cfg(feature = "legacy-tls")]
    #[error("cannot speak old TLS (legacy_tls)")]
    Legacy(#[from] crate::tls::legacy::KeeperError),
    #[cfg(feature = "legacy-tls")]
    #[error("cannot prepare answers")]
    LegacyHost(#[source] io::Error),
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
        let encryption = Encryption::load(&config, &metrics)?;
        let msnp = bind("listen.msnp", &config.listen.msnp).await?;
        let dispatch = bind("listen.dispatch", &config.listen.dispatch).await?;
        let web = bind("listen.http", &config.listen.http).await?;
        let ops = bind("listen.ops", &config.listen.ops).await?;
        #[cfg(feature = "legacy-tls")]
        let legacy = legacy::bind(&config.legacy_tls)?;

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
        let gate = Gate::new(gate_limits(limits));
        let settings = NsSettings {
            advertise: advertise.clone(),
            msnp_port: first_port(&msnp.addresses),
            http_port: first_port(&web.addresses),
            refuse_unknown_clients: config.auth.refuse_unknown_clients,
        };
        let door = Door::new(services.clone(), settings, limits.clone(), shutdown.clone());
        let gateway = config.gateway.enabled.then(|| {
            let settings =
                GatewaySettings::new(&config.gateway, &limits.exempt, &config.web.cors_origins);
            let door = door.clone();
            let start = move |role, client| door.welcome_tunnelled(role, client);
            Gateway::new(settings, gate.clone(), metrics, start)
        });
        let pages = http::Web {
            services: services.clone(),
            advertise,
            msnp_port: first_port(&msnp.addresses),
            redirect_hosts: config.web.redirect_hosts.clone().into(),
            pages: http::Pages::new(&config.tabs, &config.text_ads),
            site_name: config.web.name.as_str().into(),
            gateway: gateway.clone(),
            settings: config.to_string().into(),
            connect: http::Connect {
                https: https(&config),
                has_ca: encryption.has_root(),
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
        server.serve_msnp(&config, (&gate, &door), msnp.listeners, dispatch.listeners);
        if let Some(gateway) = gateway {
            let sweeping = gateway.sweep(server.shutdown.clone());
            server.shutdown.spawn("gateway", sweeping);
        }
        #[cfg(feature = "legacy-tls")]
        server.serve_legacy(&config, pages.clone(), legacy).await?;
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
        (gate, door): (&Gate, &Door),
        main: Vec<TcpListener>,
        dispatch: Vec<TcpListener>,
    ) {
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
        let presence = self.services.presence.clone();
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
                    _ = notices.tick() => match follower.follow().await {
                        Ok(()) => presence.keep_sign_ins().await,
                        Err(error) => Err(error),
                    },
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
