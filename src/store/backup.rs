//! A copy of the database while a server uses it, and what a copy is worth.
//!
//! `VACUUM INTO` reads in one transaction, so the copy is the database at one moment, with every
//! commit before it and none after; in a write-ahead log it holds up no writer. Everything the
//! server has to keep is in there, the secrets that its tickets and challenges are derived from
//! included. The copy is written under another name, checked, brought to the disk and only then
//! renamed: under its own name there is never half a backup.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::in_use::{InUse, beside};
use super::pool::{self, MIGRATIONS};
use super::{Store, StoreError};

/// What is in a database, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The number of the newest migration that it has seen.
    pub schema: i64,
    /// Of the file.
    pub bytes: u64,
    /// What there is, and how many of it; tables that its schema lacks are left out.
    pub counts: Vec<(&'static str, u64)>,
}

/// What is counted: the words for it, and its table.
const COUNTED: [(&str, &str); 6] = [
    ("accounts", "account"),
    ("contacts", "contact"),
    ("cards", "card"),
    ("circles", "circle"),
    ("offline messages", "offline_message"),
    ("pictures", "tile"),
];

/// Why a file is no database to be restored, or a copy no good backup.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackupError {
    /// There is something of this name already.
    #[error("there is a file of this name already")]
    Exists,
    /// Another process is writing a backup to the same place.
    #[error("another backup is being written to the same place")]
    BeingWritten,
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The file has a log beside it, without which it lacks what was written last.
    #[error(
        "it has a write-ahead log beside it, so it is a database in use or a part of one; use a \
         file that `chrysalis backup` made"
    )]
    HasLog,
    /// The backup was to take the place of what it is a copy of.
    #[error("it is the database itself, or goes with it")]
    Itself,
    /// It is a database, but none of ours.
    #[error("it is no database of Chrysalis")]
    Foreign,
    /// Somebody edited what only this program may write.
    #[error("its migration {version} is not the one that was released")]
    Altered { version: i64 },
    /// The database's own check found something wrong.
    #[error("it is damaged: {first}")]
    Damaged {
        /// The first thing that was found.
        first: String,
    },
    /// The files could not be read or written.
    #[error("the files cannot be read or written")]
    File(#[source] Arc<io::Error>),
    /// The database could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::File(Arc::new(error))
    }
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Copies the database at `database` to the file `to`, while anybody uses it, and answers what
    /// is in the copy. The database is not brought up to date by this: a backup is what one makes
    /// before that.
    ///
    /// Everything that was acknowledged before the call is in the copy. Without `replace` it fails
    /// where there is a file already. A failure leaves nothing under the name `to` that was not
    /// there before.
    pub async fn back_up(
        database: &Path,
        to: &Path,
        replace: bool,
    ) -> Result<Contents, BackupError> {
        if !database.exists() {
            return Err(BackupError::Missing);
        }
        let _in_use = InUse::shared(database)?;
        refuse_itself(database, to)?;
        refuse_existing(to, replace)?;
        let part = beside(to, ".part");
        let held = open_part(&part)?;
        let made = write_copy(database, &part).await;
        let finished = match made {
            // Once more: checking takes a while.
            Ok(contents) => refuse_existing(to, replace)
                .and_then(|()| Ok(held.sync_all()?))
                .and_then(|()| Ok(fs::rename(&part, to)?))
                .and_then(|()| Ok(sync_folder(to)?))
                .map(|()| contents),
            Err(error) => Err(error),
        };
        if finished.is_err() {
            // It may be gone already; then there is nothing to clean up.
            let _ = fs::remove_file(&part);
        }
        finished
    }
}

/// A server would go on writing to a file that has no name any more.
fn refuse_itself(database: &Path, to: &Path) -> Result<(), BackupError> {
    let Ok(target) = to.canonicalize() else {
        // Where there is no file, none is replaced.
        return Ok(());
    };
    let is_ours = ["", "-wal", "-shm", "-lock"].iter().any(|suffix| {
        let ours = beside(database, suffix).canonicalize();
        ours.is_ok_and(|ours| ours == target)
    });
    if is_ours {
        return Err(BackupError::Itself);
    }
    Ok(())
}

fn refuse_existing(to: &Path, replace: bool) -> Result<(), BackupError> {
    if !replace && to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists);
    }
    Ok(())
}

