//! The HTTP edge: the Passport login of the middle clients, and a page for people.
//!
//! Between the socket and a handler lie, from the outside in: the accept loop with its limits
//! (`listener`), the completion of a first line without version (`request_line`), deadlines and a
//! clean end for the bytes (`stream`), and hyper with limits, normal paths and the spelling of
//! header names (`connection`, `header_case`). Handlers are thin: parse, one operation, render.

mod activity;
mod address_book;
mod client_config;
mod connection;
mod form;
mod forwarded;
mod gateway;
mod header_case;
mod home;
mod library_config;
mod listener;
mod login;
mod nexus;
mod oim;
pub mod ops;
mod patience;
mod realm;
mod request_line;
mod root_certificate;
mod rsi;
mod rst;
mod sharing;
mod sign_on;
pub mod soap;
mod storage;
mod stream;
mod web;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::{get, post};
use axum::{Extension, Router};

pub use client_config::Pages;
use connection::TooLarge;
pub use gateway::{Gateway, GatewaySettings};
pub use listener::{Host, Link, Settings, gate_limits, serve};
pub use root_certificate::root_certificate;
pub use web::Connect;

use crate::advertise::Advertise;
use crate::guide;
use crate::service::Services;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Web {
    /// The operations, the same as those of the TCP roles.
    pub services: Services,
    /// The addresses that answers name.
    pub advertise: Advertise,
    /// Port of the listener for MSNP.
    pub msnp_port: u16,
    /// Hosts that a browser may be sent on to, besides this server.
    pub redirect_hosts: Arc<[String]>,
    /// What clients show besides contacts.
    pub pages: Pages,
    /// What the pages for people call this server.
    pub site_name: Arc<str>,
    /// The settings in force, for administrators.
    pub settings: Arc<str>,
    /// For clients that cannot reach the other port, unless it is switched off.
    pub gateway: Option<Gateway>,
    /// What only the page about connecting a client has to know.
    pub connect: Connect,
}

impl Web {
    /// Base of the web side as the other end of the link reaches it, without a slash at its end.
    fn base(&self, link: Link) -> String {
        self.advertise
            .web(link.local, link.local.port(), link.is_secure)
    }
}

/// Everything that clients and people ask for; to be given to [`serve`], which sees to it that
/// paths arrive in lower case.
pub fn router(web: Web) -> Router {
    let sign_on = get(sign_on::follow).post(sign_on::follow);
    for_clients()
        .merge(gateway::routes())
        .route("/ppsecure/md5auth.srf", sign_on.clone())
        .route("/ppsecure/sha1auth.srf", sign_on)
        .merge(web::routes())
        // The connection bounds every body before it comes here, each service as it needs.
        .layer(DefaultBodyLimit::disable())
        .with_state(web)
}

/// What clients ask for over TLS that nobody should trust with more: signing in, the services
/// behind it and the configuration. There is no page for people, no administration, and no way to
/// make an account; what is not here is not found.
pub fn clients_only_router(web: Web) -> Router {
    for_clients()
        .route("/", post(home::probe).get(home::not_found))
        .fallback(home::not_found)
        .layer(DefaultBodyLimit::disable())
        .with_state(web)
}

/// The ways in for clients, and their services.
fn for_clients() -> Router<Web> {
    let login = get(login::sign_in).post(login::sign_in);
    let mut router = Router::new();
    for service in soap::Service::ALL {
        let serve = move |State(web): State<Web>,
                          Extension(link): Extension<Link>,
                          headers: HeaderMap,
                          too_large: Option<Extension<TooLarge>>,
                          body: Bytes| {
            soap::serve(service, web, link, (headers, too_large), body)
        };
        router = router.route(service.path(), post(serve));
    }
    let nexus = get(nexus::passport_urls).post(nexus::passport_urls);
    // What replaced its address in a client ends in one of these (`docs/protocol/24 §1.3`).
    for path in guide::nexus_paths() {
        router = router.route(&path, nexus.clone());
    }
    router
        .route("/rdr/pprdr.asp", nexus)
        // Some clients skip the nexus and know only the older name (`docs/protocol/01 §3.1`).
        .route("/login.srf", login.clone())
        .route("/login2.srf", login)
        // Addresses of `@msn.com` go to a path of their own (`docs/protocol/11 §1`).
        .route("/rst.srf", post(rst::issue_v1))
        .route("/pp550/rst.srf", post(rst::issue_v1))
        .route("/pp900/rst.srf", post(rst::issue_v1))
        .route("/rst2.srf", post(rst::issue_v2))
        .route("/pp550/rst2.srf", post(rst::issue_v2))
        .route("/pp900/rst2.srf", post(rst::issue_v2))
        .route("/notrst.srf", post(rst::issue_bare))
        .route("/getrealminfo.srf", get(realm::tell))
        .route("/getuserrealm.srf", get(realm::tell))
        .route("/ppcrlcheck.srf", get(library_config::check))
        .route("/ppcrlconfig.srf", get(library_config::services))
        .route("/wlidsvcconfig.xml", get(library_config::services))
        .merge(client_config::routes())
        // Pictures, of whoever has their address from the service.
        .merge(storage::routes())
}

/// A header value made by this server. Whatever a peer sent is encoded before it comes here.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("our own values are visible ASCII")
}

#[cfg(test)]
mod tests;
