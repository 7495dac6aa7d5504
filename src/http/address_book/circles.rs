//! Circles in the address book: nobody is in one yet.
//!
//! A circle has a book of its own, which its members see beside theirs. Whatever an operation is
//! asked about such a book comes here (`docs/protocol/12 §6`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::fault;
use super::view::{CirclesView, ContactView, Page};
use crate::http::soap::{Call, Failure};
use crate::model::{Guid, Refusal, Stamp, UserId};

/// Adds what somebody's book shows of their circles to a download of it.
pub(super) async fn add_to(
    call: &Call<'_>,
    _since: Option<Stamp>,
    _page: &mut Page,
) -> Result<CirclesView, Failure> {
    Ok(CirclesView {
        circles: Vec::new(),
        ticket: ticket(call.by.user),
    })
}

/// A circle's own book.
pub(super) async fn page(
    _call: &Call<'_>,
    _circle: Guid,
    _since: Option<Stamp>,
) -> Result<Page, Failure> {
    Err(fault::no_such_book())
}

/// Names somebody who is to be invited into a circle.
pub(super) async fn create_contact(
    _call: &Call<'_>,
    _circle: Guid,
    _address: &str,
) -> Result<ContactView, Failure> {
    Err(fault::no_such_book())
}

/// Invites somebody who has a card in a circle's book.
pub(super) async fn invite(
    _call: &Call<'_>,
    _circle: Guid,
    _contact: Guid,
    _message: Option<&str>,
) -> Result<ContactView, Failure> {
    Err(fault::no_such_book())
}

/// Accepts or declines the invitation into a circle, which the owner has as a contact.
pub(super) async fn decide(
    _call: &Call<'_>,
    _contact: Guid,
    _accepts: bool,
) -> Result<ContactView, Failure> {
    Err(Refusal::UnknownContact.into())
}

/// Takes a member out of a circle.
pub(super) async fn leave(_call: &Call<'_>, _circle: Guid, _contact: Guid) -> Result<(), Failure> {
    Err(fault::no_such_book())
}

/// The ticket that a client shows when it enters its circles: an envelope around the number of its
/// owner. No client looks into it, and the session it comes back by is signed in already, so the
/// signature is empty; it only has the length of one (`docs/protocol/12 §4.3`).
pub(super) fn ticket(owner: UserId) -> String {
    const SIGNATURE: [u8; 256] = [0; 256];
    let inner = format!(
        "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<Ticket>\r\n  \
         <TS>0000-01-01T00:00:00</TS>\r\n  <CID>{}</CID>\r\n</Ticket>",
        super::cid(owner)
    );
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><SignedTicket \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" ver=\"1\" keyVer=\"1\">\
         <Data>{}</Data><Sig>{}</Sig></SignedTicket>",
        BASE64.encode(inner),
        BASE64.encode(SIGNATURE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_holds_the_number_of_its_owner() {
        let ticket = ticket(UserId(7));
        let (_, rest) = ticket.split_once("<Data>").unwrap();
        let (inner, _) = rest.split_once("</Data>").unwrap();
        let inner = String::from_utf8(BASE64.decode(inner).unwrap()).unwrap();
        let number = format!("<CID>{}</CID>", UserId(7).passport_id());
        assert!(inner.contains(&number), "{inner}");
        assert!(inner.contains("\r\n"), "{inner}");
    }
}
