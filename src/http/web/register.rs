//! Making an account.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{fault, sentence, with_session};
use super::{Posted, Shell, Visitor, page, see_other};
use crate::config::RegistrationMode;
use crate::http::Web;
use crate::metrics::Limit;
use crate::model::{Address, Label};
use crate::service::accounts::AccountError;
use crate::service::{Applicant, RegistrationError};

use secrecy::ExposeSecret as _;

#[derive(Template)]
#[template(path = "web/register.html")]
struct Register {
    shell: Shell,
    mode: RegistrationMode,
    domains: Vec<String>,
    typed: Typed,
    wrong: Wrong,
}

/// What was typed, apart from the password.
#[derive(Debug, Default)]
struct Typed {
    address: String,
    name: String,
    code: String,
}

/// What is wrong with each field; empty where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    address: String,
    name: String,
    password: String,
    code: String,
    /// What has to do with no field.
    all: String,
}

pub(super) async fn show(State(web): State<Web>, visitor: Visitor) -> Response {
    form(
        &web,
        &visitor,
        StatusCode::OK,
        Typed::default(),
        Wrong::default(),
    )
}

pub(super) async fn submit(State(web): State<Web>, posted: Posted) -> Response {
    let typed = Typed {
        address: posted.field("address"),
        name: posted.field("name"),
        code: posted.field("code"),
    };
    let mut wrong = Wrong::default();
    let address = Address::parse(&typed.address);
    if let Err(error) = &address {
        wrong.address = sentence(error);
    }
    let name = Label::from_text(&typed.name, Label::NAME_MAX);
    if name.is_err() {
        "The name is too long.".clone_into(&mut wrong.name);
    }
    let password = posted.secret("password");
    if password != posted.secret("again") {
        "The two passwords are not the same.".clone_into(&mut wrong.password);
    }
    let (Ok(address), Ok(name), true) = (address, name, wrong == Wrong::default()) else {
        return form(
            &web,
            &posted.visitor,
            StatusCode::UNPROCESSABLE_ENTITY,
            typed,
            wrong,
        );
    };
    let applicant = Applicant {
        address,
        name: (!name.is_empty()).then_some(name),
        password: password.into(),
        code: typed.code.clone(),
        peer: posted.visitor.link.peer.ip(),
    };
    let user = match web.services.registration.register(applicant).await {
        Ok(user) => user,
        Err(error) => return refused(&web, &posted.visitor, typed, error),
    };
    let visitor = &posted.visitor;
    let sessions = &web.services.web_sessions;
    match sessions.begin(user, &visitor.browser, visitor.peer()).await {
        Ok(Some(secret)) => {
            let response = see_other("/account?done=registered");
            with_session(response, secret.expose_secret(), visitor.link)
        }
        Ok(None) => see_other("/sign-in"),
        Err(error) => fault(&error),
    }
}

fn refused(web: &Web, visitor: &Visitor, typed: Typed, error: RegistrationError) -> Response {
    let mut wrong = Wrong::default();
    let text = sentence(&error);
    let status = match error {
        RegistrationError::Account(AccountError::Fault(error)) => return fault(&error),
        RegistrationError::Account(AccountError::Busy) => {
            wrong.all = "The server is busy. Try again in a moment.".to_owned();
            StatusCode::SERVICE_UNAVAILABLE
        }
        RegistrationError::Account(AccountError::Password(_)) => {
            wrong.password = text;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        RegistrationError::Account(AccountError::AddressTaken | AccountError::UnknownAccount)
        | RegistrationError::WrongDomain => {
            wrong.address = text;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        RegistrationError::NoInvitation => {
            wrong.code = text;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        RegistrationError::TooMany => {
            web.services.metrics.limited(Limit::Registrations);
            wrong.all = "Too many accounts were made lately. Try again in an hour.".to_owned();
            StatusCode::TOO_MANY_REQUESTS
        }
        RegistrationError::NoRoom => {
            wrong.all =
                "There is no room for more accounts. Tell whoever runs this server.".to_owned();
            StatusCode::INSUFFICIENT_STORAGE
        }
        RegistrationError::Closed => {
            wrong.all = text;
            StatusCode::FORBIDDEN
        }
    };
    form(web, visitor, status, typed, wrong)
}

fn form(web: &Web, visitor: &Visitor, status: StatusCode, typed: Typed, wrong: Wrong) -> Response {
    let registration = &web.services.registration;
    let template = Register {
        shell: Shell::new(web, visitor, "Make an account"),
        mode: registration.mode(),
        domains: registration.domains(),
        typed,
        wrong,
    };
    page(visitor, status, &template)
}
