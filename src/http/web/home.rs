//! The front page: what this is, who may join, and how it is doing.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::fault;
use super::{Shell, Visitor, page};
use crate::config::RegistrationMode;
use crate::http::Web;
use crate::service::{Census, Maintenance};

#[derive(Template)]
#[template(path = "web/home.html")]
struct Home {
    shell: Shell,
    mode: RegistrationMode,
    /// Host and port for clients that take both.
    address: String,
    /// The name of the server again, for the part of the page that is asked for alone.
    site: Arc<str>,
    census: Census,
    maintenance: Option<Maintenance>,
}

/// The part of the front page that changes by itself.
#[derive(Template)]
#[template(path = "web/status.html")]
struct Status {
    site: Arc<str>,
    census: Census,
    maintenance: Option<Maintenance>,
}

pub(super) async fn show(State(web): State<Web>, visitor: Visitor) -> Response {
    let census = match web.services.census().await {
        Ok(census) => census,
        Err(error) => return fault(&error),
    };
    let home = Home {
        shell: Shell::new(&web, &visitor, "Home"),
        mode: web.services.registration.mode(),
        address: web.advertise.msnp(visitor.link.local, web.msnp_port),
        site: Arc::clone(&web.site_name),
        census,
        maintenance: web.services.admin.maintenance(),
    };
    page(&visitor, StatusCode::OK, &home)
}

/// The status alone, for a browser that keeps it fresh.
pub(super) async fn status(State(web): State<Web>, visitor: Visitor) -> Response {
    let status = match web.services.census().await {
        Ok(census) => Status {
            site: web.site_name,
            census,
            maintenance: web.services.admin.maintenance(),
        },
        Err(error) => return fault(&error),
    };
    page(&visitor, StatusCode::OK, &status)
}
