//! Looking at a database from outside, without changing or creating anything.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{StoreError, pool};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What SQLite says is wrong; empty if the file is whole.
    pub damage: Vec<String>,
    /// The version of the tables, 0 for a file without any.
    pub schema: i64,
    /// The version that this program works with.
    pub newest_schema: i64,
    /// Whether a change could be made.
    pub writable: Writable,
}

/// Whether a change could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// It could.
    Yes,
    /// Another process was writing for longer than we wait.
    Busy,
    /// It could not, for this reason.
    No(String),
}

/// Looks at the database at `path`, also while a server runs on it.
///
/// Reads all of the file. Fails if there is none, or if it cannot be read as a database.
pub async fn inspect(path: &Path) -> Result<Inspection, StoreError> {
    let mut connection = pool::reader(path).await?;
    let damage = damage(&mut connection).await?;
    // A damaged one may say so once more.
    drop(connection.close().await);
    Ok(Inspection {
        damage,
        // A file without that table was never used.
        schema: pool::schema(path).await.unwrap_or_default(),
        newest_schema: pool::newest_schema(),
        writable: writable(path).await,
    })
}

async fn damage(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    // The first five things that are wrong; more would say nothing new.
    let lines = sqlx::query_scalar::<_, String>("PRAGMA integrity_check(5)")
        .fetch_all(connection)
        .await;
    match lines {
        Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").collect()),
        Err(error) => match error.into() {
            StoreError::Damaged { detail } => Ok(vec![detail]),
            other => Err(other),
        },
    }
}

/// Takes the right to write, and gives it back without a change.
async fn writable(path: &Path) -> Writable {
    let attempt = async {
        let mut connection = pool::existing_writer_options(path).connect().await?;
        let transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        transaction.rollback().await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(())
    };
    match attempt.await {
        Ok(()) => Writable::Yes,
        Err(error) => {
            let why = error.to_string();
            match StoreError::from(error) {
                StoreError::Busy => Writable::Busy,
                _ => Writable::No(why),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::testing::Fixture;
    use super::*;

    #[tokio::test]
    async fn a_database_in_use_is_whole_and_writable() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let seen = inspect(&fixture.path()).await.unwrap();
        assert_eq!(seen.damage, Vec::<String>::new());
        assert_eq!(seen.schema, seen.newest_schema);
        assert!(seen.schema > 0);
        assert_eq!(seen.writable, Writable::Yes);
    }

    #[tokio::test]
    async fn nothing_is_created_and_no_rubbish_is_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chrysalis.db");
        assert!(inspect(&path).await.is_err());
        assert!(!path.exists());
        std::fs::write(&path, "this is no database at all".repeat(100)).unwrap();
        assert!(inspect(&path).await.is_err());
    }

    #[tokio::test]
    async fn damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chrysalis.db");
        let store = Store::open(&path, Default::default()).await.unwrap();
        store.close().await;
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        // All pages but the first ones are overwritten.
        bytes[middle..].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        // Where so much is gone that it cannot even be opened, that is what is said.
        match inspect(&path).await {
            Ok(seen) => assert_ne!(seen.damage, Vec::<String>::new()),
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
        }
    }
}
