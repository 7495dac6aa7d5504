//! Reading values of the domain back out of rows. A value that does not read back is an
//! inconsistency of the database and names its place.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use crate::model::{Address, Guid, Label, ListSet, Phones, Privacy, ReversePrompt, Settings};

/// The columns that [`settings`] reads, of the account that the query calls `a`.
macro_rules! settings_columns {
    () => {
        "a.name, a.privacy, a.reverse_prompt, a.phone_home, a.phone_work, a.phone_mobile, \
         a.may_page, a.message"
    };
}
pub(super) use settings_columns;

/// The place of a value, for the report that it cannot be read.
pub(super) fn unreadable(table: &'static str, column: &'static str, row: i64) -> StoreError {
    StoreError::Inconsistent { table, column, row }
}

/// An address of account `id`.
pub(super) fn address(text: &str, id: i64) -> Result<Address, StoreError> {
    Address::parse(text).map_err(|_| unreadable("account", "address", id))
}

/// An identity out of `table`, in a row of owner `id`.
pub(super) fn guid(text: &str, table: &'static str, id: i64) -> Result<Guid, StoreError> {
    Guid::parse(text).ok_or_else(|| unreadable(table, "guid", id))
}

/// List bits in a contact row of owner `id`.
pub(super) fn lists(bits: i64, id: i64) -> Result<ListSet, StoreError> {
    u8::try_from(bits)
        .map(ListSet::from_bits)
        .map_err(|_| unreadable("contact", "list_bits", id))
}

/// A book's revision.
pub(super) fn revision(stored: i64, id: i64) -> Result<u64, StoreError> {
    u64::try_from(stored).map_err(|_| unreadable("account", "revision", id))
}

pub(super) fn privacy(stored: i64, id: i64) -> Result<Privacy, StoreError> {
    match stored {
        0 => Ok(Privacy::AllowOthers),
        1 => Ok(Privacy::BlockOthers),
        _ => Err(unreadable("account", "privacy", id)),
    }
}

pub(super) fn stored_privacy(privacy: Privacy) -> i64 {
    match privacy {
        Privacy::AllowOthers => 0,
        Privacy::BlockOthers => 1,
    }
}

fn reverse_prompt(stored: i64, id: i64) -> Result<ReversePrompt, StoreError> {
    match stored {
        0 => Ok(ReversePrompt::Ask),
        1 => Ok(ReversePrompt::AllowSilently),
        _ => Err(unreadable("account", "reverse_prompt", id)),
    }
}

pub(super) fn stored_reverse_prompt(prompt: ReversePrompt) -> i64 {
    match prompt {
        ReversePrompt::Ask => 0,
        ReversePrompt::AllowSilently => 1,
    }
}

/// Phone numbers out of columns that begin with `prefix`.
pub(super) fn phones(row: &SqliteRow, columns: [&str; 4]) -> Result<Phones, StoreError> {
    let [home, work, mobile, may_page] = columns;
    let number = |column: &str| -> Result<Option<Label>, StoreError> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.map(Label::from_stored))
    };
    Ok(Phones {
        home: number(home)?,
        work: number(work)?,
        mobile: number(mobile)?,
        // The column is null where an outer join found nobody.
        may_page: row.try_get::<Option<bool>, _>(may_page)?.unwrap_or(false),
    })
}

/// The columns that hold an account's phone numbers.
pub(super) const PHONES: [&str; 4] = ["phone_home", "phone_work", "phone_mobile", "may_page"];

/// The settings of account `id`, out of the columns [`settings_columns`].
pub(super) fn settings(row: &SqliteRow, id: i64) -> Result<Settings, StoreError> {
    Ok(Settings {
        name: label(row, "name")?,
        privacy: privacy(row.try_get("privacy")?, id)?,
        reverse_prompt: reverse_prompt(row.try_get("reverse_prompt")?, id)?,
        phones: phones(row, PHONES)?,
        message: row.try_get::<&str, _>("message")?.into(),
    })
}

pub(super) fn label(row: &SqliteRow, column: &str) -> Result<Label, StoreError> {
    let text: &str = row.try_get(column)?;
    Ok(Label::from_stored(text))
}
