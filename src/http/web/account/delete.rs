//! `/account/delete`: the end of an account.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Wrong, owner, refused};
use crate::http::Web;
use crate::http::web::page::{page, problem, without_session};
use crate::http::web::{Member, Posted, Shell, Visitor};

#[derive(Template)]
#[template(path = "web/account_delete.html")]
struct Delete {
    shell: Shell,
    wrong: Wrong,
    /// Whether the box was left that has to be ticked.
    unsure: bool,
}

pub(super) async fn show(State(web): State<Web>, member: Member) -> Response {
    let wrong = Wrong::default();
    form(&web, &member.visitor, StatusCode::OK, wrong, false)
}

pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let link = posted.visitor.link;
    if !posted.is_ticked("sure") {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return form(&web, &posted.visitor, status, Wrong::default(), true);
    }
    let owner = owner(&member, posted.secret("password"));
    if let Err(error) = web.services.delete_own_account(owner).await {
        let visitor = &posted.visitor;
        return refused(error, |status, wrong| {
            form(&web, visitor, status, wrong, false)
        });
    }
    let mut nobody = posted.visitor;
    nobody.session = None;
    let gone = problem(
        &web,
        &nobody,
        StatusCode::OK,
        "Your account is deleted",
        "It is signed out everywhere and gone from everybody's contacts. Thank you for having \
         been here.",
    );
    without_session(gone, link)
}

fn form(web: &Web, visitor: &Visitor, status: StatusCode, wrong: Wrong, unsure: bool) -> Response {
    let shell = Shell::new(web, visitor, "Delete your account");
    let template = Delete {
        shell,
        wrong,
        unsure,
    };
    page(visitor, status, &template)
}
