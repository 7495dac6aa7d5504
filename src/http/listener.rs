//! Who may connect, and how many at a time. Accepting itself is `net`'s, as for MSNP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tracing::Instrument;

use super::connection::Site;
use crate::metrics::{Metrics, Role};
use crate::net::{self, Arrival, Gate, GateLimits};
use crate::shutdown::Shutdown;

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections at a time. Beyond it, the next one waits for one of them to end.
    pub connections: usize,
    /// Connections at a time from one address (a /64 for IPv6). One more is closed at once.
    pub connections_per_address: usize,
    /// Addresses to which that limit does not apply, such as a proxy's.
    pub exempt: Vec<IpNet>,
    /// Proxies whose word about who asks is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long the head of a request may take to arrive, the wait for its first byte included;
    /// so it is the idle limit of a kept connection too.
    pub header_timeout: Duration,
    /// From the end of the head to the answer, the arrival of the body included.
    pub request_timeout: Duration,
    /// How long a peer may leave an answer unread.
    pub write_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 64,
            exempt: Vec::new(),
            trusted_proxies: Vec::new(),
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(15),
        }
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

/// Serves `router` on `listener` until the soft stop, then closes the listener.
///
/// Open connections finish the request in hand; [`Shutdown::wait`] waits for them. Nothing that
/// happens to a connection, and no failure to accept one, ends the loop. An error means that the
/// spelling of header names could not be prepared.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    shutdown: Shutdown,
    metrics: Metrics,
) -> io::Result<()> {
    let gate = Gate::new(GateLimits {
        connections: settings.connections,
        per_network: settings.connections_per_address,
        // Nobody signs in to a web connection; its deadlines are in `connection`.
        waiting_per_network: settings.connections_per_address,
        exempt: settings.exempt.clone(),
    });
    let site = Site::new(router, settings, metrics.clone())
        .await
        .map_err(io::Error::other)?;
    let host = Host {
        site: Arc::new(site),
        shutdown: shutdown.clone(),
        metrics,
        connections: AtomicU64::new(0),
    };
    net::accept(listener, gate, shutdown, |arrival| host.welcome(arrival)).await;
    Ok(())
}

/// What a new connection is received with.
struct Host {
    site: Arc<Site>,
    shutdown: Shutdown,
    metrics: Metrics,
    connections: AtomicU64,
}

impl Host {
    fn welcome(&self, arrival: Arrival) {
        let conn = self.connections.fetch_add(1, Ordering::Relaxed);
        let link = Link {
            peer: canonical(arrival.peer),
            local: canonical(arrival.local),
            is_secure: false,
        };
        let span = tracing::info_span!("connection", role = "http", conn, peer = %link.peer);
        let live = self.metrics.connection(Role::Http);
        let metrics = self.metrics.clone();
        let site = Arc::clone(&self.site);
        let soft = self.shutdown.soft().clone();
        let hard = self.shutdown.hard().clone();
        let conversation = async move {
            arrival.admission.signed_in();
            let _held = (arrival.admission, live);
            let conversation = site.converse(arrival.stream, link, &soft);
            let reason = hard
                .run_until_cancelled(conversation)
                .await
                .unwrap_or("shutdown");
            tracing::debug!(reason, "closed");
            metrics.closed(Role::Http, reason);
        };
        self.shutdown
            .spawn("http connection", conversation.instrument(span));
    }
}

/// The form in which an address is compared, counted and told: a v4 peer of a v6 socket is v4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
