//! The address book of the later clients: cards, groups and memberships.
//!
//! It is the same book that the older clients change command by command (see
//! [`super::ContactOperations`]), and both see each other's changes. Every change is one
//! transaction; after its commit it is shown to whoever is online, and the owner's other
//! endpoints hear that their book changed.

use super::Outcome;
use super::allowance::Space;
use super::contacts::{flat, publish_lists, publish_setting};
use crate::clock::Clock;
use crate::hub::{Hub, Origin};
use crate::model::{
    Card, CardChange, CardPage, CardPatch, CardRef, GroupEdit, GroupMember, Guid, MemberRef,
    Memberships, NewCard, NewGroup, NsEvent, Refusal, Role, Stamp, UserId,
};
use crate::store::{BookChange, BookRequest, BookStep, Store};

/// Who changes a book, or a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Editor {
    /// Whose book it is.
    pub owner: UserId,
    /// The sign-in that the request came with. Endpoints of the same sign-in know of the change
    /// already and are not told.
    pub grant: Option<i64>,
}

/// Somebody who is to get a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    pub role: Role,
    pub who: MemberRef,
    pub annotations: Vec<(String, String)>,
}

/// Operations on address books; clones share their state.
#[derive(Debug, Clone)]
pub struct AddressBookOperations {
    store: Store,
    space: Space,
    hub: Hub,
    clock: Clock,
}

