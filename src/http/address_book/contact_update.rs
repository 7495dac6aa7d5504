//! `ABContactUpdate`: other values for fields of contacts, or of the owner
//! (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::read::{self, Properties};
use super::{books, editor};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{CardChange, CardRef};

pub(super) const OPERATION: &str = "ABContactUpdate";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let changes = read(call.operation.node)?;
    books(call).update_cards(editor(call), changes).await?;
    super::done(call, OPERATION)
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Vec<CardChange>, Failure> {
    read::own_book(request)?;
    let contacts = read::contacts(request)?;
    contacts.into_iter().map(change).collect()
}

/// The owner is named by their kind, everybody else by their identity. Only what
/// `propertiesChanged` names is changed: clients repeat other values as they last knew them.
fn change(contact: Node<'_, '_>) -> Result<CardChange, Failure> {
    let info = read::maybe(contact, "contactInfo")?.ok_or(Malformed)?;
    let is_me = read::text(info, "contactType")? == Some("Me");
    let card = match read::contact_id(contact)? {
        _ if is_me => CardRef::Me,
        Some(id) => CardRef::Card(id),
        None => return Err(Malformed.into()),
    };
    let properties = Properties::Named(read::text(contact, "propertiesChanged")?.unwrap_or(""));
    let messenger = match properties.include("IsMessengerUser") {
        true => read::flag(info, "isMessengerUser")?,
        false => None,
    };
    Ok(CardChange {
        card,
        messenger,
        fields: read::patch(info, properties)?,
    })
}
