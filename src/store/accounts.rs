//! Accounts, and what they sign in with.

use std::fmt;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::notices::{NoticeKind, post, post_to_keepers};
use super::removals::leave_everywhere;
use super::rows::{self, settings_columns};
use super::turn::Turn;
use super::{Store, StoreError, own_card};
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
    /// Whether that secret was made from a password of its own.
    pub legacy_is_separate: bool,
    /// Whether it may run the server from the pages for people.
    pub is_admin: bool,
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

/// The hash that an account brought along from another server, as that server wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedHash(pub String);

impl fmt::Debug for ImportedHash {
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
    /// Takes the place of a secret that was made from the same password; an account without one
    /// gets none. What is there is looked up in the transaction, so nobody has to ask beforehand.
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
    /// What to check instead of `password`, until the owner's first sign-in here.
    pub imported: Option<ImportedHash>,
    pub legacy: Option<LegacySecret>,
}

/// The name of a new book's default group (`docs/protocol/02 §2`).
const DEFAULT_GROUP_NAME: &str = "~";

/// 2020-01-01, from which the first revision of a book counts seconds: the number fits what
/// clients can hold until 2088.
pub(super) const REVISION_EPOCH: i64 = 1_577_836_800;

pub(super) const CREDENTIALS: &str = "SELECT a.id, a.disabled, c.password_full, \
     c.password_first16, c.legacy_salt, c.legacy_digest, c.imported_hash \
     FROM account a JOIN credential c ON c.user_id = a.id WHERE a.address = $1";

macro_rules! account_query {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.address, a.disabled, a.is_admin, a.created_at, a.last_sign_in, \
             c.legacy_digest IS NOT NULL AS has_legacy, c.legacy_is_separate, ",
            settings_columns!(),
            " FROM account a JOIN credential c ON c.user_id = a.id ",
            $rest
        )
    };
}

pub(super) use account_query;

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
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// The account with this number.
    pub async fn account_by_id(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(account_query!("WHERE a.id = $1"))
            .bind(user.0)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// All accounts, by address.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query(account_query!("ORDER BY a.address"))
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        rows.iter().map(account).collect()
    }

    /// How many accounts there are.
    pub async fn account_count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM account")
            .fetch_one(&mut *self.readers.get().await?)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// What a sign-in to this address is checked against.
    pub async fn credentials(&self, address: &Address) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(CREDENTIALS)
            .bind(address.as_str())
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.as_ref().map(credentials).transpose()
    }

    /// Gives the account a secret for the oldest clients that was made from a password of its own,
    /// or takes away whichever it has. Answers whether there is such an account.
    pub async fn set_legacy(
        &self,
        user: UserId,
        secret: Option<LegacySecret>,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(set_legacy(turn, user, secret)))
            .await
    }

    /// Makes the account one that may run the server, or no longer. Answers whether there is such
    /// an account.
    pub async fn set_admin(&self, user: UserId, is_admin: bool) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(set_admin(turn, user, is_admin)))
            .await
    }

    /// Gives the account a new password, voids its tickets, ends its browsers' sessions and posts a
    /// notice. Answers whether there is such an account.
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

    /// Keeps a new hash of the same password, unless it was changed meanwhile. Answers whether
    /// `verified` was still there.
    pub async fn replace_password_hash(
        &self,
        user: UserId,
        verified: PasswordRecord,
        password: PasswordRecord,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let found: Option<i64> = sqlx::query_scalar(
                        "SELECT user_id FROM credential WHERE user_id = $1 AND password_full = $2",
                    )
                    .bind(user.0)
                    .bind(verified.full)
                    .fetch_optional(turn.connection().await?)
                    .await?;
                    match found {
                        Some(_) => write_password(turn, user, password).await,
                        None => Ok(false),
                    }
                })
            })
            .await
    }

    /// Puts hashes of ours in the place of the one that the account brought along, now that its
    /// password is known; a legacy secret made from the same password follows. Answers whether
    /// that hash was still there.
    pub async fn replace_imported(
        &self,
        user: UserId,
        imported: ImportedHash,
        password: PasswordRecord,
        legacy: LegacySecret,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let found: Option<i64> = sqlx::query_scalar(
                        "SELECT user_id FROM credential WHERE user_id = $1 AND imported_hash = $2",
                    )
                    .bind(user.0)
                    .bind(imported.0)
                    .fetch_optional(turn.connection().await?)
                    .await?;
                    if found.is_none() {
                        return Ok(false);
                    }
                    write_password(turn, user, password).await?;
                    write_legacy(turn, user, LegacyChange::Follow(legacy)).await?;
                    Ok(true)
                })
            })
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
}

