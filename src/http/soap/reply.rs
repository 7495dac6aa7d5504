//! How an answer leaves.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// The answer of an operation, rendered.
#[derive(Debug)]
pub struct Reply(String);

impl Reply {
    /// Renders a template.
    pub fn render(template: &impl Template) -> Result<Self, askama::Error> {
        template.render().map(Self)
    }

    /// As an answer over HTTP.
    pub fn respond(self, status: StatusCode) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/xml; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, self.0).into_response()
    }
}

/// Renders a template into an answer over HTTP. A template of ours can always be rendered; if one
/// cannot, the client is told that the server is not available.
pub(in crate::http) fn respond(status: StatusCode, template: &impl Template) -> Response {
    match Reply::render(template) {
        Ok(reply) => reply.respond(status),
        Err(error) => unwritten(&error),
    }
}

/// The answer instead of one that cannot be rendered.
pub(in crate::http) fn unwritten(error: &askama::Error) -> Response {
    tracing::error!(%error, "an answer cannot be written");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
