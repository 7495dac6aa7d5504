//! Books that were read lately.
//!
//! Clients fetch the same book whenever they sign in, and putting it together costs more than the
//! rest of a sign-in. A book's revision grows with every change of what is kept here, whoever makes
//! it, so a book of the revision that the database has now is the book; it is asked each time. What
//! does not move the revision, such as the personal message, is not kept here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Contact, Group, UserId};

/// Contacts and groups that are kept, of all books together: some twenty-five megabytes.
const KEPT: usize = 110_000;

/// What a book lists, at one revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) revision: u64,
    /// By number.
    pub(super) groups: Vec<Group>,
    /// In the order in which they were first added.
    pub(super) contacts: Vec<Contact>,
}

impl Listed {
    fn size(&self) -> usize {
        self.groups.len() + self.contacts.len() + 1
    }
}

/// The books that are kept; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct BookCache(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    books: HashMap<UserId, Arc<Listed>>,
    /// Whose they are, in the order in which they came; the first one goes first.
    order: VecDeque<UserId>,
    size: usize,
}

impl BookCache {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Whatever a panic left behind is still books of the revisions that they say.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book that is kept of somebody, of whatever revision.
    pub(super) fn get(&self, user: UserId) -> Option<Arc<Listed>> {
        self.shelf().books.get(&user).map(Arc::clone)
    }

