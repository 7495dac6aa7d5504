//! Changes of the lists in a contact book.
//!
//! Each decides what the owner's row about one other account shall be, and leaves all that follows
//! to [`pairs`](super::pairs).

use super::book::{group_bit, read_groups};
use super::cards;
use super::groups::find;
use super::pairs::{check_room, read_pair, write};
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{ListLimits, Store};
use crate::model::{
    Address, Contact, ContactRef, GroupNumber, GroupRef, Label, List, Phones, Refusal,
    StandingEdit, UserId,
};

/// The wish to put somebody on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddToList {
    pub target: ContactRef,
    /// Forward, allow or block; the server keeps the others.
    pub list: List,
    /// The name for a new contact, and for one that comes onto the forward list.
    pub name: Option<Label>,
    /// For the forward list only.
    pub group: Option<GroupRef>,
    pub opposite: Opposite,
}

/// What becomes of somebody who is to be allowed while blocked, or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opposite {
    /// They have to be taken off the other list first, as the official clients do.
    Refused,
    /// They are on both for as long as the client takes; the block is what counts.
    Kept,
}

/// A change of one contact, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    /// Whether anything changed. If not, `owner` has the revision as it is, and nobody needs
    /// to hear of it but the one who asked.
    pub changed: bool,
    /// The contact after the change. One that left the book has no lists any more.
    pub contact: Contact,
    pub owner: StandingEdit,
    /// The target's book, if the owner entered or left their reverse list.
    pub other: Option<StandingEdit>,
    /// The target's book, if the change showed or hid the owner's phone numbers in it.
    pub phones_seen: Option<PhonesSeen>,
    /// The group that the request named.
    pub group: Option<GroupNumber>,
    pub owner_address: Address,
    /// The owner's display name, for the notice to the target.
    pub owner_name: Label,
}

/// What the other side sees of the owner's phone numbers from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonesSeen {
    pub edit: StandingEdit,
    /// Empty if they are hidden now.
    pub phones: Phones,
}

impl Store {
    /// Puts somebody on the owner's forward, allow or block list, or a forward contact into one
    /// more group.
    ///
    /// Refused: `InvalidParameter` for another list, a group with one that has none, or the
    /// owner themself; `UnknownAccount` for an address without account; `UnknownContact` for an
    /// identity that is not in the book; `UnknownGroup`; `AlreadyThere`; `OppositeList` for
    /// allow while blocked and the reverse, unless it is to be kept; `ListFull`; `Unavailable` if the owner is gone.
    pub async fn add_to_list<R: Send + 'static>(
        &self,
        owner: UserId,
        request: AddToList,
        published: impl FnOnce(&ListChange) -> R + Send + 'static,
    ) -> Published<ListChange, R> {
        let limits = *self.limits.now();
        self.writer
            .publish(
                move |turn| Box::pin(add(turn, owner, request, limits)),
                published,
            )
            .await
    }

    /// Takes somebody off a list, or a forward contact out of one group.
    ///
    /// Taking off the pending list is a decision, not an absence: it succeeds as long as the
    /// contact follows the owner, however often it is repeated.
    ///
    /// Refused: `InvalidParameter` for the reverse list or a group with a list that has none;
    /// `NotOnList`; `UnknownContact` for an identity that is not in the book; `UnknownGroup`;
    /// `NotInGroup`; `Unavailable` if the owner is gone.
    pub async fn remove_from_list<R: Send + 'static>(
        &self,
        owner: UserId,
        target: ContactRef,
        list: List,
        group: Option<GroupRef>,
        published: impl FnOnce(&ListChange) -> R + Send + 'static,
    ) -> Published<ListChange, R> {
        self.writer
            .publish(
                move |turn| Box::pin(remove(turn, owner, target, list, group)),
                published,
            )
            .await
    }

    /// Ends the pending state of somebody who follows the owner. May be repeated.
    ///
    /// Refused: `NotOnList` unless they follow the owner; `Unavailable` if the owner is gone.
    pub async fn settle_pending<R: Send + 'static>(
        &self,
        owner: UserId,
        target: &Address,
        published: impl FnOnce(&ListChange) -> R + Send + 'static,
    ) -> Published<ListChange, R> {
        let target = ContactRef::Address(target.clone());
        self.writer
            .publish(move |turn| Box::pin(settle(turn, owner, target)), published)
            .await
    }

    /// Changes the name that the owner keeps for a forward contact. The same name again
    /// succeeds and changes nothing: clients do that at every presence notice.
    ///
    /// Refused, for who is not on the forward list: `NotOnList` if named by address,
    /// `UnknownContact` if by identity; `Unavailable` if the owner is gone.
    pub async fn rename_contact<R: Send + 'static>(
        &self,
        owner: UserId,
        target: ContactRef,
        name: Label,
        published: impl FnOnce(&ListChange) -> R + Send + 'static,
    ) -> Published<ListChange, R> {
        self.writer
            .publish(
                move |turn| Box::pin(rename(turn, owner, target, name)),
                published,
            )
            .await
    }
}

