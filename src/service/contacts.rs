//! Lists, groups and settings: what an account keeps.
//!
//! Every change is committed first, then shown to whoever is online, then answered, in the order
//! of the commits (see [`crate::store`]).

use std::collections::HashSet;
use std::sync::Arc;

use super::{Fault, OnlineGuard, Outcome};
use crate::clock::Clock;
use crate::hub::{Hub, Origin};
use crate::model::{
    Address, ContactBook, ContactRef, GroupRef, Label, List, NsEvent, Phone, Phones, Presence,
    StandingChange, StandingEdit, UserId,
};
use crate::store::{
    AddToList, GroupChange, ListChange, ListEdit, ListEditKind, Published, Setting, SettingChange,
    Store,
};

/// Operations on contact books; clones share their state.
#[derive(Debug, Clone)]
pub struct ContactOperations {
    store: Store,
    teller: Teller,
}

/// Shows committed changes to whoever is online, and tells the owner's other sessions that their
/// book changed behind them.
#[derive(Debug, Clone)]
struct Teller {
    hub: Hub,
    clock: Clock,
    /// Who makes the changes and hears of them by the answers.
    by: Origin,
}

impl Teller {
    fn changed(&self, owner: UserId) {
        let event = NsEvent::BookChanged {
            at: self.clock.now_ms(),
        };
        self.hub.tell_others(owner, self.by, event);
    }

    fn list(&self, change: &ListChange) -> Option<Arc<Presence>> {
        let presence = publish_lists(&self.hub, change);
        if let Some(presence) = &presence {
            // They watch whomever the account watches, so they would hear of the next change
            // without this one.
            let presence = Arc::clone(presence);
            self.hub.introduce(change.owner.owner, self.by, presence);
        }
        if change.changed {
            self.changed(change.owner.owner);
        }
        presence
    }

    fn group(&self, change: &GroupChange) {
        self.hub.apply(&change.owner);
        if change.changed {
            self.changed(change.owner.owner);
        }
    }

    fn setting(&self, change: &SettingChange) {
        publish_setting(&self.hub, self.by, change);
        // The others are on no card.
        let is_of_book = match change.setting {
            Setting::Name(_) | Setting::Privacy(_) | Setting::ReversePrompt(_) => true,
            Setting::Phone(..) | Setting::Message(_) => false,
        };
        if change.changed && is_of_book {
            self.changed(change.owner.owner);
        }
    }
}

/// Somebody came onto a list.
#[derive(Debug)]
pub struct Added {
    pub change: ListChange,
    /// Their presence, if the owner follows them from now on and they are to be seen.
    pub presence: Option<Arc<Presence>>,
}

impl ContactOperations {
    pub(super) fn new(store: Store, hub: Hub, clock: Clock) -> Self {
        let by = Origin::Grant(None);
        Self {
            store,
            teller: Teller { hub, clock, by },
        }
    }

    /// The same operations on behalf of one session, which is not told of its own changes.
    #[must_use]
    pub fn of(&self, session: &OnlineGuard) -> Self {
        self.by(Origin::Session(session.session()))
    }

    /// The same operations on behalf of somebody who is not told of their own changes.
    #[must_use]
    pub(super) fn by(&self, by: Origin) -> Self {
        let mut of = self.clone();
        of.teller.by = by;
        of
    }

    /// Everything a client downloads; `None` if the account is gone.
    pub async fn book(&self, user: UserId) -> Result<Option<ContactBook>, Fault> {
        Ok(self.store.book(user).await?)
    }

    /// Puts somebody on a list. For the refusals see [`Store::add_to_list`].
    pub async fn add(&self, owner: UserId, request: AddToList) -> Outcome<Added> {
        let teller = self.teller.clone();
        let published = move |change: &ListChange| teller.list(change);
        let (change, presence) = flat(self.store.add_to_list(owner, request, published).await)?;
        Ok(Added { change, presence })
    }

    /// Takes somebody off a list. For the refusals see [`Store::remove_from_list`].
    pub async fn remove(
        &self,
        owner: UserId,
        target: ContactRef,
        list: List,
        group: Option<GroupRef>,
    ) -> Outcome<ListChange> {
        let teller = self.teller.clone();
        let published = move |change: &ListChange| teller.list(change);
        let done = self
            .store
            .remove_from_list(owner, target, list, group, published)
            .await;
        Ok(flat(done)?.0)
    }

    /// Changes the lists of many contacts at once. Answers with the presence of those who came
    /// onto the forward list, or with [`ListEditKind::Add`] were to, as far as they are to be
    /// seen. For the refusals see [`Store::edit_lists`].
    pub async fn edit_lists(
        &self,
        owner: UserId,
        kind: ListEditKind,
        edits: Vec<ListEdit>,
    ) -> Outcome<Vec<Arc<Presence>>> {
        let forward: HashSet<Address> = edits
            .iter()
            .filter(|edit| edit.lists.has(List::Forward))
            .map(|edit| edit.target.clone())
            .collect();
        let teller = self.teller.clone();
        let published = move |changes: &Vec<ListChange>| {
            let hub = &teller.hub;
            let show = |change: &ListChange| {
                let followed = publish_lists(hub, change);
                if let Some(presence) = &followed {
                    teller.hub.introduce(owner, teller.by, Arc::clone(presence));
                }
                // The web may have heard of the same contact first: then nothing changes here,
                // and the client still waits for them to appear.
                let asked_for = forward.contains(&change.contact.address);
                match kind {
                    ListEditKind::Merge => followed,
                    ListEditKind::Add if asked_for => {
                        followed.or_else(|| hub.visible_to(owner, change.contact.user))
                    }
                    ListEditKind::Add | ListEditKind::Remove => None,
                }
            };
            let seen = changes.iter().filter_map(show).collect();
            if changes.iter().any(|change| change.changed) {
                teller.changed(owner);
            }
            seen
        };
        Ok(flat(self.store.edit_lists(owner, kind, edits, published).await)?.1)
    }

