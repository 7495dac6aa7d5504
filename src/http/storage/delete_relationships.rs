//! `DeleteRelationships`: takes pictures off the profile, or out of the history. What is not there
//! is done already: clients ask for both, one after the other, and for pictures of long ago.

use super::resource::{Handle, Resource, invalid};
use super::{Done, Frame};
use crate::http::soap::{Call, Failure, Malformed, Reply, child, named, only, text_of};

/// More than any client asks for at once.
const MOST: usize = 20;

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let profiles = &call.web.services.profiles;
    let source = Handle::of(call, "sourceHandle")?;
    let mut tiles = Vec::new();
    for target in named(only(call.operation.node, "targetHandles")?, "ObjectHandle") {
        let id = child(target, "ResourceID").ok_or_else(invalid)?;
        tiles.push(Resource::read_tile(text_of(id), user)?);
    }
    if tiles.len() > MOST {
        return Err(Malformed.into());
    }
    match source {
        Handle::UserTiles => profiles.discard_tiles(user, tiles).await?,
        Handle::Resource(Resource::Profile | Resource::Expression) => {
            profiles.hide_tiles(user, tiles).await?;
        }
        Handle::Resource(Resource::Tile(_)) | Handle::Owner => return Err(invalid()),
    }
    let answer = Done {
        frame: Frame::of(call),
        operation: "DeleteRelationships",
    };
    Ok(Reply::render(&answer)?)
}
