//! Who may connect, and how many at a time. Accepting itself is `net`'s, as for MSNP.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::connection::Site;
use crate::live::Live;
use crate::metrics::{Metrics, Role};
use crate::net::{self, Arrival, Gate, GateLimits};
use crate::shutdown::Shutdown;
use crate::tls::{HANDSHAKE, Modern};

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many connections there may be. Beyond all of them the next one waits for one to end;
    /// beyond those of one network it is closed at once.
    pub limits: Live<GateLimits>,
    /// Proxies whose word about who asks is believed.
    pub trusted_proxies: Live<Vec<IpNet>>,
    /// Proxies that begin every connection with a header of the PROXY protocol.
    pub introducing_proxies: Live<Vec<IpNet>>,
    /// How long the head of a request may take to arrive, the wait for its first byte included;
    /// so it is the idle limit of a kept connection too.
    pub header_timeout: Duration,
    /// From the end of the head to the answer, the arrival of the body included.
    pub request_timeout: Duration,
    /// How long a peer may leave an answer unread.
    pub write_timeout: Live<Duration>,
    /// What takes TLS, on the same address as plain HTTP; none means plain HTTP only.
    pub tls: Option<Modern>,
    /// When the gateway has told everybody that the server stops; until then connections are taken
    /// for that. None means that nobody has to be told.
    pub parting: Option<CancellationToken>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Live::new(gate_limits(1_024, 64, Vec::new())),
            trusted_proxies: Live::default(),
            introducing_proxies: Live::default(),
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            write_timeout: Live::new(Duration::from_secs(15)),
            tls: None,
            parting: None,
        }
    }
}

impl Settings {
    /// When the listener closes, and connections that only wait to ask.
    pub(super) fn closing<'a>(&'a self, soft: &'a CancellationToken) -> &'a CancellationToken {
        self.parting.as_ref().unwrap_or(soft)
    }
}

/// How long a peer may leave everything unanswered. Most are cut off by other deadlines before.
const VANISHED: Duration = Duration::from_secs(120);

/// The bounds of the gate of web connections. Nobody signs in to one of them, so there is no bound
/// on those who have not; their deadlines are in `connection`.
pub fn gate_limits(connections: usize, per_network: usize, exempt: Vec<IpNet>) -> GateLimits {
    GateLimits {
        connections,
        per_network,
        waiting_per_network: per_network,
        vanished: VANISHED,
        exempt,
    }
}

/// Two ends of an accepted connection; every request carries it as an extension.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Who connected.
    pub peer: SocketAddr,
    /// The address they came in on.
    pub local: SocketAddr,
    /// Whether nobody on the way can listen.
    pub is_secure: bool,
}

/// Serves `router` on `listener` until the soft stop, then closes the listener; where there is a
/// gateway, as soon as that has told its sessions. Requests that come after the router was replaced
/// go to the new one.
///
/// Open connections finish the request in hand; [`Shutdown::wait`] waits for them. Nothing that
/// happens to a connection, and no failure to accept one, ends the loop. An error means that the
/// spelling of header names could not be prepared.
pub async fn serve(
    listener: TcpListener,
    router: impl Into<Live<Router>>,
    settings: Settings,
    shutdown: Shutdown,
    metrics: Metrics,
) -> io::Result<()> {
    let gate = Gate::new(settings.limits.clone(), metrics.clone());
    let proxies = settings.introducing_proxies.clone();
    let closing = settings.closing(shutdown.soft()).clone();
    let host = Host::new(router, settings, shutdown.clone(), metrics).await?;
    let tasks = shutdown.clone();
    let start = move |arrival: Arrival| {
        let (host, shutdown) = (host.clone(), &tasks);
        let link = Link {
            peer: canonical(arrival.peer),
            local: canonical(arrival.local),
            is_secure: arrival.is_secure,
        };
        let conversation = async move {
            arrival.admission.signed_in();
            let _held = arrival.admission;
            host.receive(arrival.stream, link).await;
        };
        drop(shutdown.spawn("http connection", conversation));
    };
    net::accept(listener, gate, proxies, closing, shutdown, start).await;
    Ok(())
}

