//! Looking at one address: who answers there, if anybody.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::client::{ClientError, Http, Version, WebServer};

/// How long an address may take for a connection, and for each answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// An answer longer than this is not that of a server we know.
const ENOUGH: usize = 16 * 1024;

/// What is at an address.
#[derive(Debug)]
pub(super) enum Found {
    /// What was looked for, after this time.
    Expected(Duration),
    /// Somebody else, who said this.
    Stranger(String),
    /// Somebody takes connections and says nothing.
    Silent,
    /// Nobody.
    Nobody(io::Error),
}

/// Asks for the notification server: it has to agree on a version.
pub(super) async fn msnp(address: SocketAddr) -> Found {
    let versions = (Version::OLDEST..=Version::NEWEST).rev();
    let offer: Vec<String> = versions
        .filter_map(Version::new)
        .map(|version| version.to_string())
        .collect();
    let question = format!("VER 1 {} CVR0\r\n", offer.join(" "));
    ask(address, question.as_bytes(), |answer| {
        answer
            .contains('\n')
            .then(|| answer.starts_with("VER 1 MSNP"))
    })
    .await
}

/// Asks for the web side: the nexus names the login page.
pub(super) async fn web(address: SocketAddr, host: &str) -> Found {
    let question =
        format!("GET /rdr/pprdr.asp HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    ask(address, question.as_bytes(), |answer| {
        let has_head = answer.contains("\r\n\r\n");
        has_head.then(|| answer.starts_with("HTTP/1.1 200 ") && answer.contains("PassportURLs:"))
    })
    .await
}

/// Asks for the web side through TLS.
pub(super) async fn secure_web(server: &WebServer) -> Found {
    let started = Instant::now();
    let mut http = Http::new(server.clone());
    let asking = http.ask("GET /rdr/pprdr.asp HTTP/1.1\r\n", b"");
    match timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) if answer.status == 200 && answer.header("PassportURLs").is_some() => {
            Found::Expected(started.elapsed())
        }
        Ok(Ok(answer)) => Found::Stranger(shortened(&answer.head)),
        Ok(Err(ClientError::Io(error))) => Found::Nobody(error),
        Ok(Err(ClientError::Closed { .. } | ClientError::Late { .. })) | Err(_) => Found::Silent,
        Ok(Err(error)) => Found::Stranger(error.to_string()),
    }
}

/// Asks for the health of the server.
pub(super) async fn health(address: SocketAddr) -> Found {
    let question = b"GET /healthz HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n";
    ask(address, question, |answer| {
        let has_line = answer.contains('\n');
        has_line.then(|| answer.starts_with("HTTP/1.1 200 "))
    })
    .await
}

/// Sends a question and reads until `judge` knows who answers.
async fn ask(address: SocketAddr, question: &[u8], judge: impl Fn(&str) -> Option<bool>) -> Found {
    let started = Instant::now();
    let mut stream = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Found::Nobody(error),
        Err(_) => return Found::Nobody(io::ErrorKind::TimedOut.into()),
    };
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(question).await?;
        while answer.len() < ENOUGH {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
            if judge(&String::from_utf8_lossy(&answer)).is_some() {
                break;
            }
        }
        io::Result::Ok(())
    };
    // Whatever came before it broke off says who it is.
    let _ = timeout(PATIENCE, talk).await;
    let answer = String::from_utf8_lossy(&answer);
    match judge(&answer) {
        Some(true) => Found::Expected(started.elapsed()),
        _ if answer.is_empty() => Found::Silent,
        _ => Found::Stranger(shortened(&answer)),
    }
}

/// The first line of what somebody said, as far as it fits.
fn shortened(answer: &str) -> String {
    let line = answer.lines().next().unwrap_or_default();
    line.chars().take(60).collect()
}

/// What a name stands for.
pub(super) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let bare = host.trim_matches(['[', ']']);
    let found = timeout(PATIENCE, lookup_host((bare, port))).await;
    let found: Vec<_> = found.map_err(|_| io::ErrorKind::TimedOut)??.collect();
    if found.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(found)
}

/// Who listens on all addresses listens on the local one.
pub(super) fn here(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// From where an address can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// From this machine.
    Machine,
    /// From this network.
    Network,
    /// From everywhere.
    World,
}

/// From where it can be reached.
pub(super) fn scope(ip: IpAddr) -> Scope {
    match ip.to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => Scope::Machine,
        IpAddr::V4(ip) => {
            // What providers put between their customers and the world (RFC 6598).
            let is_shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            match ip.is_private() || ip.is_link_local() || is_shared {
                true => Scope::Network,
                false => Scope::World,
            }
        }
        IpAddr::V6(ip) => match ip.is_unique_local() || ip.is_unicast_link_local() {
            true => Scope::Network,
            false => Scope::World,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_from_where_an_address_is_reached() {
        let scope = |text: &str| scope(text.parse().unwrap());
        for text in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
            assert_eq!(scope(text), Scope::Machine, "{text}");
        }
        for text in [
            "192.168.1.2",
            "10.0.0.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(scope(text), Scope::Network, "{text}");
        }
        for text in ["203.0.113.9", "2001:db8::1", "100.128.0.1"] {
            assert_eq!(scope(text), Scope::World, "{text}");
        }
    }
}
