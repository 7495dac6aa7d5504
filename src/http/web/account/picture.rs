//! `/account/picture`: one's picture, and a new one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};

use super::profile::with_wrong_picture;
use crate::http::web::page::{fault, see_other};
use crate::http::web::{Member, Upload};
use crate::http::{Web, home, storage};
use crate::service::{PictureError, TileError, TileSize, Viewer};

/// What a picture from here is called in the history that clients show.
const NAME: &str = "picture";

pub(super) async fn show(State(web): State<Web>, member: Member) -> Response {
    let user = member.session.user;
    let viewer = Viewer::Account(user);
    let found = web.services.profiles.picture(user, TileSize::Full, viewer);
    match found.await {
        Ok(Some(picture)) => {
            let headers = [
                (CONTENT_TYPE, storage::mime(picture.kind)),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
            ];
            (headers, picture.data).into_response()
        }
        Ok(None) => home::not_found().await,
        Err(error) => fault(&error),
    }
}

pub(super) async fn submit(State(web): State<Web>, member: Member, upload: Upload) -> Response {
    let (status, wrong) = match upload {
        Upload::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
        Upload::File(data) if data.is_empty() => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Choose a file with a picture first.",
        ),
        Upload::File(data) => match put(&web, &member, data).await {
            Ok(()) => return see_other("/account/profile?done=picture"),
            Err(TileError::Fault(error)) => return fault(&error),
            Err(TileError::Unknown) => return see_other("/"),
            Err(TileError::NoRoom) => (
                StatusCode::INSUFFICIENT_STORAGE,
                "There is no room for more pictures. Tell whoever runs this server.",
            ),
            Err(TileError::Picture(PictureError::TooLarge)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE)
            }
            Err(TileError::Picture(PictureError::Busy)) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is busy. Try again in a moment.",
            ),
            Err(TileError::Picture(PictureError::Unsound)) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "This is no picture that clients can show. It has to be PNG, JPEG, GIF or BMP, \
                 with at most 1024 pixels from side to side. Make it smaller and try again.",
            ),
        },
    };
    with_wrong_picture(&web, &member, status, wrong).await
}

const TOO_LARGE: &str = "The file is too large: a picture has at most 1 megabyte. Make it smaller \
                         and try again; clients show 96 by 96 pixels.";

/// Keeps a picture and shows it.
async fn put(web: &Web, member: &Member, data: Vec<u8>) -> Result<(), TileError> {
    let (user, profiles) = (member.session.user, &web.services.profiles);
    let number = profiles.add_tile(user, NAME, data).await?;
    profiles.show_tile(user, number).await?;
    Ok(())
}
