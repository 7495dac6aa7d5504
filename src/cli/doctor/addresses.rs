//! Whether clients get to where the server sends them.

use std::net::SocketAddr;

use crate::client::WebServer;
use crate::config::Config;

use super::certificates;
use super::reach::{self, Found, Scope};
use super::report::{Area, Report};
use super::sign_in::{Place, WebSide};
use super::trust::Trust;

/// An address of the web, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WebAddress {
    host: String,
    port: u16,
    is_secure: bool,
}

/// Looks at what the settings advertise; answers the web side that clients are sent to, if it is
/// reached and speaks TLS. One in the clear says nothing more than the listener itself.
pub(super) async fn check(config: &Config, trust: &Trust, report: &mut Report) -> WebSide {
    let (advertise, listen) = (&config.advertise, &config.listen);
    let mut area = report.area("advertised addresses");
    match &advertise.host {
        None => without_host(&mut area, &listen.msnp),
        Some(host) => {
            let port = listen.msnp.first().map_or(0, SocketAddr::port);
            let port = advertise.msnp_port.unwrap_or(port);
            at_host(&mut area, "advertise.host", host, port).await;
        }
    }
    let mut web = WebSide::Unreached;
    if let Some(url) = &advertise.http_url {
        let found = at_url(&mut area, "advertise.http_url", url, trust).await;
        if found.server().is_some_and(WebServer::is_secure) {
            web = found;
        }
    }
    for target in &advertise.notification {
        if let Some((host, port)) = target.rsplit_once(':') {
            let port = port.parse().unwrap_or_default();
            at_host(&mut area, "advertise.notification", host, port).await;
        }
    }
    web
}

/// Every client is told the address it came in on.
fn without_host(area: &mut Area<'_>, listeners: &[SocketAddr]) {
    let name = "advertise.host";
    let is_private = listeners.iter().all(|listener| listener.ip().is_loopback());
    if is_private {
        area.warn(name, "only programs on this machine reach the server")
            .advise(
                "to let others in, set listen.msnp and listen.http to 0.0.0.0 with their ports",
            );
    } else {
        area.ok(name, "clients are told the address that they came in on")
            .advise(
                "behind a translating router, in a container or in a cloud set advertise.host to \
                 the name that clients use",
            );
    }
}

/// Looks up a name, and asks for the notification server there; answers the address of it.
async fn at_host(area: &mut Area<'_>, name: &str, host: &str, port: u16) -> Option<SocketAddr> {
    let addresses = match reach::resolve(host, port).await {
        Ok(addresses) => addresses,
        Err(error) => {
            area.fail(name, format!("{host} cannot be resolved: {error}"))
                .advise("make an entry for the name in the DNS, or correct it");
            return None;
        }
    };
    for &address in &addresses {
        match reach::msnp(address).await {
            Found::Expected(took) => {
                reachable(area, name, host, address).after(took);
                return Some(address);
            }
            other => unreachable(area, name, &format!("{host}:{port}"), address, &other),
        };
    }
    None
}

/// It answers; from where?
fn reachable<'a>(
    area: &'a mut Area<'_>,
    name: &str,
    host: &str,
    address: SocketAddr,
) -> &'a mut super::report::Finding {
    match reach::scope(address.ip()) {
        Scope::World => area.ok(name, format!("{host} is {address}, and answers")),
        Scope::Network => area
            .ok(name, format!("{host} is {address}, and answers"))
            .advise("a private address: only clients of the same network get there"),
        Scope::Machine => area
            .warn(
                name,
                format!("{host} is {address}, which is this machine alone"),
            )
            .advise("clients on other machines would look for the server on their own"),
    }
}

fn unreachable<'a>(
    area: &'a mut Area<'_>,
    name: &str,
    host: &str,
    address: SocketAddr,
    found: &Found,
) -> &'a mut super::report::Finding {
    let detail = match found {
        Found::Nobody(error) => format!("{host} does not answer at {address}: {error}"),
        Found::Silent => format!("{host} takes connections at {address} and says nothing"),
        Found::Stranger(said) => format!("{host} is another server at {address}: {said:?}"),
        Found::Expected(_) => format!("{host} answers at {address}"),
    };
    area.fail(name, detail).advise(
        "check the name, the port, the firewall and the forwarding of the router; some routers do \
         not lead back in from inside, so try it from outside too",
    )
}

