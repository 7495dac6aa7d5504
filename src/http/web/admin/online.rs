//! Who is signed in, where and with what.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Pages, Posted, Shell, done, field, not_done, page, page_number, words};
use crate::http::Web;
use crate::model::{SessionId, UserId};
use crate::service::SignedInPage;

#[derive(Template)]
#[template(path = "web/admin/online.html")]
struct Online {
    shell: Shell,
    here: &'static str,
    text: String,
    found: SignedInPage,
    pages: Pages,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.as_deref();
    let (text, number) = (field(query, "q"), page_number(query));
    let found = web.services.admin.signed_in(text.trim(), number);
    let total = found.total as u64;
    let online = Online {
        shell: admin.shell(&web, "Who is signed in", query),
        here: "/admin/online",
        pages: Pages::new("/admin/online", &[("q", &text)], number, total),
        text,
        found,
    };
    page(&admin.visitor, StatusCode::OK, &online)
}

pub(super) async fn disconnect(State(web): State<Web>, admin: Admin, posted: Posted) -> Response {
    // The form is on two pages, and goes back to the one it came from.
    let back = match posted.field("back").parse::<i64>() {
        Ok(number) => format!("/admin/accounts/{number}"),
        Err(_) => "/admin/online".to_owned(),
    };
    let user = posted.field("user").parse().map(UserId);
    let session = posted.field("session").parse().map(SessionId);
    let (Ok(user), Ok(session)) = (user, session) else {
        return done(&back, "gone");
    };
    let operations = &web.services.admin;
    match operations.disconnect(&admin.actor(), user, session).await {
        Ok(true) => done(&back, "disconnected"),
        Ok(false) => done(&back, "gone"),
        Err(error) => not_done(&back, error),
    }
}
