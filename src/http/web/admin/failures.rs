//! Sign-ins that failed lately.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Shell, page, words};
use crate::http::Web;
use crate::service::FailedSignIn;

#[derive(Template)]
#[template(path = "web/admin/failures.html")]
struct Failures {
    shell: Shell,
    here: &'static str,
    failed: Vec<FailedSignIn>,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin) -> Response {
    let failures = Failures {
        shell: admin.shell(&web, "Failed sign-ins", None),
        here: "/admin/failures",
        failed: web.services.admin.failed_sign_ins(),
    };
    page(&admin.visitor, StatusCode::OK, &failures)
}
