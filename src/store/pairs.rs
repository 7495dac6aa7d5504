//! One account in another one's book, and the consequences of a change there.
//!
//! A change reads both sides of a pair at once and decides what the owner's row shall be.
//! [`write`](fn@write) does the rest: it compares before and after, and everything that follows, the
//! target's reverse list, the card, what the target sees of the owner's phone numbers, revisions,
//! stamps and removals, is derived there and nowhere else.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::book::{groups_of, move_lists, sees_phones, shows_phones};
use super::contacts::{ListChange, PhonesSeen};
use super::removals::note_roles;
use super::rows;
use super::turn::Turn;
use super::writer::Stop;
use super::{ListLimits, StoreError, cards};
use crate::model::{
    Address, Contact, ContactRef, GroupNumber, Guid, Label, List, ListSet, Phones, Refusal, Stamp,
    StandingChange, StandingEdit, UserId, Who,
};

/// Refuses if one of the owner's lists has no room for one more.
pub(super) async fn check_room(
    turn: &mut Turn,
    owner: UserId,
    list: List,
    limits: ListLimits,
) -> Result<(), Stop> {
    let limit = match list {
        List::Forward => limits.forward,
        List::Allow => limits.allow,
        List::Block => limits.block,
        List::Reverse | List::Pending => return Ok(()),
    };
    let count: i64 = turn
        .ask("SELECT COUNT(*) FROM contact WHERE owner_id = ? AND (list_bits & ?) <> 0")
        .bind(owner.0)
        .bind(list.bit())
        .one()
        .await?
        .try_get(0)?;
    if count >= i64::from(limit) {
        return Err(Refusal::ListFull.into());
    }
    Ok(())
}

/// One of the two accounts that a change is about.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) address: Address,
    phones: Phones,
}

impl Person {
    /// The name clients expect of a contact without one (`docs/protocol/02 §6.1`).
    pub(super) fn address_as_name(&self) -> Label {
        let address = self.address.as_str();
        // The longest address fits even with every sign escaped.
        Label::from_text(address, Label::NAME_MAX).unwrap_or_else(|_| Label::from_stored(address))
    }
}

/// The owner's row about the target. Two are equal if their text is, as for labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) guid: Guid,
    pub(super) name: Label,
    pub(super) lists: ListSet,
    pub(super) group_bits: i64,
}

/// The card that the owner has of the target.
#[derive(Debug)]
pub(super) struct PairCard {
    pub(super) guid: Guid,
    pub(super) group_bits: i64,
    is_blank: bool,
}

/// Both sides as they are before the change.
#[derive(Debug)]
pub(super) struct Pair {
    owner: Person,
    owner_name: Label,
    revision: u64,
    pub(super) target: Person,
    target_revision: u64,
    pub(super) row: Option<Row>,
    /// The card of the target's account or, without one, of its address.
    pub(super) card: Option<PairCard>,
    /// The lists of the target that the owner is on; `None` if not in their book.
    back: Option<ListSet>,
}

macro_rules! pair_query {
    ($joins:literal) => {
        concat!(
            "SELECT o.address AS owner_address, o.name AS owner_name, o.revision, \
             o.phone_home AS owner_home, o.phone_work AS owner_work, \
             o.phone_mobile AS owner_mobile, o.may_page AS owner_may_page, \
             t.id AS target_id, t.address AS target_address, t.revision AS target_revision, \
             t.phone_home, t.phone_work, t.phone_mobile, t.may_page, \
             c.guid, c.name, c.list_bits, c.group_bits, back.list_bits AS back_bits, \
             COALESCE(k.guid, m.guid) AS card, COALESCE(k.group_bits, m.group_bits) AS card_bits, \
             COALESCE(k.fields, m.fields) = '{}' AS is_blank \
             FROM account o ",
            $joins,
            " LEFT JOIN contact back ON back.owner_id = t.id AND back.contact_id = o.id \
             LEFT JOIN card k ON k.account_id = t.id AND k.owner_id = o.id \
             LEFT JOIN card m ON m.owner_id = o.id AND m.address = t.address \
             WHERE o.id = ?"
        )
    };
}

