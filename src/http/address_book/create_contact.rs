//! `CreateContact`: somebody who is to be invited gets a card (`docs/protocol/12 §6`).
//!
//! In the own book it is a card like any other, so somebody who has one keeps it. What comes of
//! the invitation is for `ManageWLConnection`.

use roxmltree::Node;

use super::contact::of_card;
use super::read::Book;
use super::view::{ContactView, OneContact};
use super::{books, circles, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{CardField, CardPatch, Guid, NewCard, Refusal};
use crate::service::OperationError;

pub(super) const OPERATION: &str = "CreateContact";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish<'d> {
    book: Book,
    address: &'d str,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let Wish { book, address } = read(call.operation.node)?;
    let contact = match book {
        Book::Own => invited(call, address).await?,
        Book::Circle(circle) => circles::create_contact(call, circle, address).await?,
    };
    let operation = OPERATION;
    super::reply(call, &OneContact { operation, contact })
}

pub(super) fn read<'d>(request: Node<'d, '_>) -> Result<Wish<'d>, Failure> {
    let handle = read::maybe(request, "contactHandle")?.ok_or(Malformed)?;
    Ok(Wish {
        book: read::handled_book(request)?,
        address: read::words(handle, "Email")?.ok_or(Malformed)?,
    })
}

async fn invited(call: &Call<'_>, address: &str) -> Result<ContactView, Failure> {
    let new = NewCard {
        address: Some(address.to_owned()),
        fields: CardPatch {
            texts: vec![(CardField::ContactType, "LivePending".to_owned())],
            ..CardPatch::default()
        },
        ..NewCard::default()
    };
    let id = match books(call).add_card(editor(call), new).await {
        Ok(id) | Err(OperationError::Refused(Refusal::CardExists(id))) => id,
        Err(other) => return Err(other.into()),
    };
    shown(call, id).await
}

/// One of the caller's contacts. Whoever asks for another's has no such contact.
pub(super) async fn shown(call: &Call<'_>, id: Guid) -> Result<ContactView, Failure> {
    let cards = books(call).cards(call.by.user, vec![id]).await?;
    let card = cards.first().ok_or(Refusal::UnknownContact)?;
    Ok(of_card(card))
}
