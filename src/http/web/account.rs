//! One's own account.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::page::fault;
use super::{Member, Notice, Shell, page};
use crate::http::{Web, form};
use crate::service::{Account, WebSession};

#[derive(Template)]
#[template(path = "web/account.html")]
struct Overview {
    shell: Shell,
    account: Account,
    browsers: Vec<WebSession>,
    /// Which of them asks.
    own: String,
}

/// What was just done, as the address of the page says it.
fn notice(query: Option<&str>) -> Option<Notice> {
    match form::value(query.unwrap_or_default(), "done")?.as_str() {
        "registered" => Some(Notice::good(
            "Your account is there. Next: connect your client.",
        )),
        _ => None,
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Response {
    let Member { visitor, session } = member;
    let account = web.services.accounts.find(&session.address).await;
    let browsers = web.services.web_sessions.of(session.user).await;
    let (account, browsers) = match (account, browsers) {
        (Ok(Some(account)), Ok(browsers)) => (account, browsers),
        (Ok(None), _) => return super::see_other("/"),
        (Err(error), _) | (_, Err(error)) => return fault(&error),
    };
    let overview = Overview {
        shell: Shell::new(&web, &visitor, "Your account").with(notice(query.as_deref())),
        account,
        browsers,
        own: session.digest,
    };
    page(&visitor, StatusCode::OK, &overview)
}
