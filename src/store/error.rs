//! What can go wrong in the store. A request that cannot be granted is a `Refusal`, not one of
//! these: every error here is a fault, and the change it answers did not happen, except where
//! a variant says otherwise.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// A fault of the database or of the way to it.
///
/// It can be cloned because the jobs of one batch share the fault that befell the batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store was closed before the operation was taken.
    #[error("the store is closed")]
    Closed,
    /// Another process held the database, or the queue was full, for longer than we wait.
    #[error("the database is busy")]
    Busy,
    /// The operation panicked and did not happen; or its `published` closure did, after the
    /// commit; or the program ended around it, and then it may have been committed.
    #[error("the operation was broken off")]
    Interrupted,
    /// The file or its folder cannot be created.
    #[error("cannot create {}", path.display())]
    Create {
        /// What was to be created.
        path: PathBuf,
        source: Arc<io::Error>,
    },
    /// Another program replaces the database, or uses it while it is to be replaced.
    #[error(
        "{} is in use by another program: a server, a command, or a restore that is under way",
        path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// A newer program has changed the database; this one cannot know what it would break.
    #[error(
        "the database has schema {found}, and this program knows schemas up to {newest} only: a \
         newer version has used it. Run that version again, or restore a backup from before the \
         upgrade with `chrysalis restore`"
    )]
    Newer {
        /// A migration in the database.
        found: i64,
        /// The last one of this program.
        newest: i64,
    },
    /// The database was changed by hand, or cannot be brought up to date.
    #[error("the database cannot be brought up to date")]
    Migrate { source: Arc<MigrateError> },
    /// Any other failure of the database.
    #[error("the database failed")]
    Sql { source: Arc<sqlx::Error> },
    /// A value in the database is none that this program writes.
    #[error("{table}.{column} of row {row} is not readable")]
    Inconsistent {
        table: &'static str,
        column: &'static str,
        /// The row's number, or its owner's where rows have no number.
        row: i64,
    },
}

/// SQLite's number for "another connection is writing", and the one within a shared cache.
const BUSY_CODES: [i32; 2] = [5, 6];

/// Whether the error means that somebody else holds the database.
fn is_busy(error: &dyn DatabaseError) -> bool {
    // The lowest byte is the kind; what is above it only explains.
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| BUSY_CODES.contains(&(code & 0xff)))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(inner) if is_busy(inner.as_ref()) => Self::Busy,
            other => Self::Sql {
                source: Arc::new(other),
            },
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(inner) => inner.into(),
            other => Self::Migrate {
                source: Arc::new(other),
            },
        }
    }
}