/// An empty file for the copy, for the owner alone. One that a killed process left is used again;
/// one that another process writes is left alone.
fn open_part(part: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(part)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(BackupError::BeingWritten),
        Err(fs::TryLockError::Error(error)) => return Err(error.into()),
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

        // Whoever had the lock may have finished meanwhile, and this is their backup now.
        let (held, named) = (file.metadata()?, fs::metadata(part));
        if !named.is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino())) {
            return Err(BackupError::BeingWritten);
        }
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    file.set_len(0)?;
    Ok(file)
}

async fn write_copy(database: &Path, part: &Path) -> Result<Contents, BackupError> {
    copy(&pool::reader_options(database), part).await?;
    examine(part).await
}

/// Copies a database as it is at one moment. Where there is a file of the new name, it is empty.
pub(super) async fn copy(from: &SqliteConnectOptions, to: &Path) -> Result<(), BackupError> {
    let mut connection = from.connect().await?;
    // In full, since SQLite takes a name that begins with `file:` for an address.
    let target = std::path::absolute(to)?;
    let no_text = || io::Error::new(io::ErrorKind::InvalidInput, "the name is not UTF-8");
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(target.to_str().ok_or_else(no_text)?)
        .execute(&mut connection)
        .await;
    // The copy tells the truth about itself; how the reader ends changes nothing.
    let _ = connection.close().await;
    copied?;
    Ok(())
}

/// Brings a name to the disk: a rename is safe only then.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// How a file is opened that nobody else knows of: without a log beside it.
pub(super) fn private_options(path: &Path) -> SqliteConnectOptions {
    pool::writer_options(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Delete)
}

/// Checks a database that nobody else uses, and answers what is in it.
pub(super) async fn examine(path: &Path) -> Result<Contents, BackupError> {
    let mut connection = private_options(path).connect().await.map_err(no_database)?;
    let examined = examine_open(&mut connection).await;
    connection.close().await?;
    let (schema, counts) = examined?;
    Ok(Contents {
        schema,
        bytes: path.metadata()?.len(),
        counts,
    })
}

async fn examine_open(
    connection: &mut SqliteConnection,
) -> Result<(i64, Vec<(&'static str, u64)>), BackupError> {
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await
        .map_err(no_database)?;
    if found != "ok" {
        return Err(BackupError::Damaged { first: found });
    }
    let orphan: Option<String> =
        sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(table) = orphan {
        return Err(BackupError::Damaged {
            first: format!("a row of {table} refers to one that is missing"),
        });
    }
    let schema = schema(connection).await?;
    let mut counts = Vec::new();
    for (words, table) in COUNTED {
        if has_table(connection, table).await? {
            // The names are those above.
            let query = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            let count: i64 = sqlx::query_scalar(query)
                .fetch_one(&mut *connection)
                .await?;
            counts.push((words, count.unsigned_abs()));
        }
    }
    Ok((schema, counts))
}

/// The newest migration of the database, if all of them are as this program knows them.
async fn schema(connection: &mut SqliteConnection) -> Result<i64, BackupError> {
    if !has_table(connection, "_sqlx_migrations").await? {
        return Err(BackupError::Foreign);
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let newest = MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0);
    for (version, success, checksum) in &applied {
        let known = MIGRATIONS.iter().find(|it| it.version == *version);
        match known {
            Some(known) if *success && *known.checksum == **checksum => {}
            Some(_) => return Err(BackupError::Altered { version: *version }),
            None => {
                return Err(StoreError::Newer {
                    found: *version,
                    newest,
                }
                .into());
            }
        }
    }
    let last = applied.last().map(|&(version, ..)| version);
    last.ok_or(BackupError::Foreign)
}

async fn has_table(connection: &mut SqliteConnection, name: &str) -> Result<bool, BackupError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    Ok(found.is_some())
}

/// SQLite's numbers for a file that is damaged or no database at all.
fn no_database(error: sqlx::Error) -> BackupError {
    let code = match &error {
        sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<i32>().ok()),
        _ => None,
    };
    match code.map(|code| code & 0xff) {
        Some(11) => BackupError::Damaged {
            first: error.to_string(),
        },
        Some(26) => BackupError::Foreign,
        _ => error.into(),
    }
}