async fn add(
    turn: &mut Turn,
    owner: UserId,
    request: AddToList,
    limits: ListLimits,
) -> Result<ListChange, Stop> {
    let opposite = match request.list {
        List::Forward => None,
        List::Allow => Some(List::Block),
        List::Block => Some(List::Allow),
        List::Reverse | List::Pending => return Err(Refusal::InvalidParameter.into()),
    };
    let pair = read_pair(turn, owner, &request.target, Refusal::UnknownAccount).await?;
    if pair.target.id == owner {
        return Err(Refusal::InvalidParameter.into());
    }
    let group = read_group(turn, owner, request.list, request.group.as_ref()).await?;
    let bit = group.map_or(0, group_bit);
    let mut row = pair.row_or_new();
    if pair.row.is_none() {
        row.name = request.name.clone().unwrap_or(row.name);
    }
    if row.lists.has(request.list) {
        if row.group_bits & bit == bit {
            return Err(Refusal::AlreadyThere.into());
        }
        row.group_bits |= bit;
        return Ok(write(turn, pair, row, group).await?);
    }
    let is_opposite = opposite.is_some_and(|opposite| row.lists.has(opposite));
    if is_opposite && request.opposite == Opposite::Refused {
        return Err(Refusal::OppositeList.into());
    }
    check_room(turn, owner, request.list, limits).await?;
    row.lists = row.lists.with(request.list);
    if request.list == List::Forward {
        row.group_bits = bit;
        cards::take_over(turn, owner, pair.card.as_ref(), &mut row, limits).await?;
        row.name = request.name.unwrap_or(row.name);
    } else {
        row.lists = row.lists.without(List::Pending);
    }
    Ok(write(turn, pair, row, group).await?)
}

async fn remove(
    turn: &mut Turn,
    owner: UserId,
    target: ContactRef,
    list: List,
    group: Option<GroupRef>,
) -> Result<ListChange, Stop> {
    if list == List::Reverse {
        return Err(Refusal::InvalidParameter.into());
    }
    let pair = read_pair(turn, owner, &target, Refusal::NotOnList).await?;
    let mut row = pair.row.clone().ok_or(Refusal::NotOnList)?;
    let is_settled = list == List::Pending && row.lists.has(List::Reverse);
    if !row.lists.has(list) && !is_settled {
        return Err(Refusal::NotOnList.into());
    }
    let group = read_group(turn, owner, list, group.as_ref()).await?;
    let bit = group.map_or(0, group_bit);
    match group {
        Some(GroupNumber::DEFAULT) if row.group_bits != 0 => {
            return Err(Refusal::NotInGroup.into());
        }
        // Whoever leaves the default group was in no other and leaves the list.
        None | Some(GroupNumber::DEFAULT) => {
            row.lists = row.lists.without(list);
            if list == List::Forward {
                row.group_bits = 0;
            }
        }
        Some(_) if row.group_bits & bit == 0 => return Err(Refusal::NotInGroup.into()),
        Some(_) => row.group_bits &= !bit,
    }
    Ok(write(turn, pair, row, group).await?)
}

async fn settle(turn: &mut Turn, owner: UserId, target: ContactRef) -> Result<ListChange, Stop> {
    let pair = read_pair(turn, owner, &target, Refusal::NotOnList).await?;
    let mut row = pair.row.clone().ok_or(Refusal::NotOnList)?;
    if !row.lists.has(List::Reverse) {
        return Err(Refusal::NotOnList.into());
    }
    row.lists = row.lists.without(List::Pending);
    Ok(write(turn, pair, row, None).await?)
}

async fn rename(
    turn: &mut Turn,
    owner: UserId,
    target: ContactRef,
    name: Label,
) -> Result<ListChange, Stop> {
    let absent = match target {
        ContactRef::Address(_) => Refusal::NotOnList,
        ContactRef::Guid(_) => Refusal::UnknownContact,
    };
    let pair = read_pair(turn, owner, &target, absent).await?;
    let mut row = pair.row.clone().ok_or(absent)?;
    if !row.lists.has(List::Forward) {
        return Err(absent.into());
    }
    row.name = name;
    Ok(write(turn, pair, row, None).await?)
}