/// What new connections are received with; clones share everything.
#[derive(Clone)]
pub struct Host {
    site: Arc<Site>,
    tls: Option<Modern>,
    header_timeout: Duration,
    shutdown: Shutdown,
    metrics: Metrics,
    connections: Arc<AtomicU64>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

impl Host {
    /// An error means that the spelling of header names could not be prepared.
    pub async fn new(
        router: impl Into<Live<Router>>,
        settings: Settings,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let tls = settings.tls.clone();
        let header_timeout = settings.header_timeout;
        let site = Site::new(router.into(), settings, metrics.clone())
            .await
            .map_err(io::Error::other)?;
        Ok(Self {
            site: Arc::new(site),
            tls,
            header_timeout,
            shutdown,
            metrics,
            connections: Arc::default(),
        })
    }

    /// Serves a connection that is ready for HTTP until one side or the hard stop ends it.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, link: Link) {
        let soft = self.shutdown.soft();
        self.account_for(link, self.site.converse(stream, link, soft))
            .await;
    }

    /// The same for one that may yet turn out to be TLS.
    async fn receive(&self, stream: TcpStream, link: Link) {
        let soft = self.shutdown.soft();
        self.account_for(link, self.tell_apart(stream, link, soft))
            .await;
    }

    /// Runs a conversation, which answers the reason of its end, with everything that belongs
    /// around it.
    async fn account_for(&self, link: Link, conversation: impl Future<Output = &'static str>) {
        let conn = self.connections.fetch_add(1, Ordering::Relaxed);
        let span = tracing::info_span!(
            "connection",
            conn,
            role = Role::Http.word(),
            peer = %link.peer,
        );
        let _live = self.metrics.connection(Role::Http);
        let hard = self.shutdown.hard();
        async {
            let reason = hard.run_until_cancelled(conversation).await;
            let reason = reason.unwrap_or("shutdown");
            tracing::debug!(reason, "closed");
            self.metrics.closed(Role::Http, reason);
        }
        .instrument(span)
        .await;
    }

    /// Looks at the first byte, and leaves it where it is: both protocols are spoken on one port,
    /// because clients were given one address and differ in what they speak.
    async fn tell_apart(
        &self,
        stream: TcpStream,
        link: Link,
        soft: &CancellationToken,
    ) -> &'static str {
        let Some(tls) = &self.tls else {
            return self.site.converse(stream, link, soft).await;
        };
        let closing = self.site.closing(soft);
        // One deadline for the first byte and the handshake.
        let deadline = Instant::now() + self.header_timeout;
        let mut first = [0];
        let looked = timeout_at(deadline, stream.peek(&mut first));
        match closing.run_until_cancelled(looked).await {
            None => return "shutdown",
            Some(Err(_)) => return "idle",
            Some(Ok(Err(_) | Ok(0))) => return "eof",
            Some(Ok(Ok(_))) => {}
        }
        if first != [HANDSHAKE] {
            return self.site.converse(stream, link, soft).await;
        }
        let handshake = timeout_at(deadline, tls.accept(stream, link.peer.ip()));
        match closing.run_until_cancelled(handshake).await {
            None => "shutdown",
            Some(Err(_)) => {
                tls.timed_out();
                "idle"
            }
            Some(Ok(Err(refused))) => {
                let error = &refused as &dyn std::error::Error;
                tracing::debug!(error, "no TLS");
                "tls"
            }
            Some(Ok(Ok(stream))) => {
                let link = Link {
                    is_secure: true,
                    ..link
                };
                self.site.converse(stream, link, soft).await
            }
        }
    }
}

/// The form in which an address is compared, counted and told: a v4 peer of a v6 socket is v4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
