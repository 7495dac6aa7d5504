//! What clients read before and beside signing in: their configuration, tabs, lines of text and
//! the directory of activities (`docs/protocol/13 §3`, `docs/protocol/23 §2, §3`).
//!
//! Nobody has to sign in for any of it, and nothing in a request can make it fail: a question
//! that is not understood is answered like the most usual one. Every address that these documents
//! name is this server's own, as it is advertised.

mod ads;
mod app_directory;
mod msgr_config;
mod redirect;
mod tabs;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

use super::Web;
use crate::config::{Tab, TextAd};
use crate::guide;

/// What the operator wants clients to show; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    tabs: Arc<[Tab]>,
    text_ads: Arc<[TextAd]>,
}

impl Pages {
    /// Takes what the settings checked.
    pub fn new(tabs: &[Tab], text_ads: &[TextAd]) -> Self {
        Self {
            tabs: tabs.into(),
            text_ads: text_ads.into(),
        }
    }
}

/// The documents, below the names that the original hosts gave them.
pub(super) fn routes() -> Router<Web> {
    let configuration = get(msgr_config::bare).post(msgr_config::enveloped);
    let mut router = Router::new();
    // The shorter ones replace the whole address in a client (`docs/protocol/24 §1.3`).
    for path in guide::CONFIG_PATHS {
        router = router.route(&path.to_ascii_lowercase(), configuration.clone());
    }
    router
        .route("/config/msgrconfig.asmx", configuration)
        .route("/svcs/mms/tabs.asp", get(tabs::tabs).post(tabs::tabs))
        .route("/svcs/mms/portal.asp", get(tabs::tabs).post(tabs::tabs))
        .route("/ads/text", get(ads::text))
        .route("/ads/banner", get(ads::banner))
        // The banner of clients whose configuration is not from here (`docs/protocol/13 §3.3`).
        .route("/adsadclient31.dll", get(ads::banner))
        .route("/appdirectory/directory.aspx", get(app_directory::page))
        .route(
            "/appdirectory/appdirectory.asmx",
            post(app_directory::service),
        )
        .route(
            "/appdirectory/getappdirversion.aspx",
            get(app_directory::version),
        )
        // More precise routes win; what is no such link is not found.
        .route("/{page}/{id}", any(redirect::link))
}

/// An XML document that clients may keep for no longer than the moment, so that a server that
/// moves is followed.
fn document(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => {
            let headers = [
                (CONTENT_TYPE, "text/xml; charset=utf-8"),
                (CACHE_CONTROL, "no-cache"),
            ];
            (headers, text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a document cannot be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
