//! Reading contact books, and the steps that all changes of a book share.
//!
//! Each reading is one statement or one read transaction, so what it returns was true at one
//! moment, whatever is written meanwhile.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{self, settings_columns};
use super::writer::Turn;
use super::{Store, StoreError, own_card};
use crate::model::{
    Address, Contact, ContactBook, Group, GroupNumber, List, ListSet, Phones, Settings, Stamps,
    Standing, UserId,
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
        let mut snapshot = self.readers.begin().await?;
        let row = sqlx::query(concat!(
            "SELECT a.address, a.disabled, ",
            settings_columns!(),
            " FROM account a WHERE a.id = $1"
        ))
        .bind(user.0)
        .fetch_optional(&mut *snapshot)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let standing = read_standing(&mut snapshot, user).await?;
        let endpoints_allowed = own_card::endpoints_allowed(&mut snapshot, user).await?;
        snapshot.commit().await?;
        Ok(Some(SignInState {
            address: rows::address(row.try_get("address")?, user.0)?,
            disabled: row.try_get("disabled")?,
            settings: rows::settings(&row, user.0)?,
            standing: standing.unwrap_or_default(),
            endpoints_allowed,
        }))
    }

    /// What may have changed while somebody signed in; `None` if the account is gone.
    pub async fn sign_in_mark(&self, user: UserId) -> Result<Option<SignInMark>, StoreError> {
        let row = sqlx::query("SELECT revision, disabled FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            Ok(SignInMark {
                revision: rows::revision(row.try_get("revision")?, user.0)?,
                disabled: row.try_get("disabled")?,
            })
        })
        .transpose()
    }

    /// The revision of the account's book; `None` if it is gone.
    pub async fn revision(&self, user: UserId) -> Result<Option<u64>, StoreError> {
        let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&self.readers)
            .await?;
        stored
            .map(|stored| rows::revision(stored, user.0))
            .transpose()
    }

    /// Who is on which of the account's lists; `None` if it is gone.
    pub async fn standing(&self, user: UserId) -> Result<Option<Standing>, StoreError> {
        let mut reader = self.readers.acquire().await?;
        read_standing(&mut reader, user).await
    }

    /// Everything a client downloads; `None` if the account is gone.
    pub async fn book(&self, user: UserId) -> Result<Option<ContactBook>, StoreError> {
        let mut snapshot = self.readers.begin().await?;
        let row = sqlx::query(concat!(
            "SELECT a.revision, a.lists_changed_at, a.settings_changed_at, \
             a.default_group_name, ",
            settings_columns!(),
            " FROM account a WHERE a.id = $1"
        ))
        .bind(user.0)
        .fetch_optional(&mut *snapshot)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let groups = read_groups(&mut snapshot, user).await?;
        let contacts = read_contacts(&mut snapshot, user).await?;
        snapshot.commit().await?;
        Ok(Some(ContactBook {
            revision: rows::revision(row.try_get("revision")?, user.0)?,
            stamps: Stamps {
                lists: row.try_get("lists_changed_at")?,
                settings: row.try_get("settings_changed_at")?,
            },
            settings: rows::settings(&row, user.0)?,
            default_group_name: rows::label(&row, "default_group_name")?,
            groups,
            contacts,
        }))
    }
}

async fn read_standing(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<Option<Standing>, StoreError> {
    // One row with nulls stands for an account with an empty book.
    let found: Vec<(i64, i64, Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT a.revision, a.privacy, c.contact_id, c.list_bits \
         FROM account a LEFT JOIN contact c ON c.owner_id = a.id WHERE a.id = $1",
    )
    .bind(user.0)
    .fetch_all(connection)
    .await?;
    let Some(&(revision, privacy, ..)) = found.first() else {
        return Ok(None);
    };
    let mut lists = HashMap::with_capacity(found.len());
    for (_, _, contact, bits) in found {
        if let (Some(contact), Some(bits)) = (contact, bits) {
            lists.insert(UserId(contact), rows::lists(bits, user.0)?);
        }
    }
    Ok(Some(Standing {
        revision: rows::revision(revision, user.0)?,
        privacy: rows::privacy(privacy, user.0)?,
        lists,
    }))
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

async fn read_contacts(
    connection: &mut SqliteConnection,
    owner: UserId,
) -> Result<Vec<Contact>, StoreError> {
    let found = sqlx::query(
        "SELECT c.contact_id, c.guid, c.name, c.list_bits, c.group_bits, \
         a.address, a.phone_home, a.phone_work, a.phone_mobile, a.may_page, \
         back.list_bits AS back_bits \
         FROM contact c JOIN account a ON a.id = c.contact_id \
         LEFT JOIN contact back ON back.owner_id = c.contact_id AND back.contact_id = c.owner_id \
         WHERE c.owner_id = $1 ORDER BY c.added_in",
    )
    .bind(owner.0)
    .fetch_all(connection)
    .await?;
    let contact = |row: &SqliteRow| -> Result<Contact, StoreError> {
        let id = row.try_get("contact_id")?;
        let back = row.try_get::<Option<i64>, _>("back_bits")?;
        let shows_phones = back
            .map(|bits| rows::lists(bits, id))
            .transpose()?
            .is_some_and(shows_phones);
        Ok(Contact {
            user: UserId(id),
            address: rows::address(row.try_get("address")?, id)?,
            guid: rows::guid(row.try_get("guid")?, "contact", owner.0)?,
            name: rows::label(row, "name")?,
            lists: rows::lists(row.try_get("list_bits")?, owner.0)?,
            groups: groups_of(row.try_get("group_bits")?),
            phones: if shows_phones {
                rows::phones(row, rows::PHONES)?
            } else {
                Phones::default()
            },
        })
    };
    found.iter().map(contact).collect()
}

/// Whether somebody on these lists of the owner may see the owner's phone numbers. Unlike
/// presence, they are for those who were allowed by name.
pub(super) fn shows_phones(lists: ListSet) -> bool {
    lists.has(List::Allow) && !lists.has(List::Block)
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
    let revision = sqlx::query_scalar(
        "UPDATE account SET revision = revision + 1, lists_changed_at = \
         CASE WHEN lists_changed_at < $2 THEN $2 ELSE lists_changed_at + 1 END \
         WHERE id = $1 RETURNING revision",
    )
    .bind(user.0)
    .bind(turn.now)
    .fetch_one(&mut turn.connection)
    .await?;
    rows::revision(revision, user.0)
}
