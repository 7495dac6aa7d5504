//! Opening the database: the file, its settings, its migrations, and the connections.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{Instant, sleep};

use super::StoreError;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a connection waits for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long a reader waits for one of the reading connections.
const READER_WAIT: Duration = Duration::from_secs(5);
/// Readers never wait for the writer, so a few of them are enough for two or three cores.
const READERS: u32 = 3;

/// Creates the file and its folder where they are missing. Only the user the server runs as may
/// read them; SQLite gives its side files the mode of the database.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    create_folder(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(path, error)),
        _ => Ok(()),
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

/// How the writing connection is opened.
pub(super) fn writer_options(path: &Path) -> SqliteConnectOptions {
    reader_options(path)
        .read_only(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
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

pub(super) fn reader_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Opens the reading connections. The database must exist and be up to date.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool, StoreError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(reader_options(path))
        .await?;
    Ok(pool)
}

/// Brings the schema up to date.
///
/// All of it is one transaction that excludes other writers, so two programs that start at the
/// same moment on an empty file do not both create the tables.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // `Migrator::run` would do, but its future cannot be sent between threads.
    let newest = MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0);
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