impl AddressBookOperations {
    pub(super) fn new((store, space): (Store, Space), hub: Hub, clock: Clock) -> Self {
        Self {
            store,
            space,
            hub,
            clock,
        }
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
    /// for nobody at all, or for a bad value; `CardTooLarge`; `UnknownGroup`; `ListFull`, also
    /// where the whole database is; `BookTooLarge` if too much is written in the book already;
    /// `Unavailable` if the owner is gone.
    pub async fn add_card(&self, by: Editor, new: NewCard) -> Outcome<Guid> {
        if !self.space.is_left() {
            return Err(Refusal::ListFull.into());
        }
        self.change_one(by, BookRequest::AddCard(new)).await
    }

    /// Changes cards, all of them or none.
    ///
    /// Refused: `UnknownContact`; `UnknownAccount` for the forward list without an account;
    /// `IllegalName` for a name that is empty or too long; `InvalidParameter` for a bad value;
    /// `CardTooLarge`; `BookTooLarge`; `ListFull`; `Unavailable` if the owner is gone.
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

    /// Gives each of them a role as [`Self::add_member`] does, all of them or none.
    pub async fn add_members(&self, by: Editor, members: Vec<NewMember>) -> Outcome<()> {
        let request = |new: NewMember| BookRequest::AddMember {
            role: new.role,
            who: new.who,
            annotations: new.annotations,
        };
        let requests = members.into_iter().map(request).collect();
        self.change_all(by, requests).await?;
        Ok(())
    }

    /// Takes a role from each of them as [`Self::remove_member`] does, all of them or none.
    pub async fn remove_members(&self, by: Editor, members: Vec<(Role, MemberRef)>) -> Outcome<()> {
        let members = members.into_iter();
        let requests = members.map(|(role, who)| BookRequest::RemoveMember { role, who });
        self.change_all(by, requests.collect()).await?;
        Ok(())
    }

    /// Follows somebody who has a card, and allows them.
    ///
    /// Refused: as for [`Self::update_cards`] and [`Self::add_member`].
    pub async fn befriend(&self, by: Editor, card: Guid, who: MemberRef) -> Outcome<()> {
        let follows = follows(card, true);
        let allows = BookRequest::AddMember {
            role: Role::Allow,
            who,
            annotations: Vec::new(),
        };
        self.change_all(by, vec![follows, allows]).await?;
        Ok(())
    }

    /// Follows somebody no longer, with their card or without, and blocks them if wished.
    ///
    /// Refused: as for [`Self::update_cards`] and [`Self::add_member`].
    pub async fn part_from(
        &self,
        by: Editor,
        card: Guid,
        keeps_card: bool,
        blocks: Option<MemberRef>,
    ) -> Outcome<()> {
        let block = blocks.map(|who| BookRequest::AddMember {
            role: Role::Block,
            who,
            annotations: Vec::new(),
        });
        let end = match keeps_card {
            true => follows(card, false),
            false => BookRequest::DeleteCards(vec![card]),
        };
        self.change_all(by, block.into_iter().chain([end]).collect())
            .await?;
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
        self.change_all(by, vec![request]).await
    }

    async fn change_all(&self, by: Editor, requests: Vec<BookRequest>) -> Outcome<Vec<Guid>> {
        let (hub, clock) = (self.hub.clone(), self.clock.clone());
        let published = move |change: &BookChange| publish(&hub, &clock, by, change);
        let change = self.store.change_book(by.owner, requests, published).await;
        let (change, ()) = flat(change)?;
        Ok(change.guids)
    }
}

/// Puts who has this card onto the forward list, or takes them off it.
fn follows(card: Guid, messenger: bool) -> BookRequest {
    BookRequest::UpdateCards(vec![CardChange {
        card: CardRef::Card(card),
        messenger: Some(messenger),
        fields: CardPatch::default(),
    }])
}

fn publish(hub: &Hub, clock: &Clock, by: Editor, change: &BookChange) {
    let origin = Origin::Grant(by.grant);
    for step in &change.steps {
        match step {
            BookStep::List(list) => {
                // The endpoints that did not ask for this contact have to see them too; the one
                // that did says so on its own (`docs/protocol/10 §3`), and only then expects them.
                if let Some(presence) = publish_lists(hub, list) {
                    hub.introduce(by.owner, origin, presence);
                }
            }
            BookStep::Setting(setting) => publish_setting(hub, origin, setting),
            BookStep::Group(group) => drop(hub.apply(&group.owner)),
        }
    }
    if change.changed {
        let at = clock.now_ms();
        hub.tell_others(by.owner, origin, NsEvent::BookChanged { at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Auth, Limits, Registration};
    use crate::hub::RoomLimits;
    use crate::mailbox::{Inbox, mailbox};
    use crate::metrics::Metrics;
    use crate::model::{
        Address, Capabilities, CardField, CardPatch, CardRef, ClientTrace, ContactRef, DialectTag,
        List, Place, Privacy, Status,
    };
    use crate::service::accounts::{AccountSettings, Accounts};
    use crate::service::{
        AddToList, Arriving, OperationError, Opposite, ServiceSettings, Services, Setting,
        SignedIn, StateChange,
    };
    use crate::store::ListLimits;

    struct Fixture {
        services: Services,
        _folder: tempfile::TempDir,
        alice: UserId,
        bob: UserId,
    }

    /// A place where somebody is signed in, with a status.
    struct At {
        signed_in: SignedIn,
        inbox: Inbox<NsEvent>,
    }

    impl At {
        /// What it heard since the last time, in short.
        fn heard(&mut self) -> Vec<String> {
            let mut heard = Vec::new();
            for event in self.inbox.drain() {
                heard.push(match event {
                    NsEvent::BookChanged { .. } => "book".to_owned(),
                    NsEvent::Followed { by, .. } => format!("followed by {by}"),
                    NsEvent::Unfollowed { by, .. } => format!("left by {by}"),
                    NsEvent::ContactPresence { presence, .. } => {
                        format!("{} {}", presence.address, presence.name.to_text())
                    }
                    NsEvent::ContactOffline { address } => format!("{address} offline"),
                    NsEvent::OwnPresence { .. } => continue,
                    other => panic!("{other:?}"),
                });
            }
            heard
        }
    }

    fn address(name: &str) -> Address {
        Address::parse(&format!("{name}@example.com")).unwrap()
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.sqlite");
            let store = Store::open(&path, ListLimits::default()).await.unwrap();
            let auth = Auth {
                argon2_memory_kib: 8,
                argon2_iterations: 1,
                ..Auth::default()
            };
            let limits = Limits::default();
            let clock = Clock::set_to(1_262_401_445_000);
            let settings = AccountSettings::new(&auth, &limits);
            let accounts = Accounts::open(store.clone(), clock.clone(), settings);
            let accounts = accounts.await.unwrap();
            let hub = Hub::new(RoomLimits::default());
            let settings = ServiceSettings::new(&limits, &Registration::default());
            let metrics = Metrics::new();
            let services = Services::new(store, hub, accounts, clock, metrics, settings);
            let create = async |name: &str| {
                let accounts = &services.accounts;
                let created = accounts.create(address(name), None, "long enough".into(), false);
                created.await.unwrap()
            };
            let (alice, bob) = (create("alice").await, create("bob").await);
            Self {
                services,
                _folder: folder,
                alice,
                bob,
            }
        }

        /// Signs somebody in at a place of their own, with this grant.
        async fn at(&self, user: UserId, grant: i64) -> At {
            let (mailbox, inbox) = mailbox(32);
            let arriving = Arriving {
                user,
                mailbox,
                dialect: DialectTag(18),
                place: Place::Endpoint(Guid::random()),
                grant: Some(grant),
                client: ClientTrace::default(),
            };
            let presence = &self.services.presence;
            let signed_in = presence.sign_in(arriving).await.unwrap().unwrap();
            let online = StateChange {
                status: Status::Online,
                capabilities: Capabilities::default(),
                picture: None,
            };
            presence.set_status(&signed_in.guard, online);
            At { signed_in, inbox }
        }

        fn book(&self) -> &AddressBookOperations {
            &self.services.address_book
        }

        async fn add_bob(&self, grant: i64) -> Guid {
            let new = NewCard {
                address: Some("bob@example.com".to_owned()),
                messenger: true,
                ..NewCard::default()
            };
            self.book().add_card(self.by(grant), new).await.unwrap()
        }

        fn by(&self, grant: i64) -> Editor {
            Editor {
                owner: self.alice,
                grant: Some(grant),
            }
        }
    }

    fn me(fields: CardPatch) -> CardChange {
        CardChange {
            card: CardRef::Me,
            messenger: None,
            fields,
        }
    }

    #[tokio::test]
    async fn a_new_contact_hears_of_it_and_the_other_endpoints_see_them() {
        let fixture = Fixture::new().await;
        let mut bob = fixture.at(fixture.bob, 1).await;
        let mut asking = fixture.at(fixture.alice, 5).await;
        let mut other = fixture.at(fixture.alice, 6).await;
        for place in [&mut bob, &mut asking, &mut other] {
            place.heard();
        }
        let guid = fixture.add_bob(5).await;
        assert_eq!(bob.heard(), ["followed by alice@example.com"]);
        assert!(asking.heard().is_empty());
        assert_eq!(other.heard(), ["bob@example.com bob@example.com", "book"]);
        let deleted = fixture.book().delete_cards(fixture.by(6), vec![guid]);
        deleted.await.unwrap();
        assert_eq!(bob.heard(), ["left by alice@example.com"]);
        assert_eq!(asking.heard(), ["book"]);
        assert!(other.heard().is_empty());
        // Nothing changed, so nobody hears of anything.
        let again = fixture.book().delete_cards(fixture.by(6), vec![guid]);
        again.await.unwrap();
        assert!(asking.heard().is_empty());
        assert_eq!(asking.signed_in.address, address("alice"));
    }

    #[tokio::test]
    async fn a_change_by_command_is_told_to_the_other_endpoints_only() {
        let fixture = Fixture::new().await;
        let mut here = fixture.at(fixture.alice, 5).await;
        let mut there = fixture.at(fixture.alice, 5).await;
        here.heard();
        there.heard();
        let contacts = fixture.services.contacts.of(&here.signed_in.guard);
        let request = AddToList {
            target: ContactRef::Address(address("bob")),
            list: List::Allow,
            name: None,
            group: None,
            opposite: Opposite::Refused,
        };
        contacts.add(fixture.alice, request).await.unwrap();
        assert!(here.heard().is_empty());
        assert_eq!(there.heard(), ["book"]);
        let privacy = Setting::Privacy(Privacy::BlockOthers);
        contacts.set(fixture.alice, privacy.clone()).await.unwrap();
        assert_eq!(there.heard(), ["book"]);
        contacts.set(fixture.alice, privacy).await.unwrap();
        let message = Setting::Message("hello".to_owned());
        contacts.set(fixture.alice, message).await.unwrap();
        assert!(there.heard().is_empty() && here.heard().is_empty());
    }

    #[tokio::test]
    async fn watchers_see_a_block_a_name_and_a_privacy_setting() {
        let fixture = Fixture::new().await;
        let by_bob = Editor {
            owner: fixture.bob,
            grant: None,
        };
        let mut bob = fixture.at(fixture.bob, 1).await;
        let mut alice = fixture.at(fixture.alice, 5).await;
        let new = NewCard {
            address: Some("alice@example.com".to_owned()),
            messenger: true,
            ..NewCard::default()
        };
        fixture.book().add_card(by_bob, new).await.unwrap();
        bob.heard();
        alice.heard();
        let who = || MemberRef::Account("bob@example.com".to_owned());
        let book = fixture.book();
        let by = fixture.by(5);
        book.add_member(by, Role::Block, who(), Vec::new())
            .await
            .unwrap();
        assert_eq!(bob.heard(), ["alice@example.com offline"]);
        book.add_member(by, Role::Allow, who(), Vec::new())
            .await
            .unwrap();
        assert_eq!(bob.heard().len(), 1);
        // Two changes in one: each is shown, in order.
        let named = CardPatch {
            texts: vec![(CardField::DisplayName, "Alice B".to_owned())],
            annotations: vec![("MSN.IM.BLP".to_owned(), "2".to_owned())],
            ..CardPatch::default()
        };
        book.update_cards(by, vec![me(named)]).await.unwrap();
        assert_eq!(bob.heard(), ["alice@example.com Alice B"]);
        book.remove_member(by, Role::Allow, who()).await.unwrap();
        // Strangers are not let in any more.
        assert_eq!(bob.heard(), ["alice@example.com offline"]);
        assert!(alice.heard().is_empty());
    }

    #[tokio::test]
    async fn steps_that_are_made_together_are_shown_in_their_order() {
        let fixture = Fixture::new().await;
        let _bob = fixture.at(fixture.bob, 1).await;
        let _alice = fixture.at(fixture.alice, 5).await;
        let guid = fixture.add_bob(5).await;
        let by_bob = Editor {
            owner: fixture.bob,
            grant: None,
        };
        let new = NewCard {
            address: Some("alice@example.com".to_owned()),
            messenger: true,
            ..NewCard::default()
        };
        fixture.book().add_card(by_bob, new).await.unwrap();
        let hub = &fixture.services.hub;
        assert!(hub.visible_to(fixture.bob, fixture.alice).is_some());
        let unfollow = CardChange {
            card: CardRef::Card(guid),
            messenger: Some(false),
            fields: CardPatch::default(),
        };
        let blocks = CardPatch {
            annotations: vec![("MSN.IM.BLP".to_owned(), "2".to_owned())],
            ..CardPatch::default()
        };
        let changes = vec![me(blocks), unfollow];
        let book = fixture.book();
        book.update_cards(fixture.by(5), changes).await.unwrap();
        // The hub passes over an edit that comes after a later one.
        assert!(hub.visible_to(fixture.bob, fixture.alice).is_none());
        assert!(hub.visible_to(fixture.alice, fixture.bob).is_none());
    }

    #[tokio::test]
    async fn whoever_wants_one_endpoint_only_has_one() {
        let fixture = Fixture::new().await;
        let annotation = |value: &str| {
            me(CardPatch {
                annotations: vec![("MSN.IM.MPOP".to_owned(), value.to_owned())],
                ..CardPatch::default()
            })
        };
        let book = fixture.book();
        for (value, places) in [("1", 2), ("0", 1)] {
            let changes = vec![annotation(value)];
            book.update_cards(fixture.by(5), changes).await.unwrap();
            let _one = fixture.at(fixture.alice, 5).await;
            let _other = fixture.at(fixture.alice, 6).await;
            let hub = &fixture.services.hub;
            assert_eq!(hub.endpoints(fixture.alice).len(), places);
        }
    }

    #[tokio::test]
    async fn reading_answers_or_says_why_not() {
        let fixture = Fixture::new().await;
        let guid = fixture.add_bob(5).await;
        let book = fixture.book();
        let page = book.find_cards(fixture.alice, None).await.unwrap();
        assert_eq!(page.cards[0].guid, guid);
        let found = book.cards(fixture.alice, vec![Guid::random(), guid]);
        assert_eq!(found.await.unwrap(), page.cards);
        let members = book.memberships(fixture.bob, None).await.unwrap();
        assert_eq!(members.members.len(), 2);
        let past = Some(Stamp(0));
        for refused in [
            book.find_cards(fixture.alice, past).await.err(),
            book.memberships(fixture.alice, past).await.err(),
        ] {
            assert!(matches!(
                refused,
                Some(OperationError::Refused(Refusal::FullSyncRequired))
            ));
        }
        let group = NewGroup {
            name: "Friends".to_owned(),
            ..NewGroup::default()
        };
        let by = fixture.by(5);
        let group = book.create_group(by, group).await.unwrap();
        let members = vec![GroupMember::Card(guid)];
        let added = book.add_to_group(by, group, members).await.unwrap();
        assert_eq!(added, [guid]);
        book.remove_from_group(by, group, added).await.unwrap();
        let rename = GroupEdit {
            guid: group,
            name: Some("Family".to_owned()),
            is_favorite: None,
            annotations: Vec::new(),
        };
        book.update_groups(by, vec![rename]).await.unwrap();
        book.delete_groups(by, vec![group]).await.unwrap();
        let page = book.find_cards(fixture.alice, None).await.unwrap();
        assert!(page.groups.is_empty());
    }

    #[tokio::test]
    async fn of_several_changes_in_one_request_all_are_made_or_none() {
        let fixture = Fixture::new().await;
        let by = Editor {
            owner: fixture.alice,
            grant: None,
        };
        let account = |name: &str| MemberRef::Account(address(name).as_str().to_owned());
        let block = |name: &str| NewMember {
            role: Role::Block,
            who: account(name),
            annotations: Vec::new(),
        };
        let roles = async || {
            let members = fixture.book().memberships(fixture.alice, None).await;
            let members = members.unwrap().members.into_iter();
            members.map(|member| member.role).collect::<Vec<Role>>()
        };
        let both = vec![block("bob"), block("nobody")];
        assert!(fixture.book().add_members(by, both).await.is_err());
        assert_eq!(roles().await, []);
        let unknown = Guid::random();
        let book = fixture.book();
        assert!(book.befriend(by, unknown, account("bob")).await.is_err());
        let parted = book.part_from(by, unknown, false, Some(account("bob")));
        assert!(parted.await.is_err());
        assert_eq!(roles().await, []);

        let card = NewCard {
            address: Some(address("bob").as_str().to_owned()),
            ..NewCard::default()
        };
        let card = book.add_card(by, card).await.unwrap();
        book.befriend(by, card, account("bob")).await.unwrap();
        assert_eq!(roles().await, [Role::Allow]);
        let parted = book.part_from(by, card, false, Some(account("bob")));
        parted.await.unwrap();
        assert_eq!(roles().await, [Role::Block]);
        let cards = book.cards(fixture.alice, vec![card]).await.unwrap();
        assert_eq!(cards, []);
        let removed = vec![(Role::Block, account("bob"))];
        book.remove_members(by, removed).await.unwrap();
        assert_eq!(roles().await, []);
    }
}
