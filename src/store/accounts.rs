//! Accounts, and what they sign in with.

use std::fmt;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::notices::{NoticeKind, post, post_to_keepers};
use super::rows::{self, settings_columns};
use super::writer::Turn;
use super::{Store, StoreError};
use crate::model::{Address, Label, Settings, UserId};

/// An account as the command line and the pages for people show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: UserId,
    pub address: Address,
    pub settings: Settings,
    /// Whether it may not sign in.
    pub disabled: bool,
    /// Whether it may sign in with the oldest clients' method, which needs a weaker secret.
    pub has_legacy: bool,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds; `None` before the first one.
    pub last_sign_in: Option<i64>,
}

/// An account to be.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub address: Address,
    pub name: Label,
    pub password: PasswordRecord,
    pub legacy: Option<LegacySecret>,
}

/// A password's hashes as text, with their own salts and parameters in them.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRecord {
    pub full: String,
    /// Of the first sixteen characters, for clients that cut longer passwords
    /// (`docs/protocol/25 §6`); `None` where the password is not longer.
    pub first16: Option<String>,
}

impl fmt::Debug for PasswordRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the oldest clients' answers are checked against (`docs/protocol/01 §2`).
#[derive(Clone, PartialEq, Eq)]
pub struct LegacySecret {
    /// Sent as the challenge at every sign-in.
    pub salt: String,
    /// MD5 of salt and password, in lower-case hexadecimal.
    pub digest: String,
}

impl fmt::Debug for LegacySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a new password does to the legacy secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegacyChange {
    /// Takes the place of a secret that is there; an account without one gets none. What is
    /// there is looked up in the transaction, so nobody has to ask beforehand.
    Follow(LegacySecret),
    /// The account has this one from now on.
    Set(LegacySecret),
    /// The account has none from now on.
    Remove,
}

/// What a sign-in is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: UserId,
    pub disabled: bool,
    pub password: PasswordRecord,
    pub legacy: Option<LegacySecret>,
}

/// The name of a new book's default group (`docs/protocol/02 §2`).
const DEFAULT_GROUP_NAME: &str = "~";

/// 2020-01-01, from which the first revision of a book counts seconds: the number fits what
/// clients can hold until 2088.
const REVISION_EPOCH: i64 = 1_577_836_800;

macro_rules! account_query {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.address, a.disabled, a.created_at, a.last_sign_in, \
             c.legacy_digest IS NOT NULL AS has_legacy, ",
            settings_columns!(),
            " FROM account a JOIN credential c ON c.user_id = a.id ",
            $rest
        )
    };
}

impl Store {
    /// Creates an account with an empty book; `None` if the address is taken.
    ///
    /// Its book starts at a revision that no earlier account's book had reached, so a client
    /// that remembers a serial from an earlier account or another server does not take its
    /// old lists for current ones.
    pub async fn create_account(&self, new: NewAccount) -> Result<Option<UserId>, StoreError> {
        self.writer.run(|turn| Box::pin(create(turn, new))).await
    }

    /// The account with this address.
    pub async fn account(&self, address: &Address) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(account_query!("WHERE a.address = $1"))
            .bind(address.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// The account with this number.
    pub async fn account_by_id(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(account_query!("WHERE a.id = $1"))
            .bind(user.0)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// All accounts, by address.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query(account_query!("ORDER BY a.address"))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(account).collect()
    }

    /// What a sign-in to this address is checked against.
    pub async fn credentials(&self, address: &Address) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(
            "SELECT a.id, a.disabled, c.password_full, c.password_first16, c.legacy_salt, \
             c.legacy_digest \
             FROM account a JOIN credential c ON c.user_id = a.id WHERE a.address = $1",
        )
        .bind(address.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(credentials).transpose()
    }

    /// Gives the account a new password, voids its tickets and posts a notice. Answers whether
    /// there is such an account.
    pub async fn set_password(
        &self,
        user: UserId,
        password: PasswordRecord,
        legacy: LegacyChange,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(set_password(turn, user, password, legacy)))
            .await
    }

    /// Keeps a new hash of the same password. Answers whether there is such an account.
    pub async fn replace_password_hash(
        &self,
        user: UserId,
        password: PasswordRecord,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(write_password(turn, user, password)))
            .await
    }

    /// Forbids the account to sign in, which posts a notice, or lets it again. Answers whether
    /// there is such an account.
    pub async fn set_disabled(&self, user: UserId, disabled: bool) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(set_disabled(turn, user, disabled)))
            .await
    }

    /// Deletes the account with everything it has, and takes it out of everybody's book. Posts
    /// a notice about it, and after that one about each book it was in. Answers whether there
    /// was such an account.
    pub async fn delete_account(&self, user: UserId) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(delete(turn, user)))
            .await
    }

    /// Remembers when the account last signed in.
    pub async fn note_sign_in(&self, user: UserId, now: i64) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    sqlx::query("UPDATE account SET last_sign_in = $2 WHERE id = $1")
                        .bind(user.0)
                        .bind(now)
                        .execute(&mut turn.connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    let id = row.try_get("id")?;
    Ok(Account {
        id: UserId(id),
        address: rows::address(row.try_get("address")?, id)?,
        settings: rows::settings(row, id)?,
        disabled: row.try_get("disabled")?,
        has_legacy: row.try_get("has_legacy")?,
        created_at: row.try_get("created_at")?,
        last_sign_in: row.try_get("last_sign_in")?,
    })
}

