//! The address book of the later clients: cards, groups and memberships.
//!
//! It is the same book that the older clients change command by command (see
//! [`super::ContactOperations`]), and both see each other's changes. Every change is one
//! transaction; after its commit it is shown to whoever is online, and the owner's other
//! endpoints hear that their book changed.

use super::Outcome;
use super::contacts::{flat, publish_lists, publish_setting};
use crate::clock::Clock;
use crate::hub::Hub;
use crate::model::{
    Card, CardChange, CardPage, GroupEdit, GroupMember, Guid, MemberRef, Memberships, NewCard,
    NewGroup, NsEvent, Refusal, Role, Stamp, UserId,
};
use crate::store::{BookChange, BookRequest, Store};

/// Who changes a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Editor {
    /// Whose book it is.
    pub owner: UserId,
    /// The sign-in that the request came with. Endpoints of the same sign-in know of the change
    /// already and are not told.
    pub grant: Option<i64>,
}

/// Operations on address books; clones share their state.
#[derive(Debug, Clone)]
pub struct AddressBookOperations {
    store: Store,
    hub: Hub,
    clock: Clock,
}

impl AddressBookOperations {
    pub(super) fn new(store: Store, hub: Hub, clock: Clock) -> Self {
        Self { store, hub, clock }
    }

