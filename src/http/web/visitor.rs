//! Who asks for a page.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HOST, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{page, see_other};
use crate::http::{Link, Web};
use crate::service::{WebSession, random_word};

/// The cookie of a browser that is signed in.
pub(super) const SESSION: &str = "chrysalis";
/// The cookie that forms are tied to before that.
pub(super) const GUEST: &str = "chrysalis_guest";

/// A browser, signed in or not.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) session: Option<WebSession>,
    pub(super) link: Link,
    /// What the browser calls itself.
    pub(super) browser: String,
    /// What the words in its forms are derived from.
    secret: String,
    /// The cookie of a guest that has none yet.
    pub(super) new_guest: Option<String>,
}

impl Visitor {
    /// The word for the forms of this page.
    pub(super) fn form_word(&self, web: &Web) -> String {
        web.services.web_sessions.form_word(&self.secret)
    }

    /// Whether a form with this word was made for this browser.
    pub(super) fn sent(&self, web: &Web, word: &str) -> bool {
        self.new_guest.is_none() && web.services.web_sessions.is_form_of(&self.secret, word)
    }

    /// Where it is, as it is written down.
    pub(super) fn peer(&self) -> String {
        self.link.peer.ip().to_string()
    }

    async fn of(parts: &Parts, web: &Web) -> Result<Self, Response> {
        let link = parts.extensions.get::<Link>().copied();
        let link = link.ok_or_else(|| page::plain(StatusCode::INTERNAL_SERVER_ERROR))?;
        let browser = parts.headers.get(USER_AGENT);
        let browser = browser.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let mut visitor = Self {
            session: None,
            link,
            browser: browser.to_owned(),
            secret: String::new(),
            new_guest: None,
        };
        if let Some(secret) = cookie(&parts.headers, SESSION) {
            let found = web.services.web_sessions.find(secret).await;
            let found = found.map_err(|fault| page::fault(&fault))?;
            if found.is_some() {
                secret.clone_into(&mut visitor.secret);
                visitor.session = found;
                return Ok(visitor);
            }
        }
        match cookie(&parts.headers, GUEST).filter(|it| is_secret(it)) {
            Some(secret) => secret.clone_into(&mut visitor.secret),
            None => {
                let secret = random_word();
                visitor.secret.clone_from(&secret);
                visitor.new_guest = Some(secret);
            }
        }
        Ok(visitor)
    }
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        Self::of(parts, web).await
    }
}

/// A visitor who is signed in. Anybody else is sent to sign in first, and comes back.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) session: WebSession,
}

impl FromRequestParts<Web> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let visitor = Visitor::of(parts, web).await?;
        match visitor.session.clone() {
            Some(session) => Ok(Self { visitor, session }),
            None => Err(see_other(&format!("/sign-in?to={}", parts.uri.path()))),
        }
    }
}

/// Whether the request says of itself that another site made the browser send it. Old browsers say
/// nothing.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text(HOST.as_str())) {
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, it)| it != host),
        _ => false,
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The first cookie of this name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = headers(&[("cookie", "a=1; chrysalis=xyz;b"), ("cookie", "c=2")]);
        assert_eq!(cookie(&headers, SESSION), Some("xyz"));
        assert_eq!(cookie(&headers, "c"), Some("2"));
        assert_eq!(cookie(&headers, GUEST), None);
    }

    #[test]
    fn a_form_that_another_site_sends_is_seen() {
        for (is_elsewhere, lines) in [
            (false, &[][..]),
            (false, &[("sec-fetch-site", "same-origin")]),
            (true, &[("sec-fetch-site", "cross-site")]),
            (true, &[("sec-fetch-site", "same-site")]),
            (false, &[("origin", "http://a:80"), ("host", "a:80")]),
            (true, &[("origin", "http://b"), ("host", "a:80")]),
            (true, &[("origin", "null"), ("host", "a:80")]),
        ] {
            assert_eq!(
                is_from_elsewhere(&headers(lines)),
                is_elsewhere,
                "{lines:?}"
            );
        }
    }
}
