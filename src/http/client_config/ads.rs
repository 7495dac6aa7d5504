//! Where the advertisement was (`docs/protocol/13 §3.3`): a line of the operator's, and a banner
//! that is blank.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use rand::seq::IndexedRandom as _;

use super::document;
use crate::http::{Link, Web};

#[derive(Template)]
#[template(path = "client_config/text_ad.xml")]
struct Line<'a> {
    text: &'a str,
    url: &'a str,
}

/// One of the lines, or nothing at all, which clients take for no line.
pub(super) async fn text(State(web): State<Web>, Extension(link): Extension<Link>) -> Response {
    let Some(line) = web.pages.text_ads.choose(&mut rand::rng()) else {
        let headers = [
            (CONTENT_TYPE, "text/xml; charset=utf-8"),
            (CACHE_CONTROL, "no-cache"),
        ];
        return headers.into_response();
    };
    let home = format!("{}/", web.base(link));
    document(&Line {
        text: &line.text,
        url: line.url.as_deref().unwrap_or(&home),
    })
}

/// A page without anything on it; without an answer clients show that of a failure.
pub(super) async fn banner() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    let page = "<html><head><title></title></head><body></body></html>\n";
    (headers, page).into_response()
}
