//! Passport 1.4, also called Tweener: a name and a password in a header become a ticket for the
//! notification server (`docs/protocol/01 §3.2-§3.4`).
//!
//! Only the wire form is at home here; what is right or wrong is decided behind
//! [`PasswordCheck`]. A client learns that an address and a password do not fit, never which of
//! the two was wrong.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::{Edge, Link, header_value};
use crate::metrics::{Method, Outcome};

const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");

const SCHEME: &[u8] = b"Passport1.4";

/// Checks an address and a password for a peer and issues a ticket.
pub type PasswordCheck = Arc<dyn Fn(Credentials, IpAddr) -> Checking + Send + Sync>;

/// A check under way.
pub type Checking = Pin<Box<dyn Future<Output = Result<SecretString, Denied>> + Send>>;

/// What a client sent to prove who it is.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The address of the account, as it was typed.
    pub address: String,
    /// The password.
    pub password: SecretString,
}

/// Why there is no ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No such account, not its password, or an account that may not sign in.
    #[error("the address and the password do not fit")]
    Refused,
    /// Too many failures; the password was not looked at.
    #[error("too many failed sign-ins")]
    Throttled,
    /// The server could not tell. The cause was logged where it was found.
    #[error("the server cannot check now")]
    Fault,
}

/// Answers a login with a ticket, or with the reason as a sentence that clients may show.
pub(super) async fn sign_in(
    State(edge): State<Edge>,
    Extension(link): Extension<Link>,
    headers: HeaderMap,
) -> Response {
    let checked = match read(&headers) {
        Some(credentials) => (edge.check)(credentials, link.peer.ip()).await,
        None => {
            edge.metrics.sign_in(Method::Passport, Outcome::Refused);
            return failed(&edge, &link, "The sign-in was not understood.");
        }
    };
    let (outcome, response) = match checked {
        Ok(ticket) => (Outcome::Ok, succeeded(&ticket)),
        Err(Denied::Refused) => (
            Outcome::Refused,
            failed(&edge, &link, "The e-mail address or the password is wrong."),
        ),
        Err(Denied::Throttled) => (
            Outcome::Throttled,
            failed(
                &edge,
                &link,
                "Too many attempts. Wait a minute, then try again.",
            ),
        ),
        Err(Denied::Fault) => (
            Outcome::Fault,
            StatusCode::SERVICE_UNAVAILABLE.into_response(),
        ),
    };
    edge.metrics.sign_in(Method::Passport, outcome);
    response
}

/// COMPAT: msnp11-sdk takes everything behind `from-PP='` as the ticket, so that item is the last
/// (`docs/protocol/01 §3.3`). Readers look for `t=` and `&p=`, which may be empty (`§3.4`).
fn succeeded(ticket: &SecretString) -> Response {
    let ticket = ticket.expose_secret();
    let info = format!("Passport1.4 da-status=success,from-PP='t={ticket}&p='");
    let mut info = header_value(&info);
    info.set_sensitive(true);
    let no_store = (CACHE_CONTROL, header_value("no-store"));
    ([(AUTHENTICATION_INFO, info), no_store]).into_response()
}

/// COMPAT: libpurple shows `cbtxt`, percent-decoded and up to the end of the line.
fn failed(edge: &Edge, link: &Link, text: &str) -> Response {
    let challenge = format!(
        "Passport1.4 da-status=failed,srealm=Passport.NET,ts=0,prompt,cburl={}/,cbtxt={}",
        edge.advertise.base_url(link),
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
