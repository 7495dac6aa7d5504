//! The settings in force.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Shell, page, words};
use crate::http::Web;

#[derive(Template)]
#[template(path = "web/admin/settings.html")]
struct Settings<'a> {
    shell: Shell,
    here: &'static str,
    settings: &'a str,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin) -> Response {
    let settings = Settings {
        shell: admin.shell(&web, "Settings", None),
        here: "/admin/settings",
        settings: &web.settings,
    };
    page(&admin.visitor, StatusCode::OK, &settings)
}
