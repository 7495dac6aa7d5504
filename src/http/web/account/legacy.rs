//! `/account/legacy`: the way in for MSN Messenger 1.0 to 4.6, which needs a weaker secret
//! (`docs/protocol/01 §2`).

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};

use super::done;
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Notice, Posted, Shell, Visitor};
use crate::model::Address;
use crate::service::accounts::AccountError;

#[derive(Template)]
#[template(path = "web/account_legacy.html")]
struct Legacy<'a> {
    shell: Shell,
    way_in: WayIn,
    address: &'a Address,
    /// A password that was made just now, and is shown this once.
    password: Option<&'a str>,
}

/// How the account may sign in with the oldest clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayIn {
    Closed,
    /// With a password of its own.
    Separate,
    /// With the main password.
    Main,
}

fn notice(query: Option<&str>) -> Option<Notice> {
    match done(query).as_str() {
        "closed" => Some(Notice::good(
            "MSN Messenger 1.0 to 4.6 cannot sign in to your account any more.",
        )),
        _ => None,
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Response {
    let notice = notice(query.as_deref());
    answer(&web, &member, &member.visitor, notice, None).await
}

/// Opens the way in or closes it. A new password is on the answer itself and nowhere else: to be
/// led to another page it would have to be kept.
pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let accounts = &web.services.accounts;
    let address = &member.session.address;
    match posted.field("do").as_str() {
        "open" => match accounts.open_legacy(address).await {
            Ok(password) => {
                let visitor = &posted.visitor;
                answer(&web, &member, visitor, None, Some(&password)).await
            }
            Err(error) => failed(error),
        },
        "close" => match accounts.close_legacy(address).await {
            Ok(()) => see_other("/account/legacy?done=closed"),
            Err(error) => failed(error),
        },
        _ => see_other("/account/legacy"),
    }
}

fn failed(error: AccountError) -> Response {
    match error {
        AccountError::Fault(error) => fault(&error),
        // No password of the owner's is looked at; so it is the account that is gone.
        AccountError::UnknownAccount
        | AccountError::AddressTaken
        | AccountError::Password(_)
        | AccountError::Busy => see_other("/"),
    }
}

async fn answer(
    web: &Web,
    member: &Member,
    visitor: &Visitor,
    notice: Option<Notice>,
    password: Option<&SecretString>,
) -> Response {
    let account = match web.services.accounts.find(&member.session.address).await {
        Ok(Some(account)) => account,
        Ok(None) => return see_other("/"),
        Err(error) => return fault(&error),
    };
    let way_in = match (account.has_legacy, account.legacy_is_separate) {
        (false, _) => WayIn::Closed,
        (true, true) => WayIn::Separate,
        (true, false) => WayIn::Main,
    };
    let template = Legacy {
        shell: Shell::new(web, visitor, "Old clients").with(notice),
        way_in,
        address: &account.address,
        password: password.map(|password| password.expose_secret()),
    };
    page(visitor, StatusCode::OK, &template)
}
