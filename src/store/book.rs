//! Reading contact books, and the steps that all changes of a book share.
//!
//! Each reading is one statement, so what it returns was true at one moment, whatever is written
//! meanwhile. What there are many of comes as one value of JSON, which the database writes faster
//! than the driver hands over rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::book_cache::Listed;
use super::rows::{self, settings_columns};
use super::turn::Turn;
use super::{Store, StoreError, own_card};
use crate::model::{
    Address, Contact, ContactBook, Group, GroupNumber, Label, List, ListSet, Phones, Settings,
    Stamps, Standing, UserId,
};

/// What a session needs to know when its person signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInState {
    pub address: Address,
    pub disabled: bool,
    pub settings: Settings,
    pub standing: Standing,
    /// Whether several endpoints of the account may be signed in at the same time.
    pub endpoints_allowed: bool,
}

/// The part of [`SignInState`] that tells whether the rest is still true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInMark {
    pub revision: u64,
    pub disabled: bool,
}

impl Store {
    /// The account's settings and standing; `None` if it is gone.
    pub async fn sign_in_state(&self, user: UserId) -> Result<Option<SignInState>, StoreError> {
        let row = sqlx::query(SIGN_IN_STATE)
            .bind(user.0)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        let state = |row: &SqliteRow| -> Result<SignInState, StoreError> {
            Ok(SignInState {
                address: rows::address(row.try_get("address")?, user.0)?,
                disabled: row.try_get("disabled")?,
                settings: rows::settings(row, user.0)?,
                standing: standing(row, user)?,
                endpoints_allowed: own_card::endpoints_allowed(row.try_get("fields")?, user)?,
            })
        };
        row.as_ref().map(state).transpose()
    }

    /// What may have changed while somebody signed in; `None` if the account is gone.
    pub async fn sign_in_mark(&self, user: UserId) -> Result<Option<SignInMark>, StoreError> {
        let row = sqlx::query("SELECT revision, disabled FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.map(|row| sign_in_mark(&row, user)).transpose()
    }

    /// The revision of the account's book; `None` if it is gone.
    pub async fn revision(&self, user: UserId) -> Result<Option<u64>, StoreError> {
        let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        stored
            .map(|stored| rows::revision(stored, user.0))
            .transpose()
    }

    /// Who is on which of the account's lists; `None` if it is gone.
    pub async fn standing(&self, user: UserId) -> Result<Option<Standing>, StoreError> {
        let row = sqlx::query(STANDING)
            .bind(user.0)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.as_ref().map(|row| standing(row, user)).transpose()
    }

    /// Everything a client downloads; `None` if the account is gone.
    pub async fn book(&self, user: UserId) -> Result<Option<ContactBook>, StoreError> {
        let kept = self.books.get(user);
        let Some((book, fresh)) = self.read_book(user, kept).await? else {
            return Ok(None);
        };
        if let Some(fresh) = fresh {
            self.books.put(user, fresh);
        }
        Ok(Some(book))
    }

    /// A book, with what it lists if that is not what is `kept`.
    pub(super) async fn read_book(
        &self,
        user: UserId,
        kept: Option<Arc<Listed>>,
    ) -> Result<Option<(ContactBook, Option<Arc<Listed>>)>, StoreError> {
        // No book has the revision 0.
        let known = kept.as_ref().map_or(0, |kept| kept.revision);
        let row = sqlx::query(BOOK)
            .bind(user.0)
            .bind(known.cast_signed())
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let revision = rows::revision(row.try_get("revision")?, user.0)?;
        let (listed, fresh) = match kept.filter(|kept| kept.revision == revision) {
            Some(kept) => (kept, None),
            None => {
                let fresh = Arc::new(listed(&row, user, revision)?);
                (Arc::clone(&fresh), Some(fresh))
            }
        };
        let book = ContactBook {
            revision,
            stamps: Stamps {
                lists: row.try_get("lists_changed_at")?,
                settings: row.try_get("settings_changed_at")?,
            },
            settings: rows::settings(&row, user.0)?,
            default_group_name: rows::label(&row, "default_group_name")?,
            groups: listed.groups.clone(),
            contacts: listed.contacts.clone(),
        };
        Ok(Some((book, fresh)))
    }
}

fn sign_in_mark(row: &SqliteRow, user: UserId) -> Result<SignInMark, StoreError> {
    Ok(SignInMark {
        revision: rows::revision(row.try_get("revision")?, user.0)?,
        disabled: row.try_get("disabled")?,
    })
}

/// Who is on which list, as one value: a row for each would cost more than finding them.
macro_rules! lists_column {
    () => {
        "(SELECT json_group_object(c.contact_id, c.list_bits) FROM contact c \
         WHERE c.owner_id = a.id) AS lists"
    };
}

pub(super) const STANDING: &str = concat!(
    "SELECT a.revision, a.privacy, ",
    lists_column!(),
    " FROM account a WHERE a.id = $1"
);

pub(super) const SIGN_IN_STATE: &str = concat!(
    "SELECT a.address, a.disabled, a.revision, k.fields, ",
    settings_columns!(),
    ", ",
    lists_column!(),
    " FROM account a JOIN own_card k ON k.user_id = a.id WHERE a.id = $1"
);

/// The groups and the contacts are a value each, for the same reason, and are only put together
/// if the revision is not the one that is known.
pub(super) const BOOK: &str = concat!(
    "SELECT a.revision, a.lists_changed_at, a.settings_changed_at, a.default_group_name, ",
    settings_columns!(),
    ", CASE WHEN a.revision = $2 THEN NULL ELSE \
     (SELECT json_group_array(json_array(g.number, g.guid, g.name)) \
     FROM contact_group g WHERE g.owner_id = a.id) END AS groups, \
     CASE WHEN a.revision = $2 THEN NULL ELSE (SELECT json_group_array(json_array(c.added_in, c.contact_id, c.guid, c.name, \
     c.list_bits, c.group_bits, p.address, p.phone_home, p.phone_work, p.phone_mobile, \
     p.may_page, back.list_bits)) \
     FROM contact c JOIN account p ON p.id = c.contact_id \
     LEFT JOIN contact back ON back.owner_id = c.contact_id AND back.contact_id = c.owner_id \
     WHERE c.owner_id = a.id) END AS contacts \
     FROM account a WHERE a.id = $1"
);

/// A group in [`BOOK`].
#[derive(Deserialize)]
struct StoredGroup<'r> {
    number: u8,
    guid: &'r str,
    #[serde(borrow)]
    name: Cow<'r, str>,
}

