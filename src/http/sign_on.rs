//! Browser sign-on: a client opens a page on the web by sending the browser here with a form that
//! names the page (`docs/protocol/11 §6`, `docs/protocol/01 §6`).
//!
//! There is nothing to sign on to, so what is left is to send the browser on. Anybody can make such
//! a form, so it leads only where this server or its operator says: a link elsewhere is shown, not
//! followed. Whether the form is signed makes no difference to that. Its signature is not looked
//! at, because it opens nothing here, and a form without one leads to the same places.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::{Link, Web, form, home};

/// Longer than any link that a client makes.
const LONGEST_LINK: usize = 2_048;

/// Sends the browser to the page that the form names. Official clients post the form, some others
/// open it as a query, which must not travel on: it holds what the client signed on with.
pub(super) async fn follow(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    RawQuery(query): RawQuery,
    body: String,
) -> Response {
    let query = query.unwrap_or_default();
    let Some(target) = target(&body).or_else(|| target(&query)) else {
        return home::front().await;
    };
    let is_ours = |host: &str| {
        let advertised = [
            web.advertise.http_host().map(str::to_owned),
            Some(web.advertise.host(link.local)),
        ];
        let mut known = advertised.iter().flatten().chain(&*web.redirect_hosts);
        known.any(|known| known.eq_ignore_ascii_case(host))
    };
    let may_follow = match host_of(&target) {
        Some(Place::Here) => true,
        Some(Place::At(host)) => is_ours(host),
        None => false,
    };
    match HeaderValue::from_str(&target) {
        Ok(target) if may_follow => {
            let headers = [
                (LOCATION, target),
                (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::FOUND, headers).into_response()
        }
        Ok(_) | Err(_) => shown(&target),
    }
}

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// To this server, whatever it is called.
    Here,
    /// To a host.
    At(&'a str),
}

/// The link that the form names: `ru`, or else `rru`. Newer clients have both inside of `token`,
/// which is a form itself.
fn target(form: &str) -> Option<String> {
    let token = form::value(form, "token");
    let form = token.as_deref().unwrap_or(form);
    ["ru", "rru"]
        .into_iter()
        .filter_map(|name| form::value(form, name))
        .find(|link| !link.is_empty() && link.len() <= LONGEST_LINK)
}

/// `None` for what is no plain link. Browsers forgive much in a link, such as backslashes and
/// blanks, and then go somewhere else than it says; whatever needs forgiveness is none.
fn host_of(link: &str) -> Option<Place<'_>> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b);
    if !link.bytes().all(is_plain) {
        return None;
    }
    if link.starts_with('/') {
        return (!link.starts_with("//")).then_some(Place::Here);
    }
    let rest = link
        .strip_prefix("https://")
        .or_else(|| link.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.split_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return None,
        None => authority,
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    (!host.is_empty() && host.bytes().all(is_name)).then_some(Place::At(host))
}

/// The link as a text, which no browser makes anything else of.
fn shown(link: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let link: String = link.chars().filter(|sign| !sign.is_control()).collect();
    let text = format!(
        "This server does not follow links to other places. The link led to:\n\n    {link}\n"
    );
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_unescaped_twice() {
        let body = "x=1&token=ct%3D1%26rru%3D%252Fmail%26ru%3Dhttp%253A%252F%252Fa.example%252Fb%253Fc%253Dd%2526e";
        assert_eq!(target(body).as_deref(), Some("http://a.example/b?c=d&e"));
        let body = "token=rru%3D%252Fmail%26ru%3D";
        assert_eq!(target(body).as_deref(), Some("/mail"));
        assert_eq!(target("token="), None);
        assert_eq!(target("mode=ttl&rru=%2Fx&auth=y").as_deref(), Some("/x"));
        // What stands beside a token is not part of it.
        assert_eq!(target("ru=/x&token=ct%3D1"), None);
        let long = format!("token=ru%3D{}", "a".repeat(2_049));
        assert_eq!(target(&long), None);
    }

    #[test]
    fn only_a_plain_link_has_a_host() {
        for (link, place) in [
            ("/mail?x=1", Place::Here),
            ("/", Place::Here),
            ("http://a.example", Place::At("a.example")),
            ("https://A.example:8443/x@y", Place::At("A.example")),
            ("http://a.example?x", Place::At("a.example")),
        ] {
            assert_eq!(host_of(link), Some(place), "{link}");
        }
        for link in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\tevil",
            " http://a.example",
            "http:/evil.example",
            "http:evil.example",
            "http://",
            "http:///evil.example",
            "http://a.example@evil.example/",
            "http://a.example:x@evil.example/",
            "http://a.example\\@evil.example/",
            "http://a.example:80:80/",
            "http://[::1]/",
            "http://a.exämple/",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.example/",
            "mail.html",
            "/x\r\nSet-Cookie: a=b",
        ] {
            assert_eq!(host_of(link), None, "{link}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_link_names_its_host_where_every_browser_looks(
            link in "(https?:)?[/\\\\]{0,3}([a-z.]{0,3}[@:\\\\/?#%\t ]{0,2}){0,4}",
        ) {
            match host_of(&link) {
                None => {}
                Some(Place::Here) => {
                    proptest::prop_assert!(link.starts_with('/') && !link.contains('\\'));
                    proptest::prop_assert!(!link.starts_with("//"));
                }
                Some(Place::At(host)) => {
                    let rest = link.split_once("://").unwrap().1.strip_prefix(host).unwrap();
                    let end = rest.chars().next();
                    proptest::prop_assert!(end.is_none_or(|end| ":/?#".contains(end)));
                    let authority = rest.split(['/', '?', '#']).next().unwrap();
                    proptest::prop_assert!(!authority.contains(['@', '\\']));
                }
            }
        }
    }
}
