//! What a proxy of the operator's says about who asks.
//!
//! Nobody else is believed: anybody can write these headers (`[web] trusted_proxies`).

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::Link;
use crate::network::is_among;

/// The link as it is between the client and the outermost proxy that is trusted.
///
/// Every proxy appends the address it got the request from, so the list is read from its end as
/// far as the addresses are proxies', and whatever a client wrote before that is never reached.
pub(super) fn seen_through(link: Link, headers: &HeaderMap, trusted: &[IpNet]) -> Link {
    if !is_among(trusted, link.peer.ip()) {
        return link;
    }
    let forwarded = headers.get_all("x-forwarded-for");
    let mut hops: Vec<&str> = forwarded
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    let mut peer = link.peer;
    while is_among(trusted, peer.ip()) {
        let Some(hop) = hops.pop().and_then(address) else {
            break;
        };
        peer = hop;
    }
    let scheme = headers.get("x-forwarded-proto");
    Link {
        peer,
        is_secure: link.is_secure || scheme.is_some_and(|it| it.as_bytes() == b"https"),
        ..link
    }
}

/// Some proxies add the port, and brackets around a v6 address.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.trim_matches(['[', ']']);
    let with_port = || text.parse::<SocketAddr>().ok();
    let without = |ip: IpAddr| SocketAddr::new(ip, 0);
    let address = bare.parse().ok().map(without).or_else(with_port)?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], scheme: Option<&str>) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        if let Some(scheme) = scheme {
            headers.insert("x-forwarded-proto", scheme.parse().unwrap());
        }
        let link = Link {
            peer: SocketAddr::new(peer.parse().unwrap(), 7),
            local: "127.0.0.1:80".parse().unwrap(),
            is_secure: false,
        };
        let trusted = [
            "127.0.0.0/8".parse().unwrap(),
            "10.0.0.1/32".parse().unwrap(),
        ];
        let link = seen_through(link, &headers, &trusted);
        (link.peer.ip().to_string(), link.is_secure)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let forged = seen("192.0.2.1", &["198.51.100.1"], Some("https"));
        assert_eq!(forged, ("192.0.2.1".to_owned(), false));
        let told = seen("127.0.0.1", &["198.51.100.1"], Some("https"));
        assert_eq!(told, ("198.51.100.1".to_owned(), true));
    }

    #[test]
    fn what_the_client_wrote_itself_is_never_reached() {
        let forged = "203.0.113.7, 192.0.2.1";
        assert_eq!(seen("127.0.0.1", &[forged], None).0, "192.0.2.1");
        let chain = ["203.0.113.7", "192.0.2.1, 10.0.0.1"];
        assert_eq!(seen("127.0.0.1", &chain, None).0, "192.0.2.1");
    }

    #[test]
    fn a_proxy_that_says_nothing_readable_stands_for_itself() {
        for lines in [&[][..], &["nonsense"], &[""], &["192.0.2.1, unknown"]] {
            assert_eq!(seen("127.0.0.1", lines, None).0, "127.0.0.1", "{lines:?}");
        }
        for line in ["[2001:db8::1]:443", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(seen("127.0.0.1", &[line], None).0, "2001:db8::1");
        }
        assert_eq!(seen("127.0.0.1", &["192.0.2.1:9"], None).0, "192.0.2.1");
    }
}
