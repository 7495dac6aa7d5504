//! The countdown to a stop of the server.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Posted, Shell, done, page, words};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::Maintenance;
use crate::service::admin::LONGEST_MINUTES;

#[derive(Template)]
#[template(path = "web/admin/maintenance.html")]
struct Countdown {
    shell: Shell,
    here: &'static str,
    maintenance: Option<Maintenance>,
    minutes: String,
    refuses: bool,
    longest: u32,
    wrong: String,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let shell = admin.shell(&web, "Maintenance", query.as_deref());
    form(&web, &admin, shell, "15".to_owned(), false, String::new())
}

pub(super) async fn plan(State(web): State<Web>, admin: Admin, posted: Posted) -> Response {
    let typed = posted.field("minutes");
    let refuses = posted.is_ticked("refuse");
    let minutes = typed.parse().ok();
    let Some(minutes) = minutes.filter(|it| (1..=LONGEST_MINUTES).contains(it)) else {
        let shell = admin.shell(&web, "Maintenance", None);
        let wrong = format!("Write a number from 1 to {LONGEST_MINUTES}.");
        return form(&web, &admin, shell, typed, refuses, wrong);
    };
    let operations = &web.services.admin;
    let actor = admin.actor();
    match operations.plan_maintenance(&actor, minutes, refuses).await {
        Ok(()) => done("/admin/maintenance", "planned"),
        Err(error) => fault(&error),
    }
}

pub(super) async fn cancel(State(web): State<Web>, admin: Admin, _posted: Posted) -> Response {
    match web.services.admin.cancel_maintenance(&admin.actor()).await {
        Ok(true) => done("/admin/maintenance", "called-off"),
        Ok(false) => done("/admin/maintenance", "not-planned"),
        Err(error) => fault(&error),
    }
}

fn form(
    web: &Web,
    admin: &Admin,
    shell: Shell,
    minutes: String,
    refuses: bool,
    wrong: String,
) -> Response {
    let status = match wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let template = Countdown {
        shell,
        here: "/admin/maintenance",
        maintenance: web.services.admin.maintenance(),
        minutes,
        refuses,
        longest: LONGEST_MINUTES,
        wrong,
    };
    page(&admin.visitor, status, &template)
}
