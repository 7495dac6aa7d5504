//! Finding accounts.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Pages, Shell, field, page, page_number, words};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::{Account, AccountFilter, FoundAccounts};

#[derive(Template)]
#[template(path = "web/admin/accounts.html")]
struct Accounts {
    shell: Shell,
    here: &'static str,
    text: String,
    which: &'static str,
    found: FoundAccounts,
    rows: Vec<Row>,
    pages: Pages,
}

#[derive(Debug)]
struct Row {
    account: Account,
    is_online: bool,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.as_deref();
    let (text, number) = (field(query, "q"), page_number(query));
    let (which, filter) = match field(query, "which").as_str() {
        "admins" => ("admins", AccountFilter::Admins),
        "disabled" => ("disabled", AccountFilter::Disabled),
        _ => ("all", AccountFilter::All),
    };
    let operations = &web.services.admin;
    let mut found = match operations.find_accounts(text.trim(), filter, number).await {
        Ok(found) => found,
        Err(error) => return fault(&error),
    };
    let rows = found.page.drain(..).map(|account| Row {
        is_online: operations.is_online(account.id),
        account,
    });
    let accounts = Accounts {
        rows: rows.collect(),
        shell: admin.shell(&web, "Accounts", query),
        here: "/admin/accounts",
        pages: Pages::new(
            "/admin/accounts",
            &[("q", &text), ("which", which)],
            number,
            found.total,
        ),
        text,
        which,
        found,
    };
    page(&admin.visitor, StatusCode::OK, &accounts)
}
