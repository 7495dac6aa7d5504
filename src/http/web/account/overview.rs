//! `/account`: who one is here, and the way to everything else.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{done, moment};
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Notice, Shell};
use crate::service::{Account, Profile};

#[derive(Template)]
#[template(path = "web/account.html")]
struct Overview {
    shell: Shell,
    account: Account,
    profile: Profile,
    /// Clients and browsers that are signed in.
    clients: usize,
    browsers: usize,
    since: String,
    last_sign_in: Option<String>,
}

/// What was just done, as the address of the page says it.
fn notice(query: Option<&str>) -> Option<Notice> {
    match done(query).as_str() {
        "registered" => Some(Notice::good(
            "Your account is there. Next: connect your client.",
        )),
        "password" => Some(Notice::good(
            "Your password is changed. Other browsers are signed out; clients ask for the new \
             password the next time they sign in.",
        )),
        "password-everywhere" => Some(Notice::good(
            "Your password is changed. Everything else is signed out: clients ask for the new \
             password from now on.",
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
    let services = &web.services;
    let account = services.accounts.find(&session.address).await;
    let profile = services.profiles.profile(session.user).await;
    let browsers = services.web_sessions.of(session.user).await;
    let (account, profile, browsers) = match (account, profile, browsers) {
        (Ok(Some(account)), Ok(Some(profile)), Ok(browsers)) => (account, profile, browsers),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return fault(&error),
        (Ok(None), ..) | (_, Ok(None), _) => return see_other("/"),
    };
    let overview = Overview {
        shell: Shell::new(&web, &visitor, "Your account").with(notice(query.as_deref())),
        profile,
        clients: services.presence.sessions_of(session.user).len(),
        browsers: browsers.len(),
        since: moment(account.created_at),
        last_sign_in: account.last_sign_in.map(moment),
        account,
    };
    page(&visitor, StatusCode::OK, &overview)
}