const PAIR_BY_ADDRESS: &str = pair_query!(
    "LEFT JOIN account t ON t.address = ? \
     LEFT JOIN contact c ON c.owner_id = o.id AND c.contact_id = t.id"
);

const PAIR_BY_GUID: &str = pair_query!(
    "LEFT JOIN contact c ON c.owner_id = o.id AND c.guid = ? \
     LEFT JOIN account t ON t.id = c.contact_id"
);

/// Reads both sides in one step. `unknown` is the refusal for an address without account.
pub(super) async fn read_pair(
    turn: &mut Turn,
    owner: UserId,
    target: &ContactRef,
    unknown: Refusal,
) -> Result<Pair, Stop> {
    let (query, key, unknown) = match target {
        ContactRef::Address(address) => (PAIR_BY_ADDRESS, address.to_string(), unknown),
        ContactRef::Guid(guid) => (PAIR_BY_GUID, guid.to_string(), Refusal::UnknownContact),
    };
    let question = turn.ask(query).bind(key).bind(owner.0);
    let row = question.row().await?.ok_or(Refusal::Unavailable)?;
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
    let card = match row.try_get::<Option<&str>, _>("card")? {
        Some(guid) => Some(PairCard {
            guid: rows::guid(guid, "card", owner.0)?,
            group_bits: row.try_get("card_bits")?,
            is_blank: row.try_get("is_blank")?,
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
        target_revision: rows::revision(row.try_get("target_revision")?, target.0)?,
        row: kept,
        card,
        back: lists("back_bits", target)?,
    })
}

impl Pair {
    /// The owner's row about the target, or the one they would get.
    pub(super) fn row_or_new(&self) -> Row {
        self.row.clone().unwrap_or_else(|| Row {
            guid: Guid::random(),
            name: self.target.address_as_name(),
            lists: ListSet::EMPTY,
            group_bits: 0,
        })
    }
}

/// What a change of a row brings along, besides the row.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// What the target reads if the owner follows them from now on.
    pub(super) invitation: Option<String>,
    /// Whether the card of somebody who leaves the forward list stays, even if it is blank.
    pub(super) keeps_card: bool,
}

/// As [`write_with`], with nothing that comes along.
pub(super) async fn write(
    turn: &mut Turn,
    pair: Pair,
    after: Row,
    group: Option<GroupNumber>,
) -> Result<ListChange, StoreError> {
    write_with(turn, pair, after, group, &Extras::default()).await
}

