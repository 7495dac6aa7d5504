//! Looking at a database before it is used.
//!
//! SQLite finds a damaged page when it comes by it, which may be weeks later and in the middle of
//! somebody's sign-in. Reading everything once at the start finds most of it while the last good
//! backup is still at hand. Nothing here writes.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use tokio::time::{Instant, sleep};

use super::in_use::beside;
use super::{StoreError, pool};

/// How long the check of the pages may hold up a start. A large database is looked at as far as that
/// goes: people wait for the server.
const LIMIT: Duration = Duration::from_millis(400);
/// After how many steps of SQLite's machine the time is looked at.
const STEPS: i32 = 10_000;
/// SQLite's number for what was broken off because the time was up.
const INTERRUPTED: &str = "9";
/// Another process may be making or removing the files beside the database just now; this often,
/// and after such a pause, the log has to be missing.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Reads all pages of a database. What keeps it from being opened is not told here: opening it
/// in earnest says more.
pub(super) async fn is_sound(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    has_its_log(path).await?;
    match read_through(path).await {
        Ok(lines) => match lines.first() {
            Some(line) if line != "ok" => Err(StoreError::Damaged {
                detail: line.replace('\n', "; "),
            }),
            _ => Ok(()),
        },
        Err(error) if is_interrupted(&error) => {
            tracing::info!("the database is too large to be checked as a whole at the start");
            Ok(())
        }
        Err(error) => match StoreError::from(error) {
            damaged @ StoreError::Damaged { .. } => Err(damaged),
            _ => Ok(()),
        },
    }
}

async fn read_through(path: &Path) -> Result<Vec<String>, sqlx::Error> {
    let mut connection = pool::reader_options(path).connect().await?;
    let deadline = Instant::now() + LIMIT;
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || Instant::now() < deadline);
    drop(handle);
    let found = sqlx::query_scalar("PRAGMA quick_check(1)");
    let found = found.fetch_all(&mut connection).await;
    // There is nothing to lose in a connection that only read.
    drop(sqlx::Connection::close(connection).await);
    found
}

fn is_interrupted(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    database.and_then(|error| error.code()).as_deref() == Some(INTERRUPTED)
}

/// Fails if the log was taken away from a database that was not closed. Closing removes the index
/// of the log first and the log last, and opening makes the log first, so an index without a log
/// is the work of somebody else. SQLite would go on without a word, and without the changes that
/// were only in the log.
pub(super) async fn has_its_log(path: &Path) -> Result<(), StoreError> {
    let (log, index) = (beside(path, "-wal"), beside(path, "-shm"));
    for _ in 0..LOOKS {
        if log.exists() || !index.exists() || log.exists() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(StoreError::LogLost { log, index })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::super::{ListLimits, Store};
    use super::*;

    #[tokio::test]
    async fn a_sound_database_and_a_missing_one_pass() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        Store::check(&fixture.path()).await.unwrap();
        let missing = fixture.path().with_file_name("missing.db");
        Store::check(&missing).await.unwrap();
        assert!(!missing.exists());
    }

    #[tokio::test]
    async fn an_index_without_its_log_is_refused_and_left_alone() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        fixture.store.close().await;
        let index = beside(&fixture.path(), "-shm");
        std::fs::write(&index, "").unwrap();
        let opened = Store::open(&fixture.path(), ListLimits::default()).await;
        assert!(matches!(opened, Err(StoreError::LogLost { .. })));
        std::fs::remove_file(&index).unwrap();
        Store::open(&fixture.path(), ListLimits::default())
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_spoilt_page_is_found_before_anybody_needs_it() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        fixture.store.close().await;
        let mut bytes = std::fs::read(fixture.path()).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
        std::fs::write(fixture.path(), &bytes).unwrap();
        let checked = Store::check(&fixture.path()).await;
        assert!(matches!(checked, Err(StoreError::Damaged { .. })));
        assert_eq!(std::fs::read(fixture.path()).unwrap(), bytes);
    }
}
