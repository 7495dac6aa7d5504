//! `DeleteMessages`: what was read goes (`docs/protocol/13 §1.2`).

use askama::Template;

use super::super::soap::{Call, Failure, Malformed, Reply, named, text_of};
use crate::model::Guid;

/// More messages than a client has at once.
const MOST: usize = 1_000;

#[derive(Template)]
#[template(path = "rsi/delete_messages.xml")]
struct Deleted;

/// Deletes messages of the owner of the token. What is not there is passed over: a client repeats
/// a request that it heard no answer to.
pub(super) async fn delete_messages(call: &Call<'_>) -> Result<Reply, Failure> {
    let list = call.operation.child("messageIds").ok_or(Malformed)?;
    let ids = named(list, "messageId");
    let ids: Vec<Guid> = ids.filter_map(|id| Guid::parse(text_of(id))).collect();
    if ids.len() > MOST {
        return Err(Malformed.into());
    }
    let offline = &call.web.services.offline;
    let grant = Some(call.by.grant);
    offline.delete(call.by.user, grant, ids).await?;
    Ok(Reply::render(&Deleted)?)
}
