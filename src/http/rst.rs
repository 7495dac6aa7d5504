//! `RST.srf`: the SOAP sign-in that MSN 7.5 began with (`docs/protocol/11 §2, §3`).
//!
//! A password goes in, a ticket for each service that the client named comes out, in the order of
//! the request. Faults come with the status 200 and stand beside the body, as the original
//! service had it.

use std::net::IpAddr;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::Node;
use secrecy::SecretString;

use super::soap::{Envelope, Malformed, only, respond, utc};
use super::{Link, Web};
use crate::metrics::{Method, Outcome};
use crate::model::UserId;
use crate::service::SignInError;
use crate::service::accounts::{Accounts, Tokens};

/// More services than any client asks for at once.
const MOST_SERVICES: usize = 16;
/// Longer than the name of any service.
const LONGEST_SERVICE: usize = 256;
/// The service whose ticket renews others; it is always the first that clients ask for.
const TICKET_GRANTING: &str = "http://Passport.NET/tb";

/// What a client wants.
#[derive(Debug)]
struct Wish {
    address: String,
    password: SecretString,
    services: Vec<String>,
}

#[derive(Template)]
#[template(path = "soap/rst_tokens.xml")]
struct TokensAnswer<'a> {
    puid: String,
    cid: String,
    address: &'a str,
    created: String,
    expires: String,
    tokens: Vec<TokenAnswer>,
}

struct TokenAnswer {
    audience: String,
    grants_tickets: bool,
    /// The place of the request; clients find their tokens by it.
    number: usize,
    ticket: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "soap/rst_fault.xml")]
struct Fault<'a> {
    now: String,
    code: &'a str,
    status: &'a str,
    text: &'a str,
}

/// Answers a request for tokens.
pub(super) async fn issue(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    body: Bytes,
) -> Response {
    let now = utc(web.services.accounts.now_ms());
    let Ok(wish) = read(&body) else {
        web.services
            .metrics
            .sign_in(Method::Passport, Outcome::Refused);
        return fault(&now, "S:Client", "0x80048820", "Invalid Request");
    };
    let (outcome, response) = match tokens_for(&wish, link.peer.ip(), &web.services.accounts).await
    {
        Ok((user, tokens)) => (Outcome::Ok, answer(&wish, user, &tokens)),
        Err(error) => {
            tracing::debug!(reason = %error, "sign-in failed");
            refusal(&now, &error)
        }
    };
    web.services.metrics.sign_in(Method::Passport, outcome);
    response
}

async fn tokens_for(
    wish: &Wish,
    peer: IpAddr,
    accounts: &Accounts,
) -> Result<(UserId, Tokens), SignInError> {
    let password = wish.password.clone();
    let user = accounts
        .verify_password(&wish.address, password, peer)
        .await?;
    let tokens = accounts.issue_tokens(user, &wish.services).await?;
    Ok((user, tokens))
}

/// The code that each client shows as "wrong password" for everything that is wrong with a
/// proof, and a text for the rest.
fn refusal(now: &str, error: &SignInError) -> (Outcome, Response) {
    const FAILED: &str = "wsse:FailedAuthentication";
    match error {
        SignInError::UnknownAccount
        | SignInError::Disabled
        | SignInError::WrongPassword
        | SignInError::LegacyClosed
        | SignInError::BadTicket => (
            Outcome::Refused,
            fault(now, FAILED, "0x80048821", "Authentication Failure"),
        ),
        SignInError::Throttled | SignInError::Busy => (
            Outcome::Throttled,
            fault(
                now,
                "S:Server",
                "0x80048800",
                "Too many attempts. Wait a minute, then try again.",
            ),
        ),
        SignInError::Fault(fault_of_ours) => {
            let error = fault_of_ours as &dyn std::error::Error;
            tracing::error!(error, "cannot check a sign-in");
            (
                Outcome::Fault,
                fault(now, "S:Server", "0x80048800", "The server has a problem."),
            )
        }
    }
}

fn answer(wish: &Wish, user: UserId, tokens: &Tokens) -> Response {
    let id = user.passport_id();
    let template = TokensAnswer {
        puid: format!("{id:016X}"),
        cid: format!("{id:016x}"),
        address: wish.address.trim(),
        created: utc(tokens.created_at),
        expires: utc(tokens.expires_at),
        tokens: tokens
            .tokens
            .iter()
            .enumerate()
            .map(|(number, token)| TokenAnswer {
                audience: token.audience.clone(),
                grants_tickets: token.audience.eq_ignore_ascii_case(TICKET_GRANTING),
                number,
                ticket: token.ticket.to_wire(),
                secret: BASE64.encode(token.secret),
            })
            .collect(),
    };
    respond(StatusCode::OK, &template)
}

