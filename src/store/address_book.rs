//! Reading address books, and what their changes report.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::book::read_groups;
use super::card_rows::{card, card_query, read_annotations};
use super::removals::{self, Owner, read_owner};
use super::rows;
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{GroupChange, ListChange, ListLimits, SettingChange, Store, StoreError, own_card};
use crate::model::{
    Card, CardChange, CardGroup, CardPage, Group, GroupEdit, GroupMember, GroupNumber, Guid, Label,
    MemberRef, NewCard, NewGroup, Refusal, Role, Stamp, UserId,
};

/// One change of an address book. What it needs and refuses stands at the operation of the same
/// name in [`crate::service::AddressBookOperations`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookRequest {
    AddCard(NewCard),
    UpdateCards(Vec<CardChange>),
    DeleteCards(Vec<Guid>),
    CreateGroup(NewGroup),
    UpdateGroups(Vec<GroupEdit>),
    DeleteGroups(Vec<Guid>),
    AddToGroup {
        group: Guid,
        members: Vec<GroupMember>,
    },
    RemoveFromGroup {
        group: Guid,
        members: Vec<Guid>,
    },
    AddMember {
        role: Role,
        who: MemberRef,
        annotations: Vec<(String, String)>,
    },
    RemoveMember {
        role: Role,
        who: MemberRef,
    },
}

/// What one request may name, so that nobody else waits long for their turn.
const BATCH_MAX: usize = 500;

impl BookRequest {
    /// How many things it names.
    fn size(&self) -> usize {
        match self {
            Self::AddCard(new) => new.groups.len(),
            Self::UpdateCards(changes) => changes.len(),
            Self::UpdateGroups(edits) => edits.len(),
            Self::AddToGroup { members, .. } => members.len(),
            Self::DeleteCards(guids)
            | Self::DeleteGroups(guids)
            | Self::RemoveFromGroup { members: guids, .. } => guids.len(),
            Self::CreateGroup(_) | Self::AddMember { .. } | Self::RemoveMember { .. } => 1,
        }
    }
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookStep {
    List(Box<ListChange>),
    Setting(SettingChange),
    Group(GroupChange),
}

/// A committed change of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookChange {
    pub owner: UserId,
    /// Whether anything changed.
    pub changed: bool,
    /// The identities of what the request put there, in its order.
    pub guids: Vec<Guid>,
    /// What was done besides writing on cards, in the order in which it was done. It has to be
    /// shown in this order, because each step has a later revision of the owner's book.
    pub steps: Vec<BookStep>,
}

impl BookChange {
    pub(super) fn list(&mut self, change: ListChange) {
        self.changed |= change.changed;
        self.steps.push(BookStep::List(Box::new(change)));
    }

    pub(super) fn setting(&mut self, change: SettingChange) {
        self.changed |= change.changed;
        self.steps.push(BookStep::Setting(change));
    }

    pub(super) fn group(&mut self, change: GroupChange) {
        self.changed |= change.changed;
        self.steps.push(BookStep::Group(change));
    }
}

/// An answer that can be refused.
pub(super) type Reading<T> = Result<Result<T, Refusal>, StoreError>;

/// Tells a refusal from a fault.
pub(super) fn reading<T>(outcome: Result<T, Stop>) -> Reading<T> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

impl Store {
    /// Changes the owner's address book: all that the requests name, in their order, or nothing.
    ///
    /// Refused: what the requests' own operations refuse; `InvalidParameter` if they name more
    /// than 500 things in all; `Unavailable` if the owner is gone.
    pub async fn change_book<R: Send + 'static>(
        &self,
        owner: UserId,
        requests: Vec<BookRequest>,
        published: impl FnOnce(&BookChange) -> R + Send + 'static,
    ) -> Published<BookChange, R> {
        let limits = *self.limits.now();
        self.writer
            .publish(
                move |turn| Box::pin(change(turn, owner, requests, limits)),
                published,
            )
            .await
    }

    /// The owner's whole address book, or what is new in it since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn find_cards(&self, owner: UserId, since: Option<Stamp>) -> Reading<CardPage> {
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        reading(read_page(&mut snapshot, owner, since).await)
    }

    /// The cards with these identities, as far as they are in the book.
    pub async fn cards(&self, owner: UserId, guids: &[Guid]) -> Result<Vec<Card>, StoreError> {
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        let groups = read_groups(&mut snapshot, owner).await?;
        let mut cards = Vec::new();
        for guid in guids {
            let found = sqlx::query(card_query!("k.guid = $2"))
                .bind(owner.0)
                .bind(guid.to_string())
                .fetch_optional(&mut *snapshot)
                .await?;
            if let Some(row) = found {
                cards.push(card(&row, owner, &groups)?);
            }
        }
        Ok(cards)
    }
}

