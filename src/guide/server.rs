//! The server that clients are to be pointed at, as it calls itself.

use std::net::{IpAddr, Ipv4Addr};

/// The port that every client tries first, and most of them only.
pub(super) const MSNP_PORT: u16 = 1863;
/// The port that `https` means. It is compiled into clients.
pub(super) const HTTPS_PORT: u16 = 443;

/// What a guide has to know about a server. Nothing in it comes from a request but the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The name or address that clients are told.
    pub host: String,
    /// Port of notification server and switchboard.
    pub msnp_port: u16,
    /// Base of the web side: scheme, host and port, without a slash at its end.
    pub web: String,
    /// Where clients find it over TLS; `None` if nowhere.
    pub https: Option<Https>,
    /// The address behind the host, as far as it is known; hosts files need one.
    pub address: Option<IpAddr>,
    /// Whether the web side hands out the certificate of an authority of its own.
    pub has_ca: bool,
}

/// TLS, as clients find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Https {
    /// At which port.
    pub port: u16,
    /// For whom.
    pub age: TlsAge,
}

/// Which systems a server's TLS can be spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsAge {
    /// Those of its clients' own time too.
    Old,
    /// Those with TLS 1.2.
    Modern,
    /// A proxy in front of it decides.
    Unknown,
}

/// From where a server can be reached, going by what it calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By name, or at an address that the whole network knows.
    Everybody,
    /// At an address that means something on one network only.
    LocalNetwork,
    /// From the machine it runs on.
    ThisMachine,
}

impl Server {
    /// Host and port of the notification server; the port only where it is not the usual one.
    pub fn msnp(&self) -> String {
        match self.msnp_port {
            MSNP_PORT => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// The host of the web side, without a port.
    pub fn web_host(&self) -> &str {
        let rest = self.web.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        match authority.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    /// The address for a hosts file: what is known, or the host if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        literal(&self.host).or(self.address)
    }

    /// Who can reach it.
    pub fn reach(&self) -> Reach {
        if self.host.eq_ignore_ascii_case("localhost") {
            return Reach::ThisMachine;
        }
        match literal(&self.host) {
            Some(ip) if ip.is_loopback() || ip.is_unspecified() => Reach::ThisMachine,
            Some(IpAddr::V4(ip)) if is_local(ip) => Reach::LocalNetwork,
            Some(IpAddr::V6(ip)) if ip.is_unique_local() || ip.is_unicast_link_local() => {
                Reach::LocalNetwork
            }
            Some(_) => Reach::Everybody,
            // A name without a dot is known to one network.
            None if !self.host.contains('.') => Reach::LocalNetwork,
            None => Reach::Everybody,
        }
    }
}

fn is_local(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_link_local()
}

/// The address that a host is, if it is no name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, web: &str) -> Server {
        Server {
            host: host.to_owned(),
            msnp_port: MSNP_PORT,
            web: web.to_owned(),
            https: None,
            address: None,
            has_ca: false,
        }
    }

    #[test]
    fn who_can_reach_it() {
        for (host, reach) in [
            ("127.0.0.1", Reach::ThisMachine),
            ("localhost", Reach::ThisMachine),
            ("[::1]", Reach::ThisMachine),
            ("0.0.0.0", Reach::ThisMachine),
            ("192.168.1.2", Reach::LocalNetwork),
            ("169.254.1.2", Reach::LocalNetwork),
            ("[fd00::1]", Reach::LocalNetwork),
            ("attic", Reach::LocalNetwork),
            ("198.51.100.7", Reach::Everybody),
            ("msn.example.net", Reach::Everybody),
        ] {
            assert_eq!(server(host, "http://x").reach(), reach, "{host}");
        }
    }

    #[test]
    fn the_web_side_is_taken_apart() {
        for (web, host) in [
            ("https://msn.example.net", "msn.example.net"),
            ("https://msn.example.net:443", "msn.example.net"),
            ("http://msn.example.net:80/x", "msn.example.net"),
            ("https://[::1]:8443", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(server("x", web).web_host(), host);
        }
    }

    #[test]
    fn an_unusual_port_is_named() {
        let mut server = server("msn.example.net", "http://x");
        assert_eq!(server.msnp(), "msn.example.net");
        server.msnp_port = 1864;
        assert_eq!(server.msnp(), "msn.example.net:1864");
    }
}
