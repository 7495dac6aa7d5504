//! Changes of the lists in a contact book.
//!
//! Each reads both sides of the pair at once, decides what the owner's row shall be, and leaves
//! the rest to [`write`](fn@write): it compares before and after, and everything that follows,
//! the target's reverse list, what the target sees of the owner's phone numbers, revisions and
//! stamps, is derived there and nowhere else.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::book::{bump_lists, group_bit, groups_of, read_groups, shows_phones};
use super::groups::find;
use super::rows;
use super::writer::{Published, Stop, Turn};
use super::{ListLimits, Store, StoreError};
use crate::model::{
    Address, Contact, ContactRef, GroupNumber, GroupRef, Guid, Label, List, ListSet, Phones,
    Refusal, StandingChange, StandingEdit, UserId,
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
    /// allow while blocked and the reverse; `ListFull`; `Unavailable` if the owner is gone.
    pub async fn add_to_list<R: Send + 'static>(
        &self,
        owner: UserId,
        request: AddToList,
        published: impl FnOnce(&ListChange) -> R + Send + 'static,
    ) -> Published<ListChange, R> {
        let limits = self.limits;
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
    let (limit, opposite) = match request.list {
        List::Forward => (limits.forward, None),
        List::Allow => (limits.allow, Some(List::Block)),
        List::Block => (limits.block, Some(List::Allow)),
        List::Reverse | List::Pending => return Err(Refusal::InvalidParameter.into()),
    };
    let pair = read_pair(turn, owner, &request.target, Refusal::UnknownAccount).await?;
    if pair.target.id == owner {
        return Err(Refusal::InvalidParameter.into());
    }
    let group = read_group(turn, owner, request.list, request.group.as_ref()).await?;
    let bit = group.map_or(0, group_bit);
    let mut row = pair.row.clone().unwrap_or_else(|| Row {
        guid: Guid::random(),
        name: (request.name.clone()).unwrap_or_else(|| pair.target.address_as_name()),
        lists: ListSet::EMPTY,
        group_bits: 0,
    });
    if row.lists.has(request.list) {
        if row.group_bits & bit == bit {
            return Err(Refusal::AlreadyThere.into());
        }
        row.group_bits |= bit;
        return Ok(write(turn, pair, row, group).await?);
    }
    if opposite.is_some_and(|opposite| row.lists.has(opposite)) {
        return Err(Refusal::OppositeList.into());
    }
    if count(turn, owner, request.list).await? >= i64::from(limit) {
        return Err(Refusal::ListFull.into());
    }
    row.lists = row.lists.with(request.list);
    if request.list == List::Forward {
        row.group_bits = bit;
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
    let groups = read_groups(&mut turn.connection, owner).await?;
    let group = find(&groups, wanted).ok_or(Refusal::UnknownGroup)?;
    Ok(Some(group.number))
}

/// How many are on one of the owner's lists.
async fn count(turn: &mut Turn, owner: UserId, list: List) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM contact WHERE owner_id = $1 AND (list_bits & $2) <> 0",
    )
    .bind(owner.0)
    .bind(list.bit())
    .fetch_one(&mut turn.connection)
    .await?;
    Ok(count)
}

/// One of the two accounts that a change is about.
#[derive(Debug)]
struct Person {
    id: UserId,
    address: Address,
    phones: Phones,
}

impl Person {
    /// The name clients expect of a contact without one (`docs/protocol/02 §6.1`).
    fn address_as_name(&self) -> Label {
        let address = self.address.as_str();
        // The longest address fits even with every sign escaped.
        Label::from_text(address, Label::NAME_MAX).unwrap_or_else(|_| Label::from_stored(address))
    }
}

/// The owner's row about the target. Two are equal if their text is, as for labels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    guid: Guid,
    name: Label,
    lists: ListSet,
    group_bits: i64,
}

/// Both sides as they are before the change.
#[derive(Debug)]
struct Pair {
    owner: Person,
    owner_name: Label,
    revision: u64,
    target: Person,
    row: Option<Row>,
    /// The lists of the target that the owner is on; `None` if not in their book.
    back: Option<ListSet>,
}

