//! Filling a fresh database with accounts that have each other as contacts.
//!
//! The rows are those that the server itself would have written, but made by the database, many
//! at a time: a server with a hundred thousand accounts is ready within a minute. All accounts
//! share one password and its one hash, so this is for databases that are thrown away.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, Version};
use md5::{Digest as _, Md5};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use chrysalis::store::{ListLimits, Store};

use crate::meter::steps;
use crate::options::{Common, Prepare};

/// A random identity of the usual form, made by the database.
macro_rules! random_guid {
    () => {
        "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || \
         substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' || \
         hex(randomblob(6)))"
    };
}
/// Accounts whose contacts are written at once.
const BATCH: u32 = 1000;
/// The challenge that all of them are asked with at the MD5 sign-in.
const CHALLENGE: &str = "1234567890.123456789";
/// Forward, allow and reverse list.
const MUTUAL: i64 = 1 + 2 + 8;

pub(crate) async fn run(common: &Common, wish: &Prepare) -> anyhow::Result<()> {
    let half = wish.contacts / 2;
    anyhow::ensure!(
        wish.contacts.is_multiple_of(2) && wish.count > 2 * half,
        "the contacts make a ring: an even number of them, and more accounts than that"
    );
    anyhow::ensure!(common.addresses.contains("{n}"), "--addresses needs {{n}}");
    // Makes the tables.
    Store::open(&wish.database, ListLimits::default())
        .await?
        .close()
        .await;
    let mut database = open(&wish.database).await?;
    let existing: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM account")
        .fetch_one(&mut database)
        .await?;
    anyhow::ensure!(existing == 0, "the database has accounts already");
    let bar = steps(usize::try_from(wish.count)?, "accounts");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut database)
        .await?;
    let stamp = accounts(&mut database, common, wish).await?;
    let mut first = 0;
    while first < wish.count {
        let count = BATCH.min(wish.count - first);
        contacts(&mut database, wish, half, first, count, stamp).await?;
        bar.inc(u64::from(count));
        first += count;
    }
    sqlx::query("COMMIT").execute(&mut database).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut database)
        .await?;
    database.close().await?;
    bar.finish_and_clear();
    Ok(())
}

/// Opens it without the waits that make it durable: half a database is thrown away anyway.
async fn open(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .pragma("synchronous", "OFF")
        .pragma("cache_size", "-262144")
        .disable_statement_logging();
    let opened = SqliteConnection::connect_with(&options).await;
    opened.with_context(|| format!("cannot open {}", path.display()))
}

/// Writes the accounts with what they sign in with and their cards. Answers the stamp of all that
/// is written.
async fn accounts(
    database: &mut SqliteConnection,
    common: &Common,
    wish: &Prepare,
) -> anyhow::Result<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let stamp = i64::try_from(now.as_millis())?;
    let (before, after) = common.addresses.split_once("{n}").unwrap_or_default();
    sqlx::query(
        "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < $1) \
         INSERT INTO account (id, address, name, default_group_name, revision, lists_changed_at, \
         settings_changed_at, created_at, name_changed_at, removals_since) \
         SELECT n + 1, lower($2 || n || $3), 'Load%20' || n, '~', $4, $5, $5, $5, $5, $5 \
         FROM number",
    )
    .bind(wish.count)
    .bind(before)
    .bind(after)
    .bind(revision(now) + i64::from(wish.contacts))
    .bind(stamp)
    .execute(&mut *database)
    .await?;
    sqlx::query(
        "INSERT INTO credential (user_id, password_full, legacy_salt, legacy_digest) \
         SELECT id, $1, $2, $3 FROM account",
    )
    .bind(hash(&common.password, wish)?)
    .bind(CHALLENGE)
    .bind(digest(&common.password))
    .execute(&mut *database)
    .await?;
    sqlx::query(concat!(
        "INSERT INTO own_card (user_id, guid, changed_at) SELECT id, ",
        random_guid!(),
        ", $1 FROM account"
    ))
    .bind(stamp)
    .execute(&mut *database)
    .await?;
    sqlx::query("UPDATE book_clock SET stamp = $1")
        .bind(stamp)
        .execute(&mut *database)
        .await?;
    Ok(stamp)
}

/// Writes the contacts of some accounts, and the card of each.
async fn contacts(
    database: &mut SqliteConnection,
    wish: &Prepare,
    half: u32,
    first: u32,
    count: u32,
    stamp: i64,
) -> anyhow::Result<()> {
    sqlx::query(concat!(
        "WITH RECURSIVE owner (n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM owner WHERE n + 1 < $2), \
         step (s) AS (SELECT 1 UNION ALL SELECT s + 1 FROM step WHERE s < $3), \
         edge (o, t, k) AS ( \
            SELECT n, (n + s) % $4, s FROM owner, step WHERE $3 > 0 \
            UNION ALL SELECT n, (n - s + $4) % $4, s + $3 FROM owner, step WHERE $3 > 0) \
         INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, added_in, \
         created_at, changed_at) \
         SELECT o + 1, t + 1, ",
        random_guid!(),
        ", 'Load%20' || t, $5, 0, $6 + k, $7, $7 FROM edge ORDER BY 1, 2"
    ))
    .bind(first)
    .bind(first + count)
    .bind(half)
    .bind(wish.count)
    .bind(MUTUAL)
    .bind(revision(Duration::from_millis(u64::try_from(stamp)?)))
    .bind(stamp)
    .execute(&mut *database)
    .await?;
    sqlx::query(
        "INSERT INTO card (owner_id, guid, account_id, created_at, changed_at) \
         SELECT owner_id, guid, contact_id, created_at, changed_at FROM contact \
         WHERE owner_id > $1 AND owner_id <= $2 ORDER BY owner_id, guid",
    )
    .bind(first)
    .bind(first + count)
    .execute(&mut *database)
    .await?;
    Ok(())
}

/// The revision of a new book: seconds since 2020.
fn revision(now: Duration) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX) - 1_577_836_800
}

fn hash(password: &str, wish: &Prepare) -> anyhow::Result<String> {
    let params = Params::new(wish.argon2_memory_kib, wish.argon2_iterations, 1, None)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = hasher
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(hash.to_string())
}

fn digest(password: &str) -> String {
    let digest = Md5::new()
        .chain_update(CHALLENGE)
        .chain_update(password)
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