    /// Keeps a book in place of the one that is there.
    pub(super) fn put(&self, user: UserId, book: Arc<Listed>) {
        let mut shelf = self.shelf();
        shelf.size += book.size();
        match shelf.books.insert(user, book) {
            Some(before) => shelf.size -= before.size(),
            None => shelf.order.push_back(user),
        }
        while shelf.size > KEPT {
            let Some(oldest) = shelf.order.pop_front() else {
                return;
            };
            if let Some(gone) = shelf.books.remove(&oldest) {
                shelf.size -= gone.size();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Fixture, address, by_address, label, messenger};
    use super::super::{AddToList, BookRequest, Opposite, Setting, Store};
    use super::*;
    use crate::model::{
        CardChange, CardPatch, CardRef, GroupMember, GroupNumber, GroupRef, Guid, Label, List,
        MemberRef, Phone, Privacy, Role,
    };

    fn book(revision: u64, groups: usize) -> Arc<Listed> {
        let group = Group {
            number: GroupNumber(1),
            guid: Guid::NIL,
            name: label("x"),
        };
        Arc::new(Listed {
            revision,
            groups: vec![group; groups],
            contacts: Vec::new(),
        })
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let cache = BookCache::default();
        for user in 0..10 {
            cache.put(UserId(user), book(1, KEPT / 10));
        }
        assert!(cache.get(UserId(0)).is_none());
        assert!(cache.get(UserId(9)).is_some());
        // Taking another one's place makes nothing older go.
        cache.put(UserId(9), book(2, 1));
        assert_eq!(cache.get(UserId(9)).unwrap().revision, 2);
        assert!(cache.get(UserId(1)).is_some());
        cache.put(UserId(11), book(1, KEPT));
        let shelf = cache.shelf();
        assert!(shelf.books.is_empty() && shelf.order.is_empty());
        assert_eq!(shelf.size, 0);
    }

    const NAMES: [&str; 3] = ["alice", "bob", "carol"];

    /// A change that somebody makes.
    #[derive(Debug, Clone)]
    enum Change {
        Add(usize, List, Option<u8>),
        Remove(usize, List, Option<u8>),
        Rename(usize, u8),
        Phone(Option<u8>),
        Privacy(bool),
        Message(u8),
        Name(u8),
        CreateGroup(u8),
        RenameGroup(u8, u8),
        DeleteGroup(u8),
        AddCard(usize),
        Unfollow(usize),
        DeleteCard(usize),
        Member(usize, Role, bool),
        CardGroup(u8, usize),
        Delete,
    }

    fn list() -> impl Strategy<Value = List> {
        prop_oneof![
            3 => Just(List::Forward),
            3 => Just(List::Allow),
            1 => Just(List::Block),
            1 => Just(List::Pending),
        ]
    }

    fn change() -> impl Strategy<Value = Change> {
        let group = || prop::option::of(0..3u8);
        let role = prop_oneof![Just(Role::Allow), Just(Role::Block), Just(Role::Reverse)];
        prop_oneof![
            8 => (0..3usize, list(), group()).prop_map(|(who, list, group)| Change::Add(who, list, group)),
            4 => (0..3usize, list(), group()).prop_map(|(who, list, group)| Change::Remove(who, list, group)),
            1 => (0..3usize, 0..3u8).prop_map(|(who, name)| Change::Rename(who, name)),
            4 => prop::option::of(0..3u8).prop_map(Change::Phone),
            1 => any::<bool>().prop_map(Change::Privacy),
            1 => (0..3u8).prop_map(Change::Message),
            1 => (0..3u8).prop_map(Change::Name),
            1 => (0..3u8).prop_map(Change::CreateGroup),
            1 => (0..3u8, 0..3u8).prop_map(|(group, name)| Change::RenameGroup(group, name)),
            1 => (0..3u8).prop_map(Change::DeleteGroup),
            2 => (0..3usize).prop_map(Change::AddCard),
            1 => (0..3usize).prop_map(Change::Unfollow),
            1 => (0..3usize).prop_map(Change::DeleteCard),
            3 => (0..3usize, role, any::<bool>()).prop_map(|(who, role, adds)| Change::Member(who, role, adds)),
            1 => (0..3u8, 0..3usize).prop_map(|(group, who)| Change::CardGroup(group, who)),
            1 => Just(Change::Delete),
        ]
    }

    fn text(number: u8) -> Label {
        label(&format!("name {number}"))
    }

    /// Makes a change, or has it refused.
    async fn make(store: &Store, owner: UserId, change: Change) {
        let found = store.book(owner).await.unwrap();
        let guid_of = |who: usize| {
            let contacts = found.iter().flat_map(|book| &book.contacts);
            let mut contacts = contacts.filter(|contact| contact.address == address(NAMES[who]));
            contacts.next().map_or(Guid::NIL, |contact| contact.guid)
        };
        let group_of = |number: u8| {
            let groups = found.iter().flat_map(|book| &book.groups);
            let mut groups = groups.filter(|group| group.number.0 == number);
            groups.next().map_or(Guid::NIL, |group| group.guid)
        };
        let numbered = |number: u8| GroupRef::Number(GroupNumber(number));
        let member = |who: usize| MemberRef::Account(address(NAMES[who]).as_str().to_owned());
        let request = match change {
            Change::Add(who, list, group) => {
                let request = AddToList {
                    target: by_address(NAMES[who]),
                    list,
                    name: None,
                    group: group.filter(|_| list == List::Forward).map(numbered),
                    opposite: Opposite::Kept,
                };
                drop(store.add_to_list(owner, request, |_| ()).await.unwrap());
                return;
            }
            Change::Remove(who, list, group) => {
                let group = group.filter(|_| list == List::Forward).map(numbered);
                let who = by_address(NAMES[who]);
                let removed = store.remove_from_list(owner, who, list, group, |_| ());
                return drop(removed.await.unwrap());
            }
            Change::Rename(who, name) => {
                let renamed =
                    store.rename_contact(owner, by_address(NAMES[who]), text(name), |_| ());
                return drop(renamed.await.unwrap());
            }
            Change::CreateGroup(name) => {
                return drop(store.create_group(owner, text(name), |_| ()).await.unwrap());
            }
            Change::RenameGroup(group, name) => {
                let renamed = store.rename_group(owner, numbered(group), text(name), |_| ());
                return drop(renamed.await.unwrap());
            }
            Change::DeleteGroup(group) => {
                let deleted = store.delete_group(owner, numbered(group), |_| ());
                return drop(deleted.await.unwrap());
            }
            Change::Phone(number) => {
                let value = number.map(text);
                return set(store, owner, Setting::Phone(Phone::Home, value)).await;
            }
            Change::Privacy(others) => {
                let privacy = match others {
                    true => Privacy::AllowOthers,
                    false => Privacy::BlockOthers,
                };
                return set(store, owner, Setting::Privacy(privacy)).await;
            }
            Change::Message(number) => {
                return set(store, owner, Setting::Message(format!("{number}"))).await;
            }
            Change::Name(number) => return set(store, owner, Setting::Name(text(number))).await,
            Change::Delete => {
                store.delete_account(owner).await.unwrap();
                return;
            }
            Change::AddCard(who) => BookRequest::AddCard(messenger(NAMES[who])),
            Change::Unfollow(who) => BookRequest::UpdateCards(vec![CardChange {
                card: CardRef::Card(guid_of(who)),
                messenger: Some(false),
                fields: CardPatch::default(),
            }]),
            Change::DeleteCard(who) => BookRequest::DeleteCards(vec![guid_of(who)]),
            Change::Member(who, role, true) => BookRequest::AddMember {
                role,
                who: member(who),
                annotations: Vec::new(),
            },
            Change::Member(who, role, false) => BookRequest::RemoveMember {
                role,
                who: member(who),
            },
            Change::CardGroup(group, who) => BookRequest::AddToGroup {
                group: group_of(group),
                members: vec![GroupMember::Card(guid_of(who))],
            },
        };
        drop(
            store
                .change_book(owner, vec![request], |_| ())
                .await
                .unwrap(),
        );
    }

    async fn set(store: &Store, owner: UserId, setting: Setting) {
        drop(store.change_setting(owner, setting, |_| ()).await.unwrap());
    }

    async fn run(changes: Vec<(usize, Change)>) {
        let fixture = Fixture::new().await;
        let mut users = Vec::new();
        for name in NAMES {
            users.push(fixture.account(name).await);
        }
        // Half of the changes are made by another process.
        let other = fixture.second().await;
        for (turn, (owner, change)) in changes.into_iter().enumerate() {
            let store = [&fixture.store, &other][turn % 2];
            let shown = format!("{change:?} of {owner}");
            make(store, users[owner], change).await;
            for &user in &users {
                let kept = fixture.store.book(user).await.unwrap();
                let fresh = fixture.store.read_book(user, None).await.unwrap();
                assert_eq!(kept, fresh.map(|(book, _)| book), "{shown}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_book_that_is_kept_is_the_one_in_the_database(
            changes in prop::collection::vec((0..3usize, change()), 1..40),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(changes));
        }
    }
}
