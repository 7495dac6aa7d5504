//! `UpdateDocument`: another picture in the place of one.

use super::resource::{Resource, invalid};
use super::{Done, Frame, picture};
use crate::http::soap::{Call, Failure, Reply};

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let document = picture::read(call)?;
    let number = Resource::read_tile(document.id.ok_or_else(invalid)?, user)?;
    call.web
        .services
        .profiles
        .replace_tile(user, number, document.name, document.data)
        .await
        .map_err(picture::refused)?;
    let answer = Done {
        frame: Frame::of(call),
        operation: "UpdateDocument",
    };
    Ok(Reply::render(&answer)?)
}
