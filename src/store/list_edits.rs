//! Many changes of one owner's lists in one piece, as the clients since MSNP13 send them.
//!
//! The steps are those of `contacts`; what differs is that a request means a state and not a
//! change: whoever is there already, or gone already, is no reason to refuse anything, for the
//! same client tells the web about the same contacts in its own order (`docs/protocol/10 §3`).

use std::collections::HashSet;

use super::contacts::ListChange;
use super::pairs::{Pair, Row, check_room, read_pair, write};
use super::removals::was_on;
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{ListLimits, Store, StoreError, cards};
use crate::model::{Address, ContactRef, List, ListSet, Refusal, UserId};

/// What is to be done with the lists of many contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListEditKind {
    /// The list that a client has kept: who is not in the owner's book comes onto these lists.
    /// Whom the owner has on any list of theirs stays where they are, whoever was taken off a list
    /// stays off it, and who finds a list full is left out, because a sign-in must not fail for
    /// that.
    Merge,
    /// They are on these lists from now on.
    Add,
    /// They are not on these lists any more.
    Remove,
}

/// The lists of one contact. Only forward, allow and block count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEdit {
    pub target: Address,
    pub lists: ListSet,
}

/// The lists that an owner fills.
const OWN: [List; 3] = [List::Forward, List::Allow, List::Block];

impl Store {
    /// Changes the lists of many contacts, all of them or none. Addresses without account, and
    /// the owner's own, are left out. Answers with the contacts in the order of the request,
    /// changed or not; with [`ListEditKind::Merge`] without those who are on a list already.
    ///
    /// Refused: `ListFull`, unless the kind is [`ListEditKind::Merge`]; `Unavailable` if the
    /// owner is gone.
    pub async fn edit_lists<R: Send + 'static>(
        &self,
        owner: UserId,
        kind: ListEditKind,
        edits: Vec<ListEdit>,
        published: impl FnOnce(&Vec<ListChange>) -> R + Send + 'static,
    ) -> Published<Vec<ListChange>, R> {
        let edits = match kind {
            ListEditKind::Merge => self.without_listed(owner, edits).await?,
            ListEditKind::Add | ListEditKind::Remove => edits,
        };
        if edits.is_empty() {
            let nothing = Vec::new();
            let result = published(&nothing);
            return Ok(Ok((nothing, result)));
        }
        let limits = *self.limits.now();
        self.writer
            .publish(
                move |turn| Box::pin(edit_all(turn, owner, kind, edits, limits)),
                published,
            )
            .await
    }

    /// Leaves out whom the owner has on a list of theirs. Every client announces its whole list
    /// whenever it arrives, and as a rule the book has all of it, so this keeps sign-ins out of
    /// the one queue that writes. Who comes onto a list meanwhile is found there.
    async fn without_listed(
        &self,
        owner: UserId,
        mut edits: Vec<ListEdit>,
    ) -> Result<Vec<ListEdit>, StoreError> {
        if edits.is_empty() {
            return Ok(edits);
        }
        let own = OWN.into_iter().fold(0, |bits, list| bits | list.bit());
        let mut reader = self.readers.get().await?;
        let listed: Vec<String> = sqlx::query_scalar(
            "SELECT a.address FROM contact c JOIN account a ON a.id = c.contact_id \
             WHERE c.owner_id = $1 AND (c.list_bits & $2) <> 0",
        )
        .bind(owner.0)
        .bind(own)
        .fetch_all(&mut *reader)
        .await?;
        let listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
        edits.retain(|edit| !listed.contains(edit.target.as_str()));
        Ok(edits)
    }

    /// Which of these addresses have an account.
    pub async fn known_addresses(
        &self,
        addresses: Vec<Address>,
    ) -> Result<HashSet<Address>, StoreError> {
        let mut reader = self.readers.get().await?;
        let mut known = HashSet::new();
        for address in addresses {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT id FROM account WHERE address = $1")
                    .bind(address.as_str())
                    .fetch_optional(&mut *reader)
                    .await?;
            if found.is_some() {
                known.insert(address);
            }
        }
        Ok(known)
    }
}

async fn edit_all(
    turn: &mut Turn,
    owner: UserId,
    kind: ListEditKind,
    edits: Vec<ListEdit>,
    limits: ListLimits,
) -> Result<Vec<ListChange>, Stop> {
    let mut changes = Vec::with_capacity(edits.len());
    for edit in edits {
        changes.extend(edit_one(turn, owner, kind, edit, limits).await?);
    }
    Ok(changes)
}

