//! `chrysalis healthcheck`: asks `/healthz`, or `/readyz`, on the ops listener.
//!
//! It is plain blocking I/O with deadlines, so that it works in an image without a shell or curl
//! and costs next to nothing every few seconds.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::config::Config;

/// For connecting, and again for each piece of the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Only the first line of the answer matters.
const ENOUGH: u64 = 64;

/// Ask the running server whether it is healthy; for containers and monitors.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Whether it can do its work, too: not while it stops, or while its database does not answer.
    #[arg(long)]
    ready: bool,
}

pub(super) fn run(wished: &Healthcheck, config: &Config) -> anyhow::Result<()> {
    let Some(&listener) = config.listen.ops.first() else {
        bail!("listen.ops is empty, so there is nothing to ask; give it an address");
    };
    ensure!(
        listener.port() != 0,
        "listen.ops has port 0, which is a different one every time; give it a fixed port"
    );
    let address = reachable(listener);
    let path = if wished.ready { "/readyz" } else { "/healthz" };
    let status_line = ask(address, path).with_context(|| format!("no answer from {address}"))?;
    ensure!(
        is_ok(&status_line),
        "{address} answered {:?}",
        status_line.trim_end()
    );
    Ok(())
}

/// Who listens on all addresses listens on the local one.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

fn ask(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one piece: a server may answer and close before the last of several arrives.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ENOUGH).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn is_ok(status_line: &str) -> bool {
    let mut words = status_line.split(' ');
    let version = words.next().unwrap_or_default();
    version.starts_with("HTTP/1.") && words.next() == Some("200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_healthy() {
        assert!(is_ok("HTTP/1.1 200 OK"));
        assert!(is_ok("HTTP/1.0 200"));
        for line in [
            "",
            "HTTP/1.1 503 Service Unavailable",
            "200",
            "HTTP/1.1 2000",
        ] {
            assert!(!is_ok(line), "{line}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_the_local_one() {
        let ask = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(ask("0.0.0.0:9463"), "127.0.0.1:9463");
        assert_eq!(ask("[::]:9463"), "[::1]:9463");
        assert_eq!(ask("192.0.2.1:9463"), "192.0.2.1:9463");
    }
}
