//! `GetProfile`: what the caller shows of itself, all of it, whatever was asked for.

use std::sync::Arc;

use askama::Template;

use super::resource::{Handle, Resource, ResourceId};
use super::{Frame, does_not_exist, picture};
use crate::http::soap::{Call, Failure, Reply, utc};
use crate::service::TileInfo;

#[derive(Template)]
#[template(path = "storage/get_profile.xml")]
struct Answer<'a> {
    frame: Frame<'a>,
    profile_id: ResourceId,
    expression_id: ResourceId,
    version: u64,
    changed: String,
    flags: i64,
    photo: Option<Photo>,
    /// The personal message; left out where there is none (`docs/protocol/13 §2`).
    status: Arc<str>,
    status_changed: String,
    name: String,
    name_changed: String,
}

struct Photo {
    id: ResourceId,
    name: String,
    mime: &'static str,
    version: u64,
    size: u64,
    small_size: u64,
    url: String,
    small_url: String,
}

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match Handle::of(call, "profileHandle")? {
        Handle::Owner | Handle::Resource(Resource::Profile | Resource::Expression) => {}
        Handle::UserTiles | Handle::Resource(Resource::Tile(_)) => return Err(does_not_exist()),
    }
    let user = call.by.user;
    let profiles = &call.web.services.profiles;
    let profile = profiles.profile(user).await?.ok_or_else(does_not_exist)?;
    let photo = match &profile.tile {
        Some(tile) => Some(photo(call, tile).await?),
        None => None,
    };
    let answer = Answer {
        frame: Frame::of(call),
        profile_id: Resource::Profile.id(user),
        expression_id: Resource::Expression.id(user),
        version: profile.version,
        changed: utc(profile.changed_at),
        flags: profile.flags,
        photo,
        status: profile.message,
        status_changed: utc(profile.message_changed_at),
        name: profile.name.to_text(),
        name_changed: utc(profile.name_changed_at),
    };
    Ok(Reply::render(&answer)?)
}

/// The picture with addresses that open it to whoever has them: the official clients say nothing
/// of who they are when they fetch it.
async fn photo(call: &Call<'_>, tile: &TileInfo) -> Result<Photo, Failure> {
    let user = call.by.user;
    let key = call.web.services.profiles.tile_key(user, tile).await?;
    let web = call.web.base(call.link);
    let cid = user.passport_id();
    Ok(Photo {
        id: Resource::Tile(tile.number).id(user),
        name: tile.name.clone(),
        mime: picture::mime(tile.kind),
        version: tile.version,
        size: tile.size,
        small_size: tile.small_size,
        url: format!("{web}/usertile/{cid:016x}/static/{key}"),
        small_url: format!("{web}/usertile/{cid:016x}/small/{key}"),
    })
}
