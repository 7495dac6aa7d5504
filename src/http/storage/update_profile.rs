//! `UpdateProfile`: a new name, personal message or number, and what is to be deleted.

use roxmltree::Node;

use super::resource::Resource;
use super::{Done, Frame};
use crate::http::address_book::editor;
use crate::http::soap::{Call, Failure, Malformed, Reply, child, only, text_of};
use crate::service::ProfileChange;

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    let profiles = &call.web.services.profiles;
    let profile = only(call.operation.node, "profile")?;
    if let Some(id) = child(profile, "ResourceID") {
        Resource::read(text_of(id), user)?;
    }
    let shown = child(profile, "ExpressionProfile");
    let mut change = shown.map(read).transpose()?.unwrap_or_default();
    let deleted = call
        .operation
        .child("profileAttributesToDelete")
        .and_then(|node| child(node, "ExpressionProfileAttributes"));
    let is_deleted = |name: &str| {
        deleted
            .and_then(|node| child(node, name))
            .is_some_and(|node| text_of(node).eq_ignore_ascii_case("true") || text_of(node) == "1")
    };
    // What the same request sets it does not want deleted. A name is always there.
    if is_deleted("PersonalStatus") && change.message.is_none() {
        change.message = Some(String::new());
    }
    if is_deleted("Flags") && change.flags.is_none() {
        change.flags = Some(0);
    }
    profiles.change(editor(call), change).await?;
    if is_deleted("Photo")
        && let Some(tile) = profiles.profile(user).await?.and_then(|it| it.tile)
    {
        profiles.hide_tiles(user, vec![tile.number]).await?;
    }
    let answer = Done {
        frame: Frame::of(call),
        operation: "UpdateProfile",
    };
    Ok(Reply::render(&answer)?)
}

/// What an `ExpressionProfile` sets.
pub(super) fn read(node: Node<'_, '_>) -> Result<ProfileChange, Malformed> {
    let text = |name: &str| child(node, name).map(|it| text_of(it).to_owned());
    let flags = child(node, "Flags")
        .map(text_of)
        .filter(|it| !it.is_empty());
    let flags = flags.map(str::parse::<i32>).transpose();
    Ok(ProfileChange {
        name: text("DisplayName"),
        message: text("PersonalStatus"),
        flags: flags.map_err(|_| Malformed)?.map(i64::from),
    })
}
