//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::gate::{Admission, Gate, Place};
use super::proxied::{self, HeaderError};
use crate::live::Live;
use crate::network::is_among;
use crate::shutdown::Shutdown;

/// A connection that was just admitted.
#[derive(Debug)]
pub struct Arrival {
    pub stream: TcpStream,
    /// Who connected; by the word of a proxy in front, where one is trusted.
    pub peer: SocketAddr,
    /// The address that the client connected to; likewise.
    pub local: SocketAddr,
    /// Whether a proxy in front has taken TLS off the connection.
    pub is_secure: bool,
    pub admission: Admission,
}

/// How often a silent peer is asked before it is given up.
const QUESTIONS: u32 = 4;

/// How long a proxy may take to say whose connection it hands on. It is on the same network, and
/// has the header ready before it connects.
const HEADER: Duration = Duration::from_secs(5);

/// Connections that the system keeps until they are accepted; it may keep fewer. After a restart
/// everybody comes at once, and whoever does not fit believes to be connected to a server that knows
/// nothing of it.
const BACKLOG: u32 = 4096;

/// Opens a listener.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // After a stop the address is free at once, whoever still lingers on it.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until `closing` is cancelled and hands each to `start`.
///
/// From the networks of `proxies` a header of the PROXY protocol is expected first; every bound is
/// then about the client that it tells of. A connection over a bound of its network is closed at
/// once. Errors, such as a lack of file descriptors, never end the loop: it waits a moment, at most
/// a second, and goes on; whoever connects meanwhile waits in the system's queue, and whoever is
/// connected notices nothing.
pub async fn accept(
    listener: TcpListener,
    gate: Gate,
    proxies: Live<Vec<IpNet>>,
    closing: CancellationToken,
    shutdown: Shutdown,
    start: impl Fn(Arrival) + Send + Sync + 'static,
) {
    let start = Arc::new(start);
    const LONGEST_WAIT: Duration = Duration::from_secs(1);
    let mut wait = Duration::from_millis(5);
    loop {
        let next = async { (gate.place().await, listener.accept().await) };
        let Some((place, accepted)) = closing.run_until_cancelled(next).await else {
            return;
        };
        match accepted {
            Ok((stream, peer)) => {
                wait = Duration::from_millis(5);
                let local = match prepare(&stream, gate.vanished()) {
                    Ok(local) => local,
                    Err(error) => {
                        tracing::debug!(%peer, %error, "connection was gone at once");
                        continue;
                    }
                };
                let newcomer = Newcomer {
                    stream,
                    peer,
                    local,
                    is_secure: false,
                    place,
                };
                if !is_among(&proxies.now(), peer.ip()) {
                    newcomer.admit(&gate).map(&*start);
                    continue;
                }
                let (gate, start) = (gate.clone(), Arc::clone(&start));
                let stop = closing.clone();
                shutdown.spawn("proxy header", async move {
                    let introduced = stop.run_until_cancelled(newcomer.introduced()).await;
                    let newcomer = introduced.flatten();
                    newcomer.and_then(|it| it.admit(&gate)).map(&*start);
                });
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                gate.accept_failed();
                tracing::warn!(%error, wait_ms = wait.as_millis(), "cannot accept connections");
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// A connection that is not admitted yet.
struct Newcomer {
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    is_secure: bool,
    place: Place,
}

impl Newcomer {
    /// Lets the proxy that connected say for whom.
    async fn introduced(mut self) -> Option<Self> {
        let proxy = self.peer;
        match tokio::time::timeout(HEADER, proxied::read(&mut self.stream)).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(told))) => {
                self.peer = told.peer;
                self.local = told.local;
                self.is_secure = told.is_secure;
            }
            Ok(Err(HeaderError::Silent)) => return None,
            // The operator's own proxy: worth a line each, because nobody gets in like that.
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%proxy, error, "a trusted proxy does not say who connects");
                return None;
            }
            Err(_) => {
                tracing::warn!(%proxy, "a trusted proxy does not say in time who connects");
                return None;
            }
        }
        Some(self)
    }

    fn admit(self, gate: &Gate) -> Option<Arrival> {
        let peer = self.peer;
        let Some(admission) = gate.admit(self.place, peer.ip()) else {
            tracing::debug!(%peer, "connection over a bound");
            return None;
        };
        Some(Arrival {
            stream: self.stream,
            peer,
            local: self.local,
            is_secure: self.is_secure,
            admission,
        })
    }
}

fn prepare(stream: &TcpStream, vanished: Duration) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    // The oldest clients never ping (`docs/protocol/00 §2`), so TCP itself has to ask: half of the
    // time in silence, the other half in questions.
    let keepalive = TcpKeepalive::new()
        .with_time(vanished / 2)
        .with_interval((vanished / 2 / QUESTIONS).max(Duration::from_secs(1)))
        .with_retries(QUESTIONS);
    socket.set_tcp_keepalive(&keepalive)?;
    // While something is on its way to the peer the questions rest, and by itself the system would
    // send that anew for a quarter of an hour.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(vanished))?;
    stream.local_addr()
}

fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