/// Makes `after` the owner's row about the target, with all that follows from it.
pub(super) async fn write_with(
    turn: &mut Turn,
    mut pair: Pair,
    after: Row,
    group: Option<GroupNumber>,
    extras: &Extras,
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
        let stamp = turn.tick();
        move_lists(turn, owner, &mut edit.revision);
        if before != after.lists {
            edit.change = StandingChange::Lists(target, after.lists);
        }
        write_row(turn, owner, target, &after, (edit.revision, stamp));
        let who = Who::Account(target, pair.target.address.clone());
        note_roles(turn, owner, &who, (before, after.lists), stamp);
        let follows = after.lists.has(List::Forward);
        match (before.has(List::Forward), follows) {
            (false, true) => cards::open(turn, owner, &pair.target, after.guid, stamp),
            (true, false) => {
                let bits = pair.row.as_ref().map_or(0, |row| row.group_bits);
                let is_written_on = pair.card.as_ref().is_some_and(|card| !card.is_blank);
                let stays = is_written_on || extras.keeps_card;
                cards::close(turn, owner, &pair.target, (after.guid, bits), stays, stamp);
            }
            // Cards show the name, the groups and the lists.
            _ => cards::touch(turn, owner, target, stamp),
        }
        if before.has(List::Forward) != follows {
            other = reflect(
                turn,
                &mut pair,
                follows,
                extras.invitation.as_deref(),
                stamp,
            );
        }
        if shows_phones(before) != shows_phones(after.lists) {
            phones_seen = show_phones(turn, &mut pair, shows_phones(after.lists));
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
            phones: if sees_phones(after.lists, pair.back) {
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
fn reflect(
    turn: &mut Turn,
    pair: &mut Pair,
    follows: bool,
    invitation: Option<&str>,
    stamp: Stamp,
) -> Option<StandingEdit> {
    let (owner, target) = (pair.owner.id, pair.target.id);
    let before = pair.back.unwrap_or_default();
    let is_decided = before.has(List::Allow) || before.has(List::Block);
    let after = match follows {
        true if is_decided => before.with(List::Reverse),
        true => before.with(List::Reverse).with(List::Pending),
        false => before.without(List::Reverse).without(List::Pending),
    };
    if after == before {
        return None;
    }
    move_lists(turn, target, &mut pair.target_revision);
    let revision = pair.target_revision;
    let invitation = invitation.filter(|_| after.is_undecided());
    if after.is_empty() {
        delete_row(turn, target, owner);
    } else if pair.back.is_some() {
        turn.later(
            "UPDATE contact SET list_bits = ?, changed_at = ?, invitation = ? \
             WHERE owner_id = ? AND contact_id = ?",
        )
        .bind(after.bits())
        .bind(stamp.0)
        .bind(invitation)
        .bind(target.0)
        .bind(owner.0);
    } else {
        let row = Row {
            guid: Guid::random(),
            name: pair.owner_name.clone(),
            lists: after,
            group_bits: 0,
        };
        insert_row(turn, target, owner, &row, (revision, stamp), invitation);
    }
    let who = Who::Account(owner, pair.owner.address.clone());
    note_roles(turn, target, &who, (before, after), stamp);
    cards::touch(turn, target, owner, stamp);
    Some(StandingEdit {
        owner: target,
        revision,
        change: StandingChange::Lists(owner, after),
    })
}

/// Moves the target's book forward if the owner's phone numbers come or go in it.
fn show_phones(turn: &mut Turn, pair: &mut Pair, shown: bool) -> Option<PhonesSeen> {
    let is_followed = pair.back.is_some_and(|lists| lists.has(List::Forward));
    if !is_followed || pair.owner.phones.is_empty() {
        return None;
    }
    move_lists(turn, pair.target.id, &mut pair.target_revision);
    Some(PhonesSeen {
        edit: StandingEdit {
            owner: pair.target.id,
            revision: pair.target_revision,
            change: StandingChange::Nothing,
        },
        phones: if shown {
            pair.owner.phones.clone()
        } else {
            Phones::default()
        },
    })
}

/// Writes one row, new or not; a contact on no list has none. A new row takes its place in the
/// order from the revision.
fn write_row(turn: &mut Turn, owner: UserId, contact: UserId, row: &Row, moment: (u64, Stamp)) {
    if row.lists.is_empty() {
        delete_row(turn, owner, contact);
    } else {
        insert_row(turn, owner, contact, row, moment, None);
    }
}

fn delete_row(turn: &mut Turn, owner: UserId, contact: UserId) {
    turn.later("DELETE FROM contact WHERE owner_id = ? AND contact_id = ?")
        .bind(owner.0)
        .bind(contact.0);
}

/// Writes a row that somebody is on a list by. The invitation is for a new one; it ends with the
/// pending state.
fn insert_row(
    turn: &mut Turn,
    owner: UserId,
    contact: UserId,
    row: &Row,
    (revision, stamp): (u64, Stamp),
    invitation: Option<&str>,
) {
    let now = turn.now;
    turn.later(
        "INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, added_in, \
         created_at, changed_at, invitation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (owner_id, contact_id) DO UPDATE SET guid = excluded.guid, \
         name = excluded.name, list_bits = excluded.list_bits, \
         group_bits = excluded.group_bits, \
         changed_at = CASE WHEN contact.list_bits = excluded.list_bits \
         THEN contact.changed_at ELSE excluded.changed_at END, \
         invitation = CASE WHEN (excluded.list_bits & ?) = 0 \
         THEN NULL ELSE contact.invitation END",
    )
    .bind(owner.0)
    .bind(contact.0)
    .bind(row.guid.to_string())
    .bind(row.name.as_str())
    .bind(row.lists.bits())
    .bind(row.group_bits)
    .bind(revision.cast_signed())
    .bind(now)
    .bind(stamp.0)
    .bind(invitation)
    .bind(List::Pending.bit());
}
