//! The connections that read.
//!
//! They never wait for the one that writes, so a few of them are enough. The driver has a pool,
//! but that one asks every connection that comes back whether it is still there, in a task of its
//! own: as much again as a small question costs.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{StoreError, pool};

/// Connections, for two or three cores.
const READERS: u32 = 3;
/// How long a caller waits for one.
const WAIT: Duration = Duration::from_secs(5);
/// One use of so many asks whether the connection is still there, and replaces it if it is not.
const CHECKED: u64 = 64;

/// The connections; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    /// One for each slot.
    free: Semaphore,
    /// A slot is empty after its connection broke and could not be replaced.
    slots: Vec<Mutex<Option<SqliteConnection>>>,
    uses: AtomicU64,
}

/// A connection in use. It goes back by being dropped.
#[derive(Debug)]
pub(super) struct Reader<'r> {
    connection: MappedMutexGuard<'r, SqliteConnection>,
    /// Given back after the connection, so that whoever gets it finds one.
    _permit: SemaphorePermit<'r>,
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Readers {
    /// Opens the connections. The database must exist and be up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = pool::reader_options(path);
        let mut slots = Vec::new();
        for _ in 0..READERS {
            slots.push(Mutex::new(Some(options.connect().await?)));
        }
        Ok(Self(Arc::new(Shared {
            options,
            free: Semaphore::new(slots.len()),
            slots,
            uses: AtomicU64::new(0),
        })))
    }

    /// A connection. Fails with `Closed` after the store was, and with `Busy` if all of them are
    /// in use for five seconds.
    pub(super) async fn get(&self) -> Result<Reader<'_>, StoreError> {
        let shared = &*self.0;
        let permit = timeout(WAIT, shared.free.acquire())
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(|_| StoreError::Closed)?;
        let mut slots = shared.slots.iter();
        let mut slot = slots
            .find_map(|slot| slot.try_lock().ok())
            .ok_or(StoreError::Busy)?;
        let use_number = shared.uses.fetch_add(1, Ordering::Relaxed);
        if slot.is_none() || use_number.is_multiple_of(CHECKED) {
            check(&mut slot, &shared.options).await?;
        }
        let connection = MutexGuard::try_map(slot, Option::as_mut);
        Ok(Reader {
            connection: connection.map_err(|_| StoreError::Closed)?,
            _permit: permit,
        })
    }

    /// Waits until nobody reads, and closes the connections. Nobody gets one afterwards.
    pub(super) async fn close(&self) {
        let all = self.0.free.acquire_many(READERS).await;
        self.0.free.close();
        drop(all);
        for slot in &self.0.slots {
            let connection = slot.lock().await.take();
            if let Some(connection) = connection {
                drop(connection.close().await);
            }
        }
    }
}

/// Sees to it that there is a connection that answers.
async fn check(
    slot: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
) -> Result<(), StoreError> {
    let answers = match slot {
        Some(connection) => connection.ping().await.is_ok(),
        None => false,
    };
    if !answers {
        *slot = None;
        *slot = Some(options.connect().await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_when_all_are_in_use_waits_for_one_but_not_for_ever() {
        let fixture = Fixture::new().await;
        let readers = fixture.store.readers.clone();
        let mut held = Vec::new();
        for _ in 0..READERS {
            held.push(readers.get().await.unwrap());
        }
        assert!(matches!(readers.get().await, Err(StoreError::Busy)));
        let waiting = tokio::spawn({
            let readers = readers.clone();
            async move { readers.get().await.is_ok() }
        });
        tokio::task::yield_now().await;
        held.pop();
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn closing_waits_for_who_reads_and_is_final() {
        let fixture = Fixture::new().await;
        let readers = fixture.store.readers.clone();
        let held = readers.get().await.unwrap();
        let closing = tokio::spawn({
            let readers = readers.clone();
            async move { readers.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        drop(held);
        closing.await.unwrap();
        assert!(matches!(readers.get().await, Err(StoreError::Closed)));
    }

    #[tokio::test]
    async fn a_connection_that_is_gone_is_replaced() {
        let fixture = Fixture::new().await;
        let readers = &fixture.store.readers;
        for slot in &readers.0.slots {
            let connection = slot.lock().await.take();
            connection.unwrap().close().await.unwrap();
        }
        for _ in 0..2 * CHECKED {
            let mut reader = readers.get().await.unwrap();
            sqlx::query("SELECT 1").execute(&mut *reader).await.unwrap();
        }
    }
}
