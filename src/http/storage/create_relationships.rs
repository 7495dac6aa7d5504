//! `CreateRelationships`: shows a picture of the history.

use super::resource::{Resource, invalid};
use super::{Done, Frame, does_not_exist};
use crate::http::soap::{Call, Failure, Malformed, Reply, child, named, only, text_of};

/// More than any client asks for at once.
const MOST: usize = 10;

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let mut shown = Vec::new();
    for relationship in named(only(call.operation.node, "relationships")?, "Relationship") {
        let end = |name: &str| child(relationship, name).map(text_of).ok_or_else(invalid);
        let source = Resource::read(end("SourceID")?, user)?;
        let target = Resource::read(end("TargetID")?, user)?;
        match (source, target) {
            (Resource::Profile | Resource::Expression, Resource::Tile(number)) => {
                shown.push(number);
            }
            _ => return Err(invalid()),
        }
    }
    if shown.is_empty() || shown.len() > MOST {
        return Err(Malformed.into());
    }
    for number in shown {
        if !call.web.services.profiles.show_tile(user, number).await? {
            return Err(does_not_exist());
        }
    }
    let answer = Done {
        frame: Frame::of(call),
        operation: "CreateRelationships",
    };
    Ok(Reply::render(&answer)?)
}
