//! Passport 1.4, also called Tweener: a name and a password in a header become a ticket for the
//! notification server (`docs/protocol/01 §3.2-§3.4`).
//!
//! Only the wire form is at home here; what is right or wrong is decided by [`Accounts`]. A
//! client learns that an address and a password do not fit, never which of the two was wrong.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use secrecy::SecretString;

use super::{Link, Web, header_value};
use crate::metrics::{Method, Outcome};
use crate::service::accounts::{Accounts, SignInError};
use crate::service::ticket::Ticket;

const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");

const SCHEME: &[u8] = b"Passport1.4";

/// What a client sent to prove who it is.
#[derive(Debug)]
struct Credentials {
    /// As it was typed.
    address: String,
    password: SecretString,
}

/// Answers a login with a ticket, or with the reason as a sentence that clients may show.
pub(super) async fn sign_in(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    headers: HeaderMap,
) -> Response {
    let Some(credentials) = read(&headers) else {
        web.services
            .metrics
            .sign_in(Method::Passport, Outcome::Refused);
        return failed(&web, &link, "The sign-in was not understood.");
    };
    let error = match ticket_for(credentials, link.peer.ip(), &web.services.accounts).await {
        Ok(ticket) => {
            web.services.metrics.sign_in(Method::Passport, Outcome::Ok);
            return succeeded(&ticket);
        }
        Err(error) => error,
    };
    tracing::debug!(reason = %error, "sign-in failed");
    let (outcome, response) = match error {
        SignInError::UnknownAccount
        | SignInError::Disabled
        | SignInError::WrongPassword
        | SignInError::LegacyClosed
        | SignInError::BadTicket => (
            Outcome::Refused,
            failed(&web, &link, "The e-mail address or the password is wrong."),
        ),
        SignInError::Throttled => (
            Outcome::Throttled,
            failed(
                &web,
                &link,
                "Too many attempts. Wait a minute, then try again.",
            ),
        ),
        // Clients take a 5xx as "not available now" and do not blame the password.
        SignInError::Busy => (
            Outcome::Throttled,
            StatusCode::SERVICE_UNAVAILABLE.into_response(),
        ),
        SignInError::Fault(fault) => {
            tracing::error!(
                error = &fault as &dyn std::error::Error,
                "cannot check a sign-in"
            );
            (
                Outcome::Fault,
                StatusCode::SERVICE_UNAVAILABLE.into_response(),
            )
        }
    };
    web.services.metrics.sign_in(Method::Passport, outcome);
    response
}

async fn ticket_for(
    credentials: Credentials,
    peer: IpAddr,
    accounts: &Accounts,
) -> Result<Ticket, SignInError> {
    let Credentials { address, password } = credentials;
    let user = accounts.verify_password(&address, password, peer).await?;
    accounts.issue_ticket(user).await
}

/// COMPAT: msnp11-sdk takes everything behind `from-PP='` as the ticket, so that item is the last
/// (`docs/protocol/01 §3.3`).
fn succeeded(ticket: &Ticket) -> Response {
    let wire = ticket.to_wire();
    let info = format!("Passport1.4 da-status=success,from-PP='{wire}'");
    let mut info = header_value(&info);
    info.set_sensitive(true);
    let no_store = (CACHE_CONTROL, header_value("no-store"));
    ([(AUTHENTICATION_INFO, info), no_store]).into_response()
}

/// COMPAT: libpurple shows `cbtxt`, percent-decoded and up to the end of the line.
fn failed(web: &Web, link: &Link, text: &str) -> Response {
    let challenge = format!(
        "Passport1.4 da-status=failed,srealm=Passport.NET,ts=0,prompt,cburl={}/,cbtxt={}",
        web.base(*link),
        utf8_percent_encode(text, NON_ALPHANUMERIC),
    );
    let headers = [
        (WWW_AUTHENTICATE, header_value(&challenge)),
        (CACHE_CONTROL, header_value("no-store")),
    ];
    (StatusCode::UNAUTHORIZED, headers).into_response()
}