/// The group that a request for `list` names.
async fn read_group(
    turn: &mut Turn,
    owner: UserId,
    list: List,
    wanted: Option<&GroupRef>,
) -> Result<Option<GroupNumber>, Stop> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    if list != List::Forward {
        return Err(Refusal::InvalidParameter.into());
    }
    if *wanted == GroupRef::Number(GroupNumber::DEFAULT) {
        return Ok(Some(GroupNumber::DEFAULT));
    }
    let groups = read_groups(turn.connection().await?, owner).await?;
    let group = find(&groups, wanted).ok_or(Refusal::UnknownGroup)?;
    Ok(Some(group.number))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, address, by_address, done, label, refused};
    use super::super::{GroupChange, Setting};
    use super::*;
    use crate::model::{Guid, ListSet, Phone, Standing, StandingChange};

    const F: List = List::Forward;
    const A: List = List::Allow;
    const B: List = List::Block;

    fn on(lists: &[List]) -> ListSet {
        let mut set = ListSet::EMPTY;
        for &list in lists {
            set = set.with(list);
        }
        set
    }

    fn group_number(change: &GroupChange) -> Option<GroupRef> {
        Some(GroupRef::Number(change.group.number))
    }

    fn by_number(number: u8) -> Option<GroupRef> {
        Some(GroupRef::Number(GroupNumber(number)))
    }

    /// Alice and Bob, who do not know each other.
    async fn pair() -> (Fixture, UserId, UserId) {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        (fixture, alice, bob)
    }

    async fn standing(fixture: &Fixture, user: UserId) -> Standing {
        fixture.store.standing(user).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_forward_contact_gets_its_address_as_name_and_sees_its_follower() {
        let (fixture, alice, bob) = pair().await;
        let revisions = (
            fixture.store.revision(alice).await.unwrap().unwrap(),
            fixture.store.revision(bob).await.unwrap().unwrap(),
        );
        let change = done(fixture.add(alice, by_address("bob"), F, None).await);
        assert!(change.changed);
        assert_eq!(change.contact.name, label("bob@example.com"));
        assert_eq!(change.contact.lists, on(&[F]));
        assert_eq!(change.contact.user, bob);
        assert_eq!(
            change.owner,
            StandingEdit {
                owner: alice,
                revision: revisions.0 + 1,
                change: StandingChange::Lists(bob, on(&[F])),
            }
        );
        assert_eq!(
            change.other,
            Some(StandingEdit {
                owner: bob,
                revision: revisions.1 + 1,
                change: StandingChange::Lists(alice, on(&[List::Reverse, List::Pending])),
            })
        );
        assert_eq!(change.owner_address, address("alice"));
        assert_eq!(change.owner_name, label("alice's name"));
        assert_eq!((change.phones_seen, change.group), (None, None));
        assert_eq!(fixture.row(alice, bob).await, Some(change.contact));
        let reverse = fixture.row(bob, alice).await.unwrap();
        assert_eq!(reverse.name, label("alice's name"));
        assert_eq!(reverse.lists, on(&[List::Reverse, List::Pending]));
    }

    #[tokio::test]
    async fn edits_lead_from_one_standing_to_the_next() {
        let (fixture, alice, bob) = pair().await;
        let mut mine = standing(&fixture, alice).await;
        let mut theirs = standing(&fixture, bob).await;
        for (list, adds) in [(F, true), (A, true), (F, false), (A, false), (B, true)] {
            let change = if adds {
                done(fixture.add(alice, by_address("bob"), list, None).await)
            } else {
                done(fixture.remove(alice, by_address("bob"), list, None).await)
            };
            mine.apply(&change.owner);
            change.other.iter().for_each(|edit| theirs.apply(edit));
            assert_eq!(mine, standing(&fixture, alice).await);
            assert_eq!(theirs, standing(&fixture, bob).await);
        }
    }

    #[tokio::test]
    async fn a_follower_who_was_decided_on_is_not_pending() {
        for list in [A, B] {
            let (fixture, alice, bob) = pair().await;
            done(fixture.add(bob, by_address("alice"), list, None).await);
            let kept = fixture.row(bob, alice).await.unwrap();
            let change = done(fixture.add(alice, by_address("bob"), F, None).await);
            let lists = on(&[list, List::Reverse]);
            assert_eq!(
                change.other.unwrap().change,
                StandingChange::Lists(alice, lists)
            );
            // The row stays the one it was.
            let row = fixture.row(bob, alice).await.unwrap();
            assert_eq!((row.guid, row.name), (kept.guid, kept.name));
        }
    }

    #[tokio::test]
    async fn allowing_or_blocking_ends_pending_and_keeps_the_name() {
        for list in [A, B] {
            let (fixture, alice, bob) = pair().await;
            done(fixture.add(bob, by_address("alice"), F, None).await);
            let request = AddToList {
                target: by_address("bob"),
                list,
                name: Some(label("Robert")),
                group: None,
                opposite: Opposite::Refused,
            };
            let change = done(fixture.store.add_to_list(alice, request, |_| ()).await);
            assert_eq!(change.contact.lists, on(&[list, List::Reverse]));
            assert_eq!(change.contact.name, label("bob's name"));
            assert_eq!((change.other, change.phones_seen), (None, None));
            // Putting them on the forward list takes a name that is given.
            let request = AddToList {
                target: ContactRef::Guid(change.contact.guid),
                list: F,
                name: Some(label("Robert")),
                group: None,
                opposite: Opposite::Refused,
            };
            let change = done(fixture.store.add_to_list(alice, request, |_| ()).await);
            assert_eq!(change.contact.name, label("Robert"));
            assert_eq!(change.contact.lists, on(&[F, list, List::Reverse]));
            assert_eq!(fixture.row(alice, bob).await, Some(change.contact));
        }
    }

    #[tokio::test]
    async fn a_new_contact_takes_the_given_name_on_every_list() {
        for list in [F, A, B] {
            let (fixture, alice, bob) = pair().await;
            let request = AddToList {
                target: by_address("bob"),
                list,
                name: Some(label("Robert")),
                group: None,
                opposite: Opposite::Refused,
            };
            done(fixture.store.add_to_list(alice, request, |_| ()).await);
            let row = fixture.row(alice, bob).await.unwrap();
            assert_eq!((row.name, row.lists), (label("Robert"), on(&[list])));
            assert_eq!(fixture.row(bob, alice).await.is_some(), list == F);
        }
    }

    #[tokio::test]
    async fn additions_that_make_no_sense_are_refused_and_change_nothing() {
        let (fixture, alice, bob) = pair().await;
        done(fixture.add(alice, by_address("bob"), F, None).await);
        done(fixture.add(alice, by_address("bob"), A, None).await);
        let before = (fixture.book(alice).await, fixture.book(bob).await);
        let unknown = ContactRef::Guid(Guid::random());
        // An identity means something in its own book only.
        let foreign = ContactRef::Guid(before.1.contacts[0].guid);
        let bob_ref = || by_address("bob");
        for (target, list, group, refusal) in [
            (by_address("nobody"), F, None, Refusal::UnknownAccount),
            (unknown, F, None, Refusal::UnknownContact),
            (foreign, A, None, Refusal::UnknownContact),
            (by_address("alice"), F, None, Refusal::InvalidParameter),
            (bob_ref(), List::Reverse, None, Refusal::InvalidParameter),
            (bob_ref(), List::Pending, None, Refusal::InvalidParameter),
            (bob_ref(), B, by_number(0), Refusal::InvalidParameter),
            (bob_ref(), F, None, Refusal::AlreadyThere),
            (bob_ref(), F, by_number(0), Refusal::AlreadyThere),
            (bob_ref(), A, None, Refusal::AlreadyThere),
            (bob_ref(), B, None, Refusal::OppositeList),
            (bob_ref(), F, by_number(7), Refusal::UnknownGroup),
            (bob_ref(), F, by_number(255), Refusal::UnknownGroup),
        ] {
            let answer = fixture
                .add(alice, target.clone(), list, group.clone())
                .await;
            assert_eq!(refused(answer), refusal, "{target:?} {list:?} {group:?}");
        }
        assert_eq!((fixture.book(alice).await, fixture.book(bob).await), before);
        done(fixture.add(bob, by_address("alice"), B, None).await);
        let answer = fixture.add(bob, by_address("alice"), A, None).await;
        assert_eq!(refused(answer), Refusal::OppositeList);
    }

    #[tokio::test]
    async fn a_client_that_adds_before_it_removes_may_have_somebody_on_both_lists() {
        let (fixture, alice, _) = pair().await;
        done(fixture.add(alice, by_address("bob"), A, None).await);
        for (list, opposite) in [(B, A), (A, B)] {
            let request = AddToList {
                target: by_address("bob"),
                list,
                name: None,
                group: None,
                opposite: Opposite::Kept,
            };
            let change = done(fixture.store.add_to_list(alice, request, |_| ()).await);
            assert_eq!(change.contact.lists, on(&[A, B]));
            let change = done(
                fixture
                    .remove(alice, by_address("bob"), opposite, None)
                    .await,
            );
            assert_eq!(change.contact.lists, on(&[list]));
        }
    }

    #[tokio::test]
    async fn who_is_gone_changes_nothing() {
        let (fixture, alice, _) = pair().await;
        fixture.store.delete_account(alice).await.unwrap();
        let bob = || by_address("bob");
        let add = fixture.add(alice, bob(), F, None).await;
        assert_eq!(refused(add), Refusal::Unavailable);
        let remove = fixture.remove(alice, bob(), F, None).await;
        assert_eq!(refused(remove), Refusal::Unavailable);
    }

    #[tokio::test]
    async fn a_refused_change_is_not_published() {
        let (fixture, alice, _) = pair().await;
        let request = AddToList {
            target: by_address("nobody"),
            list: F,
            name: None,
            group: None,
            opposite: Opposite::Refused,
        };
        let answer = fixture
            .store
            .add_to_list(alice, request, |_| panic!("published"))
            .await;
        let answer: Result<(ListChange, ()), Refusal> = answer.unwrap();
        assert_eq!(answer, Err(Refusal::UnknownAccount));
    }

    #[tokio::test]
    async fn each_list_has_its_own_limit() {
        let limits = ListLimits {
            forward: 1,
            allow: 2,
            block: 1,
            ..ListLimits::default()
        };
        let fixture = Fixture::with(limits).await;
        let alice = fixture.account("alice").await;
        for name in ["a", "b", "c", "d", "e"] {
            fixture.account(name).await;
        }
        for (list, names, over) in [
            (F, &["a"][..], "b"),
            (A, &["a", "b"], "c"),
            (B, &["d"], "e"),
        ] {
            for name in names {
                done(fixture.add(alice, by_address(name), list, None).await);
            }
            let answer = fixture.add(alice, by_address(over), list, None).await;
            assert_eq!(refused(answer), Refusal::ListFull, "{list:?}");
        }
        // One more group for a member is no new entry.
        let group = done(fixture.group(alice, "Friends").await);
        let group = group_number(&group);
        done(fixture.add(alice, by_address("a"), F, group).await);
    }

    #[tokio::test]
    async fn a_member_may_enter_more_groups_without_any_notice_to_them() {
        let (fixture, alice, bob) = pair().await;
        let one = done(fixture.group(alice, "One").await);
        let two = done(fixture.group(alice, "Two").await);
        let add = fixture
            .add(alice, by_address("bob"), F, group_number(&two))
            .await;
        let change = done(add);
        assert_eq!(change.contact.groups, [GroupNumber(2)]);
        assert_eq!(change.group, Some(GroupNumber(2)));
        let theirs = fixture.book(bob).await;

        let by_guid = Some(GroupRef::Guid(one.group.guid));
        let request = AddToList {
            target: ContactRef::Guid(change.contact.guid),
            list: F,
            name: Some(label("bob@example.com")),
            group: by_guid.clone(),
            opposite: Opposite::Refused,
        };
        let again = done(fixture.store.add_to_list(alice, request, |_| ()).await);
        assert_eq!(again.contact.groups, [GroupNumber(1), GroupNumber(2)]);
        assert_eq!(again.owner.change, StandingChange::Nothing);
        assert_eq!(again.owner.revision, change.owner.revision + 1);
        assert_eq!(again.other, None);
        assert_eq!(fixture.book(bob).await, theirs);
        assert_eq!(fixture.row(alice, bob).await, Some(again.contact));

        let by_name = GroupRef::Name(Label::from_wire(b"%54wo", Label::GROUP_MAX).unwrap());
        for group in [by_guid, Some(by_name), by_number(2), by_number(0)] {
            let answer = fixture.add(alice, by_address("bob"), F, group).await;
            assert_eq!(refused(answer), Refusal::AlreadyThere);
        }
    }

    #[tokio::test]
    async fn leaving_a_group_is_not_leaving_the_list() {
        let (fixture, alice, bob) = pair().await;
        for name in ["One", "Two"] {
            done(fixture.group(alice, name).await);
            let group = Some(GroupRef::Name(label(name)));
            done(fixture.add(alice, by_address("bob"), F, group).await);
        }
        done(fixture.group(alice, "Three").await);
        let theirs = fixture.book(bob).await;
        let leave = |number| fixture.remove(alice, by_address("bob"), F, by_number(number));
        assert_eq!(refused(leave(9).await), Refusal::UnknownGroup);
        assert_eq!(refused(leave(3).await), Refusal::NotInGroup);
        assert_eq!(refused(leave(0).await), Refusal::NotInGroup);
        assert_eq!(done(leave(2).await).contact.groups, [GroupNumber(1)]);
        let change = done(leave(1).await);
        assert!(change.contact.groups.is_empty() && change.contact.lists == on(&[F]));
        assert_eq!(change.owner.change, StandingChange::Nothing);
        assert_eq!(fixture.book(bob).await, theirs);
        // In no other group, the contact is in the default one, and leaves the list with it.
        let change = done(leave(0).await);
        assert!(change.contact.lists.is_empty());
        assert_eq!(change.group, Some(GroupNumber::DEFAULT));
        assert_eq!(fixture.row(alice, bob).await, None);
        assert_eq!(fixture.row(bob, alice).await, None);
    }

    #[tokio::test]
    async fn leaving_the_forward_list_ends_groups_reverse_and_pending_and_nothing_else() {
        let (fixture, alice, bob) = pair().await;
        let group = done(fixture.group(alice, "One").await);
        done(fixture.add(alice, by_address("bob"), A, None).await);
        let add = fixture
            .add(alice, by_address("bob"), F, group_number(&group))
            .await;
        let guid = done(add).contact.guid;
        done(fixture.add(bob, by_address("alice"), B, None).await);
        let change = done(fixture.remove(alice, ContactRef::Guid(guid), F, None).await);
        assert_eq!(change.contact.lists, on(&[A]));
        assert!(change.contact.groups.is_empty());
        assert_eq!(
            change.other.unwrap().change,
            StandingChange::Lists(alice, on(&[B]))
        );
        assert_eq!(fixture.row(alice, bob).await, Some(change.contact));
        assert_eq!(fixture.row(bob, alice).await.unwrap().lists, on(&[B]));
        // Coming back, the contact is in no group.
        let change = done(fixture.add(alice, by_address("bob"), F, None).await);
        assert!(change.contact.groups.is_empty());
    }

    #[tokio::test]
    async fn a_row_on_no_list_is_gone() {
        let (fixture, alice, bob) = pair().await;
        for list in [F, A, B] {
            done(fixture.add(alice, by_address("bob"), list, None).await);
            let change = done(fixture.remove(alice, by_address("bob"), list, None).await);
            assert_eq!(
                change.owner.change,
                StandingChange::Lists(bob, ListSet::EMPTY)
            );
            assert_eq!(change.contact.address, address("bob"));
            assert_eq!(fixture.row(alice, bob).await, None);
            assert_eq!(fixture.row(bob, alice).await, None);
        }
    }

    #[tokio::test]
    async fn removals_that_make_no_sense_are_refused_and_change_nothing() {
        let (fixture, alice, bob) = pair().await;
        let guid = done(fixture.add(alice, by_address("bob"), A, None).await)
            .contact
            .guid;
        done(fixture.add(bob, by_address("alice"), F, None).await);
        let before = (fixture.book(alice).await, fixture.book(bob).await);
        let bob_ref = || by_address("bob");
        for (target, list, group, refusal) in [
            (by_address("nobody"), F, None, Refusal::NotOnList),
            (
                ContactRef::Guid(Guid::random()),
                F,
                None,
                Refusal::UnknownContact,
            ),
            (ContactRef::Guid(guid), F, None, Refusal::NotOnList),
            (bob_ref(), F, None, Refusal::NotOnList),
            (bob_ref(), F, by_number(0), Refusal::NotOnList),
            (bob_ref(), B, None, Refusal::NotOnList),
            (bob_ref(), List::Reverse, None, Refusal::InvalidParameter),
            (bob_ref(), A, by_number(0), Refusal::InvalidParameter),
            (by_address("alice"), F, None, Refusal::NotOnList),
        ] {
            let answer = fixture.remove(alice, target.clone(), list, group).await;
            assert_eq!(refused(answer), refusal, "{target:?} {list:?}");
        }
        // Bob has Alice on his forward list only: nothing is pending with him.
        let answer = fixture
            .remove(bob, by_address("alice"), List::Pending, None)
            .await;
        assert_eq!(refused(answer), Refusal::NotOnList);
        assert_eq!((fixture.book(alice).await, fixture.book(bob).await), before);
    }

    #[tokio::test]
    async fn pending_can_be_settled_in_either_way_and_again() {
        for by_removal in [true, false] {
            let (fixture, alice, bob) = pair().await;
            done(fixture.add(bob, by_address("alice"), F, None).await);
            let mut revision = fixture.book(alice).await.revision;
            for changed in [true, false] {
                let answer = if by_removal {
                    fixture
                        .remove(alice, by_address("bob"), List::Pending, None)
                        .await
                } else {
                    let bob = address("bob");
                    fixture.store.settle_pending(alice, &bob, |_| ()).await
                };
                let change = done(answer);
                revision += u64::from(changed);
                assert_eq!(change.changed, changed);
                assert_eq!(change.owner.revision, revision);
                assert_eq!(change.contact.lists, on(&[List::Reverse]));
                assert_eq!(change.other, None);
                assert_eq!(fixture.book(alice).await.revision, revision);
            }
            assert_eq!(
                fixture.row(alice, bob).await.unwrap().lists,
                on(&[List::Reverse])
            );
        }
    }

    #[tokio::test]
    async fn only_a_follower_can_be_settled() {
        let (fixture, alice, _) = pair().await;
        done(fixture.add(alice, by_address("bob"), A, None).await);
        for name in ["bob", "nobody"] {
            let target = address(name);
            let answer = fixture.store.settle_pending(alice, &target, |_| ()).await;
            assert_eq!(refused(answer), Refusal::NotOnList);
        }
    }

    #[tokio::test]
    async fn a_name_changes_once_and_only_for_the_owner() {
        let (fixture, alice, bob) = pair().await;
        let first = done(fixture.add(alice, by_address("bob"), F, None).await);
        let theirs = fixture.book(bob).await;
        let rename = |target, name: &'static [u8]| {
            let name = Label::from_wire(name, Label::NAME_MAX).unwrap();
            fixture.store.rename_contact(alice, target, name, |_| ())
        };
        let change = done(rename(by_address("bob"), b"Bobby").await);
        assert!(change.changed);
        assert_eq!(change.owner.revision, first.owner.revision + 1);
        assert_eq!(change.owner.change, StandingChange::Nothing);
        let before = fixture.book(alice).await;
        assert_eq!(before.contacts[0].name, label("Bobby"));
        // A client that was refused a name repeats it with everything escaped.
        let guid = ContactRef::Guid(change.contact.guid);
        let change = done(rename(guid, b"%42obby").await);
        assert!(!change.changed && change.owner.revision == before.revision);
        assert_eq!(fixture.book(alice).await, before);
        assert_eq!(fixture.book(bob).await, theirs);
    }

    #[tokio::test]
    async fn only_forward_contacts_are_renamed() {
        let (fixture, alice, _) = pair().await;
        let guid = done(fixture.add(alice, by_address("bob"), A, None).await)
            .contact
            .guid;
        for (target, refusal) in [
            (by_address("bob"), Refusal::NotOnList),
            (by_address("nobody"), Refusal::NotOnList),
            (ContactRef::Guid(guid), Refusal::UnknownContact),
            (ContactRef::Guid(Guid::random()), Refusal::UnknownContact),
        ] {
            let store = &fixture.store;
            let answer = store
                .rename_contact(alice, target, label("x"), |_| ())
                .await;
            assert_eq!(refused(answer), refusal);
        }
    }

    #[tokio::test]
    async fn the_list_stamp_moves_forward_even_if_the_clock_does_not() {
        let (fixture, alice, bob) = pair().await;
        fixture
            .sql("UPDATE account SET lists_changed_at = lists_changed_at + 1000000000")
            .await;
        let before = [
            fixture.book(alice).await.stamps,
            fixture.book(bob).await.stamps,
        ];
        done(fixture.add(alice, by_address("bob"), F, None).await);
        let after = [
            fixture.book(alice).await.stamps,
            fixture.book(bob).await.stamps,
        ];
        for (before, after) in before.into_iter().zip(after) {
            assert_eq!(after.lists, before.lists + 1);
            assert_eq!(after.settings, before.settings);
        }
    }

    #[tokio::test]
    async fn phone_numbers_show_to_who_is_allowed_by_name() {
        let (fixture, alice, bob) = pair().await;
        let number = label("555 1234");
        let phone = Setting::Phone(Phone::Home, Some(number.clone()));
        done(fixture.set(bob, phone).await);
        let add = done(fixture.add(alice, by_address("bob"), F, None).await);
        assert!(add.contact.phones.is_empty());
        let before = fixture.book(alice).await;

        let change = done(fixture.add(bob, by_address("alice"), A, None).await);
        let seen = change.phones_seen.unwrap();
        assert_eq!(seen.phones.home, Some(number.clone()));
        assert_eq!(
            seen.edit,
            StandingEdit {
                owner: alice,
                revision: before.revision + 1,
                change: StandingChange::Nothing,
            }
        );
        assert_eq!(change.other, None);
        let after = fixture.book(alice).await;
        assert_eq!(after.revision, seen.edit.revision);
        assert!(after.stamps.lists > before.stamps.lists);
        assert_eq!(after.contacts[0].phones.home, Some(number));

        let change = done(fixture.remove(bob, by_address("alice"), A, None).await);
        let hidden = change.phones_seen.unwrap();
        assert!(hidden.phones.is_empty());
        assert_eq!(hidden.edit.revision, after.revision + 1);
        assert!(fixture.row(alice, bob).await.unwrap().phones.is_empty());
        // Blocking who was not allowed hides nothing that was shown.
        let change = done(fixture.add(bob, by_address("alice"), B, None).await);
        assert_eq!(change.phones_seen, None);
    }

    #[tokio::test]
    async fn phone_numbers_move_no_book_that_does_not_show_them() {
        let (fixture, alice, bob) = pair().await;
        // Nobody follows, then nothing is set.
        done(
            fixture
                .set(bob, Setting::Phone(Phone::Work, Some(label("1"))))
                .await,
        );
        let change = done(fixture.add(bob, by_address("alice"), A, None).await);
        assert_eq!(change.phones_seen, None);
        done(fixture.remove(bob, by_address("alice"), A, None).await);
        done(fixture.set(bob, Setting::Phone(Phone::Work, None)).await);
        done(fixture.add(alice, by_address("bob"), F, None).await);
        let before = fixture.book(alice).await;
        let change = done(fixture.add(bob, by_address("alice"), A, None).await);
        assert_eq!(change.phones_seen, None);
        assert_eq!(fixture.book(alice).await, before);
    }

    #[tokio::test]
    async fn a_contact_comes_with_the_phone_numbers_its_new_owner_may_see() {
        let (fixture, alice, _) = pair().await;
        let bob = fixture
            .store
            .account(&address("bob"))
            .await
            .unwrap()
            .unwrap()
            .id;
        done(
            fixture
                .set(bob, Setting::Phone(Phone::Mobile, Some(label("1"))))
                .await,
        );
        done(
            fixture
                .set(bob, Setting::Phone(Phone::MayPage, Some(label("Y"))))
                .await,
        );
        done(fixture.add(bob, by_address("alice"), A, None).await);
        let change = done(fixture.add(alice, by_address("bob"), F, None).await);
        assert_eq!(change.contact.phones.mobile, Some(label("1")));
        assert!(change.contact.phones.may_page);
        assert_eq!(fixture.row(alice, bob).await, Some(change.contact));
    }

    #[tokio::test]
    async fn contacts_come_in_the_order_in_which_they_were_added() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for name in ["c", "a", "b"] {
            fixture.account(name).await;
        }
        let names = ["b", "c", "a"];
        for name in names {
            done(fixture.add(alice, by_address(name), A, None).await);
        }
        done(fixture.add(alice, by_address("c"), F, None).await);
        let contacts = fixture.book(alice).await.contacts;
        let order: Vec<_> = contacts
            .into_iter()
            .map(|contact| contact.address)
            .collect();
        assert_eq!(order, names.map(address));
    }

    #[tokio::test]
    async fn the_sign_in_state_is_the_book_in_short() {
        let (fixture, alice, _) = pair().await;
        done(fixture.add(alice, by_address("bob"), F, None).await);
        let state = fixture.store.sign_in_state(alice).await.unwrap().unwrap();
        let book = fixture.book(alice).await;
        assert_eq!(state.address, address("alice"));
        assert_eq!(state.settings, book.settings);
        assert_eq!(state.standing.revision, book.revision);
        assert_eq!(state.standing, standing(&fixture, alice).await);
        assert_eq!(book.default_group_name, label("~"));
    }
}
