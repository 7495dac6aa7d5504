//! How the gateway answers (`docs/protocol/20 §4`).

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, PRAGMA, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::session::Reply;
use crate::advertise::Advertise;
use crate::http::{Link, header_value};

const X_MSN_MESSENGER: HeaderName = HeaderName::from_static("x-msn-messenger");
const X_MSN_HOST: HeaderName = HeaderName::from_static("x-msn-host");

/// COMPAT: Miranda copies the host into 80 bytes and looks at no bound (`docs/protocol/20 §4`).
const LONGEST_HOST: usize = 79;

/// A reply of a session. `gateway` is where the client finds this gateway again.
pub(super) fn reply(id: &str, gateway: &str, reply: Reply) -> Response {
    let mut state = format!("SessionID={id}; GW-IP={gateway}");
    if reply.is_last {
        state.push_str("; Session=close");
    }
    let mut response = Response::new(Body::from(reply.body));
    let headers = response.headers_mut();
    headers.insert(X_MSN_MESSENGER, header_value(&state));
    headers.insert(X_MSN_HOST, header_value(gateway));
    let content_type = HeaderValue::from_static("application/x-msn-messenger");
    headers.insert(CONTENT_TYPE, content_type);
    finish(response)
}

/// An answer without a session.
pub(super) fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    finish(response)
}

/// Nobody on the way keeps an answer, and no browser takes one for a page.
fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let no_cache = HeaderValue::from_static("no-cache, no-store");
    headers.insert(CACHE_CONTROL, no_cache);
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Where the client finds this gateway again: the host that the settings name, or else the one that
/// it has found us by, which may be of its own making; and the port that it has used. A port that
/// everybody means is left out, for clients that would take it for a part of the name.
pub(super) fn gateway_of(advertise: &Advertise, link: Link, headers: &HeaderMap) -> String {
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = asked.and_then(host_and_port);
    let port = asked.map_or(link.local.port(), |(_, port)| port);
    let host = match (advertise.named_host(), asked) {
        (Some(host), _) => host.to_owned(),
        (None, Some((host, _))) => host.to_owned(),
        (None, None) => advertise.host(link.local),
    };
    let full = match port {
        0 | 80 | 443 => host,
        port => format!("{host}:{port}"),
    };
    if full.len() > LONGEST_HOST {
        return advertise.host(link.local);
    }
    full
}

/// A host as a client may write it into `Host`, and its port; 0 where none is said. `None` for
/// what would break the header that it goes into.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if text.is_empty() || text.len() > LONGEST_HOST || !text.bytes().all(is_plain) {
        return None;
    }
    let is_literal = text.starts_with('[');
    match text.rsplit_once(':') {
        Some((_, last)) if is_literal && last.ends_with(']') => Some((text, 0)),
        Some((host, port)) if !host.is_empty() => Some((host, port.parse().ok()?)),
        Some(_) => None,
        None => Some((text, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(host: Option<&str>, url: Option<&str>, asked: Option<&str>, local: &str) -> String {
        let advertise = Advertise::new(host, url, None).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(asked) = asked {
            headers.insert(HOST, asked.parse().unwrap());
        }
        let link = Link {
            peer: "192.0.2.1:7".parse().unwrap(),
            local: local.parse().unwrap(),
            is_secure: false,
        };
        gateway_of(&advertise, link, &headers)
    }

    #[test]
    fn a_client_is_told_a_host_that_it_can_reach() {
        let name = "gateway.messenger.hotmail.com";
        let classic = Some(name);
        let local = "10.0.0.1:80";
        assert_eq!(told(None, None, classic, local), name);
        assert_eq!(told(Some("a.example"), None, classic, local), "a.example");
        let url = Some("https://b.example");
        assert_eq!(told(Some("a.example"), url, classic, local), "b.example");
        assert_eq!(told(None, None, None, local), "10.0.0.1");
        assert_eq!(told(None, None, None, "10.0.0.1:8080"), "10.0.0.1:8080");
    }

    #[test]
    fn the_port_is_the_one_that_the_client_used() {
        let local = "10.0.0.1:8080";
        assert_eq!(told(None, None, Some("a:80"), local), "a");
        assert_eq!(told(None, None, Some("a"), local), "a");
        assert_eq!(told(None, None, Some("a:8080"), local), "a:8080");
        assert_eq!(told(Some("b"), None, Some("a:8080"), local), "b:8080");
        assert_eq!(told(None, None, Some("[::1]"), local), "[::1]");
        assert_eq!(told(None, None, Some("[::1]:81"), local), "[::1]:81");
    }

    #[test]
    fn a_host_that_would_break_the_header_is_not_repeated() {
        let long = "a".repeat(80);
        for asked in ["a;Session=close", "a b", "a=b", ":80", "a:x", "", &long] {
            let text = told(None, None, Some(asked), "10.0.0.1:80");
            assert_eq!(text, "10.0.0.1", "{asked}");
        }
    }

    #[test]
    fn the_pairs_stand_in_their_order() {
        for (is_last, expected) in [
            (false, "SessionID=a.b; GW-IP=h"),
            (true, "SessionID=a.b; GW-IP=h; Session=close"),
        ] {
            let body = bytes::Bytes::new();
            let response = reply("a.b", "h", Reply { body, is_last });
            assert_eq!(response.headers()[X_MSN_MESSENGER], expected);
            assert_eq!(response.headers()[X_MSN_HOST], "h");
        }
    }
}
