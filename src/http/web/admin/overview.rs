//! How the server is doing.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::chart::Chart;
use super::{Admin, Shell, page, words};
use crate::history::{Counts, HOURS};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::{Maintenance, Overview};

#[derive(Template)]
#[template(path = "web/admin/overview.html")]
struct Desk {
    shell: Shell,
    here: &'static str,
    overview: Overview,
    maintenance: Option<Maintenance>,
    charts: Vec<Chart>,
    version: &'static str,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin) -> Response {
    let operations = &web.services.admin;
    let overview = match operations.overview().await {
        Ok(overview) => overview,
        Err(error) => return fault(&error),
    };
    let desk = Desk {
        shell: admin.shell(&web, "Administration", None),
        here: "/admin",
        charts: charts(&overview),
        overview,
        maintenance: operations.maintenance(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page(&admin.visitor, StatusCode::OK, &desk)
}

fn charts(overview: &Overview) -> Vec<Chart> {
    let lately = &overview.lately;
    let of = |spans: &[Counts], what: fn(&Counts) -> u64| spans.iter().map(what).collect();
    let sign_ins: [Vec<u64>; 2] =
        [&lately.minutes, &lately.hours].map(|spans| of(spans, |it| it.sign_ins));
    let messages: [Vec<u64>; 2] =
        [&lately.minutes, &lately.hours].map(|spans| of(spans, |it| it.messages));
    let days = format!("{HOURS} hours");
    let minutely = ["Sign-ins by the minute", "Messages by the minute"];
    let hourly = ["Sign-ins by the hour", "Messages by the hour"];
    let mut charts = Vec::with_capacity(4);
    for ([minutes, hours], (by_minute, by_hour)) in [sign_ins, messages]
        .iter()
        .zip(minutely.into_iter().zip(hourly))
    {
        charts.push(Chart::new(by_minute, minutes, "a minute", "hour"));
        charts.push(Chart::new(by_hour, hours, "an hour", &days));
    }
    charts
}
