//! `MsgrConfig.asmx`: the configuration of a client (`docs/protocol/13 §3.1`).
//!
//! Clients up to 7.5 post an envelope and get the document as text inside one; later ones ask for
//! the bare document and say which build they are. Country and languages of the question are not
//! looked at: there is one market.

use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::tabs::TabEntry;
use super::{Pages, document};
use crate::http::{Link, Web};

/// The first build whose document is the longer one: Windows Live Messenger 2009 and its betas.
const FIRST_LATE: u32 = 9;

/// The bare document.
#[derive(Template)]
#[template(path = "client_config/get_msgr_config.xml")]
struct Bare<'a> {
    is_late: bool,
    web: String,
    trusted: Vec<String>,
    tabs: Vec<TabEntry<'a>>,
}

/// The same as text within an envelope. The escaping of its values keeps the end of the text from
/// standing in it.
#[derive(Template)]
#[template(path = "client_config/get_client_config.xml")]
struct Enveloped<'a> {
    is_late: bool,
    web: String,
    trusted: Vec<String>,
    tabs: Vec<TabEntry<'a>>,
}

/// For 8.0 and later.
pub(super) async fn bare(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    RawQuery(query): RawQuery,
) -> Response {
    let base = web.base(link);
    document(&Bare {
        is_late: is_late(query.as_deref().unwrap_or_default()),
        trusted: trusted_domains(&base, &web.pages),
        web: base,
        tabs: TabEntry::all(&web.pages),
    })
}

/// For 6.0 to 7.5 and aMSN.
pub(super) async fn enveloped(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
) -> Response {
    let base = web.base(link);
    document(&Enveloped {
        is_late: false,
        trusted: trusted_domains(&base, &web.pages),
        web: base,
        tabs: TabEntry::all(&web.pages),
    })
}

/// Whether the client calls itself a build that wants the longer document. The shorter one is the
/// answer to everything that is no number: all clients read it.
fn is_late(query: &str) -> bool {
    let version = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.eq_ignore_ascii_case("ver").then_some(value)
    });
    version
        .and_then(|version| version.split('.').next())
        .and_then(|major| major.parse::<u32>().ok())
        .is_some_and(|major| major >= FIRST_LATE)
}

/// The hosts whose pages a client may open in its own windows: this server, and those of the tabs.
fn trusted_domains(web: &str, pages: &Pages) -> Vec<String> {
    let mut domains = vec![host_of(web).to_owned()];
    for tab in pages.tabs.iter() {
        let host = host_of(&tab.url);
        if !domains.iter().any(|it| it.eq_ignore_ascii_case(host)) {
            domains.push(host.to_owned());
        }
    }
    domains
}

/// The host of an absolute address, without a port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_decides_and_nonsense_means_the_older_form() {
        for (query, expected) in [
            ("op=GetClientConfig&ver=8.5.1302.1018", false),
            ("ver=8.1.0178.00", false),
            ("op=GetClientConfig&VER=14.0.8117.0416", true),
            ("ver=9.0.1407", true),
            ("ver=16", true),
            ("", false),
            ("ver", false),
            ("ver=", false),
            ("ver=-14", false),
            ("ver=99999999999999999999", false),
            ("ver=%31%34.0", false),
            ("over=14.0", false),
        ] {
            assert_eq!(is_late(query), expected, "{query}");
        }
    }

    #[test]
    fn hosts_are_found_in_addresses() {
        for (url, host) in [
            ("http://a.example", "a.example"),
            ("https://a.example:81/x:1", "a.example"),
            ("http://[::1]:80/", "[::1]"),
            ("http://[::1]", "[::1]"),
            ("http://u:p@a.example?x=/", "a.example"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
