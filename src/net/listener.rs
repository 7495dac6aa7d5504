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

/// How often a silent peer is asked before it is given up.
const QUESTIONS: u32 = 4;

/// Accepts connections until the soft stop and hands each to `start`.
///
/// A connection over a bound of its network is closed at once. Errors, such as a lack of file descriptors, never
/// end the loop: it waits a moment and goes on.
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
                match prepare(&stream, gate.vanished()) {
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
