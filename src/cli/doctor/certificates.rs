//! Whether certificates are what clients will take.
//!
//! What is checked of a file is what can be known here: dates, names, and that each certificate was
//! issued by the next. What a server shows has to lead to a root that is believed, too: whether it
//! is one that a client has is for the client to know.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::clock::Clock;
use crate::config::Config;

use super::reach::PATIENCE;
use super::report::{Area, Report};
use super::settings::{DAY, date};
use super::trust::{Doubt, Trust, without_verification};

/// From here on somebody should see to the next certificate.
const SOON_DAYS: i64 = 14;

/// Looks at the files that the settings name.
pub(super) fn check(config: &Config, report: &mut Report) {
    let advertise = &config.advertise;
    let web_host = advertise.http_url.as_deref().and_then(|url| {
        let (_, rest) = url.split_once("https://")?;
        rest.split(['/', ':']).next()
    });
    let host = web_host.or(advertise.host.as_deref());
    let mut area = report.area("certificates");
    let mut is_any = false;
    for (name, file) in [
        ("tls.certificate", &config.tls.certificate),
        ("legacy_tls.certificate", &config.legacy_tls.certificate),
    ] {
        let Some(file) = file else {
            continue;
        };
        is_any = true;
        match read(file) {
            Ok(chain) => {
                judge(&mut area, name, &chain, host);
            }
            Err(error) => {
                area.fail(name, error)
                    .advise("name a PEM file that the server may read");
            }
        }
    }
    if !is_any {
        area.skip("tls.certificate", "the web side speaks plain HTTP");
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = file.display();
    let pem = std::fs::read(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!("{name} has no certificate in it")),
        Err(error) => Err(format!("{name} cannot be understood: {error}")),
    }
}

/// Says what is wrong with a chain, or that nothing is; whether it can be used.
fn judge(
    area: &mut Area<'_>,
    name: &str,
    chain: &[CertificateDer<'_>],
    host: Option<&str>,
) -> bool {
    let parsed: Result<Vec<X509Certificate<'_>>, _> = chain
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, parsed)| parsed))
        .collect();
    let Ok([first, rest @ ..]) = parsed.as_deref() else {
        area.fail(name, "it cannot be understood");
        return false;
    };
    let now = Clock::system().now_secs();
    let (from, until) = (
        first.validity().not_before.timestamp(),
        first.validity().not_after.timestamp(),
    );
    let days = (until - now) / i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX);
    if now > until {
        area.fail(name, format!("it expired at {}", date(until)))
            .advise("renew it; the server takes the new files by itself");
        return false;
    }
    if now < from {
        area.fail(name, format!("it is valid only from {}", date(from)))
            .advise("check the clock, or wait");
        return false;
    }
    let mut link = first;
    for issuer in rest {
        if link.issuer() != issuer.subject() {
            area.fail(
                name,
                "the chain is out of order: one is not issued by the next",
            )
            .advise("put the server's certificate first, then each one's issuer");
            return false;
        }
        link = issuer;
    }
    if let Some(host) = host.filter(|host| !is_for(first, host)) {
        area.fail(name, format!("it is not for {host}"))
            .advise("get one with that name, for example with `chrysalis cert make-ca --host`");
        return false;
    }
    let detail = format!("good for another {days} days, until {}", date(until));
    if days < SOON_DAYS {
        area.warn(name, detail).advise("renew it soon");
    } else {
        area.ok(name, detail);
    }
    true
}

/// Whether a certificate names a host, directly or by a wildcard for its first part.
fn is_for(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return false;
    };
    let host = host.trim_matches(['[', ']']);
    let address: Option<std::net::IpAddr> = host.parse().ok();
    names.value.general_names.iter().any(|name| match name {
        GeneralName::DNSName(name) => {
            let parent = host.split_once('.').map(|(_, parent)| parent);
            let wildcard = name.strip_prefix("*.").zip(parent);
            name.eq_ignore_ascii_case(host)
                || wildcard.is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        }
        GeneralName::IPAddress(bytes) => match address {
            Some(std::net::IpAddr::V4(ip)) => ip.octets() == **bytes,
            Some(std::net::IpAddr::V6(ip)) => ip.octets() == **bytes,
            None => false,
        },
        _ => false,
    })
}

/// What TLS with a server has shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// Whose certificate was wanted.
    pub(super) server: ServerName<'static>,
    /// What to go on with: settings that insist on what was believed once, or that cannot insist.
    pub(super) settings: Arc<ClientConfig>,
    /// Whether a root that is believed leads to the certificate.
    pub(super) is_verified: bool,
}

/// Shakes hands with a server and looks at what it shows, if it can be done at all.
pub(super) async fn look_at(
    area: &mut Area<'_>,
    name: &str,
    host: &str,
    address: SocketAddr,
    trust: &Trust,
) -> Option<Shown> {
    let started = Instant::now();
    let handshake = async {
        let server = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        let settings = without_verification()?;
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::clone(&settings));
        let stream = connector.connect(server.clone(), stream).await?;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().unwrap_or_default();
        let chain: Vec<_> = chain.iter().map(|it| it.clone().into_owned()).collect();
        anyhow::Ok((server, settings, chain))
    };
    let (server, unverified, chain) = match timeout(PATIENCE, handshake).await {
        Ok(Ok(shown)) => shown,
        Ok(Err(error)) => {
            area.fail(name, format!("no TLS with {host} at {address}: {error:#}"))
                .advise("check the certificate of the server or of the proxy before it");
            return None;
        }
        Err(_) => {
            area.fail(name, format!("{host} does not answer at {address} in time"))
                .advise("check the firewall and the forwarding of the router");
            return None;
        }
    };
    area.ok(name, format!("{host} speaks TLS at {address}"))
        .after(started.elapsed());
    let is_sound = judge(area, &format!("{name} certificate"), &chain, Some(host));
    let verified = trust.verify(&chain, &server);
    // What is wrong with the certificate itself was said already.
    if is_sound || verified.is_ok() {
        tell_trust(area, &format!("{name} trust"), verified.as_ref().err());
    }
    Some(Shown {
        server,
        is_verified: verified.is_ok(),
        settings: verified.unwrap_or(unverified),
    })
}

/// Says whether a certificate is believed.
fn tell_trust(area: &mut Area<'_>, name: &str, doubt: Option<&Doubt>) {
    match doubt {
        None => {
            area.ok(name, "a root that is believed here leads to it");
        }
        Some(doubt @ Doubt::NoRoots) => {
            area.warn(name, doubt.to_string()).advise(
                "install the package of root certificates of the system, or name the root in \
                 tls.ca (for another server with --ca)",
            );
        }
        Some(doubt @ Doubt::Rejected(_)) => {
            area.fail(
                name,
                format!("no root that is believed here leads to it: {doubt}"),
            )
            .advise(
                "clients without its root do not sign in: if it is from an authority of your \
                     own, install the root on their machines and name it in tls.ca (for another \
                     server with --ca); if not, put the whole chain into the file of the \
                     certificate",
            );
        }
    }
}
