//! `GetMessage`: one message as a letter (`docs/protocol/13 §1.2, §1.3`).

use askama::Template;

use super::super::soap::{Call, Failure, Malformed, Reply, text_of};
use crate::model::{Guid, Refusal};

#[derive(Template)]
#[template(path = "rsi/get_message.xml")]
struct Message {
    letter: String,
}

/// Hands out a message of the owner of the token. Those of others sound like those that are not
/// there.
pub(super) async fn get_message(call: &Call<'_>) -> Result<Reply, Failure> {
    let id = call.operation.child("messageId").ok_or(Malformed)?;
    let id = Guid::parse(text_of(id)).ok_or(Failure::Refused(Refusal::InvalidParameter))?;
    let marks_read = call
        .operation
        .child("alsoMarkAsRead")
        .is_some_and(|flag| matches!(text_of(flag), "true" | "1"));
    let offline = &call.web.services.offline;
    let message = offline.fetch(call.by.user, id, marks_read).await?;
    let message = message.ok_or(Failure::Refused(Refusal::InvalidParameter))?;
    Ok(Reply::render(&Message {
        letter: message.letter(&call.by.address),
    })?)
}
