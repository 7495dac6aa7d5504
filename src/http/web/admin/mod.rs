//! The desk of the people who run the server.
//!
//! Whoever is not one of them finds nothing here: an [`Admin`] stands in every handler. A form is
//! answered with a way to a page, which says by a word in its address what was done.

mod account;
mod accounts;
mod announcement;
mod audit;
mod chart;
mod failures;
mod invitations;
mod maintenance;
mod online;
mod overview;
mod rooms;
mod settings;
mod words;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};

use super::page::fault;
use super::{Notice, Posted, Shell, Visitor, nothing_here, page, see_other};
use crate::http::{Web, form};
use crate::service::{Actor, AdminError, WebSession};

/// The routes of the desk.
pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/accounts", get(accounts::show))
        .route("/admin/accounts/{id}", get(account::show))
        .route("/admin/accounts/{id}/{action}", post(account::act))
        .route(
            "/admin/invitations",
            get(invitations::show).post(invitations::make),
        )
        .route("/admin/invitations/withdraw", post(invitations::withdraw))
        .route("/admin/online", get(online::show))
        .route("/admin/online/disconnect", post(online::disconnect))
        .route("/admin/rooms", get(rooms::show))
        .route("/admin/failures", get(failures::show))
        .route(
            "/admin/announcement",
            get(announcement::show).post(announcement::send),
        )
        .route(
            "/admin/maintenance",
            get(maintenance::show).post(maintenance::plan),
        )
        .route("/admin/maintenance/cancel", post(maintenance::cancel))
        .route("/admin/audit", get(audit::show))
        .route("/admin/settings", get(settings::show))
}

/// Somebody who runs the server. A visitor who is not signed in is sent to sign in; anybody else
/// hears what they would hear of a page that does not exist.
#[derive(Debug)]
struct Admin {
    visitor: Visitor,
    session: WebSession,
}

impl FromRequestParts<Web> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, web).await?;
        match visitor.session.clone() {
            Some(session) if session.is_admin => Ok(Self { visitor, session }),
            Some(_) => Err(nothing_here(web, &visitor)),
            // Where a form goes there may be no page to come back to.
            None => Err(see_other("/sign-in?to=/admin")),
        }
    }
}

impl Admin {
    /// The frame of a page of the desk.
    fn shell(&self, web: &Web, title: &'static str, query: Option<&str>) -> Shell {
        Shell::new(web, &self.visitor, title).with(notice(query))
    }

    /// Who does it, for the audit.
    fn actor(&self) -> Actor {
        Actor {
            user: self.session.user,
            address: self.session.address.clone(),
            peer: self.visitor.peer(),
            browser: self.session.digest.clone(),
        }
    }
}

/// What was just done, as the address of the page says it.
fn notice(query: Option<&str>) -> Option<Notice> {
    Some(match field(query, "done").as_str() {
        "renamed" => Notice::good("The name was changed. Everybody who is signed in sees it."),
        "disabled" => Notice::good("The account is disabled, and was signed out everywhere."),
        "enabled" => Notice::good("The account can sign in again."),
        "password" => {
            Notice::good("The account has a new password, and was signed out everywhere.")
        }
        "admin" => Notice::good("The account can run the server from now on."),
        "no-admin" => Notice::good("The account cannot run the server any more."),
        "deleted" => Notice::good("The account was deleted."),
        "signed-out" => Notice::good("All clients and browsers of the account were signed out."),
        "disconnected" => Notice::good("The client was signed out."),
        "gone" => Notice::bad("That client is not signed in any more. Nothing was done."),
        "invited" => Notice::good("The invitation is the first one of the list. Hand its code on."),
        "withdrawn" => Notice::good("The invitation is void. Accounts made with it stay."),
        "no-invitation" => Notice::bad("There was no such invitation any more."),
        "announced" => Notice::good("The announcement went to everybody who is signed in."),
        "planned" => Notice::good("Everybody was told. Stop the server when the time has come."),
        "called-off" => Notice::good("The maintenance was called off, and everybody was told."),
        "not-planned" => Notice::bad("No maintenance was announced. Nothing was done."),
        "long-name" => Notice::bad("The name is too long, or empty. Nothing was changed."),
        "unconfirmed" => Notice::bad(
            "Nothing was deleted: what you typed is not the address of the account. Type it in full.",
        ),
        "last-admin" => Notice::bad(
            "Nothing was changed: this is the last administrator who can sign in. \
             Make somebody else one first.",
        ),
        "own-account" => {
            Notice::bad("Nothing was changed: for a new password of your own, go to your account.")
        }
        "busy" => Notice::bad("The server is busy. Nothing was changed; try again in a moment."),
        _ => return None,
    })
}

/// A field of the address's query; empty if it is not there.
fn field(query: Option<&str>, name: &str) -> String {
    form::value(query.unwrap_or_default(), name).unwrap_or_default()
}

/// The number of the page that is asked for.
fn page_number(query: Option<&str>) -> u32 {
    field(query, "page").parse().unwrap_or(0)
}

/// How to go through a list in pages.
#[derive(Debug)]
struct Pages {
    /// The address of the pages, up to the number.
    base: String,
    before: Option<u32>,
    after: Option<u32>,
}

impl Pages {
    fn new(path: &str, query: &[(&str, &str)], page: u32, total: u64) -> Self {
        let size = u64::from(crate::service::admin::PAGE);
        let mut base = format!("{path}?");
        for (name, value) in query {
            base.push_str(&format!("{name}={}&", words::escaped(value)));
        }
        base.push_str("page=");
        Self {
            base,
            before: page.checked_sub(1),
            after: ((u64::from(page) + 1).saturating_mul(size) < total).then(|| page + 1),
        }
    }

    fn is_needed(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }
}

/// Back to a page, with a word on what was done there.
fn done(path: &str, word: &str) -> Response {
    see_other(&format!("{path}?done={word}"))
}

/// Back to a page, with a word on why nothing was done.
fn not_done(path: &str, error: AdminError) -> Response {
    match error {
        AdminError::UnknownAccount => see_other("/admin/accounts"),
        AdminError::LastAdmin => done(path, "last-admin"),
        AdminError::OwnAccount => done(path, "own-account"),
        AdminError::Busy => done(path, "busy"),
        AdminError::Fault(error) => fault(&error),
    }
}
