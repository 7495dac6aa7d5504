//! `ABFindByContacts`: some contacts of the book (`docs/protocol/12 §5`).
//!
//! Identities that are none of the caller's contacts are left out: that tells nothing about whose
//! they are.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::contact::of_card;
use super::view::FoundContacts;
use super::{books, page, read};
use crate::http::soap::{Call, Failure, Malformed, Reply, named, text_of};
use crate::model::Guid;

pub(super) const OPERATION: &str = "ABFindByContacts";

/// As many as a change may be about. Every one is looked up by itself.
const MOST: usize = 500;

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wanted = read(call.operation.node)?;
    let owner = call.by.user;
    let cards = books(call).cards(owner, wanted).await?;
    let contacts = cards.iter().map(of_card).collect();
    // What is said of the book itself is small; the cards in it are not shown.
    let book = books(call).find_cards(owner, None).await?;
    let page = page::of_contacts(&book, contacts);
    super::reply(call, &FoundContacts { page })
}

fn read(request: Node<'_, '_>) -> Result<Vec<Guid>, Failure> {
    read::own_book(request)?;
    let list = read::maybe(request, "contactIds")?.ok_or(Malformed)?;
    // Each once: a contact is some hundred times as long as its identity.
    let wanted: BTreeSet<Guid> = named(list, "guid")
        .filter_map(|node| Guid::parse(text_of(node)))
        .collect();
    if wanted.len() > MOST {
        return Err(Malformed.into());
    }
    Ok(wanted.into_iter().collect())
}
