//! What the sign-in library of clients reads about where its services are (`docs/protocol/11 §7`).
//!
//! An original library takes only what its maker signed. It is told that nothing is newer than
//! what it has, and finds no `ppcrlconfig.bin`, so it stays with its own copy. What is here is for
//! clients that were pointed to this server and look at no signature (`docs/protocol/24 §1.5`).

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::soap::respond;
use super::{Link, Web};

/// The services that there are here, by the names of the configuration. Older libraries read no
/// more than 32.
const SERVICES: [(&str, &str); 8] = [
    ("PassportSecurityTokenService", "/RST.srf"),
    ("MSNPassportSecurityTokenService", "/RST.srf"),
    ("WLIDSTS_WCF", "/RST2.srf"),
    ("MSNWLIDSTS_WCF", "/RST2.srf"),
    ("PassportSHA1Auth", "/ppsecure/sha1auth.srf"),
    ("RealmInfoService", "/getrealminfo.srf"),
    ("PassportMetaConfig", "/ppcrlcheck.srf"),
    // Nobody can reset a password here, but the front page says whom to ask.
    ("URL_PasswordReset", "/"),
];

#[derive(Template)]
#[template(path = "library_config/check.xml")]
struct Check;

#[derive(Template)]
#[template(path = "library_config/services.xml")]
struct Services {
    /// The base of the addresses of this server.
    web: String,
}

/// Answers which configuration is the oldest that will do: one that every library has.
pub(super) async fn check() -> Response {
    respond(StatusCode::OK, &Check)
}

/// Answers where the services are: all on this server, as it is advertised.
pub(super) async fn services(State(web): State<Web>, Extension(link): Extension<Link>) -> Response {
    let web = web.base(link);
    respond(StatusCode::OK, &Services { web })
}