/// Looks at an address of the web; answers what is there.
async fn at_url(area: &mut Area<'_>, name: &str, url: &str, trust: &Trust) -> WebSide {
    let Some(web) = WebAddress::read(url) else {
        area.fail(name, format!("{url} is no address of the web"))
            .advise("write http://HOST:PORT or https://HOST");
        return WebSide::Unreached;
    };
    let addresses = match reach::resolve(&web.host, web.port).await {
        Ok(addresses) => addresses,
        Err(error) => {
            area.fail(name, format!("{} cannot be resolved: {error}", web.host))
                .advise("make an entry for the name in the DNS, or correct it");
            return WebSide::Unreached;
        }
    };
    for &address in &addresses {
        if web.is_secure {
            match behind_tls(area, name, (url, &web), address, trust).await {
                WebSide::Unreached => continue,
                found => return found,
            }
        }
        match reach::web(address, &web.host).await {
            Found::Expected(took) => {
                reachable(area, name, url, address).after(took);
                return WebSide::Reached(WebServer::plain(address, web.authority()));
            }
            other => unreachable(area, name, url, address, &other),
        };
    }
    WebSide::Unreached
}

/// Looks at the certificate of a server, and at who answers behind it. That is asked even where
/// the certificate is not believed, since then there are two things to know: a question that
/// anybody may ask gives nothing away.
async fn behind_tls(
    area: &mut Area<'_>,
    name: &str,
    (url, web): (&str, &WebAddress),
    address: SocketAddr,
    trust: &Trust,
) -> WebSide {
    let shown = certificates::look_at(area, name, &web.host, address, trust).await;
    let Some(shown) = shown else {
        return WebSide::Unreached;
    };
    let server = WebServer::secure(address, web.authority(), shown.server, shown.settings);
    let name = format!("{name} service");
    match (reach::secure_web(&server).await, shown.is_verified) {
        (Found::Expected(took), true) => {
            reachable(area, &name, url, address).after(took);
            WebSide::Reached(server)
        }
        (Found::Expected(took), false) => {
            let detail = format!("{url} answers at {address}; asked without verifying who it is");
            area.ok(&name, detail).after(took);
            WebSide::Unverified(server)
        }
        (other, _) => {
            unreachable(area, &name, url, address, &other);
            WebSide::Unreached
        }
    }
}

/// Looks at a server that is only known by its address; answers where clients can sign in.
pub(super) async fn foreign(
    host: &str,
    port: u16,
    url: Option<&str>,
    trust: &Trust,
    report: &mut Report,
) -> Place {
    let mut area = report.area("network");
    let msnp = at_host(&mut area, "msnp", host, port).await;
    let web = match url {
        Some(url) => at_url(&mut area, "http", url, trust).await,
        None => {
            area.skip("http", "name the web services with --http");
            WebSide::Unreached
        }
    };
    Place {
        msnp,
        web,
        has_gateway: true,
    }
}

impl WebAddress {
    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = rest.split('/').next()?;
        let usual = if is_secure { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, usual),
        };
        (!host.is_empty()).then(|| Self {
            host: host.to_owned(),
            port,
            is_secure,
        })
    }

    /// The name as requests have it: with the port, where that is not the usual one.
    fn authority(&self) -> String {
        match (self.is_secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_is_taken_apart() {
        for (url, expected) in [
            (
                "http://chat.example.com",
                Some(("chat.example.com", 80, false)),
            ),
            ("https://a/b", Some(("a", 443, true))),
            ("http://192.0.2.1:8080/", Some(("192.0.2.1", 8080, false))),
            ("http://[::1]:8080", Some(("[::1]", 8080, false))),
            ("https://[::1]", Some(("[::1]", 443, true))),
            ("ftp://a", None),
            ("http://", None),
            ("http://a:x", None),
        ] {
            let read = WebAddress::read(url);
            let read = read
                .as_ref()
                .map(|it| (it.host.as_str(), it.port, it.is_secure));
            assert_eq!(read, expected, "{url}");
        }
    }

    #[test]
    fn requests_name_the_port_that_nobody_would_guess() {
        for (url, expected) in [
            ("https://a", "a"),
            ("https://a:443/", "a"),
            ("https://a:80", "a:80"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            let web = WebAddress::read(url).unwrap();
            assert_eq!(web.authority(), expected);
        }
    }
}
