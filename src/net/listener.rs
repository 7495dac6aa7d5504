//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::gate::{Admission, Gate};
use crate::shutdown::Shutdown;

/// A connection that was just admitted.
#[derive(Debug)]
pub struct Arrival {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
    pub admission: Admission,
}

/// A dead peer is noticed after about two minutes: the oldest clients never ping
/// (`docs/protocol/00 §2`), so TCP itself has to ask.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15));

/// Accepts connections until the soft stop and hands each to `start`.
///
/// A connection over a bound of its network is closed at once. Errors, such as a lack of file
/// descriptors, never end the loop: it waits a moment, at most a second, and goes on; whoever
/// connects meanwhile waits in the system's queue, and whoever is connected notices nothing.
pub async fn accept(
    listener: TcpListener,
    gate: Gate,
    shutdown: Shutdown,
    start: impl Fn(Arrival) + Send,
) {
    const LONGEST_WAIT: Duration = Duration::from_secs(1);
    let mut wait = Duration::from_millis(5);
    loop {
        let next = async { (gate.place().await, listener.accept().await) };
        let Some((place, accepted)) = shutdown.soft().run_until_cancelled(next).await else {
            return;
        };
        match accepted {
            Ok((stream, peer)) => {
                wait = Duration::from_millis(5);
                let Some(admission) = gate.admit(place, peer.ip()) else {
                    tracing::debug!(%peer, "connection over a bound");
                    continue;
                };
                match prepare(&stream) {
                    Ok(local) => start(Arrival {
                        stream,
                        peer,
                        local,
                        admission,
                    }),
                    Err(error) => tracing::debug!(%peer, %error, "connection was gone at once"),
                }
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                gate.accept_failed();
                tracing::warn!(%error, wait_ms = wait.as_millis(), "cannot accept connections");
                tokio::select! {
                    () = shutdown.soft().cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)?;
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