/// Changes the lists of one contact; `None` where there is nobody to list.
async fn edit_one(
    turn: &mut Turn,
    owner: UserId,
    kind: ListEditKind,
    edit: ListEdit,
    limits: ListLimits,
) -> Result<Option<ListChange>, Stop> {
    let target = ContactRef::Address(edit.target);
    let pair = match read_pair(turn, owner, &target, Refusal::UnknownAccount).await {
        Err(Stop::Refused(Refusal::UnknownAccount)) => return Ok(None),
        read => read?,
    };
    if pair.target.id == owner {
        return Ok(None);
    }
    let mut row = pair.row_or_new();
    let is_listed = OWN.into_iter().any(|list| row.lists.has(list));
    let wanted = match kind {
        ListEditKind::Merge if is_listed => ListSet::EMPTY,
        ListEditKind::Merge | ListEditKind::Add | ListEditKind::Remove => edit.lists,
    };
    for list in OWN.into_iter().filter(|list| wanted.has(*list)) {
        if kind == ListEditKind::Remove {
            row.lists = row.lists.without(list);
            if list == List::Forward {
                row.group_bits = 0;
            }
            continue;
        }
        if row.lists.has(list) {
            continue;
        }
        let merges = kind == ListEditKind::Merge;
        if merges && is_unwanted(turn, owner, &pair, list).await? {
            continue;
        }
        match enter(turn, owner, list, &pair, &mut row, limits).await {
            Err(Stop::Refused(Refusal::ListFull)) if merges => {}
            entered => entered?,
        }
    }
    if pair.row.is_none() && row.lists.is_empty() {
        return Ok(None);
    }
    Ok(Some(write(turn, pair, row, None).await?))
}

/// Whether the owner took somebody, who is not on this list, off it.
async fn is_unwanted(
    turn: &mut Turn,
    owner: UserId,
    pair: &Pair,
    list: List,
) -> Result<bool, StoreError> {
    // A card that stayed behind says as much as one that went.
    let has_card = list == List::Forward && pair.card.is_some();
    Ok(has_card || was_on(turn, owner, &pair.target.address, list).await?)
}

