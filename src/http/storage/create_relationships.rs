//! `CreateRelationships`: shows a picture of the history.

use super::resource::{Resource, invalid};
use super::{Done, Frame, does_not_exist};
use crate::http::soap::{Call, Failure, Reply, child, only, text_of};

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    // A profile shows one picture, so there is one relationship to make.
    let relationships = only(call.operation.node, "relationships")?;
    let relationship = only(relationships, "Relationship")?;
    let end = |name: &str| child(relationship, name).map(text_of).ok_or_else(invalid);
    let source = Resource::read(end("SourceID")?, user)?;
    let target = Resource::read(end("TargetID")?, user)?;
    let (Resource::Profile | Resource::Expression, Resource::Tile(number)) = (source, target)
    else {
        return Err(invalid());
    };
    if !call.web.services.profiles.show_tile(user, number).await? {
        return Err(does_not_exist());
    }
    let answer = Done {
        frame: Frame::of(call),
        operation: "CreateRelationships",
    };
    Ok(Reply::render(&answer)?)
}