fn fault(now: &str, code: &str, status: &str, text: &str) -> Response {
    let template = Fault {
        now: now.to_owned(),
        code,
        status,
        text,
    };
    respond(StatusCode::OK, &template)
}

/// Reads the user, the password and the services. A lone request may lack the wrapper around
/// several, and a service is named by address or by name (`docs/protocol/11 §2`).
fn read(body: &[u8]) -> Result<Wish, Malformed> {
    let request = Envelope::parse(body)?;
    let security = only(request.part("Header")?, "Security")?;
    let user = only(security, "UsernameToken")?;
    let body = request.part("Body")?;
    let wrapper = only(body, "RequestMultipleSecurityTokens").unwrap_or(body);
    let services = wrapper
        .children()
        .filter(|node| node.tag_name().name() == "RequestSecurityToken")
        .map(service)
        .collect::<Result<Vec<String>, Malformed>>()?;
    if services.is_empty() || services.len() > MOST_SERVICES {
        return Err(Malformed);
    }
    Ok(Wish {
        address: text(only(user, "Username")?).trim().to_owned(),
        password: text(only(user, "Password")?).into(),
        services,
    })
}

fn service(request: Node<'_, '_>) -> Result<String, Malformed> {
    let endpoint = only(only(request, "AppliesTo")?, "EndpointReference")?;
    let name = only(endpoint, "Address").or_else(|_| only(endpoint, "ServiceName"))?;
    let name = text(name).trim();
    if name.is_empty() || name.len() > LONGEST_SERVICE {
        return Err(Malformed);
    }
    Ok(name.to_owned())
}

fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn envelope(user: &str, tokens: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
             xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\" \
             xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
             xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\">\
             <Header><wsse:Security>{user}</wsse:Security></Header><Body>{tokens}</Body></Envelope>"
        )
    }

    fn user(name: &str, password: &str) -> String {
        format!(
            "<wsse:UsernameToken Id=\"user\"><wsse:Username>{name}</wsse:Username>\
             <wsse:Password>{password}</wsse:Password></wsse:UsernameToken>"
        )
    }

    fn token(address: &str) -> String {
        format!(
            "<wst:RequestSecurityToken><wsp:AppliesTo><wsa:EndpointReference>{address}\
             </wsa:EndpointReference></wsp:AppliesTo></wst:RequestSecurityToken>"
        )
    }

    #[test]
    fn several_services_are_read_in_order() {
        let tokens = format!(
            "<ps:RequestMultipleSecurityTokens xmlns:ps=\"x\">\n {}\n {}\n\
             </ps:RequestMultipleSecurityTokens>",
            token("<wsa:Address>http://Passport.NET/tb</wsa:Address>"),
            token("<wsa:Address>messenger.msn.com</wsa:Address>"),
        );
        let wish = read(envelope(&user(" Alice@example.com ", "p&amp;ss "), &tokens).as_bytes());
        let wish = wish.unwrap();
        assert_eq!(wish.address, "Alice@example.com");
        assert_eq!(wish.password.expose_secret(), "p&ss ");
        assert_eq!(
            wish.services,
            ["http://Passport.NET/tb", "messenger.msn.com"]
        );
    }

    #[test]
    fn a_lone_request_needs_no_wrapper() {
        let tokens = token("<wsa:ServiceName>messenger.msn.com</wsa:ServiceName>");
        let wish = read(envelope(&user("a@b.c", "x"), &tokens).as_bytes()).unwrap();
        assert_eq!(wish.services, ["messenger.msn.com"]);
    }

    #[test]
    fn what_is_missing_doubled_or_too_much_is_refused() {
        let one = token("<wsa:Address>a</wsa:Address>");
        let bodies = [
            envelope("", &one),
            envelope(&user("a@b.c", "x"), ""),
            envelope(&user("a@b.c", "x").repeat(2), &one),
            envelope(&user("a@b.c", "x"), &one.repeat(MOST_SERVICES + 1)),
            envelope(&user("a@b.c", "x"), &token("")),
            envelope(&user("a@b.c", "x"), &token("<wsa:Address> </wsa:Address>")),
        ];
        for body in bodies {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
