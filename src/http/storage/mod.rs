//! Profiles and pictures (`docs/protocol/13 §2`).
//!
//! Everybody has a profile from the start, so the sequence in which clients make one is only
//! gone through by those that do not look first. What is named in a request is always the
//! caller's own: handles of others are refused, whether or not there are such people.

mod create_document;
mod create_profile;
mod create_relationships;
mod delete_relationships;
mod find_documents;
mod get_profile;
mod picture;
mod resource;
mod share_item;
mod update_document;
mod update_profile;
mod user_tile;

use askama::Template;
use axum::Router;
use axum::routing::get;

pub(super) use picture::mime;

use super::Web;
use super::soap::{Call, Failure, Reply, StorageFault, child, text_of};

/// What this service can do, by the names of the elements in the body. `FindDocument` is what
/// some call `FindDocuments`.
pub(super) const OPERATIONS: &[&str] = &[
    "GetProfile",
    "UpdateProfile",
    "CreateProfile",
    "CreateDocument",
    "UpdateDocument",
    "FindDocuments",
    "FindDocument",
    "CreateRelationships",
    "DeleteRelationships",
    "ShareItem",
];

/// The namespaces of the service, by generation of clients; answers are in that of the request.
const NAMESPACES: [&str; 2] = [
    "http://www.msn.com/webservices/storage/2008",
    "http://www.msn.com/webservices/storage/w10",
];
/// What clients without a key to the cache get for one; nothing depends on it.
const CACHE_KEY: &str = "chrysalis";
/// The longest key to the cache that is sent back.
const CACHE_KEY_MAX: usize = 1024;

/// Where pictures are fetched from, with a key in the path or without one.
pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/usertile/{cid}/{size}", get(user_tile::by_account))
        .route("/usertile/{cid}/{size}/{key}", get(user_tile::by_key))
}

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match call.operation.name {
        "GetProfile" => get_profile::handle(call).await,
        "UpdateProfile" => update_profile::handle(call).await,
        "CreateProfile" => create_profile::handle(call).await,
        "CreateDocument" => create_document::handle(call).await,
        "UpdateDocument" => update_document::handle(call).await,
        "FindDocuments" | "FindDocument" => find_documents::handle(call).await,
        "CreateRelationships" => create_relationships::handle(call).await,
        "DeleteRelationships" => delete_relationships::handle(call).await,
        "ShareItem" => share_item::handle(call),
        _ => Err(Failure::UnknownOperation),
    }
}

/// The namespace for the answer to a request in this one.
pub(super) fn namespace_of(request: &str) -> &'static str {
    let [latest, older] = NAMESPACES;
    if request == older { older } else { latest }
}

/// What every answer says besides its own.
struct Frame<'a> {
    namespace: &'static str,
    cache_key: &'a str,
}

impl<'a> Frame<'a> {
    fn of(call: &'a Call<'_>) -> Self {
        let cache_key = call
            .envelope
            .header("AffinityCacheHeader")
            .and_then(|header| child(header, "CacheKey"))
            .map(text_of)
            .filter(|key| !key.is_empty() && key.len() <= CACHE_KEY_MAX);
        Self {
            namespace: namespace_of(call.operation.namespace),
            cache_key: cache_key.unwrap_or(CACHE_KEY),
        }
    }
}

/// An answer that says nothing but that it was done.
#[derive(Template)]
#[template(path = "storage/done.xml")]
struct Done<'a> {
    frame: Frame<'a>,
    operation: &'static str,
}

/// An answer that is the id of what was made.
#[derive(Template)]
#[template(path = "storage/result.xml")]
struct Made<'a> {
    frame: Frame<'a>,
    operation: &'static str,
    id: String,
}

/// One client goes on from here by the text (`docs/protocol/13 §2`).
fn does_not_exist() -> Failure {
    StorageFault::new("ItemDoesNotExist", "Item does not exist").into()
}

#[cfg(test)]
mod tests;
