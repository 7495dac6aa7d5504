//! The SOAP sign-in: `RST.srf`, which MSN 7.5 began with, and `RST2.srf` of Windows Live Messenger
//! 2009 and later (`docs/protocol/11`).
//!
//! A password goes in, a ticket for each service that the client named comes out, in the order of
//! the request. Both versions are read alike; they differ in what they answer. Faults come with
//! the status 200, which every client takes.

mod answer;
mod request;

use std::net::IpAddr;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;

use self::answer::{Grant, Problem, Version};
use self::request::{Proof, Wish};
use super::{Link, Web, header_value};
use crate::metrics::{Method, Outcome};
use crate::model::UserId;
use crate::service::SignInError;
use crate::service::accounts::{Accounts, Tokens};
use crate::service::ticket::Ticket;

/// Answers a request for tokens of the first version.
pub(super) async fn issue_v1(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    body: Bytes,
) -> Response {
    issue(Version::One, &web, link, &body).await
}

/// Answers a request for tokens of the second version.
pub(super) async fn issue_v2(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    body: Bytes,
) -> Response {
    issue(Version::Two, &web, link, &body).await
}

async fn issue(version: Version, web: &Web, link: Link, body: &[u8]) -> Response {
    let accounts = &web.services.accounts;
    let peer = link.peer.ip();
    let attempt = match Wish::read(body) {
        Ok(wish) => match tokens_for(&wish, peer, accounts).await {
            Ok((user, tokens)) => Ok((wish, user, tokens)),
            Err(error) => Err(noted(&error)),
        },
        Err(_) => Err((Outcome::Refused, Problem::Request)),
    };
    let (outcome, response) = match attempt {
        Ok((wish, user, tokens)) => {
            let grant = Grant::new(&wish, user, &tokens);
            (Outcome::Ok, version.tokens(&grant, peer))
        }
        Err((outcome, problem)) => (outcome, version.fault(problem, accounts.now_ms())),
    };
    web.services.metrics.sign_in(Method::Passport, outcome);
    response
}

async fn tokens_for(
    wish: &Wish,
    peer: IpAddr,
    accounts: &Accounts,
) -> Result<(UserId, Tokens), SignInError> {
    let Proof::Password { address, password } = &wish.proof else {
        // A renewal without a password. Tokens outlive the sessions of most people; whoever needs
        // new ones signs in again (`docs/protocol/11 §5`).
        return Err(SignInError::BadTicket);
    };
    let user = accounts
        .verify_password(address, password.clone(), peer)
        .await?;
    let audiences: Vec<String> = wish.tokens.iter().map(|it| it.audience.clone()).collect();
    let tokens = accounts.issue_tokens(user, &audiences).await?;
    Ok((user, tokens))
}

/// What a client may know of a failed sign-in: whatever is wrong with a proof is the same to it.
fn noted(error: &SignInError) -> (Outcome, Problem) {
    match error {
        SignInError::UnknownAccount
        | SignInError::Disabled
        | SignInError::WrongPassword
        | SignInError::LegacyClosed
        | SignInError::BadTicket => {
            tracing::debug!(reason = %error, "sign-in failed");
            (Outcome::Refused, Problem::Proof)
        }
        SignInError::Throttled | SignInError::Busy => {
            tracing::debug!(reason = %error, "sign-in failed");
            (Outcome::Throttled, Problem::TooMany)
        }
        SignInError::Fault(fault) => {
            let error = fault as &dyn std::error::Error;
            tracing::error!(error, "cannot check a sign-in");
            (Outcome::Fault, Problem::Ours)
        }
    }
}

const USER: HeaderName = HeaderName::from_static("x-user");
const PASSWORD: HeaderName = HeaderName::from_static("x-password");
const TOKEN: HeaderName = HeaderName::from_static("x-token");

/// Answers `NotRST.srf`, which clients with a replaced sign-in library ask: a name and a password
/// in the head of the request, a ticket in that of the answer (`docs/protocol/24 §1.5`). Such a
/// client has no key and so can prove nothing but the ticket; where that is not enough, there is
/// no such service.
pub(super) async fn issue_bare(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    headers: HeaderMap,
) -> Response {
    if !web.services.accounts.accepts_bare_tickets() {
        return super::home::not_found().await;
    }
    let (outcome, response) = match bare(&web, link, &headers).await {
        Ok(ticket) => {
            let mut token = header_value(&ticket.to_wire());
            token.set_sensitive(true);
            let no_store = (CACHE_CONTROL, header_value("no-store"));
            let answer = ([(TOKEN, token), no_store]).into_response();
            (Outcome::Ok, answer)
        }
        Err(error) => {
            let (outcome, problem) = noted(&error);
            let status = match problem {
                Problem::Request | Problem::Proof => StatusCode::UNAUTHORIZED,
                Problem::TooMany => StatusCode::TOO_MANY_REQUESTS,
                Problem::Ours => StatusCode::SERVICE_UNAVAILABLE,
            };
            let plain = (CONTENT_TYPE, header_value("text/plain; charset=utf-8"));
            let answer = (status, [plain], problem.text()).into_response();
            (outcome, answer)
        }
    };
    web.services.metrics.sign_in(Method::Passport, outcome);
    response
}

async fn bare(web: &Web, link: Link, headers: &HeaderMap) -> Result<Ticket, SignInError> {
    let value = |name: &HeaderName| {
        let value = headers.get(name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    };
    let (address, password) = value(&USER)
        .zip(value(&PASSWORD))
        .ok_or(SignInError::UnknownAccount)?;
    let accounts = &web.services.accounts;
    let password = SecretString::from(password);
    let user = accounts
        .verify_password(address, password, link.peer.ip())
        .await?;
    accounts.issue_bare_ticket(user).await
}

#[cfg(test)]
mod tests;
