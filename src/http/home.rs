//! What clients find that only want to know whether somebody answers, and who asks for nothing that
//! is here.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

/// COMPAT: MSN 7.5 and later post nothing to the root of the login host and want a 200
/// (`docs/protocol/23 §12`).
pub(super) async fn probe() -> StatusCode {
    StatusCode::OK
}

/// The way to the front page.
pub(super) async fn front() -> Response {
    (StatusCode::FOUND, [(LOCATION, "/")]).into_response()
}

pub(super) async fn not_found() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::NOT_FOUND, headers, "There is nothing here.\n").into_response()
}
