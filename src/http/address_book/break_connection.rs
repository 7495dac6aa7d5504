//! `BreakConnection`: the end of a friendship, or of a membership in a circle
//! (`docs/protocol/12 §6`).

use roxmltree::Node;

use super::create_contact::shown;
use super::read::Book;
use super::{books, circles, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{Guid, MemberRef};

pub(super) const OPERATION: &str = "BreakConnection";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    book: Book,
    contact: Guid,
    deletes: bool,
    blocks: bool,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wish = read(call.operation.node)?;
    match wish.book {
        Book::Own => match circles::of_contact(call, wish.contact).await? {
            Some(circle) => circles::leave(call, circle, wish.contact, false).await?,
            None => end(call, &wish).await?,
        },
        Book::Circle(circle) => {
            circles::leave(call, circle, wish.contact, wish.blocks).await?;
        }
    }
    super::done(call, OPERATION)
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    Ok(Wish {
        book: read::handled_book(request)?,
        contact: read::contact_id(request)?.ok_or(Malformed)?,
        deletes: read::flag(request, "deleteContact")?.unwrap_or(false),
        blocks: read::flag(request, "blockContact")?.unwrap_or(false),
    })
}

/// The card stays where it is not to be deleted, but nobody follows the person any more.
async fn end(call: &Call<'_>, wish: &Wish) -> Result<(), Failure> {
    let contact = shown(call, wish.contact).await?;
    let blocked = wish.blocks.then_some(MemberRef::Account(contact.address));
    books(call)
        .part_from(editor(call), wish.contact, !wish.deletes, blocked)
        .await?;
    Ok(())
}
