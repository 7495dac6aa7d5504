//! The accept loop: who may connect, and how many at a time.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::advertise::canonical;
use super::connection::Site;
use crate::metrics::{Metrics, Role};
use crate::shutdown::Shutdown;

/// The shortest and the longest pause after `accept` failed, for example for want of files.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections at a time. Beyond it, `accept` waits for one to end.
    pub connections: usize,
    /// Connections at a time from one address (a /64 for IPv6). One more is closed at once.
    pub connections_per_address: usize,
    /// Addresses to which that limit does not apply, such as a proxy's.
    pub exempt: Vec<IpNet>,
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
    let permits = Arc::new(Semaphore::new(
        settings.connections.min(Semaphore::MAX_PERMITS),
    ));
    let callers = Callers::new(settings.connections_per_address);
    let exempt = settings.exempt.clone();
    let site = Arc::new(
        Site::new(router, settings, metrics.clone())
            .await
            .map_err(io::Error::other)?,
    );
    let mut number = 0_u64;
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, accept(&listener).await)
        };
        let Some((permit, (stream, link))) = shutdown.soft().run_until_cancelled(next).await else {
            return Ok(());
        };
        let is_exempt = exempt.iter().any(|net| net.contains(&link.peer.ip()));
        let caller = callers.admit(link.peer.ip());
        if caller.is_none() && !is_exempt {
            metrics.closed(Role::Http, "too_many");
            continue;
        }
        number += 1;
        let span =
            tracing::info_span!("connection", role = "http", conn = number, peer = %link.peer);
        let live = metrics.connection(Role::Http);
        let metrics = metrics.clone();
        let site = Arc::clone(&site);
        let soft = shutdown.soft().clone();
        let hard = shutdown.hard().clone();
        let conversation = async move {
            let _held = (permit, caller, live);
            let reason = until(&hard, site.converse(stream, link, &soft))
                .await
                .unwrap_or("shutdown");
            tracing::debug!(reason, "closed");
            metrics.closed(Role::Http, reason);
        };
        drop(shutdown.spawn("http connection", conversation.instrument(span)));
    }
}

async fn until<F: Future>(token: &CancellationToken, future: F) -> Option<F::Output> {
    token.run_until_cancelled(future).await
}

/// The next connection that can be used; failures only cost a pause.
async fn accept(listener: &TcpListener) -> (TcpStream, Link) {
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await.and_then(prepare) {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn prepare((stream, peer): (TcpStream, SocketAddr)) -> io::Result<(TcpStream, Link)> {
    stream.set_nodelay(true)?;
    let link = Link {
        peer: canonical(peer),
        local: canonical(stream.local_addr()?),
    };
    Ok((stream, link))
}

/// The peer left before it was accepted; the next one may be served at once.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
    )
}

/// How many connections each address holds. The lock is held for one look-up.
#[derive(Clone)]
struct Callers {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    limit: usize,
}

/// One connection of an address; gives its place back when dropped.
struct Caller {
    callers: Callers,
    address: IpAddr,
}

impl Callers {
    fn new(limit: usize) -> Self {
        Self {
            open: Arc::default(),
            limit,
        }
    }

    fn admit(&self, address: IpAddr) -> Option<Caller> {
        let address = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&address).copied().unwrap_or(0);
        if count >= self.limit {
            return None;
        }
        open.insert(address, count + 1);
        Some(Caller {
            callers: self.clone(),
            address,
        })
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let open = &self.callers.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Whoever has one v6 address has a whole /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_limited_number_of_places() {
        let callers = Callers::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let first = callers.admit(one);
        let second = callers.admit(one);
        assert!(first.is_some() && second.is_some());
        assert!(callers.admit(one).is_none());
        assert!(callers.admit("192.0.2.2".parse().unwrap()).is_some());
        drop(first);
        assert!(callers.admit(one).is_some());
        drop(second);
        assert!(callers.open.lock().unwrap().is_empty());
    }

    #[test]
    fn a_v6_network_counts_as_one() {
        let callers = Callers::new(1);
        let _held = callers.admit("2001:db8::1".parse().unwrap()).unwrap();
        assert!(callers.admit("2001:db8::ffff:2".parse().unwrap()).is_none());
        assert!(callers.admit("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