macro_rules! pair_query {
    ($joins:literal) => {
        concat!(
            "SELECT o.address AS owner_address, o.name AS owner_name, o.revision, \
             o.phone_home AS owner_home, o.phone_work AS owner_work, \
             o.phone_mobile AS owner_mobile, o.may_page AS owner_may_page, \
             t.id AS target_id, t.address AS target_address, \
             t.phone_home, t.phone_work, t.phone_mobile, t.may_page, \
             c.guid, c.name, c.list_bits, c.group_bits, back.list_bits AS back_bits \
             FROM account o ",
            $joins,
            " LEFT JOIN contact back ON back.owner_id = t.id AND back.contact_id = o.id \
             WHERE o.id = $1"
        )
    };
}

const PAIR_BY_ADDRESS: &str = pair_query!(
    "LEFT JOIN account t ON t.address = $2 \
     LEFT JOIN contact c ON c.owner_id = o.id AND c.contact_id = t.id"
);

const PAIR_BY_GUID: &str = pair_query!(
    "LEFT JOIN contact c ON c.owner_id = o.id AND c.guid = $2 \
     LEFT JOIN account t ON t.id = c.contact_id"
);

/// Reads both sides in one step. `unknown` is the refusal for an address without account.
async fn read_pair(
    turn: &mut Turn,
    owner: UserId,
    target: &ContactRef,
    unknown: Refusal,
) -> Result<Pair, Stop> {
    let (query, key, unknown) = match target {
        ContactRef::Address(address) => (PAIR_BY_ADDRESS, address.to_string(), unknown),
        ContactRef::Guid(guid) => (PAIR_BY_GUID, guid.to_string(), Refusal::UnknownContact),
    };
    let row = sqlx::query(query)
        .bind(owner.0)
        .bind(key)
        .fetch_optional(&mut turn.connection)
        .await?
        .ok_or(Refusal::Unavailable)?;
    let target = row.try_get::<Option<i64>, _>("target_id")?.ok_or(unknown)?;
    Ok(pair(&row, owner, UserId(target))?)
}

fn pair(row: &SqliteRow, owner: UserId, target: UserId) -> Result<Pair, StoreError> {
    const OWNER_PHONES: [&str; 4] = ["owner_home", "owner_work", "owner_mobile", "owner_may_page"];
    let lists = |column: &str, id: UserId| -> Result<Option<ListSet>, StoreError> {
        row.try_get::<Option<i64>, _>(column)?
            .map(|bits| rows::lists(bits, id.0))
            .transpose()
    };
    let kept = match lists("list_bits", owner)? {
        Some(lists) => Some(Row {
            guid: rows::guid(row.try_get("guid")?, "contact", owner.0)?,
            name: rows::label(row, "name")?,
            lists,
            group_bits: row.try_get("group_bits")?,
        }),
        None => None,
    };
    Ok(Pair {
        owner: Person {
            id: owner,
            address: rows::address(row.try_get("owner_address")?, owner.0)?,
            phones: rows::phones(row, OWNER_PHONES)?,
        },
        owner_name: rows::label(row, "owner_name")?,
        revision: rows::revision(row.try_get("revision")?, owner.0)?,
        target: Person {
            id: target,
            address: rows::address(row.try_get("target_address")?, target.0)?,
            phones: rows::phones(row, rows::PHONES)?,
        },
        row: kept,
        back: lists("back_bits", target)?,
    })
}

