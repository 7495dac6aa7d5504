//! Codes that let people make an account.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Posted, Shell, done, page, words};
use crate::config::RegistrationMode;
use crate::http::Web;
use crate::http::web::page::fault;
use crate::service::Invitation;
use crate::service::admin::NOTE_MAX;

/// How many accounts a code may be good for.
const MOST_USES: u32 = 10_000;
/// For how many days.
const MOST_DAYS: u32 = 3_650;

#[derive(Template)]
#[template(path = "web/admin/invitations.html")]
struct Invitations {
    shell: Shell,
    here: &'static str,
    invitations: Vec<Invitation>,
    mode: RegistrationMode,
    now: i64,
    typed: Typed,
    wrong: Wrong,
}

#[derive(Debug)]
struct Typed {
    note: String,
    uses: String,
    days: String,
}

#[derive(Debug, Default)]
struct Wrong {
    note: String,
    uses: String,
    days: String,
}

impl Invitations {
    fn is_good(&self, invitation: &Invitation) -> bool {
        invitation.uses_left > 0 && invitation.expires_at.is_none_or(|at| at > self.now)
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    admin: Admin,
    RawQuery(query): RawQuery,
) -> Response {
    let typed = Typed {
        note: String::new(),
        uses: "1".to_owned(),
        days: "14".to_owned(),
    };
    let shell = admin.shell(&web, "Invitations", query.as_deref());
    list(&web, &admin, shell, typed, None).await
}

pub(super) async fn make(State(web): State<Web>, admin: Admin, posted: Posted) -> Response {
    let typed = Typed {
        note: posted.field("note"),
        uses: posted.field("uses"),
        days: posted.field("days"),
    };
    let mut wrong = Wrong::default();
    if typed.note.chars().count() > NOTE_MAX {
        wrong.note = format!("The note is too long: {NOTE_MAX} letters at most.");
    }
    let uses = within(&typed.uses, MOST_USES);
    if uses.is_none() {
        wrong.uses = format!("Write a number from 1 to {MOST_USES}.");
    }
    let days = match typed.days.as_str() {
        "" => Some(None),
        text => within(text, MOST_DAYS).map(Some),
    };
    if days.is_none() {
        wrong.days = format!("Write a number from 1 to {MOST_DAYS}, or nothing.");
    }
    let (Some(uses), Some(days), true) = (uses, days, wrong.note.is_empty()) else {
        let shell = admin.shell(&web, "Invitations", None);
        return list(&web, &admin, shell, typed, Some(wrong)).await;
    };
    let operations = &web.services.admin;
    match operations
        .invite(&admin.actor(), typed.note, uses, days)
        .await
    {
        Ok(_) => done("/admin/invitations", "invited"),
        Err(error) => fault(&error),
    }
}

pub(super) async fn withdraw(State(web): State<Web>, admin: Admin, posted: Posted) -> Response {
    let operations = &web.services.admin;
    let code = posted.field("code");
    match operations.withdraw_invitation(&admin.actor(), &code).await {
        Ok(true) => done("/admin/invitations", "withdrawn"),
        Ok(false) => done("/admin/invitations", "no-invitation"),
        Err(error) => fault(&error),
    }
}

async fn list(
    web: &Web,
    admin: &Admin,
    shell: Shell,
    typed: Typed,
    wrong: Option<Wrong>,
) -> Response {
    let registration = &web.services.registration;
    let invitations = match registration.invitations().await {
        Ok(invitations) => invitations,
        Err(error) => return fault(&error),
    };
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let template = Invitations {
        shell,
        here: "/admin/invitations",
        invitations,
        mode: registration.mode(),
        now: web.services.clock.now_ms(),
        typed,
        wrong: wrong.unwrap_or_default(),
    };
    page(&admin.visitor, status, &template)
}

fn within(text: &str, most: u32) -> Option<u32> {
    let number = text.parse().ok();
    number.filter(|number| (1..=most).contains(number))
}
