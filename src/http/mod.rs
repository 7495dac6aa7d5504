//! The HTTP edge: the Passport login of the middle clients, and a page for people.
//!
//! Between the socket and a handler lie, from the outside in: the accept loop with its limits
//! (`listener`), the completion of a first line without version (`request_line`), deadlines and a
//! clean end for the bytes (`stream`), and hyper with limits, normal paths and the spelling of
//! header names (`connection`, `header_case`). Handlers are thin: parse, one operation, render.

mod client_config;
mod connection;
mod header_case;
mod home;
mod listener;
mod login;
mod nexus;
pub mod ops;
mod request_line;
mod rst;
mod soap;
mod stream;

use axum::Router;
use axum::http::HeaderValue;
use axum::routing::{get, post};

pub use client_config::Pages;
pub use listener::{Link, Settings, serve};

use crate::advertise::Advertise;
use crate::metrics::Metrics;
use crate::service::accounts::Accounts;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Checks passwords and issues tickets.
    pub accounts: Accounts,
    /// The addresses that answers name.
    pub advertise: Advertise,
    /// Port of the listener for MSNP.
    pub msnp_port: u16,
    /// Where sign-ins are counted.
    pub metrics: Metrics,
    /// What clients show besides contacts.
    pub pages: Pages,
}

/// Everything that clients and people ask for; to be given to [`serve`], which sees to it that
/// paths arrive in lower case.
pub fn router(edge: Edge) -> Router {
    let login = get(login::sign_in).post(login::sign_in);
    let mail_form = get(home::mail_form).post(home::mail_form);
    Router::new()
        .route("/", get(home::page).post(home::probe))
        .route(
            "/rdr/pprdr.asp",
            get(nexus::passport_urls).post(nexus::passport_urls),
        )
        // Some clients skip the nexus and know only the older name (`docs/protocol/01 §3.1`).
        .route("/login.srf", login.clone())
        .route("/login2.srf", login)
        .route("/rst.srf", post(rst::issue))
        // Addresses of `@msn.com` go to a path of their own (`docs/protocol/11 §1`).
        .route("/pp550/rst.srf", post(rst::issue))
        .route("/pp900/rst.srf", post(rst::issue))
        .route("/ppsecure/md5auth.srf", mail_form)
        .merge(client_config::routes())
        .fallback(home::not_found)
        .with_state(edge)
}

/// A header value made by this server. Whatever a peer sent is encoded before it comes here.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("our own values are visible ASCII")
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
