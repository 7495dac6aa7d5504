//! `CreateDocument`: a picture for the history. It is shown once `CreateRelationships` says so.

use super::resource::{Handle, Resource, invalid};
use super::{Frame, Made, picture};
use crate::http::soap::{Call, Failure, Reply};

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    if let Handle::Resource(Resource::Tile(_)) = Handle::of(call, "parentHandle")? {
        return Err(invalid());
    }
    let document = picture::read(call)?;
    let name = document.name.unwrap_or_default();
    let number = call
        .web
        .services
        .profiles
        .add_tile(user, name, document.data)
        .await
        .map_err(picture::refused)?;
    let answer = Made {
        frame: Frame::of(call),
        operation: "CreateDocument",
        id: Resource::Tile(number).id(user).to_string(),
    };
    Ok(Reply::render(&answer)?)
}
