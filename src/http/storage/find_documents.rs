//! `FindDocuments`: the history of pictures, newest first. It is short, so wishes about order and
//! size are not looked at.

use askama::Template;

use super::Frame;
use super::resource::{Handle, Resource, ResourceId, invalid};
use crate::http::soap::{Call, Failure, Reply};

#[derive(Template)]
#[template(path = "storage/find_documents.xml")]
struct Answer<'a> {
    frame: Frame<'a>,
    documents: Vec<Document>,
}

struct Document {
    id: ResourceId,
    name: String,
}

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let user = call.by.user;
    if let Handle::Resource(Resource::Tile(_)) = Handle::of(call, "objectHandle")? {
        return Err(invalid());
    }
    let tiles = call.web.services.profiles.tiles(user).await?;
    let documents = tiles
        .into_iter()
        .map(|tile| Document {
            id: Resource::Tile(tile.number).id(user),
            name: tile.name,
        })
        .collect();
    let answer = Answer {
        frame: Frame::of(call),
        documents,
    };
    Ok(Reply::render(&answer)?)
}
