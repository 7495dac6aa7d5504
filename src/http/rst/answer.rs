//! What the token service answers, in both versions (`docs/protocol/11 §3, §4`).

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Issued;
use super::request::{TokenWish, Wish};
use crate::http::soap::{respond, unwritten};
use crate::service::accounts::Token;
use crate::service::seal::Seal;
use crate::service::ticket;
use crate::xml::utc;

/// How long an answer of the second version says that it is fresh, in milliseconds.
const FRESH_MS: i64 = 5 * 60 * 1000;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// SOAP 1.1 and the trust language of 2004.
    One,
    /// SOAP 1.2 and the trust language of 2005.
    Two,
}

/// Why there are no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// It was no request.
    Request,
    /// Name and password do not fit, or the account may not sign in.
    Proof,
    /// Too many attempts; nothing was checked.
    TooMany,
    /// The server could not tell.
    Ours,
}

impl Problem {
    /// What clients show where they show anything.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Request => "Invalid Request",
            Self::Proof => "Authentication Failure",
            Self::TooMany => "Too many attempts. Wait a minute, then try again.",
            Self::Ours => "The server has a problem.",
        }
    }

    /// The number that official clients show and decide by (`docs/protocol/11 §3.1`).
    fn status(self) -> &'static str {
        match self {
            Self::Request => "0x80048820",
            Self::Proof => "0x80048821",
            Self::TooMany | Self::Ours => "0x80048800",
        }
    }
}

/// What an account was given, as it is told.
pub(super) struct Grant<'a> {
    puid: String,
    cid: String,
    address: &'a str,
    created: String,
    expires: String,
    fresh_until: String,
    /// Whether the answer is the token alone, without the collection around it, as the original
    /// described it for a request without the wrapper.
    is_single: bool,
    tokens: Vec<Given<'a>>,
}

struct Given<'a> {
    audience: &'a str,
    /// Whether it renews others.
    grants_tokens: bool,
    kind: &'static str,
    reference_kind: &'static str,
    /// Clients find their token by the number at its end.
    id: String,
    ticket: String,
    secret: String,
}

impl<'a> Grant<'a> {
    /// The tokens are those that were wished for, in the same order.
    pub(super) fn new(wish: &'a Wish, issued: &'a Issued) -> Self {
        let (id, tokens) = (issued.user.passport_id(), &issued.tokens);
        Self {
            puid: format!("{id:016X}"),
            cid: format!("{id:016x}"),
            address: &issued.address,
            created: utc(tokens.created_at),
            expires: utc(tokens.expires_at),
            fresh_until: utc(tokens.created_at + FRESH_MS),
            is_single: wish.is_single,
            tokens: wish
                .tokens
                .iter()
                .zip(&tokens.tokens)
                .map(|(wish, token)| Given::new(wish, token))
                .collect(),
        }
    }
}

impl<'a> Given<'a> {
    fn new(wish: &'a TokenWish, token: &Token) -> Self {
        let TokenWish { number, .. } = wish;
        let grants_tokens = ticket::renews(&wish.audience);
        let (kind, reference_kind, id) = if grants_tokens {
            let id = format!("BinaryDAToken{number}");
            ("urn:passport:legacy", "urn:passport", id)
        } else if wish.is_legacy {
            let id = format!("PPToken{number}");
            ("urn:passport:legacy", "urn:passport", id)
        } else {
            let id = format!("Compact{number}");
            ("urn:passport:compact", "urn:passport:compact", id)
        };
        let ticket = if grants_tokens {
            // Encrypted data has the form of encrypted data; clients only ever echo it.
            BASE64.encode(token.ticket.expose())
        } else {
            token.ticket.to_wire()
        };
        Self {
            audience: &wish.audience,
            grants_tokens,
            kind,
            reference_kind,
            id,
            ticket,
            secret: BASE64.encode(token.secret),
        }
    }
}

impl Version {
    /// The answer with tokens.
    pub(super) fn tokens(self, grant: &Grant<'_>, peer: IpAddr) -> Response {
        match self {
            Self::One => respond(StatusCode::OK, &TokensV1 { grant }),
            Self::Two => respond(StatusCode::OK, &TokensV2 { grant, peer }),
        }
    }

    /// The answer without. In the first version the fault stands beside the body, as the original
    /// service had it.
    pub(super) fn fault(self, problem: Problem, now_ms: i64) -> Response {
        let (now, status, text) = (utc(now_ms), problem.status(), problem.text());
        match self {
            Self::One => {
                let code = match problem {
                    Problem::Request => "S:Client",
                    Problem::Proof => "wsse:FailedAuthentication",
                    Problem::TooMany | Problem::Ours => "S:Server",
                };
                let template = FaultV1 {
                    now,
                    code,
                    status,
                    text,
                };
                respond(StatusCode::OK, &template)
            }
            Self::Two => {
                let (code, subcode, internal) = match problem {
                    Problem::Request => ("S:Sender", "wst:InvalidRequest", "0x80045c01"),
                    Problem::Proof => ("S:Sender", "wst:FailedAuthentication", "0x80041012"),
                    Problem::TooMany | Problem::Ours => {
                        ("S:Receiver", "wst:RequestFailed", "0x80048800")
                    }
                };
                let template = FaultV2 {
                    now,
                    code,
                    subcode,
                    status,
                    internal,
                    text,
                };
                respond(StatusCode::OK, &template)
            }
        }
    }
}

/// The answer with tokens to a client that renews them, which its key alone opens. Only the form
/// of the first version is known (`docs/protocol/11 §5`).
pub(super) fn renewed(grant: &Grant<'_>, seal: &Seal) -> Response {
    let sealed = |text: String| BASE64.encode(seal.close(&text));
    let about = HeaderV1 { grant }.render();
    let responses = ResponsesV1 { grant }.render();
    match (about, responses) {
        (Ok(about), Ok(responses)) => {
            let template = RenewedV1 {
                nonce: BASE64.encode(seal.nonce()),
                about: sealed(about),
                responses: sealed(responses),
            };
            respond(StatusCode::OK, &template)
        }
        (Err(error), _) | (_, Err(error)) => unwritten(&error),
    }
}

#[derive(Template)]
#[template(path = "rst/tokens_v1.xml")]
struct TokensV1<'a> {
    grant: &'a Grant<'a>,
}

#[derive(Template)]
#[template(path = "rst/header_v1.xml")]
struct HeaderV1<'a> {
    grant: &'a Grant<'a>,
}

#[derive(Template)]
#[template(path = "rst/responses_v1.xml")]
struct ResponsesV1<'a> {
    grant: &'a Grant<'a>,
}

#[derive(Template)]
#[template(path = "rst/renewed_v1.xml")]
struct RenewedV1 {
    nonce: String,
    /// What else stands in the head.
    about: String,
    responses: String,
}

#[derive(Template)]
#[template(path = "rst/tokens_v2.xml")]
struct TokensV2<'a> {
    grant: &'a Grant<'a>,
    /// The address that the client came from.
    peer: IpAddr,
}

#[derive(Template)]
#[template(path = "rst/fault_v1.xml")]
struct FaultV1 {
    now: String,
    code: &'static str,
    status: &'static str,
    text: &'static str,
}

#[derive(Template)]
#[template(path = "rst/fault_v2.xml")]
struct FaultV2 {
    now: String,
    code: &'static str,
    subcode: &'static str,
    status: &'static str,
    internal: &'static str,
    text: &'static str,
}