pub(super) fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    let id = row.try_get("id")?;
    Ok(Account {
        id: UserId(id),
        address: rows::address(row.try_get("address")?, id)?,
        settings: rows::settings(row, id)?,
        disabled: row.try_get("disabled")?,
        has_legacy: row.try_get("has_legacy")?,
        legacy_is_separate: row.try_get("legacy_is_separate")?,
        is_admin: row.try_get("is_admin")?,
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
        imported: row
            .try_get::<Option<String>, _>("imported_hash")?
            .map(ImportedHash),
        legacy: salt
            .zip(digest)
            .map(|(salt, digest)| LegacySecret { salt, digest }),
    })
}

pub(super) async fn create(turn: &mut Turn, new: NewAccount) -> Result<Option<UserId>, StoreError> {
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
    .fetch_optional(turn.connection().await?)
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
    .execute(turn.connection().await?)
    .await?;
    own_card::create(turn, UserId(id)).await?;
    Ok(Some(UserId(id)))
}

async fn write_password(
    turn: &mut Turn,
    user: UserId,
    password: PasswordRecord,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "UPDATE credential SET password_full = $2, password_first16 = $3, imported_hash = NULL \
         WHERE user_id = $1",
    )
    .bind(user.0)
    .bind(password.full)
    .bind(password.first16)
    .execute(turn.connection().await?)
    .await?;
    Ok(written.rows_affected() > 0)
}

pub(super) async fn set_password(
    turn: &mut Turn,
    user: UserId,
    password: PasswordRecord,
    legacy: LegacyChange,
) -> Result<bool, StoreError> {
    if !write_password(turn, user, password).await? {
        return Ok(false);
    }
    write_legacy(turn, user, legacy).await?;
    for statement in [
        "DELETE FROM ticket WHERE user_id = $1",
        "DELETE FROM web_session WHERE user_id = $1",
    ] {
        sqlx::query(statement)
            .bind(user.0)
            .execute(turn.connection().await?)
            .await?;
    }
    post(turn, user, &NoticeKind::PasswordChanged).await?;
    Ok(true)
}

