//! `/account/password`: a new password.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use super::{Wrong, owner, refused};
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other, with_session};
use crate::http::web::{Member, Posted, Shell, Visitor};

#[derive(Template)]
#[template(path = "web/account_password.html")]
struct Password {
    shell: Shell,
    wrong: Wrong,
}

pub(super) async fn show(State(web): State<Web>, member: Member) -> Response {
    form(&web, &member.visitor, StatusCode::OK, Wrong::default())
}

pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let visitor = &posted.visitor;
    let new = posted.secret("new");
    if new != posted.secret("again") {
        let wrong = Wrong {
            password: "",
            new: "The two passwords are not the same.".to_owned(),
        };
        return form(&web, visitor, StatusCode::UNPROCESSABLE_ENTITY, wrong);
    }
    let owner = owner(&member, posted.secret("password"));
    let changed = web.services.change_own_password(owner, new.into()).await;
    if let Err(error) = changed {
        return refused(error, |status, wrong| form(&web, visitor, status, wrong));
    }
    let user = member.session.user;
    let to = if posted.is_ticked("everywhere") {
        web.services.sign_out_everywhere(user);
        "/account?done=password-everywhere"
    } else {
        "/account?done=password"
    };
    // The change has ended this browser's session with all others; it goes on with a new secret.
    let sessions = &web.services.web_sessions;
    match sessions.begin(user, &visitor.browser, visitor.peer()).await {
        Ok(Some(secret)) => with_session(see_other(to), secret.expose_secret(), visitor.link),
        Ok(None) => see_other("/sign-in"),
        Err(error) => fault(&error),
    }
}

fn form(web: &Web, visitor: &Visitor, status: StatusCode, wrong: Wrong) -> Response {
    let shell = Shell::new(web, visitor, "Password");
    page(visitor, status, &Password { shell, wrong })
}
