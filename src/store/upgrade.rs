//! Bringing a database of an earlier version up to date.

use std::path::Path;
use std::time::Duration;

use sqlx::Connection as _;
use tokio::time::{Instant, sleep};

use super::in_use::InUse;
use super::{StoreError, check, pool};

/// How long somebody else may use the database before that is a reason to give up.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Brings a database of an earlier version up to date, alone: a program of that version that uses
/// it could neither go on nor start again afterwards, and nobody is told by a command that does
/// something else.
pub(super) async fn upgrade(path: &Path) -> Result<(), StoreError> {
    let start = Instant::now();
    loop {
        match attempt(path).await {
            // Another program may be at the same work; and a process that is being started holds
            // the locks of the one that starts it, until it is itself.
            Err(StoreError::InUse { .. } | StoreError::Older { .. })
                if start.elapsed() < PATIENCE =>
            {
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn attempt(path: &Path) -> Result<(), StoreError> {
    {
        let _in_use = InUse::shared(path)?;
        check::has_its_log(path).await?;
        // What cannot be read is not of an earlier version; opening it says what it is.
        let schema = pool::schema(path).await.unwrap_or_default();
        if !(1..pool::newest_schema()).contains(&schema) {
            return Ok(());
        }
    }
    let _alone = InUse::alone(path).map_err(|error| match error {
        StoreError::InUse { path } => StoreError::Older { path },
        other => other,
    })?;
    let mut connection = pool::writer(&pool::writer_options(path)).await?;
    let migrated = pool::migrate(&mut connection).await;
    connection.close().await?;
    migrated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ListLimits, Store};

    #[tokio::test]
    async fn a_database_is_brought_up_to_date_when_nobody_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chrysalis.db");
        let newest = pool::newest_schema();
        pool::create(&path).unwrap();
        let options = pool::writer_options(&path);
        let mut connection = pool::writer(&options).await.unwrap();
        pool::migrate_up_to(&mut connection, newest - 1).await;
        connection.close().await.unwrap();
        // A server of the earlier version.
        let server = InUse::shared(&path).unwrap();
        let refused = Store::open(&path, ListLimits::default()).await;
        assert!(
            matches!(refused, Err(StoreError::Older { .. })),
            "{refused:?}"
        );
        assert_eq!(pool::schema(&path).await.unwrap(), newest - 1);
        drop(server);
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        assert_eq!(pool::schema(&path).await.unwrap(), newest);
        // Whoever comes now uses it together with it.
        let other = Store::open(&path, ListLimits::default()).await.unwrap();
        other.close().await;
        store.close().await;
    }
}
