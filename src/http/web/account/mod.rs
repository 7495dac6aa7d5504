//! One's own account: a file for each page, with what can be done on it.
//!
//! Everything takes a [`super::Member`] and is about that member alone: no address of a page and
//! no field of a form names an account. What changes something is sent by a form, and the browser
//! is led back to a page that says what was done.

mod browser_name;
mod contacts;
mod delete;
mod export;
mod legacy;
mod overview;
mod password;
mod picture;
mod profile;
mod sessions;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Member;
use super::page::fault;
use crate::http::{Web, form};
use crate::service::accounts::AccountError;
use crate::service::{LARGEST_PICTURE, OwnChangeError, Owner, SignInError};

/// Where a picture is sent.
const PICTURE: &str = "/account/picture";
/// The largest form with a picture. It is well beyond the largest picture, so that somebody whose
/// picture is too large hears so on a page.
const PICTURE_FORM: usize = 2 * LARGEST_PICTURE;

/// The pages.
pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/account", get(overview::show))
        .route("/account/profile", get(profile::show).post(profile::submit))
        .route(PICTURE, get(picture::show).post(picture::submit))
        .route(
            "/account/password",
            get(password::show).post(password::submit),
        )
        .route(
            "/account/sessions",
            get(sessions::show).post(sessions::submit),
        )
        .route(
            "/account/contacts",
            get(contacts::show).post(contacts::submit),
        )
        .route("/account/legacy", get(legacy::show).post(legacy::submit))
        .route("/account/data", get(export::show))
        .route("/account/export", get(export::download))
        .route("/account/delete", get(delete::show).post(delete::submit))
}

/// The largest body that is sent to a path, where it is not the usual one.
pub(super) fn body_limit(path: &str) -> Option<usize> {
    (path == PICTURE).then_some(PICTURE_FORM)
}

/// A word of the page's address that says what was just done.
fn done(query: Option<&str>) -> String {
    form::value(query.unwrap_or_default(), "done").unwrap_or_default()
}

/// The member as somebody who says the password once more.
fn owner(member: &Member, password: String) -> Owner {
    Owner {
        user: member.session.user,
        address: member.session.address.clone(),
        password: password.into(),
        peer: member.visitor.link.peer.ip(),
    }
}

/// What was wrong with a form that took the password.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    /// The password that the account has.
    password: &'static str,
    /// The one it is to have.
    new: String,
}

/// The answer to a change that was not made: the form once more, with what was wrong.
fn refused(error: OwnChangeError, form: impl FnOnce(StatusCode, Wrong) -> Response) -> Response {
    let mut wrong = Wrong::default();
    let (status, text) = match error {
        OwnChangeError::NotProven(SignInError::Fault(error))
        | OwnChangeError::Account(AccountError::Fault(error)) => return fault(&error),
        OwnChangeError::NotProven(SignInError::Throttled) => (
            StatusCode::TOO_MANY_REQUESTS,
            "There were too many attempts. Wait a minute and try again.",
        ),
        OwnChangeError::NotProven(SignInError::Busy)
        | OwnChangeError::Account(AccountError::Busy) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is busy. Try again in a moment.",
        ),
        OwnChangeError::NotProven(
            SignInError::UnknownAccount
            | SignInError::Disabled
            | SignInError::WrongPassword
            | SignInError::LegacyClosed
            | SignInError::BadTicket,
        )
        | OwnChangeError::Account(AccountError::AddressTaken | AccountError::UnknownAccount) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "This is not your password.",
        ),
        OwnChangeError::Account(AccountError::Password(error)) => {
            wrong.new = super::page::sentence(&error);
            (StatusCode::UNPROCESSABLE_ENTITY, "")
        }
    };
    wrong.password = text;
    form(status, wrong)
}

/// A moment as people read it, in Greenwich.
fn moment(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000))
        .ok()
        .and_then(|moment| moment.format(FORM).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_greenwich() {
        assert_eq!(moment(1_262_401_445_678), "2010-01-02 03:04 UTC");
        assert_eq!(moment(i64::MAX), "");
    }

    #[test]
    fn only_pictures_are_large() {
        assert_eq!(body_limit("/account/picture"), Some(2 * LARGEST_PICTURE));
        assert_eq!(body_limit("/account/profile"), None);
    }
}
