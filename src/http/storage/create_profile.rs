//! `CreateProfile`: there is a profile already, so this only takes what it says. An empty message
//! is what clients send for one they do not know yet, and clears nothing.

use super::resource::Resource;
use super::{Frame, Made, update_profile};
use crate::http::address_book::editor;
use crate::http::soap::{Call, Failure, Reply, child, only};

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let profile = only(call.operation.node, "profile")?;
    let shown = child(profile, "ExpressionProfile").map(update_profile::read);
    let mut change = shown.transpose()?.unwrap_or_default();
    change.message = change.message.filter(|message| !message.is_empty());
    call.web
        .services
        .profiles
        .change(editor(call), change)
        .await?;
    let answer = Made {
        frame: Frame::of(call),
        operation: "CreateProfile",
        id: Resource::Profile.id(user).to_string(),
    };
    Ok(Reply::render(&answer)?)
}
