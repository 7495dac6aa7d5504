//! What a download shows of a book.

use super::contact::{notes, of_card, of_owner};
use super::stamp::stamp;
use super::view::{AbView, ContactView, Entry, GroupView, Page, Removed};
use super::{books, contact};
use crate::http::soap::{Call, Failure};
use crate::model::{self, CardGroup, CardPage, Guid, Stamp};

/// The caller's own book, or what is new in it.
pub(super) async fn own(call: &Call<'_>, since: Option<Stamp>) -> Result<Page, Failure> {
    let found = books(call).find_cards(call.by.user, since).await?;
    Ok(of_book(&found))
}

/// A book as the store gives it. The owner comes last, as they always did.
fn of_book(found: &CardPage) -> Page {
    let groups = found.groups.iter().map(of_group).map(Entry::Kept);
    let cards = found.cards.iter().map(of_card).map(Entry::Kept);
    let me = found.me.iter().map(|me| Entry::Kept(of_owner(found, me)));
    Page {
        groups: groups.chain(gone(&found.removed_groups)).collect(),
        contacts: cards.chain(me).chain(gone(&found.removed_cards)).collect(),
        ab: book(found),
    }
}

/// Some of a book's contacts, without the rest of it.
pub(super) fn of_contacts(found: &CardPage, contacts: Vec<ContactView>) -> Page {
    Page {
        groups: Vec::new(),
        contacts: contacts.into_iter().map(Entry::Kept).collect(),
        ab: book(found),
    }
}

fn book(found: &CardPage) -> AbView {
    AbView {
        id: Guid::NIL,
        owner_cid: contact::cid(found.owner),
        owner_address: found.address.as_str().to_owned(),
        is_default: true,
        kind: "Individual",
        changed: stamp(found.stamp.0),
        created: stamp(found.created_at),
    }
}

fn of_group(group: &CardGroup) -> GroupView {
    GroupView {
        id: group.guid,
        name: group.name.to_text(),
        is_favorite: group.is_favorite,
        annotations: notes(&group.annotations),
        changed: stamp(group.changed_at.0),
    }
}

fn gone<T>(removed: &[model::Removed]) -> impl Iterator<Item = Entry<T>> {
    removed.iter().map(|one| {
        Entry::Removed(Removed {
            id: one.guid,
            changed: stamp(one.changed_at.0),
        })
    })
}
