//! `ManageWLConnection`: an invitation is sent, accepted or declined (`docs/protocol/12 §6`).
//!
//! Between people there is nothing to it that the lists do not say: who accepts somebody follows
//! and allows them, and who declines has decided.

use roxmltree::Node;

use super::create_contact::shown;
use super::read::Book;
use super::view::{ContactView, OneContact};
use super::{books, circles, contact_add, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{CircleRole, Guid, MemberRef, Role, address_book};

pub(super) const OPERATION: &str = "ManageWLConnection";

/// What a contact is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relationship {
    /// A friend of the owner.
    Person,
    /// A circle that the owner is in.
    Circle,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    book: Book,
    contact: Guid,
    relationship: Relationship,
    /// The other decision is to decline.
    accepts: bool,
    /// What a member of a circle is to be.
    role: Option<CircleRole>,
    invitation: Option<String>,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wish = read(call.operation.node)?;
    let contact = match (wish.book, wish.relationship) {
        (Book::Own, Relationship::Person) => decide(call, wish.contact, wish.accepts).await?,
        (Book::Own, Relationship::Circle) => {
            circles::decide(call, wish.contact, wish.accepts).await?
        }
        (Book::Circle(circle), _) => {
            let connection = circles::Connection {
                contact: wish.contact,
                connects: wish.accepts,
                role: wish.role,
                message: wish.invitation.as_deref(),
            };
            circles::connect(call, circle, connection).await?
        }
    };
    let operation = OPERATION;
    super::reply(call, &OneContact { operation, contact })
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    let relationship = match read::number(request, "relationshipType")? {
        Some(3) => Relationship::Person,
        Some(5) => Relationship::Circle,
        _ => return Err(Malformed.into()),
    };
    let accepts = match read::number(request, "action")? {
        Some(1) => true,
        Some(2) => false,
        _ => return Err(Malformed.into()),
    };
    let notes = read::annotations(request, "annotations")?;
    let mut notes = notes.into_iter();
    Ok(Wish {
        book: read::handled_book(request)?,
        contact: read::contact_id(request)?.ok_or(Malformed)?,
        relationship,
        accepts,
        role: match read::number(request, "relationshipRole")? {
            Some(1) => Some(CircleRole::Admin),
            Some(2) => Some(CircleRole::AssistantAdmin),
            Some(3) => Some(CircleRole::Member),
            _ => None,
        },
        invitation: notes
            .find(|(name, _)| name == address_book::INVITE_MESSAGE)
            .map(|(_, text)| text),
    })
}

async fn decide(call: &Call<'_>, id: Guid, accepts: bool) -> Result<ContactView, Failure> {
    let contact = shown(call, id).await?;
    let address = contact.address;
    let member = MemberRef::Account(address.clone());
    let by = editor(call);
    if accepts {
        books(call)
            .befriend(by, id, member)
            .await
            .map_err(|error| contact_add::failure(error, &address))?;
    } else {
        books(call).remove_member(by, Role::Pending, member).await?;
    }
    shown(call, id).await
}