/// Makes `after` the owner's row about the target, with all that follows from it.
async fn write(
    turn: &mut Turn,
    pair: Pair,
    after: Row,
    group: Option<GroupNumber>,
) -> Result<ListChange, StoreError> {
    let (owner, target) = (pair.owner.id, pair.target.id);
    let before = pair.row.as_ref().map_or(ListSet::EMPTY, |row| row.lists);
    let changed = pair.row.as_ref() != Some(&after);
    let mut edit = StandingEdit {
        owner,
        revision: pair.revision,
        change: StandingChange::Nothing,
    };
    let (mut other, mut phones_seen) = (None, None);
    if changed {
        edit.revision = bump_lists(turn, owner).await?;
        if before != after.lists {
            edit.change = StandingChange::Lists(target, after.lists);
        }
        write_row(turn, owner, target, &after, edit.revision).await?;
        if before.has(List::Forward) != after.lists.has(List::Forward) {
            other = reflect(turn, &pair, after.lists.has(List::Forward)).await?;
        }
        if shows_phones(before) != shows_phones(after.lists) {
            phones_seen = show_phones(turn, &pair, shows_phones(after.lists)).await?;
        }
    }
    Ok(ListChange {
        changed,
        contact: Contact {
            user: target,
            address: pair.target.address,
            guid: after.guid,
            name: after.name,
            lists: after.lists,
            groups: groups_of(after.group_bits),
            phones: if pair.back.is_some_and(shows_phones) {
                pair.target.phones
            } else {
                Phones::default()
            },
        },
        owner: edit,
        other,
        phones_seen,
        group,
        owner_address: pair.owner.address,
        owner_name: pair.owner_name,
    })
}

/// Brings the target's reverse and pending list in line with the owner's forward list.
async fn reflect(
    turn: &mut Turn,
    pair: &Pair,
    follows: bool,
) -> Result<Option<StandingEdit>, StoreError> {
    let (owner, target) = (pair.owner.id, pair.target.id);
    let before = pair.back.unwrap_or_default();
    let is_decided = before.has(List::Allow) || before.has(List::Block);
    let after = match follows {
        true if is_decided => before.with(List::Reverse),
        true => before.with(List::Reverse).with(List::Pending),
        false => before.without(List::Reverse).without(List::Pending),
    };
    if after == before {
        return Ok(None);
    }
    let revision = bump_lists(turn, target).await?;
    if pair.back.is_some() && !after.is_empty() {
        sqlx::query("UPDATE contact SET list_bits = $3 WHERE owner_id = $1 AND contact_id = $2")
            .bind(target.0)
            .bind(owner.0)
            .bind(after.bits())
            .execute(&mut turn.connection)
            .await?;
    } else {
        let row = Row {
            guid: Guid::random(),
            name: pair.owner_name.clone(),
            lists: after,
            group_bits: 0,
        };
        write_row(turn, target, owner, &row, revision).await?;
    }
    Ok(Some(StandingEdit {
        owner: target,
        revision,
        change: StandingChange::Lists(owner, after),
    }))
}

/// Moves the target's book forward if the owner's phone numbers come or go in it.
async fn show_phones(
    turn: &mut Turn,
    pair: &Pair,
    shown: bool,
) -> Result<Option<PhonesSeen>, StoreError> {
    let is_followed = pair.back.is_some_and(|lists| lists.has(List::Forward));
    if !is_followed || pair.owner.phones.is_empty() {
        return Ok(None);
    }
    let revision = bump_lists(turn, pair.target.id).await?;
    Ok(Some(PhonesSeen {
        edit: StandingEdit {
            owner: pair.target.id,
            revision,
            change: StandingChange::Nothing,
        },
        phones: if shown {
            pair.owner.phones.clone()
        } else {
            Phones::default()
        },
    }))
}

/// Writes one row, new or not; a contact on no list has none. A new row takes its place in the
/// order from `revision`.
async fn write_row(
    turn: &mut Turn,
    owner: UserId,
    contact: UserId,
    row: &Row,
    revision: u64,
) -> Result<(), StoreError> {
    if row.lists.is_empty() {
        sqlx::query("DELETE FROM contact WHERE owner_id = $1 AND contact_id = $2")
            .bind(owner.0)
            .bind(contact.0)
            .execute(&mut turn.connection)
            .await?;
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, added_in) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (owner_id, contact_id) DO UPDATE SET name = excluded.name, \
         list_bits = excluded.list_bits, group_bits = excluded.group_bits",
    )
    .bind(owner.0)
    .bind(contact.0)
    .bind(row.guid.to_string())
    .bind(row.name.as_str())
    .bind(row.lists.bits())
    .bind(row.group_bits)
    .bind(revision.cast_signed())
    .execute(&mut turn.connection)
    .await?;
    Ok(())
}
