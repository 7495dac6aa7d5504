//! `/account/profile`: what others see of one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{PICTURE, done};
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Notice, Posted, Shell, Visitor};
use crate::model::{Label, Refusal};
use crate::service::{OperationError, ProfileChange, TileInfo};

/// The longest personal message, in characters, as official clients have it.
const MESSAGE_MAX: usize = 129;

#[derive(Template)]
#[template(path = "web/account_profile.html")]
struct ProfilePage {
    shell: Shell,
    typed: Typed,
    wrong: Wrong,
    tile: Option<TileInfo>,
    picture: &'static str,
}

#[derive(Debug, Default)]
struct Typed {
    name: String,
    message: String,
}

/// What is wrong with each field; empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) name: &'static str,
    pub(super) message: &'static str,
    pub(super) picture: &'static str,
}

fn notice(query: Option<&str>) -> Option<Notice> {
    match done(query).as_str() {
        "saved" => Some(Notice::good(
            "Saved. Your contacts see it at once; a client of your own may show the old name \
             until it signs in again.",
        )),
        "picture" => Some(Notice::good("Your picture is in its place.")),
        "removed" => Some(Notice::good("Your picture is removed.")),
        _ => None,
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Response {
    let notice = notice(query.as_deref());
    let (status, wrong) = (StatusCode::OK, Wrong::default());
    form(&web, &member, &member.visitor, status, None, wrong, notice).await
}

pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let user = member.session.user;
    if posted.is_ticked("remove") {
        return remove(&web, &member).await;
    }
    let typed = Typed {
        name: posted.field("name"),
        message: posted.field("message"),
    };
    let wrong = check(&typed);
    if wrong != Wrong::default() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let visitor = &posted.visitor;
        return form(&web, &member, visitor, status, Some(typed), wrong, None).await;
    }
    let change = ProfileChange {
        name: Some(typed.name.clone()),
        message: Some(typed.message.clone()),
        flags: None,
    };
    let mut wrong = Wrong::default();
    match web.services.profiles.change(user, change).await {
        Ok(()) => return see_other("/account/profile?done=saved"),
        Err(OperationError::Fault(error)) => return fault(&error),
        Err(OperationError::Refused(Refusal::IllegalName)) => wrong.name = TOO_LONG,
        Err(OperationError::Refused(_)) => wrong.message = TOO_LONG,
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let visitor = &posted.visitor;
    form(&web, &member, visitor, status, Some(typed), wrong, None).await
}

const TOO_LONG: &str = "This is too long.";
const UNSHOWN: &str = "This has a sign in it that cannot be shown.";

fn check(typed: &Typed) -> Wrong {
    let name = if typed.name.is_empty() {
        "Write a name: clients need one."
    } else if !is_shown(&typed.name) {
        UNSHOWN
    } else if Label::from_text(&typed.name, Label::NAME_MAX).is_err() {
        TOO_LONG
    } else {
        ""
    };
    let message = if !is_shown(&typed.message) {
        UNSHOWN
    } else if typed.message.chars().count() > MESSAGE_MAX {
        TOO_LONG
    } else {
        ""
    };
    Wrong {
        name,
        message,
        picture: "",
    }
}

/// Whether every sign can be written in a line, and in a document of XML.
fn is_shown(text: &str) -> bool {
    text.chars()
        .all(|sign| !sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}'))
}

/// Takes the picture that is shown away.
async fn remove(web: &Web, member: &Member) -> Response {
    let (user, profiles) = (member.session.user, &web.services.profiles);
    let profile = match profiles.profile(user).await {
        Ok(profile) => profile,
        Err(error) => return fault(&error),
    };
    if let Some(tile) = profile.and_then(|profile| profile.tile)
        && let Err(error) = profiles.discard_tile(user, tile.number).await
    {
        return fault(&error);
    }
    see_other("/account/profile?done=removed")
}

/// The page after a picture was not taken.
pub(super) async fn with_wrong_picture(
    web: &Web,
    member: &Member,
    status: StatusCode,
    picture: &'static str,
) -> Response {
    let wrong = Wrong {
        picture,
        ..Wrong::default()
    };
    form(web, member, &member.visitor, status, None, wrong, None).await
}

/// The page with what was typed, or else with what there is.
async fn form(
    web: &Web,
    member: &Member,
    visitor: &Visitor,
    status: StatusCode,
    typed: Option<Typed>,
    wrong: Wrong,
    notice: Option<Notice>,
) -> Response {
    let profile = match web.services.profiles.profile(member.session.user).await {
        Ok(Some(profile)) => profile,
        Ok(None) => return see_other("/"),
        Err(error) => return fault(&error),
    };
    let typed = typed.unwrap_or_else(|| Typed {
        name: profile.name.to_text(),
        message: profile.message.to_string(),
    });
    let template = ProfilePage {
        shell: Shell::new(web, visitor, "Name and picture").with(notice),
        typed,
        wrong,
        tile: profile.tile,
        picture: PICTURE,
    };
    page(visitor, status, &template)
}
