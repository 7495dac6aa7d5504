//! Where this server says it is to be found.
//!
//! Without settings every client is told the address that it came in on itself, which is right
//! on a LAN and wrong behind a translating router or in a container.

use std::net::{IpAddr, SocketAddr};

/// The addresses that answers name. Known to be fit for a header and for a page.
#[derive(Debug, Clone, Default)]
pub struct Advertise {
    host: Option<String>,
    http_url: Option<String>,
    msnp_port: Option<u16>,
}

/// A setting cannot be put into an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvertiseError {
    /// Not a host name or an IP address.
    #[error("not a host name or an address: {0:?}")]
    Host(String),
    /// Not an `http` or `https` URL made of plain characters.
    #[error("not an http or https address: {0:?}")]
    Url(String),
}

impl Advertise {
    /// `host` is the name clients use for this server, `http_url` where its web side is seen from
    /// outside, for example behind a proxy that adds TLS, and `msnp_port` the port for MSNP.
    pub fn new(
        host: Option<&str>,
        http_url: Option<&str>,
        msnp_port: Option<u16>,
    ) -> Result<Self, AdvertiseError> {
        Ok(Self {
            host: host.map(checked_host).transpose()?,
            http_url: http_url.map(checked_url).transpose()?,
            msnp_port,
        })
    }

    /// Host and port for MSNP. `local` is the address that the client connected to, `port` that
    /// of the listener which takes MSNP.
    pub fn msnp(&self, local: SocketAddr, port: u16) -> String {
        format!("{}:{}", self.host(local), self.msnp_port(port))
    }

    /// Port for MSNP, where `port` is that of the listener which takes it.
    pub fn msnp_port(&self, port: u16) -> u16 {
        self.msnp_port.unwrap_or(port)
    }

    /// Base of the web side, without a slash at its end; `port` is that of the listener which
    /// takes HTTP. Whoever came by https is told to go on so, where nothing else is configured.
    pub fn web(&self, local: SocketAddr, port: u16, is_secure: bool) -> String {
        let scheme = if is_secure { "https" } else { "http" };
        match &self.http_url {
            Some(url) => url.clone(),
            None => format!("{scheme}://{}:{port}", self.host(local)),
        }
    }

    /// Where the Passport login is, in the form of the nexus: an address without a scheme means
    /// `https` to every client, one in plain HTTP has to say so (`docs/protocol/25 §4`).
    pub fn login(&self, local: SocketAddr, port: u16, is_secure: bool) -> String {
        let base = self.web(local, port, is_secure);
        format!(
            "{}/login2.srf",
            base.strip_prefix("https://").unwrap_or(&base)
        )
    }

    /// The host of the web side without its port, if the web side is configured.
    pub fn http_host(&self) -> Option<&str> {
        let (_, authority) = self.http_url.as_deref()?.split_once("://")?;
        let host = match authority.strip_prefix('[') {
            Some(literal) => authority.get(..literal.find(']')? + 2)?,
            None => authority.split([':', '/']).next()?,
        };
        Some(host)
    }

    /// The name of this server without a port.
    pub fn host(&self, local: SocketAddr) -> String {
        match &self.host {
            Some(host) => host.clone(),
            None => in_url(local.ip().to_canonical()),
        }
    }
}

/// A v6 address needs brackets before a port.
fn in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn checked_host(host: &str) -> Result<String, AdvertiseError> {
    if let Ok(ip) = host.parse() {
        return Ok(in_url(ip));
    }
    let is_name = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let is_bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    if !is_name && !is_bracketed {
        return Err(AdvertiseError::Host(host.to_owned()));
    }
    Ok(host.to_owned())
}

