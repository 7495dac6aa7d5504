//! A form with a file in it.

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::response::Response;

use super::posted::{WORD, refused};
use super::visitor::{Visitor, is_from_elsewhere};
use crate::http::Web;
use crate::http::connection::TooLarge;

/// The field with the file.
const FILE: &str = "file";
/// The most fields that are looked at.
const MOST_FIELDS: usize = 8;

/// What came of a form with a file: nobody but the browser that the form was made for can have
/// sent it, as with [`super::Posted`].
#[derive(Debug)]
pub(super) enum Upload {
    /// Empty if no file was chosen.
    File(Vec<u8>),
    /// It was not even read, so nobody knows whose form it is: say so and do nothing.
    TooLarge,
}

impl FromRequest<Web> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        if parts.extensions.get::<TooLarge>().is_some() {
            return Ok(Self::TooLarge);
        }
        let is_from_elsewhere = is_from_elsewhere(&parts.headers);
        let unreadable = |_| super::page::plain(StatusCode::BAD_REQUEST);
        let request = Request::from_parts(parts, body);
        let mut form = Multipart::from_request(request, web)
            .await
            .map_err(|_| super::page::plain(StatusCode::BAD_REQUEST))?;
        let (word, file) = read(&mut form).await.map_err(unreadable)?;
        let word = std::str::from_utf8(&word).unwrap_or_default();
        if is_from_elsewhere || !visitor.sent(web, word) {
            return Err(refused(web, &visitor));
        }
        Ok(Self::File(file.into()))
    }
}

/// The word and the file, of which the first ones count.
async fn read(form: &mut Multipart) -> Result<(Bytes, Bytes), MultipartError> {
    let (mut word, mut file) = (None, None);
    for _ in 0..MOST_FIELDS {
        let Some(field) = form.next_field().await? else {
            break;
        };
        match field.name() {
            Some(WORD) if word.is_none() => word = Some(field.bytes().await?),
            Some(FILE) if file.is_none() => file = Some(field.bytes().await?),
            _ => {}
        }
    }
    Ok((word.unwrap_or_default(), file.unwrap_or_default()))
}