async fn write_legacy(
    turn: &mut Turn,
    user: UserId,
    legacy: LegacyChange,
) -> Result<(), StoreError> {
    let (only_replaces, secret) = match legacy {
        LegacyChange::Follow(secret) => (true, Some(secret)),
        LegacyChange::Set(secret) => (false, Some(secret)),
        LegacyChange::Remove => (false, None),
    };
    let (salt, digest) = secret.map(|secret| (secret.salt, secret.digest)).unzip();
    sqlx::query(
        "UPDATE credential SET legacy_salt = $2, legacy_digest = $3, legacy_is_separate = 0 \
         WHERE user_id = $1 AND ($4 = 0 OR (legacy_digest IS NOT NULL AND legacy_is_separate = 0))",
    )
    .bind(user.0)
    .bind(salt)
    .bind(digest)
    .bind(only_replaces)
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

pub(super) async fn set_disabled(
    turn: &mut Turn,
    user: UserId,
    disabled: bool,
) -> Result<bool, StoreError> {
    let written = sqlx::query("UPDATE account SET disabled = $2 WHERE id = $1")
        .bind(user.0)
        .bind(disabled)
        .execute(turn.connection().await?)
        .await?;
    let exists = written.rows_affected() > 0;
    if exists && disabled {
        sqlx::query("DELETE FROM web_session WHERE user_id = $1")
            .bind(user.0)
            .execute(turn.connection().await?)
            .await?;
        post(turn, user, &NoticeKind::Disabled).await?;
    }
    Ok(exists)
}

pub(super) async fn set_admin(
    turn: &mut Turn,
    user: UserId,
    is_admin: bool,
) -> Result<bool, StoreError> {
    let written = sqlx::query("UPDATE account SET is_admin = $2 WHERE id = $1")
        .bind(user.0)
        .bind(is_admin)
        .execute(turn.connection().await?)
        .await?;
    Ok(written.rows_affected() > 0)
}

/// Gives the account a secret for the oldest clients that has nothing to do with its password, or
/// takes away the one it has.
async fn set_legacy(
    turn: &mut Turn,
    user: UserId,
    secret: Option<LegacySecret>,
) -> Result<bool, StoreError> {
    let is_separate = secret.is_some();
    let (salt, digest) = secret.map(|secret| (secret.salt, secret.digest)).unzip();
    let written = sqlx::query(
        "UPDATE credential SET legacy_salt = $2, legacy_digest = $3, legacy_is_separate = $4 \
         WHERE user_id = $1",
    )
    .bind(user.0)
    .bind(salt)
    .bind(digest)
    .bind(is_separate)
    .execute(turn.connection().await?)
    .await?;
    Ok(written.rows_affected() > 0)
}

pub(super) async fn delete(turn: &mut Turn, user: UserId) -> Result<bool, StoreError> {
    let found: Option<(String, i64)> =
        sqlx::query_as("SELECT address, revision FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(turn.connection().await?)
            .await?;
    let Some((address, revision)) = found else {
        return Ok(false);
    };
    sqlx::query("UPDATE revision_floor SET revision = $1 WHERE only_row = 1 AND revision < $1")
        .bind(revision)
        .execute(turn.connection().await?)
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
    .execute(turn.connection().await?)
    .await?;
    post_to_keepers(turn, user).await?;
    super::circle_desk::leave_all(turn, user).await?;
    leave_everywhere(turn, user).await?;
    // Its own book, its place in other books, its credentials and its tickets go with it.
    sqlx::query("DELETE FROM account WHERE id = $1")
        .bind(user.0)
        .execute(turn.connection().await?)
        .await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::Notice;
    use super::super::testing::{Fixture, address, by_address, done, new_account, record};
    use super::*;
    use crate::model::List;

    fn secret(text: &str) -> LegacySecret {
        LegacySecret {
            salt: format!("salt of {text}"),
            digest: format!("digest of {text}"),
        }
    }

    #[tokio::test]
    async fn a_hash_from_another_server_goes_once_and_never_over_a_new_password() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let imported = || async {
            let found = fixture.store.credentials(&address("alice")).await.unwrap();
            found.unwrap().imported
        };
        let replace = |hash: &str, text: &str| {
            let hash = ImportedHash(hash.to_owned());
            let new = (record(text), secret(text));
            fixture.store.replace_imported(alice, hash, new.0, new.1)
        };
        assert_eq!(imported().await, None);
        let import = "UPDATE credential SET imported_hash = 'old', legacy_salt = 's', \
             legacy_digest = 'd'";
        fixture.sql(import).await;
        assert_eq!(imported().await, Some(ImportedHash("old".to_owned())));
        assert_eq!(format!("{:?}", imported().await.unwrap()), "***");
        assert!(!replace("another", "one").await.unwrap());
        assert!(replace("old", "two").await.unwrap());
        assert!(!replace("old", "three").await.unwrap());
        let now = fixture.store.credentials(&address("alice")).await.unwrap();
        let now = now.unwrap();
        assert_eq!((now.password, now.imported), (record("two"), None));
        assert_eq!(now.legacy, Some(secret("two")));

        fixture.sql(import).await;
        let change = LegacyChange::Remove;
        let set = fixture.store.set_password(alice, record("new"), change);
        assert!(set.await.unwrap());
        assert_eq!(imported().await, None);
        assert!(!replace("old", "four").await.unwrap());
    }

    #[tokio::test]
    async fn an_account_reads_back_as_it_was_created() {
        let fixture = Fixture::new().await;
        let mut new = new_account("bob");
        new.password.first16 = Some("short".to_owned());
        new.legacy = Some(secret("bob"));
        let store = &fixture.store;
        let bob = store.create_account(new.clone()).await.unwrap().unwrap();
        let alice = fixture.account("alice").await;

        let account = store.account_by_id(bob).await.unwrap().unwrap();
        assert_eq!(account.id, bob);
        assert_eq!(account.address, address("bob"));
        assert_eq!(account.settings.name, new.name);
        assert!(account.has_legacy && !account.disabled);
        assert!(account.created_at > 1_700_000_000_000);
        assert_eq!(account.last_sign_in, None);
        assert_eq!(
            store.account(&address("bob")).await.unwrap(),
            Some(account.clone())
        );
        let all = store.accounts().await.unwrap();
        assert_eq!(
            all.iter().map(|account| account.id).collect::<Vec<_>>(),
            [alice, bob]
        );
        assert!(!all[0].has_legacy);

        let credentials = store.credentials(&address("bob")).await.unwrap().unwrap();
        assert_eq!(credentials.user, bob);
        assert_eq!(credentials.password, new.password);
        assert_eq!(credentials.legacy, new.legacy);
        assert!(!credentials.disabled);
    }

    #[tokio::test]
    async fn who_does_not_exist_is_nobody() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let nobody = UserId(77);
        assert_eq!(store.account(&address("x")).await.unwrap(), None);
        assert_eq!(store.account_by_id(nobody).await.unwrap(), None);
        assert_eq!(store.credentials(&address("x")).await.unwrap(), None);
        let follow = LegacyChange::Follow(secret("x"));
        assert!(
            !store
                .set_password(nobody, record("x"), follow)
                .await
                .unwrap()
        );
        assert!(
            !store
                .replace_password_hash(nobody, record("x"), record("x"))
                .await
                .unwrap()
        );
        assert!(!store.set_disabled(nobody, true).await.unwrap());
        assert!(!store.delete_account(nobody).await.unwrap());
        store.note_sign_in(nobody, 1);
        store.keep_sign_ins().await.unwrap();
        assert_eq!(store.last_notice().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_address_has_one_account() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let mut again = new_account("alice");
        again.address = Address::parse("ALICE@Example.com").unwrap();
        assert_eq!(fixture.store.create_account(again).await.unwrap(), None);
    }

    #[tokio::test]
    async fn secrets_do_not_print() {
        let mut new = new_account("alice");
        new.password = record("the-hash");
        new.legacy = Some(secret("alice"));
        let text = format!("{new:?} {:?}", LegacyChange::Set(secret("alice")));
        assert!(text.contains("***"));
        assert!(
            !text.contains("the-hash") && !text.contains("salt of") && !text.contains("digest of")
        );
    }

    #[tokio::test]
    async fn the_next_account_of_an_address_starts_above_every_earlier_revision() {
        let fixture = Fixture::new().await;
        let first = fixture.account("alice").await;
        // As if the first one had changed more often than once a second.
        fixture
            .sql("UPDATE account SET revision = revision + 100000")
            .await;
        let reached = fixture.store.revision(first).await.unwrap().unwrap();
        fixture.store.delete_account(first).await.unwrap();
        let second = fixture.account("alice").await;
        assert_ne!(first, second);
        let start = fixture.store.revision(second).await.unwrap().unwrap();
        assert!(start > reached && start < 1 << 31);
    }

    #[tokio::test]
    async fn a_new_password_voids_tickets_and_is_noticed() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        for (digest, user) in [([1; 32], alice), ([2; 32], bob)] {
            assert!(fixture.keep_ticket(digest, user, 100).await);
        }
        let before = store.credentials(&address("alice")).await.unwrap().unwrap();
        let rehashed =
            store.replace_password_hash(alice, before.password.clone(), record("rehash"));
        assert!(rehashed.await.unwrap());
        assert_eq!(fixture.ticket_owner([1; 32], 1).await, Some(alice));
        assert_eq!(store.last_notice().await.unwrap(), 0);
        assert!(
            store
                .set_password(alice, record("new"), LegacyChange::Remove)
                .await
                .unwrap()
        );
        assert_eq!(fixture.ticket_owner([1; 32], 1).await, None);
        assert_eq!(fixture.ticket_owner([2; 32], 1).await, Some(bob));
        // Whoever still hashes the old password anew is too late.
        let late = store.replace_password_hash(alice, before.password, record("late"));
        assert!(!late.await.unwrap());
        let credentials = store.credentials(&address("alice")).await.unwrap().unwrap();
        assert_eq!(credentials.password, record("new"));
        let notices = store.notices_after(0).await.unwrap();
        assert_eq!(notices[0].kind, NoticeKind::PasswordChanged);
        assert_eq!((notices.len(), notices[0].user), (1, alice));
    }

    #[tokio::test]
    async fn a_legacy_secret_follows_the_password_only_where_there_is_one() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        for (change, expected) in [
            (LegacyChange::Follow(secret("1")), None),
            (LegacyChange::Set(secret("2")), Some(secret("2"))),
            (LegacyChange::Follow(secret("3")), Some(secret("3"))),
            (LegacyChange::Remove, None),
            (LegacyChange::Follow(secret("4")), None),
        ] {
            store
                .set_password(alice, record("p"), change.clone())
                .await
                .unwrap();
            let credentials = store.credentials(&address("alice")).await.unwrap().unwrap();
            assert_eq!(credentials.legacy, expected, "{change:?}");
        }
    }

    #[tokio::test]
    async fn disabling_is_noticed_and_enabling_is_not() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        assert!(store.set_disabled(alice, true).await.unwrap());
        assert!(
            store
                .credentials(&address("alice"))
                .await
                .unwrap()
                .unwrap()
                .disabled
        );
        assert!(store.sign_in_state(alice).await.unwrap().unwrap().disabled);
        assert!(store.set_disabled(alice, false).await.unwrap());
        assert!(!store.account_by_id(alice).await.unwrap().unwrap().disabled);
        let notices = store.notices_after(0).await.unwrap();
        let kinds: Vec<_> = notices.into_iter().map(|notice| notice.kind).collect();
        assert_eq!(kinds, [NoticeKind::Disabled]);
    }

    #[tokio::test]
    async fn a_deleted_account_leaves_every_book_and_is_noticed_first() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let carol = fixture.account("carol").await;
        let dave = fixture.account("dave").await;
        done(
            fixture
                .add(bob, by_address("alice"), List::Forward, None)
                .await,
        );
        done(
            fixture
                .add(alice, by_address("carol"), List::Forward, None)
                .await,
        );
        done(
            fixture
                .add(bob, by_address("dave"), List::Allow, None)
                .await,
        );
        assert!(fixture.keep_ticket([1; 32], alice, 100).await);
        let before = [fixture.book(bob).await, fixture.book(carol).await];
        let untouched = fixture.book(dave).await;

        assert!(store.delete_account(alice).await.unwrap());
        for (user, before) in [bob, carol].into_iter().zip(before) {
            let after = fixture.book(user).await;
            assert_eq!(after.revision, before.revision + 1);
            assert!(after.stamps.lists > before.stamps.lists);
            assert!(after.contacts.iter().all(|contact| contact.user != alice));
        }
        assert_eq!(fixture.book(dave).await, untouched);
        assert_eq!(store.book(alice).await.unwrap(), None);
        assert_eq!(store.standing(alice).await.unwrap(), None);
        assert_eq!(store.sign_in_state(alice).await.unwrap(), None);
        assert_eq!(fixture.ticket_owner([1; 32], 1).await, None);

        let notices = store.notices_after(0).await.unwrap();
        let address = address("alice");
        assert_eq!(notices[0].kind, NoticeKind::Deleted { address });
        assert_eq!(notices[0].user, alice);
        let told: Vec<_> = notices[1..].iter().map(|notice| notice.user).collect();
        assert_eq!(told, [bob, carol]);
        assert!(
            notices[1..]
                .iter()
                .all(|Notice { kind, .. }| *kind == NoticeKind::BookChanged)
        );
    }

    #[tokio::test]
    async fn the_last_sign_in_is_remembered() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.store.note_sign_in(alice, 1234);
        fixture.store.keep_sign_ins().await.unwrap();
        let account = fixture.store.account_by_id(alice).await.unwrap().unwrap();
        assert_eq!(account.last_sign_in, Some(1234));
    }

    #[tokio::test]
    async fn a_row_that_does_not_read_back_names_its_place() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.sql("UPDATE account SET address = 'nonsense'").await;
        let error = fixture.store.account_by_id(alice).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("account.address of row {alice} is not readable")
        );
    }
}
