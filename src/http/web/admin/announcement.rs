//! Words to everybody who is signed in.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Posted, Shell, done, page, words};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::admin::ANNOUNCEMENT_MAX;

#[derive(Template)]
#[template(path = "web/admin/announcement.html")]
struct Announcement {
    shell: Shell,
    here: &'static str,
    online: usize,
    longest: usize,
    text: String,
    wrong: String,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let shell = admin.shell(&web, "Announcement", query.as_deref());
    form(&web, &admin, shell, String::new(), String::new())
}

pub(super) async fn send(State(web): State<Web>, admin: Admin, posted: Posted) -> Response {
    let text = posted.field("text");
    // An alert has one paragraph.
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|it| !it.is_control())
        .collect();
    let wrong = if line.is_empty() {
        "Write what everybody shall read.".to_owned()
    } else if line.chars().count() > ANNOUNCEMENT_MAX {
        format!("This is too long for a client to show: {ANNOUNCEMENT_MAX} letters at most.")
    } else {
        String::new()
    };
    if !wrong.is_empty() {
        let shell = admin.shell(&web, "Announcement", None);
        return form(&web, &admin, shell, text, wrong);
    }
    match web.services.admin.announce(&admin.actor(), &line).await {
        Ok(_) => done("/admin/announcement", "announced"),
        Err(error) => fault(&error),
    }
}

fn form(web: &Web, admin: &Admin, shell: Shell, text: String, wrong: String) -> Response {
    let status = match wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let template = Announcement {
        shell,
        here: "/admin/announcement",
        online: web.services.admin.session_count(),
        longest: ANNOUNCEMENT_MAX,
        text,
        wrong,
    };
    page(&admin.visitor, status, &template)
}
