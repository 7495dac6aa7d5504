//! Signing a browser in and out.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use super::page::{fault, with_session, without_session};
use super::{Posted, Shell, Visitor, page, see_other};
use crate::http::{Web, form as fields};
use crate::metrics::{Method, Outcome};
use crate::service::SignInError;

/// Where a browser goes that was on its way nowhere.
const BY_DEFAULT: &str = "/account";

#[derive(Template)]
#[template(path = "web/sign_in.html")]
struct SignIn {
    shell: Shell,
    address: String,
    /// The page that the browser was on its way to.
    to: String,
    wrong: &'static str,
}

pub(super) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let to = fields::value(query.as_deref().unwrap_or_default(), "to").unwrap_or_default();
    if visitor.session.is_some() {
        return see_other(page_of_ours(&to));
    }
    form(&web, &visitor, StatusCode::OK, String::new(), to, "")
}

pub(super) async fn submit(State(web): State<Web>, posted: Posted) -> Response {
    let visitor = &posted.visitor;
    let (address, to) = (posted.field("address"), posted.field("to"));
    let password = posted.secret("password").into();
    let peer = visitor.link.peer.ip();
    let accounts = &web.services.accounts;
    let proven = accounts.verify_password(&address, password, peer).await;
    let outcome = proven
        .as_ref()
        .map_or_else(SignInError::outcome, |_| Outcome::Ok);
    web.services.metrics.sign_in(Method::Web, outcome);
    let (status, wrong) = match proven {
        Ok(user) => {
            let sessions = &web.services.web_sessions;
            match sessions.begin(user, &visitor.browser, visitor.peer()).await {
                Ok(Some(secret)) => {
                    let response = see_other(page_of_ours(&to));
                    return with_session(response, secret.expose_secret(), visitor.link);
                }
                Ok(None) => (StatusCode::FORBIDDEN, WRONG),
                Err(error) => return fault(&error),
            }
        }
        Err(SignInError::Fault(error)) => return fault(&error),
        Err(SignInError::Throttled) => (
            StatusCode::TOO_MANY_REQUESTS,
            "There were too many attempts. Wait a minute and try again.",
        ),
        Err(SignInError::Busy) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is busy. Try again in a moment.",
        ),
        Err(
            SignInError::UnknownAccount
            | SignInError::Disabled
            | SignInError::WrongPassword
            | SignInError::LegacyClosed
            | SignInError::BadTicket,
        ) => (StatusCode::FORBIDDEN, WRONG),
    };
    form(&web, visitor, status, address, to, wrong)
}

/// One answer for all, so that nobody learns who has an account.
const WRONG: &str = "Address and password do not belong together.";

pub(super) async fn leave(State(web): State<Web>, posted: Posted) -> Response {
    let link = posted.visitor.link;
    if let Some(session) = posted.visitor.session {
        let ended = web.services.web_sessions.end(session.user, session.digest);
        if let Err(error) = ended.await {
            return fault(&error);
        }
    }
    without_session(see_other("/"), link)
}

/// A page of this site, whatever the browser was told: nobody is sent elsewhere.
fn page_of_ours(to: &str) -> &str {
    let is_ours = to.starts_with('/')
        && !to.starts_with("//")
        && to.len() <= 200
        && to
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/-_.@".contains(&b));
    if is_ours { to } else { BY_DEFAULT }
}

fn form(
    web: &Web,
    visitor: &Visitor,
    status: StatusCode,
    address: String,
    to: String,
    wrong: &'static str,
) -> Response {
    let template = SignIn {
        shell: Shell::new(web, visitor, "Sign in"),
        address,
        to,
        wrong,
    };
    page(visitor, status, &template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(page_of_ours("/admin/accounts"), "/admin/accounts");
        for elsewhere in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "/a?b=//c",
            "/%2f%2fevil.example",
            "/a\r\nSet-Cookie: x",
            "javascript:alert(1)",
        ] {
            assert_eq!(page_of_ours(elsewhere), BY_DEFAULT, "{elsewhere:?}");
        }
    }
}
