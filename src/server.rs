//! Composition root: opens the store, builds hub and services, binds the listeners, runs, and
//! stops in order.

mod connect;
mod descriptors;
mod door;
mod encryption;
mod greeting;
#[cfg(feature = "legacy-tls")]
mod legacy;
mod reload;
mod run;
mod signals;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock::{Clock, Watch};
use crate::config::{Config, ConfigErrors, Limits};
use crate::http::Gateway;
use crate::hub::{Hub, RoomLimits};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::net::{Gate, GateLimits};
use crate::ns::ServerRole;
use crate::service::accounts::AccountSettings;
use crate::service::{Accounts, NoticeFollower, ServiceSettings, Services};
use crate::shutdown::Shutdown;
use crate::store::{ListLimits, Store, StoreError};
use crate::{http, net};
pub use connect::{address_of, https};
use door::Door;
pub use encryption::check_files;
use reload::{Knobs, Routers};
pub use reload::{ReloadError, Reloaded};
pub use run::{Ended, Origin, run};

/// How long sessions have to take their leave: to be told in turn, to take the last bytes, and to
/// close their side. The process ends within ten seconds.
const GRACE: Duration = Duration::from_secs(7);
/// So many sessions may be told good-bye, and come back, in one instant. For more of them it is
/// spread, by a millisecond for each.
const AT_ONCE: usize = 100;
/// The longest time over which it is spread.
const LONGEST_SPREAD: Duration = Duration::from_secs(3);
/// How long the rest has after that.
const LAST_MOMENT: Duration = Duration::from_secs(2);
/// How often the database is asked what the command line did to it.
const NOTICES_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked how large the database is.
const SIZE_EVERY: Duration = Duration::from_secs(5);
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
    #[error(transparent)]
    Files(#[from] ConfigErrors),
    #[error(transparent)]
    Settings(#[from] ReloadError),
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
    /// The settings in force.
    config: Config,
    knobs: Knobs,
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

impl Server {
    /// Starts everything; on an error nothing is left running.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        // What is wished for, to be compared with what is wished for later.
        let wished = config.clone();
        let budget = descriptors::budget(&config.limits, http_listeners(&config));
        config.limits.connections = budget.connections;
        config.limits.http_connections = budget.http_connections;
        let path = config.database();
        let limits = &config.limits;
        let store = Self::open_store(&path, list_limits(limits)).await;
        let store = store.map_err(|source| StartError::Store { path, source })?;
        let clock = Clock::system();
        let account_settings = AccountSettings::new(&config.auth, limits);
        let accounts = Accounts::open(store.clone(), clock.clone(), account_settings)
            .await
            .map_err(StartError::Accounts)?;
        let metrics = Metrics::new();
        metrics.set_start(clock.now_secs());
        let written = metrics.clone();
        store.observe_writes(move |jobs, time| written.store_wrote(jobs, time));
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
        let msnp = bind("listen.msnp", &config.listen.msnp)?;
        let dispatch = bind("listen.dispatch", &config.listen.dispatch)?;
        let web = bind("listen.http", &config.listen.http)?;
        let ops = bind("listen.ops", &config.listen.ops)?;
        #[cfg(feature = "legacy-tls")]
        let legacy = legacy::bind(&config.legacy_tls)?;

        let shutdown = Shutdown::new();
        let follower = NoticeFollower::start(services.clone())
            .await
            .map_err(StartError::Notices)?;
        let gate_limits = Live::new(gate_limits(limits));
        let gate = Gate::new(gate_limits.clone(), metrics.clone());
        let settings = reload::ns_settings(&config, &msnp.addresses, &web.addresses)?;
        let door = Door::new(services.clone(), settings, limits.clone(), shutdown.clone());
        let door = Arc::new(door);
        let gateway = config.gateway.enabled.then(|| {
            let door = door.clone();
            let start = move |role, client| door.welcome_tunnelled(role, client);
            let settings = reload::gateway_settings(&config);
            let stop = shutdown.soft().clone();
            Gateway::new(settings, gate.clone(), metrics.clone(), stop, start)
        });
        let msnp_port = first_port(&msnp.addresses);
        let (routers, address) =
            Routers::new(services.clone(), msnp_port, gateway.clone(), &config)?;
        let knobs = Knobs {
            gate,
            gate_limits,
            web_limits: Live::new(reload::web_gate_limits(limits)),
            msnp_proxies: Live::new(config.proxy_protocol.msnp.clone()),
            web_proxies: Live::new(config.proxy_protocol.http.clone()),
            trusted_proxies: Live::new(config.web.trusted_proxies.clone()),
            database_mib: Live::new(limits.database_mib),
            web_write_timeout: Live::new(Duration::from_secs(limits.write_secs)),
            referral: Live::new(reload::referral(&config)),
            door,
            gateway,
            hub,
            tls,
            routers,
        };
        let server = Self {
            config: wished,
            knobs,
            services,
            store,
            shutdown,
            msnp: msnp.addresses,
            dispatch: dispatch.addresses,
            http: web.addresses,
            ops: ops.addresses,
        };
        // The last thing that may fail.
        #[cfg(feature = "legacy-tls")]
        server.serve_legacy(legacy).await?;
        server.serve_msnp(msnp.listeners, dispatch.listeners);
        if let Some(gateway) = server.knobs.gateway.clone() {
            let sweeping = gateway.sweep(server.shutdown.clone());
            server.shutdown.spawn("gateway", sweeping);
        }
        server.serve_web(web.listeners);
        server.serve_ops(ops.listeners);
        server.keep_house(follower);
        server.watch_size().await;
        server.look_up(&server.config, address);
        Ok(server)
    }

    /// Nothing is written to a database that is damaged.
    async fn open_store(path: &Path, limits: ListLimits) -> Result<Store, StoreError> {
        Store::check(path).await?;
        Store::open(path, limits).await
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
        let sessions = self.knobs.hub.online_count();
        self.shutdown.begin_spread(spread(sessions));
        let mut in_time = self.shutdown.wait(GRACE).await;
        if !in_time {
            self.shutdown.abort();
            in_time = self.shutdown.wait(LAST_MOMENT).await;
        }
        self.store.close().await;
        tracing::info!(in_time, "stopped");
        in_time
    }

    fn serve_msnp(&self, main: Vec<TcpListener>, dispatch: Vec<TcpListener>) {
        let notification = Live::new(ServerRole::Notification);
        let referral = &self.knobs.referral;
        let main = main.into_iter().map(|listener| (listener, &notification));
        let dispatch = dispatch.into_iter().map(|listener| (listener, referral));
        for (listener, role) in main.chain(dispatch) {
            let (door, role) = (Arc::clone(&self.knobs.door), role.clone());
            let start = move |arrival| door.welcome(arrival, &role.now());
            let accepting = net::accept(
                listener,
                self.knobs.gate.clone(),
                self.knobs.msnp_proxies.clone(),
                self.shutdown.soft().clone(),
                self.shutdown.clone(),
                start,
            );
            self.shutdown.spawn("msnp listener", accepting);
        }
    }

    fn serve_ops(&self, listeners: Vec<TcpListener>) {
        let hub = self.knobs.hub.clone();
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
            metrics.set_process(descriptors::load());
        };
        let router = Live::new(http::ops::router(
            self.services.metrics.clone(),
            ready,
            sample,
        ));
        for listener in listeners {
            let settings = http::Settings::default();
            self.serve_http("ops listener", listener, router.clone(), settings);
        }
    }

    fn serve_http(
        &self,
        name: &'static str,
        listener: TcpListener,
        router: Live<axum::Router>,
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

    /// Keeps an eye on how large the database is, from before anybody adds to it.
    async fn watch_size(&self) {
        let (store, services) = (self.store.clone(), self.services.clone());
        let most = self.knobs.database_mib.clone();
        let look = async move || match store.size().await {
            Ok(bytes) => {
                let database_mib = *most.now();
                let most = database_mib.saturating_mul(1_024 * 1_024);
                services.space.set_full(database_mib > 0 && bytes >= most);
                services.metrics.set_store_bytes(bytes);
                // Here because it wants to be done as often.
                services.metrics.sum_up();
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the size of the database cannot be read");
            }
        };
        look().await;
        let shutdown = self.shutdown.clone();
        self.shutdown.spawn("size of the database", async move {
            let mut looks = tokio::time::interval(SIZE_EVERY);
            let soft = shutdown.soft().clone();
            while soft.run_until_cancelled(looks.tick()).await.is_some() {
                look().await;
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
        let clock = self.services.clock.clone();
        self.shutdown.spawn("housekeeping", async move {
            let mut notices = every(NOTICES_EVERY);
            let mut rooms = every(ROOMS_EVERY);
            let mut tickets = every(TICKETS_EVERY);
            let mut messages = every(OLD_MESSAGES_EVERY);
            let mut date = Watch::new(clock);
            loop {
                let done = tokio::select! {
                    () = shutdown.soft().cancelled() => return,
                    _ = notices.tick() => match follower.follow().await {
                        Ok(()) => presence.keep_sign_ins().await,
                        Err(error) => Err(error),
                    },
                    due = rooms.tick() => {
                        // When it was due, not when it happens: after the whole process stood
                        // still, what was said meanwhile is read before rooms are found idle.
                        chat.close_idle_rooms(due.into());
                        admin.tick();
                        Ok(())
                    }
                    _ = tickets.tick() => async {
                        accounts.prune_tickets().await?;
                        accounts.prune_notices().await?;
                        browsers.prune().await.map(drop)
                    }
                    .await,
                    _ = messages.tick() => {
                        if date.has_jumped() {
                            // What people wrote is not thrown away on the word of such a clock:
                            // there is time to put it right.
                            tracing::warn!("the date jumped; old messages are kept for now");
                            Ok(())
                        } else {
                            offline.prune().await.map(drop)
                        }
                    }
                };
                if let Err(error) = done {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "housekeeping failed; it is tried again");
                }
            }
        });
    }
}

/// Ticks at this interval; a process that stood still makes up for nothing.
fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn bind(key: &'static str, addresses: &[SocketAddr]) -> Result<Bound, StartError> {
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
        let listener = net::listen(address).map_err(failed)?;
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
        card_bytes: limits.card_bytes,
        picture_bytes: limits.picture_bytes,
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
        vanished: Duration::from_secs(limits.vanished_secs),
        waiting_per_network: limits.unauthenticated_per_address,
        exempt: limits.exempt.clone(),
    }
}

/// How long it takes to tell so many sessions that the server stops.
fn spread(sessions: usize) -> Duration {
    if sessions <= AT_ONCE {
        return Duration::ZERO;
    }
    let spread = u64::try_from(sessions).map_or(LONGEST_SPREAD, Duration::from_millis);
    spread.min(LONGEST_SPREAD)
}

/// How many listeners take connections to the web services, each up to its own bound.
/// How many files and sockets the settings take.
pub fn descriptors_needed(config: &Config) -> u64 {
    descriptors::needed(&config.limits, http_listeners(config))
}

fn http_listeners(config: &Config) -> usize {
    config.listen.http.len() + config.legacy_tls.listen.len()
}

fn first_port(addresses: &[SocketAddr]) -> u16 {
    addresses.first().map_or(0, SocketAddr::port)
}
