//! The SOAP sign-in: `RST.srf`, which MSN 7.5 began with, and `RST2.srf` of Windows Live Messenger
//! 2009 and later (`docs/protocol/11`).
//!
//! A password goes in, a ticket for each service that the client named comes out, in the order of
//! the request. Both versions are read alike; they differ in what they answer. Faults come with
//! the status 200, which every client takes. A client of the first may show the ticket that renews
//! others instead of the password, and gets an answer that only its key opens.

mod answer;
mod request;

use std::net::IpAddr;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret as _, SecretString};

use self::answer::{Grant, Problem, Version};
use self::request::{Proof, Wish};
use super::{Link, Web, header_value};
use crate::metrics::{Method, Outcome};
use crate::model::UserId;
use crate::service::SignInError;
use crate::service::accounts::{Accounts, Tokens};
use crate::service::seal::Seal;
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
        Ok(wish) => match tokens_for(version, &wish, peer, accounts).await {
            Ok(issued) => Ok((wish, issued)),
            Err(error) => Err(noted(&error)),
        },
        Err(_) => Err((Outcome::Refused, Problem::Request)),
    };
    let (outcome, response) = match attempt {
        Ok((wish, issued)) => {
            let grant = Grant::new(&wish, &issued);
            let response = match &issued.seal {
                Some(seal) => answer::renewed(&grant, seal),
                None => version.tokens(&grant, peer),
            };
            (Outcome::Ok, response)
        }
        Err((outcome, problem)) => (outcome, version.fault(problem, accounts.now_ms())),
    };
    web.services.metrics.sign_in(Method::Rst, outcome);
    response
}

/// What an account was given.
struct Issued {
    user: UserId,
    /// As the client wrote it, if it did.
    address: String,
    tokens: Tokens,
    /// What the answer has to be sealed with, if nobody gave the password.
    seal: Option<Seal>,
}

async fn tokens_for(
    version: Version,
    wish: &Wish,
    peer: IpAddr,
    accounts: &Accounts,
) -> Result<Issued, SignInError> {
    let audiences: Vec<String> = wish.tokens.iter().map(|it| it.audience.clone()).collect();
    match (&wish.proof, version) {
        (Proof::Password { address, password }, _) => {
            let user = accounts
                .verify_password(address, password.clone(), peer)
                .await?;
            Ok(Issued {
                user,
                address: address.clone(),
                tokens: accounts.issue_tokens(user, &audiences).await?,
                seal: None,
            })
        }
        (Proof::Ticket(ticket), Version::One) => {
            let renewed = accounts
                .renew_tokens(ticket.expose_secret(), &audiences)
                .await?;
            Ok(Issued {
                user: renewed.user,
                address: renewed.address.as_str().to_owned(),
                tokens: renewed.tokens,
                seal: Some(renewed.seal),
            })
        }
        // How the later clients want to have it is not known. They fall back to the password
        // (`docs/protocol/11 §5`).
        (Proof::Ticket(_), Version::Two) => Err(SignInError::BadTicket),
    }
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
    web.services.metrics.sign_in(Method::Rst, outcome);
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
