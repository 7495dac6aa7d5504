//! What administrators did.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Shell, field, page, words};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::AuditEntry;
use crate::service::admin::PAGE;

#[derive(Template)]
#[template(path = "web/admin/audit.html")]
struct Audit {
    shell: Shell,
    here: &'static str,
    entries: Vec<AuditEntry>,
    /// Where older ones begin, if there may be some.
    older: Option<i64>,
    /// Whether this is not the newest page.
    is_old: bool,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let before: Option<i64> = field(query.as_deref(), "before").parse().ok();
    let entries = match web.services.admin.deeds(before).await {
        Ok(entries) => entries,
        Err(error) => return fault(&error),
    };
    let is_full = entries.len() >= PAGE as usize;
    let audit = Audit {
        shell: admin.shell(&web, "Audit", None),
        here: "/admin/audit",
        older: entries.last().filter(|_| is_full).map(|it| it.seq),
        is_old: before.is_some(),
        entries,
    };
    page(&admin.visitor, StatusCode::OK, &audit)
}
