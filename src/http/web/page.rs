//! How every page is answered: around it the same frame, before it the same headers.

use std::error::Error;

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::assets::{LIVE_PATH, MARK_PATH, STYLE_PATH};
use super::visitor::{GUEST, SESSION, Visitor};
use crate::http::{Link, Web, header_value};
use crate::service::WebSession;

/// Nothing from elsewhere, no script that is not a file of this site, no frame around it, and no
/// form that leads away.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// How long a browser keeps the cookie of a guest, in seconds.
const GUEST_AGE: u32 = 24 * 60 * 60;
/// How long it keeps the one of a session, which ends earlier if it is not used.
const SESSION_AGE: u32 = 30 * 24 * 60 * 60;

/// What is around the contents of every page.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) title: &'static str,
    /// What the operator calls the server.
    pub(super) site: String,
    pub(super) style: &'static str,
    pub(super) mark: &'static str,
    pub(super) live: &'static str,
    pub(super) session: Option<WebSession>,
    /// The word that every form of the page carries.
    pub(super) word: String,
    pub(super) notice: Option<Notice>,
}

/// A line at the top of a page about what was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) is_good: bool,
    pub(super) text: &'static str,
}

impl Notice {
    /// Something worked.
    pub(super) const fn good(text: &'static str) -> Self {
        Self {
            is_good: true,
            text,
        }
    }

    /// Something did not.
    pub(super) const fn bad(text: &'static str) -> Self {
        Self {
            is_good: false,
            text,
        }
    }
}

impl Shell {
    /// The frame of a page for this visitor.
    pub(super) fn new(web: &Web, visitor: &Visitor, title: &'static str) -> Self {
        Self {
            title,
            site: web.site_name.to_string(),
            style: STYLE_PATH,
            mark: MARK_PATH,
            live: LIVE_PATH,
            session: visitor.session.clone(),
            word: visitor.form_word(web),
            notice: None,
        }
    }

    /// With a line at the top.
    pub(super) fn with(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.session.as_ref().is_some_and(|it| it.is_admin)
    }

    pub(super) fn signed_in_as(&self) -> Option<&str> {
        self.session.as_ref().map(|it| it.address.as_str())
    }
}

/// Answers with a page.
pub(super) fn page(visitor: &Visitor, status: StatusCode, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => return fault(&error),
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(guest) = &visitor.new_guest {
        let cookie = cookie(GUEST, guest, GUEST_AGE, visitor.link);
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// The headers of every page. Pages show what belongs to one person, so nobody keeps them.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
];

#[derive(Template)]
#[template(path = "web/problem.html")]
struct Problem<'a> {
    shell: Shell,
    text: &'a str,
}

/// A page that says what is wrong and how to mend it.
pub(super) fn problem(
    web: &Web,
    visitor: &Visitor,
    status: StatusCode,
    title: &'static str,
    text: &str,
) -> Response {
    let shell = Shell::new(web, visitor, title);
    page(visitor, status, &Problem { shell, text })
}

/// Something of ours failed; the reason goes into the log.
pub(super) fn fault(error: &(dyn Error + 'static)) -> Response {
    tracing::error!(error, "a page cannot be made");
    plain(StatusCode::SERVICE_UNAVAILABLE)
}

/// An answer of a few words, where there is nothing to make a page from.
pub(super) fn plain(status: StatusCode) -> Response {
    let text = match status {
        StatusCode::BAD_REQUEST => "This request cannot be read.\n",
        StatusCode::NOT_FOUND => "There is nothing here.\n",
        _ => "Something is wrong here just now. Try again in a moment.\n",
    };
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}

/// Sends the browser to another page of this site after a form. `path` is one of ours.
pub(super) fn see_other(path: &str) -> Response {
    let headers = [
        (LOCATION, header_value(path)),
        (CACHE_CONTROL, header_value("no-store")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Signs the browser in: from now on it shows this secret.
pub(super) fn with_session(mut response: Response, secret: &str, link: Link) -> Response {
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, cookie(SESSION, secret, SESSION_AGE, link));
    headers.append(SET_COOKIE, cookie(GUEST, "", 0, link));
    response
}

/// Signs the browser out.
pub(super) fn without_session(mut response: Response, link: Link) -> Response {
    let cookie = cookie(SESSION, "", 0, link);
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// For this site alone and no script. A browser that came by https does not show it to anybody who
/// listens.
fn cookie(name: &str, value: &str, age: u32, link: Link) -> HeaderValue {
    let secure = if link.is_secure { "; Secure" } else { "" };
    header_value(&format!(
        "{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
    ))
}

/// An error as a sentence.
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut signs = text.chars();
    match signs.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), signs.as_str()),
        None => text,
    }
}