/// A contact in [`BOOK`]. `back` are the lists that the owner is on.
#[derive(Deserialize)]
struct StoredContact<'r> {
    added_in: i64,
    user: i64,
    guid: &'r str,
    #[serde(borrow)]
    name: Cow<'r, str>,
    lists: i64,
    groups: i64,
    #[serde(borrow)]
    address: Cow<'r, str>,
    #[serde(borrow)]
    home: Option<Cow<'r, str>>,
    #[serde(borrow)]
    work: Option<Cow<'r, str>>,
    #[serde(borrow)]
    mobile: Option<Cow<'r, str>>,
    may_page: u8,
    back: Option<i64>,
}

/// The values in a column that is read as one.
fn values<'r, T: Deserialize<'r>>(
    row: &'r SqliteRow,
    column: &'static str,
    user: UserId,
) -> Result<T, StoreError> {
    serde_json::from_str(row.try_get(column)?)
        .map_err(|_| rows::unreadable("contact", column, user.0))
}

fn standing(row: &SqliteRow, user: UserId) -> Result<Standing, StoreError> {
    let stored: HashMap<i64, i64> = values(row, "lists", user)?;
    let listed = |(contact, bits)| Ok((UserId(contact), rows::lists(bits, user.0)?));
    Ok(Standing {
        revision: rows::revision(row.try_get("revision")?, user.0)?,
        privacy: rows::privacy(row.try_get("privacy")?, user.0)?,
        lists: stored
            .into_iter()
            .map(listed)
            .collect::<Result<_, StoreError>>()?,
    })
}

fn listed(row: &SqliteRow, user: UserId, revision: u64) -> Result<Listed, StoreError> {
    let mut groups: Vec<StoredGroup<'_>> = values(row, "groups", user)?;
    groups.sort_unstable_by_key(|group| group.number);
    let mut contacts: Vec<StoredContact<'_>> = values(row, "contacts", user)?;
    contacts.sort_by_key(|contact| contact.added_in);
    let group = |stored: &StoredGroup<'_>| {
        Ok(Group {
            number: GroupNumber(stored.number),
            guid: rows::guid(stored.guid, "contact_group", user.0)?,
            name: Label::from_stored(&stored.name),
        })
    };
    let contact = |stored: &StoredContact<'_>| contact(stored, user);
    // To size, because it is kept.
    let mut kept = Vec::with_capacity(contacts.len());
    for stored in &contacts {
        kept.push(contact(stored)?);
    }
    Ok(Listed {
        revision,
        groups: groups
            .iter()
            .map(group)
            .collect::<Result<_, StoreError>>()?,
        contacts: kept,
    })
}

