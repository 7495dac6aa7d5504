//! What the settings say about how clients come here, for those who explain it to people.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::Config;
use crate::guide::{Https, TlsAge};

/// How long a name may take to be looked up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where clients find the web side over TLS, and which of them can speak it. A proxy is known by
/// the address that is advertised, and what it speaks is its own affair.
pub fn https(config: &Config) -> Option<Https> {
    let legacy = config.legacy_tls.listen.first();
    let modern = config.tls.certificate.as_ref();
    let modern = modern.and(config.listen.http.first());
    let advertised = config.advertise.http_url.as_deref();
    let advertised = advertised.and_then(|url| url.strip_prefix("https://"));
    let age = match (legacy, modern, advertised) {
        (Some(_), _, _) => TlsAge::Old,
        (None, Some(_), _) => TlsAge::Modern,
        (None, None, Some(_)) => TlsAge::Unknown,
        (None, None, None) => return None,
    };
    let port = match (advertised, legacy.or(modern)) {
        (Some(authority), _) => authority
            .split_once(':')
            .map_or(Some(443), |(_, port)| port.parse().ok())?,
        (None, listener) => listener?.port(),
    };
    Some(Https { port, age })
}

/// The address of a name, an IPv4 one if it has any, because old systems know no others. `None` if
/// it has none that another machine could use.
pub async fn address_of(host: &str) -> Option<IpAddr> {
    let looked_up = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let found = looked_up.ok()?.ok()?.map(|address| address.ip());
    let mut usable: Vec<IpAddr> = found
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
        .collect();
    usable.sort_by_key(IpAddr::is_ipv6);
    usable.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut Config)) -> Option<Https> {
        let mut config = Config::default();
        change(&mut config);
        https(&config)
    }

    #[test]
    fn tls_is_found_in_the_settings() {
        let https = |port, age| Some(Https { port, age });
        assert_eq!(config(|_| ()), None);
        let proxy =
            |url: &'static str| config(move |it| it.advertise.http_url = Some(url.to_owned()));
        assert_eq!(proxy("http://msn.example.net"), None);
        assert_eq!(
            proxy("https://msn.example.net"),
            https(443, TlsAge::Unknown)
        );
        let odd = proxy("https://msn.example.net:8443");
        assert_eq!(odd, https(8443, TlsAge::Unknown));
        let modern = config(|it| it.tls.certificate = Some("a.pem".into()));
        assert_eq!(modern, https(8080, TlsAge::Modern));
        let legacy = config(|it| it.legacy_tls.listen = vec![([0, 0, 0, 0], 443).into()]);
        assert_eq!(legacy, https(443, TlsAge::Old));
        let mapped = config(|it| {
            it.legacy_tls.listen = vec![([0, 0, 0, 0], 8443).into()];
            it.advertise.http_url = Some("https://msn.example.net".to_owned());
        });
        assert_eq!(mapped, https(443, TlsAge::Old));
    }

    #[tokio::test]
    async fn an_address_is_its_own_and_the_local_one_is_none() {
        let ip: IpAddr = [192, 0, 2, 7].into();
        assert_eq!(address_of("192.0.2.7").await, Some(ip));
        assert_eq!(address_of("127.0.0.1").await, None);
    }
}