/// Puts the target of a row on one more list.
async fn enter(
    turn: &mut Turn,
    owner: UserId,
    list: List,
    pair: &Pair,
    row: &mut Row,
    limits: ListLimits,
) -> Result<(), Stop> {
    check_room(turn, owner, list, limits).await?;
    if list == List::Forward {
        cards::take_over(turn, owner, pair.card.as_ref(), row, limits).await?;
    } else {
        row.lists = row.lists.without(List::Pending);
    }
    row.lists = row.lists.with(list);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::BookRequest;
    use super::super::testing::{Fixture, address, by_address, done, label, refused};
    use super::*;
    use crate::model::{CardChange, CardPatch, CardRef};

    const F: u8 = 1;
    const A: u8 = 2;
    const B: u8 = 4;
    const R: u8 = 8;
    const P: u8 = 16;

    fn edit(name: &str, bits: u8) -> ListEdit {
        ListEdit {
            target: address(name),
            lists: ListSet::from_bits(bits),
        }
    }

    async fn lists(fixture: &Fixture, owner: UserId, other: UserId) -> u8 {
        let standing = fixture.store.standing(owner).await.unwrap().unwrap();
        standing.lists_of(other).bits()
    }

    async fn edit_lists(
        fixture: &Fixture,
        owner: UserId,
        kind: ListEditKind,
        edits: &[ListEdit],
    ) -> Published<Vec<ListChange>, ()> {
        let edits = edits.to_vec();
        fixture.store.edit_lists(owner, kind, edits, |_| ()).await
    }

    #[tokio::test]
    async fn adding_and_removing_may_be_repeated() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let carol = fixture.account("carol").await;
        let nothing = [edit("bob", F)];
        let changes = done(edit_lists(&fixture, alice, ListEditKind::Remove, &nothing).await);
        assert!(changes.is_empty());
        let edits = [edit("bob", F | A), edit("carol", B), edit("nobody", F)];
        let add = || edit_lists(&fixture, alice, ListEditKind::Add, &edits);
        let changes = done(add().await);
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(|change| change.changed));
        assert_eq!(changes[0].contact.name, label("bob@example.com"));
        assert_eq!(lists(&fixture, alice, bob).await, F | A);
        assert_eq!(lists(&fixture, alice, carol).await, B);
        assert_eq!(lists(&fixture, bob, alice).await, R | P);
        let again = done(add().await);
        assert!(again.iter().all(|change| !change.changed));

        let fewer = [edit("bob", F), edit("carol", F | A), edit("nobody", A)];
        let remove = || edit_lists(&fixture, alice, ListEditKind::Remove, &fewer);
        let changes = done(remove().await);
        assert!(changes[0].changed && !changes[1].changed);
        assert_eq!(lists(&fixture, alice, bob).await, A);
        assert_eq!(lists(&fixture, bob, alice).await, 0);
        assert!(done(remove().await).iter().all(|change| !change.changed));
    }

    #[tokio::test]
    async fn blocking_while_allowed_is_kept_and_one_self_is_nobody() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        for bits in [A, B] {
            let edits = [edit("bob", bits), edit("alice", F)];
            let changes = done(edit_lists(&fixture, alice, ListEditKind::Add, &edits).await);
            assert_eq!(changes.len(), 1);
        }
        assert_eq!(lists(&fixture, alice, bob).await, A | B);
    }

    #[tokio::test]
    async fn deciding_ends_the_pending_state() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        done(
            fixture
                .add(bob, by_address("alice"), List::Forward, None)
                .await,
        );
        assert_eq!(lists(&fixture, alice, bob).await, R | P);
        let edits = [edit("bob", A)];
        done(edit_lists(&fixture, alice, ListEditKind::Add, &edits).await);
        assert_eq!(lists(&fixture, alice, bob).await, A | R);
    }

    #[tokio::test]
    async fn what_a_client_kept_fills_only_what_the_owner_left_empty() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let carol = fixture.account("carol").await;
        done(
            fixture
                .add(bob, by_address("alice"), List::Forward, None)
                .await,
        );
        done(
            fixture
                .add(alice, by_address("carol"), List::Block, None)
                .await,
        );
        let kept = [edit("bob", F | A), edit("carol", F | A)];
        let changes = done(edit_lists(&fixture, alice, ListEditKind::Merge, &kept).await);
        assert_eq!(changes.len(), 1);
        assert!(changes[0].changed);
        assert_eq!(lists(&fixture, alice, bob).await, F | A | R);
        assert_eq!(lists(&fixture, alice, carol).await, B);
    }

    #[tokio::test]
    async fn what_was_taken_away_is_not_brought_back_by_a_client_that_kept_it() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let (bob, carol) = (fixture.account("bob").await, fixture.account("carol").await);
        let all = [edit("bob", F | A), edit("carol", F | A)];
        done(edit_lists(&fixture, alice, ListEditKind::Add, &all).await);
        // Carol's card stays behind, Bob's goes.
        let carols = fixture.row(alice, carol).await.unwrap().guid;
        let unfollow = BookRequest::UpdateCards(vec![CardChange {
            card: CardRef::Card(carols),
            messenger: Some(false),
            fields: CardPatch::default(),
        }]);
        done(fixture.change(alice, unfollow).await);
        let gone = [edit("bob", F), edit("carol", A), edit("bob", A)];
        done(edit_lists(&fixture, alice, ListEditKind::Remove, &gone).await);
        let kept = || edit_lists(&fixture, alice, ListEditKind::Merge, &all);
        assert!(done(kept().await).iter().all(|change| !change.changed));
        assert_eq!(lists(&fixture, alice, bob).await, 0);
        assert_eq!(lists(&fixture, alice, carol).await, 0);
        // Whom the owner asks for comes back all the same.
        done(edit_lists(&fixture, alice, ListEditKind::Add, &all).await);
        assert_eq!(lists(&fixture, alice, bob).await, F | A);
        assert_eq!(fixture.row(alice, carol).await.unwrap().guid, carols);
    }

    #[tokio::test]
    async fn a_full_list_undoes_all_but_a_merge() {
        let limit = 2;
        let fixture = Fixture::with(ListLimits {
            forward: limit,
            ..ListLimits::default()
        })
        .await;
        let alice = fixture.account("alice").await;
        let mut edits = Vec::new();
        for number in 0..=limit {
            let name = format!("friend{number}");
            fixture.account(&name).await;
            edits.push(edit(&name, F));
        }
        let full = edit_lists(&fixture, alice, ListEditKind::Add, &edits).await;
        assert_eq!(refused(full), Refusal::ListFull);
        let standing = fixture.store.standing(alice).await.unwrap().unwrap();
        assert!(standing.lists.is_empty());
        let changes = done(edit_lists(&fixture, alice, ListEditKind::Merge, &edits).await);
        let added = changes.iter().filter(|change| change.changed).count();
        assert_eq!(added, usize::try_from(limit).unwrap());
    }

    #[tokio::test]
    async fn known_addresses_are_those_of_accounts() {
        let fixture = Fixture::new().await;
        fixture.account("bob").await;
        let asked = vec![address("bob"), address("eve")];
        let known = fixture.store.known_addresses(asked).await.unwrap();
        assert_eq!(known, HashSet::from([address("bob")]));
    }
}