    /// Who is allowed, blocked, following and waiting; or what about that is new since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn memberships(&self, owner: UserId, since: Option<Stamp>) -> Outcome<Memberships> {
        Ok(self.store.memberships(owner, since).await??)
    }

    /// The whole book, or what is new in it since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn find_cards(&self, owner: UserId, since: Option<Stamp>) -> Outcome<CardPage> {
        Ok(self.store.find_cards(owner, since).await??)
    }

    /// The cards with these identities, in no order; those that are not there are missing.
    pub async fn cards(&self, owner: UserId, guids: Vec<Guid>) -> Outcome<Vec<Card>> {
        Ok(self.store.cards(owner, &guids).await?)
    }

    /// Puts somebody into the book, onto the forward list if wished, and answers the card's
    /// identity.
    ///
    /// Refused: `CardExists` with the identity of the card that is there; `MalformedAddress`;
    /// `UnknownAccount` for the forward list without an account; `InvalidParameter` for oneself,
    /// for nobody at all, or for a bad value; `CardTooLarge`; `UnknownGroup`; `ListFull`;
    /// `Unavailable` if the owner is gone.
    pub async fn add_card(&self, by: Editor, new: NewCard) -> Outcome<Guid> {
        self.change_one(by, BookRequest::AddCard(new)).await
    }

    /// Changes cards, all of them or none.
    ///
    /// Refused: `UnknownContact`; `UnknownAccount` for the forward list without an account;
    /// `IllegalName` for a name that is empty or too long; `InvalidParameter` for a bad value;
    /// `CardTooLarge`; `ListFull`; `Unavailable` if the owner is gone.
    pub async fn update_cards(&self, by: Editor, changes: Vec<CardChange>) -> Outcome<()> {
        self.change(by, BookRequest::UpdateCards(changes)).await?;
        Ok(())
    }

    /// Removes cards, all of them or none. Whoever was on the forward list leaves it. A card that
    /// was removed lately may be removed again.
    ///
    /// Refused: `UnknownContact`; `Unavailable` if the owner is gone.
    pub async fn delete_cards(&self, by: Editor, guids: Vec<Guid>) -> Outcome<()> {
        self.change(by, BookRequest::DeleteCards(guids)).await?;
        Ok(())
    }

    /// Makes a group and answers its identity.
    ///
    /// Refused: `GroupNameTaken`; `GroupNameTooLong`; `InvalidParameter` for a bad value or an
    /// empty name; `CardTooLarge` for its annotations; `TooManyGroups`; `Unavailable` if the
    /// owner is gone.
    pub async fn create_group(&self, by: Editor, new: NewGroup) -> Outcome<Guid> {
        self.change_one(by, BookRequest::CreateGroup(new)).await
    }

    /// Changes groups, all of them or none.
    ///
    /// Refused: `UnknownGroup`; otherwise as for [`Self::create_group`].
    pub async fn update_groups(&self, by: Editor, edits: Vec<GroupEdit>) -> Outcome<()> {
        self.change(by, BookRequest::UpdateGroups(edits)).await?;
        Ok(())
    }

    /// Removes groups, all of them or none. Their members stay in the book. A group that was
    /// removed lately may be removed again.
    ///
    /// Refused: `UnknownGroup`; `Unavailable` if the owner is gone.
    pub async fn delete_groups(&self, by: Editor, groups: Vec<Guid>) -> Outcome<()> {
        self.change(by, BookRequest::DeleteGroups(groups)).await?;
        Ok(())
    }

    /// Puts people into a group, all of them or none, and answers their identities in order. Who
    /// is in it already stays; a new card for somebody who has one is that one.
    ///
    /// Refused: `UnknownGroup`; `UnknownContact`; otherwise as for [`Self::add_card`].
    pub async fn add_to_group(
        &self,
        by: Editor,
        group: Guid,
        members: Vec<GroupMember>,
    ) -> Outcome<Vec<Guid>> {
        let request = BookRequest::AddToGroup { group, members };
        self.change(by, request).await
    }

    /// Takes people out of a group, all of them or none. Who is not in it stays out.
    ///
    /// Refused: `UnknownGroup`; `UnknownContact`; `Unavailable` if the owner is gone.
    pub async fn remove_from_group(
        &self,
        by: Editor,
        group: Guid,
        members: Vec<Guid>,
    ) -> Outcome<()> {
        let request = BookRequest::RemoveFromGroup { group, members };
        self.change(by, request).await?;
        Ok(())
    }

    /// Gives somebody a role. Who has it keeps it, so that a request may be repeated. Allowing
    /// ends a block and the reverse; `Reverse` ends the waiting of somebody who follows the
    /// owner and does nothing for others, because who follows whom is not the owner's to say.
    ///
    /// `annotations` are kept for somebody without account and otherwise passed over.
    ///
    /// Refused: `InvalidParameter` for `Pending`, for oneself or for a bad value;
    /// `MalformedAddress`; `UnknownAccount`; `CardTooLarge`; `ListFull`; `Unavailable` if the
    /// owner is gone.
    pub async fn add_member(
        &self,
        by: Editor,
        role: Role,
        who: MemberRef,
        annotations: Vec<(String, String)>,
    ) -> Outcome<()> {
        let request = BookRequest::AddMember {
            role,
            who,
            annotations,
        };
        self.change(by, request).await?;
        Ok(())
    }

    /// Takes a role from somebody. Who does not have it stays without, whoever they are, so that
    /// a request may be repeated. `Pending` and `Reverse` both end the waiting.
    ///
    /// Refused: `Unavailable` if the owner is gone.
    pub async fn remove_member(&self, by: Editor, role: Role, who: MemberRef) -> Outcome<()> {
        let request = BookRequest::RemoveMember { role, who };
        self.change(by, request).await?;
        Ok(())
    }

    /// Changes the book and answers the identity of the one thing that came into it.
    async fn change_one(&self, by: Editor, request: BookRequest) -> Outcome<Guid> {
        let guids = self.change(by, request).await?;
        // The store answers one for each thing that it was asked to add.
        Ok(guids.into_iter().next().ok_or(Refusal::Unavailable)?)
    }

    async fn change(&self, by: Editor, request: BookRequest) -> Outcome<Vec<Guid>> {
        let (hub, clock) = (self.hub.clone(), self.clock.clone());
        let published = move |change: &BookChange| publish(&hub, &clock, by, change);
        let change = self.store.change_book(by.owner, request, published).await;
        let (change, ()) = flat(change)?;
        Ok(change.guids)
    }
}

fn publish(hub: &Hub, clock: &Clock, by: Editor, change: &BookChange) {
    for edit in &change.standings {
        hub.apply(edit);
    }
    for list in &change.lists {
        publish_lists(hub, list);
    }
    for setting in &change.settings {
        publish_setting(hub, setting);
    }
    if change.changed {
        let at = clock.now_ms();
        hub.tell_except_grant(by.owner, by.grant, NsEvent::BookChanged { at });
    }
}
