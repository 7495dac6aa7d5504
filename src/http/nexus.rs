//! The Passport nexus: where the clients of MSNP8 to MSNP12 learn the address of the login
//! (`docs/protocol/01 §3.1`).

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::response::{IntoResponse, Response};

use super::{Link, Web, header_value};

const PASSPORT_URLS: HeaderName = HeaderName::from_static("passporturls");

/// Answers with the login as the only item, closed by a comma.
///
/// COMPAT: libpurple reads up to the comma, msnp11-sdk takes all that follows `DALogin=`, so the
/// login tolerates the comma in its path (`docs/protocol/25 §4`).
pub(super) async fn passport_urls(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
) -> Response {
    let urls = format!(
        "DALogin={},",
        web.advertise
            .login(link.local, link.local.port(), link.is_secure)
    );
    let headers = [
        (PASSPORT_URLS, header_value(&urls)),
        (CACHE_CONTROL, header_value("no-store")),
    ];
    headers.into_response()
}
