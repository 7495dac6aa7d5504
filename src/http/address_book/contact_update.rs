//! `ABContactUpdate`: other values for fields of contacts, or of the owner
//! (`docs/protocol/12 §5`).
//!
//! In a circle's book the owner is the circle (`docs/protocol/12 §4.2`), and its name is all that
//! can be changed of it: who is in it is the business of other operations.

use roxmltree::Node;

use super::read::{self, Book, Properties};
use super::{books, circles, editor, fault};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{CardChange, CardRef};

pub(super) const OPERATION: &str = "ABContactUpdate";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let request = call.operation.node;
    match read::book(request)? {
        Book::Own => {
            books(call)
                .update_cards(editor(call), read(request)?)
                .await?
        }
        Book::Circle(circle) => circles::rename(call, circle, circle_name(request)?).await?,
    }
    super::done(call, OPERATION)
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Vec<CardChange>, Failure> {
    read::own_book(request)?;
    let contacts = read::contacts(request)?;
    contacts.into_iter().map(change).collect()
}

/// The name that a circle is to have; any other change of its book is refused.
fn circle_name<'d>(request: Node<'d, '_>) -> Result<&'d str, Failure> {
    let contacts = read::contacts(request)?;
    let [contact] = &*contacts else {
        return Err(fault::not_supported());
    };
    let info = read::maybe(*contact, "contactInfo")?.ok_or(Malformed)?;
    let properties = Properties::Named(read::text(*contact, "propertiesChanged")?.unwrap_or(""));
    if read::text(info, "contactType")? != Some("Me") || !properties.include("DisplayName") {
        return Err(fault::not_supported());
    }
    Ok(read::text(info, "displayName")?.ok_or(Malformed)?)
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