async fn change(
    turn: &mut Turn,
    owner: UserId,
    requests: Vec<BookRequest>,
    limits: ListLimits,
) -> Result<BookChange, Stop> {
    let sizes = requests.iter().map(BookRequest::size);
    if sizes.fold(0, usize::saturating_add) > BATCH_MAX {
        return Err(Refusal::InvalidParameter.into());
    }
    let exists: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE id = $1")
        .bind(owner.0)
        .fetch_optional(turn.connection().await?)
        .await?;
    exists.ok_or(Refusal::Unavailable)?;
    let mut book = Book {
        turn,
        limits,
        change: BookChange {
            owner,
            changed: false,
            guids: Vec::new(),
            steps: Vec::new(),
        },
    };
    for request in requests {
        book.apply(request).await?;
    }
    Ok(book.change)
}

/// A book while it is being changed. Its steps stand with what they change.
#[derive(Debug)]
pub(super) struct Book<'t> {
    pub(super) turn: &'t mut Turn,
    pub(super) limits: ListLimits,
    pub(super) change: BookChange,
}

impl Book<'_> {
    pub(super) fn owner(&self) -> UserId {
        self.change.owner
    }

    async fn apply(&mut self, request: BookRequest) -> Result<(), Stop> {
        match request {
            BookRequest::AddCard(new) => {
                let guid = self.add_card(new).await?;
                self.change.guids.push(guid);
                Ok(())
            }
            BookRequest::UpdateCards(changes) => self.update_cards(changes).await,
            BookRequest::DeleteCards(guids) => self.delete_cards(guids).await,
            BookRequest::CreateGroup(new) => self.create_group(new).await,
            BookRequest::UpdateGroups(edits) => self.update_groups(edits).await,
            BookRequest::DeleteGroups(groups) => self.delete_groups(groups).await,
            BookRequest::AddToGroup { group, members } => self.add_to_group(group, members).await,
            BookRequest::RemoveFromGroup { group, members } => {
                self.remove_from_group(group, members).await
            }
            BookRequest::AddMember {
                role,
                who,
                annotations,
            } => self.add_member(role, who, &annotations).await,
            BookRequest::RemoveMember { role, who } => self.remove_member(role, who).await,
        }
    }
}

async fn read_page(
    snapshot: &mut SqliteConnection,
    owner: UserId,
    since: Option<Stamp>,
) -> Result<CardPage, Stop> {
    let Owner {
        address,
        created_at,
        stamp,
    } = read_owner(snapshot, owner, since).await?;
    let me = own_card::read(snapshot, owner).await?;
    let from = since.unwrap_or(Stamp(i64::MIN));
    let numbers = read_groups(snapshot, owner).await?;
    let cards = read_cards(snapshot, owner, from, &numbers).await?;
    let groups = read_card_groups(snapshot, owner, from).await?;
    let removed = match since {
        Some(since) => removals::read(snapshot, owner, since).await?,
        None => removals::Removals::default(),
    };
    Ok(CardPage {
        owner,
        address,
        stamp,
        created_at,
        me: Some(me).filter(|me| me.changed_at > from),
        cards,
        groups: groups.into_iter().map(|(_, group)| group).collect(),
        removed_cards: removed.cards,
        removed_groups: removed.groups,
    })
}

