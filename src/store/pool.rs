//! Opening the database: the file, its settings, its migrations, and the connections.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Instant, sleep};

use super::{StoreError, private};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a connection waits for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// Pages in memory, in KiB, of the writing connection and of each that reads. The operating
/// system keeps what does not fit; these bound what the server itself holds.
const WRITER_CACHE: u32 = 16 * 1024;
const READER_CACHE: u32 = 8 * 1024;
/// Pages in the log before it is folded into the database, 4 KiB each. The same pages are written
/// again and again, so a long log saves most of that work; it is read through an index either way.
const LOG_PAGES: u32 = 4096;
/// What is left of the log's file after it was longer once, in bytes.
const LOG_SIZE: u32 = 64 * 1024 * 1024;
/// Scripts that stay prepared at the writing connection: one for each way a change can go.
const SCRIPTS: usize = 256;

/// Creates the file and its folder where they are missing. Only the user the server runs as may
/// read them; SQLite gives its side files the mode of the database.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    create_folder(path)?;
    match private::create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => may_write(path),
        Err(error) => Err(failed(path, error)),
        Ok(_) => Ok(()),
    }
}

/// Creates the folder of a database where it is missing.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(folder)
            .map_err(|error| failed(folder, error))?;
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::Create {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

/// SQLite by itself would open such a file for reading, and complain about something else later.
fn may_write(path: &Path) -> Result<(), StoreError> {
    let opened = OpenOptions::new().write(true).open(path);
    opened.map(drop).map_err(|source| StoreError::Unwritable {
        path: path.to_owned(),
        source: Arc::new(source),
    })
}

/// How the writing connection is opened.
pub(super) fn writer_options(path: &Path) -> SqliteConnectOptions {
    reader_options(path)
        .read_only(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(SCRIPTS)
        .pragma("cache_size", format!("-{WRITER_CACHE}"))
        .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
        .pragma("journal_size_limit", LOG_SIZE.to_string())
        // What savepoints need to be undone is small, and no reason to open files.
        .pragma("temp_store", "memory")
}

/// Opens the writing connection.
///
/// The first one at a new file changes its journal to a write-ahead log, and SQLite refuses that
/// at once, without the usual wait, while another process does the same.
pub(super) async fn writer(options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match options.connect().await.map_err(StoreError::from) {
            Err(StoreError::Busy) if Instant::now() < deadline => sleep(BUSY_PAUSE).await,
            opened => return opened,
        }
    }
}

/// How the connections that read are opened.
pub(super) fn reader_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
        .pragma("cache_size", format!("-{READER_CACHE}"))
}

/// How the writing connection is opened where the database has to be there already, and nothing
/// about it may change.
pub(super) fn existing_writer_options(path: &Path) -> SqliteConnectOptions {
    reader_options(path).read_only(false)
}

/// Opens one reading connection.
pub(super) async fn reader(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(reader_options(path).connect().await?)
}

/// The version of the newest migration.
pub(super) fn newest_schema() -> i64 {
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
}

/// The version of the tables of a database; 0 without any.
pub(super) async fn schema(path: &Path) -> Result<i64, StoreError> {
    if !path.exists() {
        return Ok(0);
    }
    let mut connection = reader(path).await?;
    let schema = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await;
    connection.close().await?;
    Ok(schema?)
}

/// Brings the schema up to date.
///
/// All of it is one transaction that excludes other writers, so two programs that start at the
/// same moment on an empty file do not both create the tables.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // `Migrator::run` would do, but its future cannot be sent between threads.
    let newest = newest_schema();
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) if found > newest => {
                StoreError::Newer { found, newest }
            }
            other => other.into(),
        })?;
    transaction.commit().await?;
    Ok(())
}

/// Brings the schema up to a version of the past.
#[cfg(test)]
pub(super) async fn migrate_up_to(connection: &mut SqliteConnection, version: i64) {
    let migrations = MIGRATIONS.iter().cloned();
    let past = Migrator::with_migrations(migrations.filter(|it| it.version <= version).collect());
    past.run_direct(None, connection, false).await.unwrap();
}