    /// Which of these addresses are accounts here.
    pub async fn known_addresses(
        &self,
        addresses: Vec<Address>,
    ) -> Result<HashSet<Address>, Fault> {
        Ok(self.store.known_addresses(addresses).await?)
    }

    /// Moves somebody from the pending to the reverse list.
    pub async fn settle(&self, owner: UserId, target: &Address) -> Outcome<ListChange> {
        let teller = self.teller.clone();
        let published = move |change: &ListChange| teller.list(change);
        Ok(flat(self.store.settle_pending(owner, target, published).await)?.0)
    }

    /// Changes the name that the owner keeps for a contact. Nobody is told: clients do this on
    /// their own whenever a contact changes its name (`docs/protocol/02 §5`).
    pub async fn rename(
        &self,
        owner: UserId,
        target: ContactRef,
        name: Label,
    ) -> Outcome<ListChange> {
        let teller = self.teller.clone();
        let published = move |change: &ListChange| teller.list(change);
        let done = self
            .store
            .rename_contact(owner, target, name, published)
            .await;
        Ok(flat(done)?.0)
    }

    /// Makes a group.
    pub async fn create_group(&self, owner: UserId, name: Label) -> Outcome<GroupChange> {
        let teller = self.teller.clone();
        let published = move |change: &GroupChange| teller.group(change);
        Ok(flat(self.store.create_group(owner, name, published).await)?.0)
    }

    /// Renames a group.
    pub async fn rename_group(
        &self,
        owner: UserId,
        group: GroupRef,
        name: Label,
    ) -> Outcome<GroupChange> {
        let teller = self.teller.clone();
        let published = move |change: &GroupChange| teller.group(change);
        let done = self.store.rename_group(owner, group, name, published).await;
        Ok(flat(done)?.0)
    }

    /// Deletes a group; its members stay on the forward list.
    pub async fn delete_group(&self, owner: UserId, group: GroupRef) -> Outcome<GroupChange> {
        let teller = self.teller.clone();
        let published = move |change: &GroupChange| teller.group(change);
        Ok(flat(self.store.delete_group(owner, group, published).await)?.0)
    }

    /// Changes one of the account's own settings and shows it to whoever may see it.
    pub async fn set(&self, owner: UserId, setting: Setting) -> Outcome<SettingChange> {
        let teller = self.teller.clone();
        let published = move |change: &SettingChange| teller.setting(change);
        Ok(flat(self.store.change_setting(owner, setting, published).await)?.0)
    }
}

/// One error for the two ways in which a change may not happen.
pub(super) fn flat<T, R>(published: Published<T, R>) -> Outcome<(T, R)> {
    Ok(published??)
}

pub(super) fn publish_lists(hub: &Hub, change: &ListChange) -> Option<Arc<Presence>> {
    if !change.changed {
        return None;
    }
    let presence = hub.apply(&change.owner);
    if let Some(edit) = &change.other {
        hub.apply(edit);
        if let StandingChange::Lists(_, lists) = edit.change {
            let event = if lists.has(List::Reverse) {
                NsEvent::Followed {
                    by: change.owner_address.clone(),
                    name: change.owner_name.clone(),
                    revision: edit.revision,
                }
            } else {
                NsEvent::Unfollowed {
                    by: change.owner_address.clone(),
                    revision: edit.revision,
                }
            };
            hub.tell(edit.owner, event);
        }
    }
    if let Some(seen) = &change.phones_seen {
        hub.apply(&seen.edit);
        // Numbers that are hidden from now on go without a word: a word would tell who was
        // blocked. They are missing from the next download.
        for (phone, value) in set_phones(&seen.phones) {
            hub.tell(
                seen.edit.owner,
                NsEvent::ContactPhone {
                    address: change.owner_address.clone(),
                    phone,
                    value: Some(value),
                    revision: seen.edit.revision,
                },
            );
        }
    }
    presence
}

pub(super) fn publish_setting(hub: &Hub, by: Origin, change: &SettingChange) {
    if !change.changed {
        return;
    }
    hub.apply(&change.owner);
    match &change.setting {
        Setting::Name(name) => hub.set_name(change.owner.owner, by, name.clone()),
        Setting::Phone(phone, value) => {
            let Some(address) = hub.address(change.owner.owner) else {
                return;
            };
            for &(follower, revision) in &change.followers {
                hub.apply(&StandingEdit {
                    owner: follower,
                    revision,
                    change: StandingChange::Nothing,
                });
                hub.tell(
                    follower,
                    NsEvent::ContactPhone {
                        address: address.clone(),
                        phone: *phone,
                        value: value.clone(),
                        revision,
                    },
                );
            }
        }
        Setting::Privacy(_) | Setting::ReversePrompt(_) | Setting::Message(_) => {}
    }
}

fn set_phones(phones: &Phones) -> impl Iterator<Item = (Phone, Label)> {
    let may_page = phones.may_page.then(|| Label::from_stored("Y"));
    [
        (Phone::Home, phones.home.clone()),
        (Phone::Work, phones.work.clone()),
        (Phone::Mobile, phones.mobile.clone()),
        (Phone::MayPage, may_page),
    ]
    .into_iter()
    .filter_map(|(phone, value)| Some((phone, value?)))
}