pub(super) const CARDS: &str =
    card_query!("(k.changed_at > $2 OR a.name_changed_at > $2) ORDER BY k.created_at, k.guid");

async fn read_cards(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
    groups: &[Group],
) -> Result<Vec<Card>, StoreError> {
    let found = sqlx::query(CARDS)
        .bind(owner.0)
        .bind(from.0)
        .fetch_all(connection)
        .await?;
    found.iter().map(|row| card(row, owner, groups)).collect()
}

/// The groups that are new since a stamp, by number.
pub(super) async fn read_card_groups(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<(GroupNumber, CardGroup)>, StoreError> {
    let found = sqlx::query(
        "SELECT number, guid, name, is_favorite, annotations, changed_at FROM contact_group \
         WHERE owner_id = $1 AND changed_at > $2 ORDER BY number",
    )
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    let group = |row: &SqliteRow| -> Result<(GroupNumber, CardGroup), StoreError> {
        let number = u8::try_from(row.try_get::<i64, _>("number")?)
            .map_err(|_| rows::unreadable("contact_group", "number", owner.0))?;
        let group = CardGroup {
            guid: rows::guid(row.try_get("guid")?, "contact_group", owner.0)?,
            name: Label::from_stored(row.try_get("name")?),
            is_favorite: row.try_get("is_favorite")?,
            annotations: read_annotations(row.try_get("annotations")?, "contact_group", owner.0)?,
            changed_at: Stamp(row.try_get("changed_at")?),
        };
        Ok((GroupNumber(number), group))
    };
    found.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    use super::super::testing::{
        Fixture, address, by_address, done, label, messenger, new_account, note, refused, texts,
    };
    use super::super::{Setting, pool};
    use super::*;
    use crate::model::{
        CardField, CardRef, GroupRef, List, Member, Memberships, OwnCard, Privacy, Who,
    };

    /// A client that reads the book once and then only what is new.
    #[derive(Debug, Clone, PartialEq)]
    struct Mirror {
        me: Option<OwnCard>,
        cards: BTreeMap<Guid, Card>,
        groups: BTreeMap<Guid, CardGroup>,
        members: BTreeMap<i64, Member>,
    }

    impl Mirror {
        fn new() -> Self {
            Self {
                me: None,
                cards: BTreeMap::new(),
                groups: BTreeMap::new(),
                members: BTreeMap::new(),
            }
        }

        fn take(&mut self, page: CardPage, members: Memberships) {
            for gone in page.removed_cards {
                self.cards.remove(&gone.guid);
            }
            for gone in page.removed_groups {
                self.groups.remove(&gone.guid);
            }
            for gone in members.removed {
                self.members.remove(&gone.id.value());
            }
            self.me = page.me.or(self.me.take());
            let cards = page.cards.into_iter();
            self.cards.extend(cards.map(|card| (card.guid, card)));
            let groups = page.groups.into_iter();
            self.groups.extend(groups.map(|group| (group.guid, group)));
            let members = members.members.into_iter();
            self.members
                .extend(members.map(|member| (member.id.value(), member)));
        }
    }

    async fn whole(fixture: &Fixture, owner: UserId) -> Mirror {
        let mut mirror = Mirror::new();
        mirror.take(
            fixture.page(owner, None).await,
            fixture.members(owner, None).await,
        );
        mirror
    }

    const NAMES: [&str; 3] = ["alice", "bob", "carol"];

    /// One thing that anybody may do, by command or by web. What is refused changes nothing,
    /// which is as good a case as any.
    async fn act(fixture: &Fixture, owner: UserId, step: (u8, u8, u8)) {
        let (what, whom, which) = step;
        let name = NAMES[usize::from(whom) % 3];
        let page = fixture.page(owner, None).await;
        let card = page.cards.get(usize::from(which)).map(|card| card.guid);
        let card = card.unwrap_or(Guid::NIL);
        let group = page.groups.first().map_or(Guid::NIL, |group| group.guid);
        let list = [List::Forward, List::Allow, List::Block][usize::from(which) % 3];
        let role = Role::ALL[usize::from(which) % 4];
        let account = || MemberRef::Account(address(name).as_str().to_owned());
        let update = |card, messenger, fields| {
            BookRequest::UpdateCards(vec![CardChange {
                card,
                messenger,
                fields,
            }])
        };
        let request = match what % 16 {
            0 => BookRequest::AddCard(NewCard {
                allow: which % 2 == 0,
                invitation: Some("hello".to_owned()),
                ..messenger(name)
            }),
            1 => BookRequest::AddCard(NewCard {
                address: Some(format!("{name}@elsewhere.example")),
                fields: texts(&[(CardField::FirstName, name)]),
                ..NewCard::default()
            }),
            2 => update(
                CardRef::Card(card),
                Some(whom % 2 == 0),
                note("AB.NickName", name),
            ),
            3 => update(CardRef::Me, None, texts(&[(CardField::DisplayName, name)])),
            4 => update(
                CardRef::Me,
                None,
                note("MSN.IM.MPOP", ["0", "1", ""][usize::from(which) % 3]),
            ),
            5 => BookRequest::DeleteCards(vec![card]),
            6 => BookRequest::CreateGroup(NewGroup {
                name: name.to_owned(),
                ..NewGroup::default()
            }),
            7 => BookRequest::DeleteGroups(vec![group]),
            8 => BookRequest::AddToGroup {
                group,
                members: vec![GroupMember::Card(card)],
            },
            9 => BookRequest::RemoveFromGroup {
                group,
                members: vec![card],
            },
            10 => BookRequest::AddMember {
                role,
                who: account(),
                annotations: Vec::new(),
            },
            11 => BookRequest::RemoveMember {
                role,
                who: account(),
            },
            12 => BookRequest::AddMember {
                role,
                who: MemberRef::Email(format!("{name}@yahoo.example")),
                annotations: Vec::new(),
            },
            13 => return drop(fixture.add(owner, by_address(name), list, None).await),
            14 => return drop(fixture.remove(owner, by_address(name), list, None).await),
            _ => {
                let named = GroupRef::Guid(group);
                let store = &fixture.store;
                return drop(store.rename_group(owner, named, label(name), |_| ()).await);
            }
        };
        drop(fixture.change(owner, request).await);
    }

    async fn clients_agree(steps: Vec<(u8, (u8, u8, u8))>) -> Result<(), TestCaseError> {
        let fixture = Fixture::new().await;
        let mut clients = Vec::new();
        for name in NAMES {
            let user = fixture.account(name).await;
            clients.push((
                user,
                whole(&fixture, user).await,
                fixture.page(user, None).await.stamp,
            ));
        }
        for (count, (who, step)) in steps.into_iter().enumerate() {
            act(&fixture, clients[usize::from(who) % 3].0, step).await;
            // They ask after different numbers of changes.
            for (index, (user, mirror, stamp)) in clients.iter_mut().enumerate() {
                if count % (index + 1) == 0 {
                    let members = fixture.members(*user, Some(*stamp)).await;
                    let page = fixture.page(*user, Some(*stamp)).await;
                    *stamp = page.stamp;
                    mirror.take(page, members);
                    prop_assert_eq!(&*mirror, &whole(&fixture, *user).await);
                }
            }
        }
        for (user, ..) in &clients {
            let book = fixture.book(*user).await;
            for card in fixture.page(*user, None).await.cards {
                let contact = book
                    .contacts
                    .iter()
                    .find(|contact| contact.guid == card.guid);
                let contact = contact.filter(|contact| contact.lists.has(List::Forward));
                prop_assert_eq!(card.messenger, contact.is_some());
            }
            let standing = fixture.store.standing(*user).await.unwrap().unwrap();
            for contact in book.contacts {
                prop_assert_eq!(standing.lists_of(contact.user), contact.lists);
                let back = fixture.row(contact.user, *user).await;
                let is_followed = back.is_some_and(|back| back.lists.has(List::Reverse));
                prop_assert_eq!(contact.lists.has(List::Forward), is_followed);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_client_that_follows_what_is_new_has_the_whole_book(
            steps in proptest::collection::vec((0u8..3, (0u8..16, 0u8..6, 0u8..6)), 1..40)
        ) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(clients_agree(steps))?;
        }
    }

    #[tokio::test]
    async fn nothing_is_new_right_after_reading() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        fixture.add_card(alice, "bob").await;
        let page = fixture.page(alice, None).await;
        assert_eq!(
            (page.owner, page.address.clone()),
            (alice, address("alice"))
        );
        let news = fixture.page(alice, Some(page.stamp)).await;
        assert!(news.me.is_none() && news.cards.is_empty() && news.groups.is_empty());
        assert!(news.removed_cards.is_empty() && news.removed_groups.is_empty());
        let news = fixture.members(alice, Some(page.stamp)).await;
        assert!(news.members.is_empty() && news.removed.is_empty());
    }

    #[tokio::test]
    async fn who_asks_too_far_back_or_for_the_future_reads_everything_anew() {
        let fixture = Fixture::new().await;
        let early = Stamp(1_000);
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let now = fixture.page(alice, None).await.stamp;
        for since in [early, Stamp(now.0 + 1), Stamp(i64::MAX), Stamp(-1)] {
            let page = fixture.store.find_cards(alice, Some(since)).await.unwrap();
            assert_eq!(page.unwrap_err(), Refusal::FullSyncRequired);
            let members = fixture.store.memberships(alice, Some(since)).await.unwrap();
            assert_eq!(members.unwrap_err(), Refusal::FullSyncRequired);
        }
        let gone = fixture.store.find_cards(UserId(99), None).await.unwrap();
        assert_eq!(gone.unwrap_err(), Refusal::Unavailable);
        // More removals than are kept.
        fixture
            .sql(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2001) \
                 INSERT INTO removal (owner_id, kind, item, stamp) \
                 SELECT 1, 2, 'x' || i, (SELECT stamp FROM book_clock) + i FROM n",
            )
            .await;
        fixture
            .sql("UPDATE book_clock SET stamp = stamp + 3000")
            .await;
        // Now and then a removal has a look; with stamps three apart, one of sixteen does.
        let looks = 16;
        for _ in 0..looks {
            let guid = fixture.add_card(alice, "bob").await;
            let gone = BookRequest::DeleteCards(vec![guid]);
            done(fixture.change(alice, gone).await);
        }
        let page = fixture.store.find_cards(alice, Some(now)).await.unwrap();
        assert_eq!(page.unwrap_err(), Refusal::FullSyncRequired);
        let counted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM removal WHERE owner_id = 1")
            .fetch_one(&mut *fixture.store.readers.get().await.unwrap())
            .await
            .unwrap();
        assert!((2000..2000 + looks).contains(&counted), "{counted}");
        // Others are not concerned.
        assert!(
            fixture
                .store
                .find_cards(bob, Some(now))
                .await
                .unwrap()
                .is_ok()
        );
    }

    #[tokio::test]
    async fn an_account_of_an_earlier_address_shares_no_history() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let seen = fixture.page(alice, None).await.stamp;
        fixture.store.delete_account(alice).await.unwrap();
        let again = fixture.account("alice").await;
        let page = fixture.store.find_cards(again, Some(seen)).await.unwrap();
        assert_eq!(page.unwrap_err(), Refusal::FullSyncRequired);
    }

    #[tokio::test]
    async fn a_book_survives_a_restart() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        let guid = fixture.add_card(alice, "bob").await;
        let mut changes = Vec::new();
        for (card, fields) in [
            (CardRef::Card(guid), note("AB.NickName", "Bobby")),
            (CardRef::Me, note("MSN.IM.MPOP", "0")),
        ] {
            changes.push(CardChange {
                card,
                messenger: None,
                fields,
            });
        }
        done(
            fixture
                .change(alice, BookRequest::UpdateCards(changes))
                .await,
        );
        let before = whole(&fixture, alice).await;
        let stamp = fixture.page(alice, None).await.stamp;
        fixture.store.close().await;
        let again = fixture.second().await;
        let mut after = Mirror::new();
        after.take(
            again.find_cards(alice, None).await.unwrap().unwrap(),
            again.memberships(alice, None).await.unwrap().unwrap(),
        );
        assert_eq!(after, before);
        let news = again.find_cards(alice, Some(stamp)).await.unwrap().unwrap();
        assert!(news.cards.is_empty());
        assert_eq!(news.stamp, stamp);
    }

    #[tokio::test]
    async fn the_clock_goes_on_though_the_time_does_not() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture
            .sql("UPDATE book_clock SET stamp = stamp + 100000000000")
            .await;
        let before = fixture.page(alice, None).await.stamp;
        done(
            fixture
                .set(alice, Setting::Privacy(Privacy::BlockOthers))
                .await,
        );
        let after = fixture.page(alice, Some(before)).await;
        assert_eq!(after.stamp, Stamp(before.0 + 1));
        assert!(after.me.is_some());
    }

    #[tokio::test]
    async fn a_database_of_before_the_address_book_has_one_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chrysalis.db");
        pool::create(&path).unwrap();
        let options = pool::writer_options(&path);
        let mut old = pool::writer(&options).await.unwrap();
        pool::migrate_up_to(&mut old, 1).await;
        for statement in [
            "INSERT INTO account (id, address, name, default_group_name, revision, \
             lists_changed_at, settings_changed_at, created_at) \
             VALUES (1, 'alice@example.com', 'Alice', '~', 5, 7000, 6000, 1000), \
             (2, 'bob@example.com', 'Bob', '~', 5, 9000, 6000, 2000), \
             (3, 'carol@example.com', 'Carol', '~', 5, 8000, 6000, 2000)",
            "INSERT INTO contact_group (owner_id, number, guid, name) \
             VALUES (1, 3, '6c1f0d6e-0f6d-4c5e-9e83-6a4b1f8e2d10', 'Friends')",
            "INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, \
             added_in) VALUES \
             (1, 2, '5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d', 'Bobby', 3, 8, 4), \
             (2, 1, '5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4e', 'Alice', 24, 0, 4), \
             (1, 3, '5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4f', 'Carol', 4, 0, 5)",
        ] {
            sqlx::query(statement).execute(&mut old).await.unwrap();
        }
        Connection::close(old).await.unwrap();

        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let (alice, bob) = (UserId(1), UserId(2));
        let page = store.find_cards(alice, None).await.unwrap().unwrap();
        assert_eq!(page.created_at, 1000);
        assert_eq!(page.stamp, Stamp(9000));
        let me = page.me.unwrap();
        assert_ne!(me.guid, Guid::NIL);
        assert_eq!(page.cards.len(), 1);
        let card = &page.cards[0];
        assert_eq!(
            card.guid.to_string(),
            "5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
        );
        assert!(card.messenger && card.fields.is_empty());
        assert_eq!(card.groups, [page.groups[0].guid]);
        assert_eq!(card.kept_name, Some(label("Bobby")));
        let roles = |members: Memberships| -> Vec<(Role, Who)> {
            let members = members.members.into_iter();
            members.map(|member| (member.role, member.who)).collect()
        };
        let members = store.memberships(alice, None).await.unwrap().unwrap();
        assert_eq!(members.members[0].joined_at, 7000);
        assert_eq!(
            roles(members),
            [
                (Role::Allow, Who::Account(bob, address("bob"))),
                (Role::Block, Who::Account(UserId(3), address("carol"))),
            ]
        );
        let waiting = store.memberships(bob, None).await.unwrap().unwrap();
        assert_eq!(waiting.members.len(), 2);
        // It goes on from there.
        let created = store.create_account(new_account("dave")).await.unwrap();
        assert!(created.is_some());
        let request = BookRequest::AddCard(messenger("dave"));
        let added = store.change_book(bob, vec![request], |_| ()).await;
        assert!(done(added).changed);
        let twice = BookRequest::AddCard(messenger("bob"));
        let answer = store.change_book(alice, vec![twice], |_| ()).await;
        assert_eq!(refused(answer), Refusal::CardExists(card.guid));
    }
}
