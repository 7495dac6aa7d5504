//! `ABContactAdd`: one more contact (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::view::Made;
use super::{books, editor, fault, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{NewCard, Refusal};
use crate::service::OperationError;

pub(super) const OPERATION: &str = "ABContactAdd";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let new = read(call.operation.node)?;
    let address = address_of(&new);
    let id = books(call)
        .add_card(editor(call), new)
        .await
        .map_err(|error| failure(error, &address))?;
    let operation = OPERATION;
    super::reply(call, &Made { operation, id })
}

/// The answer names one contact, so a request is about one.
pub(super) fn read(request: Node<'_, '_>) -> Result<NewCard, Failure> {
    read::own_book(request)?;
    let contacts = read::contacts(request)?;
    let [contact] = *contacts else {
        return Err(Malformed.into());
    };
    let info = read::maybe(contact, "contactInfo")?.ok_or(Malformed)?;
    let options = read::maybe(request, "options")?;
    Ok(read::new_card(info, options)?)
}

/// How somebody who is to be added was named.
pub(super) fn address_of(new: &NewCard) -> String {
    let address = new.address.as_deref().or_else(|| new.fields.first_email());
    address.unwrap_or_default().to_owned()
}

/// Clients show whom a refusal is about.
pub(super) fn failure(error: OperationError, address: &str) -> Failure {
    match error {
        OperationError::Refused(Refusal::UnknownAccount) => fault::no_such_account(address),
        other => other.into(),
    }
}
