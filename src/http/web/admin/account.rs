//! One account, and what can be done to it.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use super::{Admin, Posted, Shell, done, not_done, nothing_here, page, see_other, words};
use crate::http::Web;
use crate::http::web::page::fault;
use crate::model::{Label, OwnSession, UserId};
use crate::service::{Account, AdminError, WebSession};

#[derive(Template)]
#[template(path = "web/admin/account.html")]
struct One {
    shell: Shell,
    here: &'static str,
    account: Account,
    sessions: Vec<OwnSession>,
    browsers: Vec<WebSession>,
    is_own: bool,
    /// One that was just made; shown this once.
    password: Option<String>,
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(user) = number(&id) else {
        return nothing_here(&web, &admin.visitor);
    };
    let operations = &web.services.admin;
    let account = operations.account(user).await;
    let browsers = web.services.web_sessions.of(user).await;
    let (account, browsers) = match (account, browsers) {
        (Ok(Some(account)), Ok(browsers)) => (account, browsers),
        (Ok(None), _) => return see_other("/admin/accounts"),
        (Err(error), _) | (_, Err(error)) => return fault(&error),
    };
    let password = operations.take_password(&admin.session.digest, user);
    let one = One {
        shell: admin.shell(&web, "Account", query.as_deref()),
        here: "/admin/accounts",
        sessions: operations.sessions_of(user),
        is_own: admin.session.user == user,
        password: password.map(|it| it.expose_secret().to_owned()),
        account,
        browsers,
    };
    page(&admin.visitor, StatusCode::OK, &one)
}

pub(super) async fn act(
    State(web): State<Web>,
    admin: Admin,
    Path((id, action)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let Some(user) = number(&id) else {
        return nothing_here(&web, &admin.visitor);
    };
    let operations = &web.services.admin;
    let actor = admin.actor();
    let here = format!("/admin/accounts/{user}");
    let (outcome, word) = match action.as_str() {
        "name" => match Label::from_text(&posted.field("name"), Label::NAME_MAX) {
            Ok(name) if !name.is_empty() => {
                (operations.rename(&actor, user, name).await, "renamed")
            }
            Ok(_) | Err(_) => return done(&here, "long-name"),
        },
        "disable" => (
            operations.set_disabled(&actor, user, true).await,
            "disabled",
        ),
        "enable" => (
            operations.set_disabled(&actor, user, false).await,
            "enabled",
        ),
        "password" => (operations.reset_password(&actor, user).await, "password"),
        "admin" => (operations.set_admin(&actor, user, true).await, "admin"),
        "no-admin" => (operations.set_admin(&actor, user, false).await, "no-admin"),
        "sign-out" => (operations.sign_out_all(&actor, user).await, "signed-out"),
        "delete" => match is_confirmed(&web, user, &posted).await {
            Ok(true) => (operations.delete(&actor, user).await, "deleted"),
            Ok(false) => return done(&here, "unconfirmed"),
            Err(error) => return not_done(&here, error),
        },
        _ => return nothing_here(&web, &admin.visitor),
    };
    match outcome {
        Err(error) => not_done(&here, error),
        // Who has just taken the desk from themself has no page here any more.
        Ok(()) if actor.user == user && word == "no-admin" => see_other("/account"),
        Ok(()) if word == "deleted" => done("/admin/accounts", word),
        Ok(()) => done(&here, word),
    }
}

/// Whether the address was typed, in whatever case.
async fn is_confirmed(web: &Web, user: UserId, posted: &Posted) -> Result<bool, AdminError> {
    let account = web.services.admin.account(user).await?;
    let account = account.ok_or(AdminError::UnknownAccount)?;
    let typed = posted.field("address");
    Ok(typed.eq_ignore_ascii_case(account.address.as_str()))
}

fn number(text: &str) -> Option<UserId> {
    text.parse().ok().map(UserId)
}
