//! The directory of activities and games (`docs/protocol/23 §3`). There are none: the page says
//! so, and the service answers every question with an empty result, which empties the menu.

use askama::Template;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::document;
use crate::http::soap::Envelope;

/// The number of the directory as it is. Clients fetch it again where this is a new one.
const VERSION: &str = "1";

/// The empty result of any operation, in the namespace of the question.
#[derive(Template)]
#[template(path = "client_config/app_directory.xml")]
struct Empty<'a> {
    operation: &'a str,
    namespace: &'a str,
}

#[derive(Template)]
#[template(path = "client_config/bad_request.xml")]
struct BadRequest;

pub(super) async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    let page = "<html><head><title>Activities</title></head>\
                <body><p>There are no activities on this server.</p></body></html>\n";
    (headers, page).into_response()
}

pub(super) async fn version() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, VERSION).into_response()
}

pub(super) async fn service(body: Bytes) -> Response {
    let envelope = Envelope::parse(&body);
    match envelope.as_ref().map(Envelope::operation) {
        Ok(Ok(operation)) => document(&Empty {
            operation: operation.name,
            namespace: operation.namespace,
        }),
        _ => (StatusCode::BAD_REQUEST, document(&BadRequest)).into_response(),
    }
}
