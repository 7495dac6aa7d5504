//! `ShareItem`: makes something visible to others. The owner's lists decide about that, so there
//! is nothing to do but to see that it is the caller's own.

use super::resource::{Resource, invalid};
use super::{Frame, Made};
use crate::http::soap::{Call, Failure, Reply, text_of};

pub(super) fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let id = call.operation.child("resourceID").ok_or_else(invalid)?;
    let resource = Resource::read(text_of(id), user)?;
    let answer = Made {
        frame: Frame::of(call),
        operation: "ShareItem",
        id: resource.id(user).to_string(),
    };
    Ok(Reply::render(&answer)?)
}
