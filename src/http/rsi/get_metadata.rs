//! `GetMetadata`: what waits (`docs/protocol/13 §1.2`).

use askama::Template;

use super::super::soap::{Call, Failure, Reply};
use crate::model::WaitingMessage;

#[derive(Template)]
#[template(path = "rsi/get_metadata.xml")]
struct Metadata {
    messages: Vec<WaitingMessage>,
}

/// Lists what waits for the owner of the token.
pub(super) async fn get_metadata(call: &Call<'_>) -> Result<Reply, Failure> {
    let offline = &call.web.services.offline;
    let messages = offline.metadata(call.by.user).await?;
    Ok(Reply::render(&Metadata { messages })?)
}