fn credentials(row: &SqliteRow) -> Result<Credentials, StoreError> {
    let salt: Option<String> = row.try_get("legacy_salt")?;
    let digest: Option<String> = row.try_get("legacy_digest")?;
    Ok(Credentials {
        user: UserId(row.try_get("id")?),
        disabled: row.try_get("disabled")?,
        password: PasswordRecord {
            full: row.try_get("password_full")?,
            first16: row.try_get("password_first16")?,
        },
        legacy: salt
            .zip(digest)
            .map(|(salt, digest)| LegacySecret { salt, digest }),
    })
}

async fn create(turn: &mut Turn, new: NewAccount) -> Result<Option<UserId>, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO account (address, name, default_group_name, revision, lists_changed_at, \
         settings_changed_at, created_at) \
         SELECT $1, $2, $3, CASE WHEN revision < $4 THEN $4 ELSE revision + 1 END, $5, $5, $5 \
         FROM revision_floor WHERE only_row = 1 \
         ON CONFLICT (address) DO NOTHING RETURNING id",
    )
    .bind(new.address.as_str())
    .bind(new.name.as_str())
    .bind(DEFAULT_GROUP_NAME)
    // A clock before 2020 must not stop anybody; the floor still keeps revisions apart.
    .bind((turn.now / 1000 - REVISION_EPOCH).max(1))
    .bind(turn.now)
    .fetch_optional(&mut turn.connection)
    .await?;
    let Some(id) = id else {
        return Ok(None);
    };
    let (salt, digest) = new
        .legacy
        .map(|secret| (secret.salt, secret.digest))
        .unzip();
    sqlx::query(
        "INSERT INTO credential (user_id, password_full, password_first16, legacy_salt, \
         legacy_digest) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(new.password.full)
    .bind(new.password.first16)
    .bind(salt)
    .bind(digest)
    .execute(&mut turn.connection)
    .await?;
    Ok(Some(UserId(id)))
}

async fn write_password(
    turn: &mut Turn,
    user: UserId,
    password: PasswordRecord,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "UPDATE credential SET password_full = $2, password_first16 = $3 WHERE user_id = $1",
    )
    .bind(user.0)
    .bind(password.full)
    .bind(password.first16)
    .execute(&mut turn.connection)
    .await?;
    Ok(written.rows_affected() > 0)
}

async fn set_password(
    turn: &mut Turn,
    user: UserId,
    password: PasswordRecord,
    legacy: LegacyChange,
) -> Result<bool, StoreError> {
    if !write_password(turn, user, password).await? {
        return Ok(false);
    }
    let (only_replaces, secret) = match legacy {
        LegacyChange::Follow(secret) => (true, Some(secret)),
        LegacyChange::Set(secret) => (false, Some(secret)),
        LegacyChange::Remove => (false, None),
    };
    let (salt, digest) = secret.map(|secret| (secret.salt, secret.digest)).unzip();
    sqlx::query(
        "UPDATE credential SET legacy_salt = $2, legacy_digest = $3 \
         WHERE user_id = $1 AND ($4 = 0 OR legacy_digest IS NOT NULL)",
    )
    .bind(user.0)
    .bind(salt)
    .bind(digest)
    .bind(only_replaces)
    .execute(&mut turn.connection)
    .await?;
    sqlx::query("DELETE FROM ticket WHERE user_id = $1")
        .bind(user.0)
        .execute(&mut turn.connection)
        .await?;
    post(turn, user, &NoticeKind::PasswordChanged).await?;
    Ok(true)
}

async fn set_disabled(turn: &mut Turn, user: UserId, disabled: bool) -> Result<bool, StoreError> {
    let written = sqlx::query("UPDATE account SET disabled = $2 WHERE id = $1")
        .bind(user.0)
        .bind(disabled)
        .execute(&mut turn.connection)
        .await?;
    let exists = written.rows_affected() > 0;
    if exists && disabled {
        post(turn, user, &NoticeKind::Disabled).await?;
    }
    Ok(exists)
}

async fn delete(turn: &mut Turn, user: UserId) -> Result<bool, StoreError> {
    let found: Option<(String, i64)> =
        sqlx::query_as("SELECT address, revision FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&mut turn.connection)
            .await?;
    let Some((address, revision)) = found else {
        return Ok(false);
    };
    sqlx::query("UPDATE revision_floor SET revision = $1 WHERE only_row = 1 AND revision < $1")
        .bind(revision)
        .execute(&mut turn.connection)
        .await?;
    let address = rows::address(&address, user.0)?;
    post(turn, user, &NoticeKind::Deleted { address }).await?;
    sqlx::query(
        "UPDATE account SET revision = revision + 1, lists_changed_at = \
         CASE WHEN lists_changed_at < $2 THEN $2 ELSE lists_changed_at + 1 END \
         WHERE id IN (SELECT owner_id FROM contact WHERE contact_id = $1)",
    )
    .bind(user.0)
    .bind(turn.now)
    .execute(&mut turn.connection)
    .await?;
    post_to_keepers(turn, user).await?;
    // Its own book, its place in other books, its credentials and its tickets go with it.
    sqlx::query("DELETE FROM account WHERE id = $1")
        .bind(user.0)
        .execute(&mut turn.connection)
        .await?;
    Ok(true)
}