fn contact(stored: &StoredContact<'_>, owner: UserId) -> Result<Contact, StoreError> {
    let back = stored.back.map(|bits| rows::lists(bits, stored.user));
    let phone = |number: &Option<Cow<'_, str>>| number.as_deref().map(Label::from_stored);
    let lists = rows::lists(stored.lists, owner.0)?;
    Ok(Contact {
        user: UserId(stored.user),
        address: rows::address(&stored.address, stored.user)?,
        guid: rows::guid(stored.guid, "contact", owner.0)?,
        name: Label::from_stored(&stored.name),
        lists,
        groups: groups_of(stored.groups),
        phones: if sees_phones(lists, back.transpose()?) {
            Phones {
                home: phone(&stored.home),
                work: phone(&stored.work),
                mobile: phone(&stored.mobile),
                may_page: stored.may_page != 0,
            }
        } else {
            Phones::default()
        },
    })
}

/// The groups of the owner's book by number, without the default one.
pub(super) async fn read_groups(
    connection: &mut SqliteConnection,
    owner: UserId,
) -> Result<Vec<Group>, StoreError> {
    let found =
        sqlx::query("SELECT number, guid, name FROM contact_group WHERE owner_id = $1 ORDER BY 1")
            .bind(owner.0)
            .fetch_all(connection)
            .await?;
    let group = |row: &SqliteRow| -> Result<Group, StoreError> {
        let number = u8::try_from(row.try_get::<i64, _>("number")?)
            .map_err(|_| rows::unreadable("contact_group", "number", owner.0))?;
        Ok(Group {
            number: GroupNumber(number),
            guid: rows::guid(row.try_get("guid")?, "contact_group", owner.0)?,
            name: rows::label(row, "name")?,
        })
    };
    found.iter().map(group).collect()
}

/// Whether somebody on these lists of the owner may see the owner's phone numbers. Unlike
/// presence, they are for those who were allowed by name.
pub(super) fn shows_phones(lists: ListSet) -> bool {
    lists.has(List::Allow) && !lists.has(List::Block)
}

/// Whether the owner sees the phone numbers of somebody who is on these lists of theirs and has
/// the owner on the lists `back`. A book moves forward with the numbers of those whom its owner
/// follows, and of nobody else.
pub(super) fn sees_phones(lists: ListSet, back: Option<ListSet>) -> bool {
    lists.has(List::Forward) && back.is_some_and(shows_phones)
}

/// The groups in a set of membership bits, in ascending order.
pub(super) fn groups_of(bits: i64) -> Vec<GroupNumber> {
    (1..=GroupNumber::MAX.0)
        .map(GroupNumber)
        .filter(|&group| bits & group_bit(group) != 0)
        .collect()
}

/// The membership bit of a group; none for the default group, where those are who are in no other.
pub(super) fn group_bit(group: GroupNumber) -> i64 {
    if group == GroupNumber::DEFAULT {
        0
    } else {
        1_i64.checked_shl(u32::from(group.0)).unwrap_or(0)
    }
}

/// Moves the revision and the list stamp of a book forward; answers the new revision.
pub(super) async fn bump_lists(turn: &mut Turn, user: UserId) -> Result<u64, StoreError> {
    let revision = sqlx::query_scalar("SELECT revision FROM account WHERE id = $1")
        .bind(user.0)
        .fetch_one(turn.connection().await?)
        .await?;
    let mut revision = rows::revision(revision, user.0)?;
    move_lists(turn, user, &mut revision);
    Ok(revision)
}

/// Moves the revision, which is known, and the list stamp of a book forward.
pub(super) fn move_lists(turn: &mut Turn, user: UserId, revision: &mut u64) {
    *revision += 1;
    let now = turn.now;
    turn.later(
        "UPDATE account SET revision = ?, lists_changed_at = MAX(lists_changed_at + 1, ?) \
         WHERE id = ?",
    )
    .bind(revision.cast_signed())
    .bind(now)
    .bind(user.0);
}