fn checked_url(url: &str) -> Result<String, AdvertiseError> {
    let refused = || AdvertiseError::Url(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(refused)?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.trim_end_matches('/');
    // Commas and quotes divide the headers that carry the address.
    let is_plain = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".-_~:/[]%".contains(&b));
    if !matches!(scheme.as_str(), "http" | "https")
        || rest.is_empty()
        || rest.starts_with(['/', ':'])
        || !is_plain
    {
        return Err(refused());
    }
    Ok(format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: Option<&str>, url: Option<&str>, local: &str, login: &str, msnp: &str) {
        let advertise = Advertise::new(host, url, None).unwrap();
        let local: SocketAddr = local.parse().unwrap();
        assert_eq!(advertise.login(local, local.port(), false), login);
        assert_eq!(advertise.msnp(local, 1863), msnp);
    }

    #[test]
    fn the_host_of_the_web_side_has_no_port() {
        for (url, host) in [
            ("https://msn.example.net", "msn.example.net"),
            ("http://msn.example.net:8080/", "msn.example.net"),
            ("http://msn.example.net/sub", "msn.example.net"),
            ("http://[2001:db8::1]:8080", "[2001:db8::1]"),
        ] {
            let advertise = Advertise::new(None, Some(url), None).unwrap();
            assert_eq!(advertise.http_host(), Some(host), "{url}");
        }
        assert_eq!(Advertise::default().http_host(), None);
    }

    #[test]
    fn a_port_of_its_own_wins_over_the_listeners() {
        let advertise = Advertise::new(None, None, Some(11863)).unwrap();
        let local = "[::ffff:192.0.2.7]:1863".parse().unwrap();
        assert_eq!(advertise.msnp(local, 1863), "192.0.2.7:11863");
    }

    #[test]
    fn the_url_wins_over_the_host_and_the_host_over_the_connection() {
        let local = "10.0.0.1:8080";
        check(
            None,
            None,
            local,
            "http://10.0.0.1:8080/login2.srf",
            "10.0.0.1:1863",
        );
        check(
            Some("msn.example.net"),
            None,
            local,
            "http://msn.example.net:8080/login2.srf",
            "msn.example.net:1863",
        );
        check(
            Some("msn.example.net"),
            Some("http://www.example.net:81/"),
            local,
            "http://www.example.net:81/login2.srf",
            "msn.example.net:1863",
        );
    }

    #[test]
    fn who_came_by_https_goes_on_by_https() {
        let local: SocketAddr = "10.0.0.1:443".parse().unwrap();
        let advertise = Advertise::default();
        assert_eq!(advertise.web(local, 443, true), "https://10.0.0.1:443");
        assert_eq!(advertise.login(local, 443, true), "10.0.0.1:443/login2.srf");
        let advertise = Advertise::new(None, Some("http://a.example"), None).unwrap();
        assert_eq!(advertise.web(local, 443, true), "http://a.example");
    }

    #[test]
    fn an_address_behind_tls_has_no_scheme() {
        let local = "10.0.0.1:8080";
        check(
            None,
            Some("https://login.example.net"),
            local,
            "login.example.net/login2.srf",
            "10.0.0.1:1863",
        );
        check(
            None,
            Some("HTTPS://login.example.net:444/msn/"),
            local,
            "login.example.net:444/msn/login2.srf",
            "10.0.0.1:1863",
        );
    }

    #[test]
    fn v6_addresses_are_bracketed() {
        check(
            None,
            None,
            "[2001:db8::1]:80",
            "http://[2001:db8::1]:80/login2.srf",
            "[2001:db8::1]:1863",
        );
        check(
            Some("2001:db8::2"),
            None,
            "[2001:db8::1]:80",
            "http://[2001:db8::2]:80/login2.srf",
            "[2001:db8::2]:1863",
        );
        check(
            Some("[2001:db8::2]"),
            None,
            "[::1]:80",
            "http://[2001:db8::2]:80/login2.srf",
            "[2001:db8::2]:1863",
        );
    }

    #[test]
    fn what_would_break_a_header_or_a_page_is_refused() {
        for host in [
            "",
            "a b",
            "a,b",
            "a\r\nX: y",
            "<b>",
            "a/b",
            "[::1",
            "host:80",
        ] {
            assert!(Advertise::new(Some(host), None, None).is_err(), "{host:?}");
        }
        for url in [
            "",
            "example.net",
            "ftp://example.net",
            "http://",
            "http:///x",
            "https://a,b",
            "http://a\r\nX: y",
            "http://a'b",
            "http://u@h",
            "http://a?b",
        ] {
            assert!(Advertise::new(None, Some(url), None).is_err(), "{url:?}");
        }
    }
}