fn read(headers: &HeaderMap) -> Option<Credentials> {
    parse(headers.get(AUTHORIZATION)?.as_bytes())
}

/// Reads `Passport1.4 OrgVerb=GET,...,sign-in=...,pwd=...,` and the policy. The scheme may stand
/// there twice, blanks may follow commas, and names are found in any case; the first of a name
/// counts. A comma inside a password has to be encoded, or cuts it.
fn parse(header: &[u8]) -> Option<Credentials> {
    let mut items = without_scheme(header)?;
    while let Some(rest) = without_scheme(items) {
        items = rest;
    }
    Some(Credentials {
        address: value(items, b"sign-in")?,
        password: value(items, b"pwd")?.into(),
    })
}

fn without_scheme(text: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = text.trim_ascii_start().split_at_checked(SCHEME.len())?;
    let is_scheme =
        scheme.eq_ignore_ascii_case(SCHEME) && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_scheme.then_some(rest)
}

/// The decoded value of the first item of that name, if it is text.
fn value(items: &[u8], name: &[u8]) -> Option<String> {
    let found = items.split(|&byte| byte == b',').find_map(|item| {
        let at = item.iter().position(|&byte| byte == b'=')?;
        let (key, value) = item.split_at_checked(at)?;
        (key.trim_ascii().eq_ignore_ascii_case(name)).then_some(value)
    })?;
    let encoded = found.strip_prefix(b"=")?;
    String::from_utf8(percent_decode(encoded).collect()).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn check(header: &str, expected: Option<(&str, &str)>) {
        let credentials = parse(header.as_bytes());
        let read = credentials
            .as_ref()
            .map(|it| (it.address.as_str(), it.password.expose_secret()));
        assert_eq!(read, expected, "{header}");
    }

    const ALICE: Option<(&str, &str)> = Some(("alice@example.com", "secret"));

    #[test]
    fn the_documented_header_is_read() {
        check(
            "Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,\
             sign-in=alice%40example.com,pwd=secret,lc=1033,id=507,tw=40",
            ALICE,
        );
    }

    #[test]
    fn the_spellings_of_real_clients_are_read() {
        for header in [
            "Passport1.4 Passport1.4 OrgVerb=GET,sign-in=alice@example.com,pwd=secret",
            "passport1.4   OrgVerb=GET, Sign-In=alice%40example.com, PWD=secret",
            "Passport1.4 sign-in=alice@example.com,pwd=secret",
            "Passport1.4 sign-in=alice@example.com,pwd=secret,pwd=other,sign-in=x",
        ] {
            check(header, ALICE);
        }
    }

    #[test]
    fn a_password_keeps_every_character_that_is_encoded() {
        check(
            "Passport1.4 sign-in=a@b.c,pwd=%2C%3D%25%20%C3%A9+=%,x",
            Some(("a@b.c", ",=% é+=%")),
        );
        check("Passport1.4 sign-in=a@b.c,pwd=", Some(("a@b.c", "")));
    }

    #[test]
    fn what_is_no_login_is_not_read() {
        for header in [
            "",
            "Passport1.4",
            "Passport1.4 ",
            "Basic YWxpY2U6c2VjcmV0",
            "Passport1.40 sign-in=a@b.c,pwd=x",
            "sign-in=a@b.c,pwd=x",
            "Passport1.4 sign-in=a@b.c",
            "Passport1.4 pwd=x",
            "Passport1.4 sign-in,pwd",
            "Passport1.4 sign-in=a@b.c,pwd=%FF",
        ] {
            check(header, None);
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let credentials = parse(b"Passport1.4 sign-in=a@b.c,pwd=hunter2").unwrap();
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_panic(header in proptest::collection::vec(0u8.., 0..200)) {
            parse(&header);
            parse(&[b"Passport1.4 ", &header[..]].concat());
        }
    }
}
