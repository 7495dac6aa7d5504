//! A form that somebody sent.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::Response;

use super::problem;
use super::visitor::{Visitor, is_from_elsewhere};
use crate::http::{Web, form};

/// The field that ties a form to the browser it was made for.
pub(super) const WORD: &str = "word";

/// A form and who sent it: the browser that it was made for, and no other site in its name.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) visitor: Visitor,
    body: String,
}

impl Posted {
    /// What was typed into a field, without blanks around it; empty if the field is not there.
    pub(super) fn field(&self, name: &str) -> String {
        self.secret(name).trim().to_owned()
    }

    /// What was typed into a field, as it is.
    pub(super) fn secret(&self, name: &str) -> String {
        form::value(&self.body, name).unwrap_or_default()
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        form::value(&self.body, name).is_some()
    }
}

impl FromRequest<Web> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        let is_from_elsewhere = is_from_elsewhere(&parts.headers);
        let request = Request::from_parts(parts, body);
        // The whole body is here already, and its size was bounded.
        let body = String::from_request(request, web).await;
        let body = body.map_err(|_| super::page::plain(StatusCode::BAD_REQUEST))?;
        let word = form::value(&body, WORD).unwrap_or_default();
        if is_from_elsewhere || !visitor.sent(web, &word) {
            return Err(refused(web, &visitor));
        }
        Ok(Self { visitor, body })
    }
}

/// The answer to a form that was not made for this browser.
pub(super) fn refused(web: &Web, visitor: &Visitor) -> Response {
    problem(
        web,
        visitor,
        StatusCode::FORBIDDEN,
        "This form is too old, or your browser keeps no cookies",
        "Nothing was changed. Go back, load the page again and send the form once more. Cookies \
         of this site have to be allowed.",
    )
}
