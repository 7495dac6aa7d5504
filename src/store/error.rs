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
    /// The file is there and may not be written to.
    #[error("cannot write to {}: {source}", path.display())]
    Unwritable {
        path: PathBuf,
        source: Arc<io::Error>,
    },
    /// The files beside the database cannot be made or opened.
    #[error(
        "the database and the files beside it (-wal, -shm) cannot be opened: their folder has to \
         be writable for the user of the server"
    )]
    Inaccessible,
    /// The disk, or what this user may use of it, is full.
    #[error("the disk of the database is full")]
    Full,
    /// The disk became read-only, or somebody took the right to write away.
    #[error("the database may not be written to: its disk, its folder or its file is read-only")]
    ReadOnly,
    /// The file is no database or its pages contradict each other.
    #[error(
        "it is damaged or no database ({detail}). It was left as it is: keep a copy of it and of \
         the files -wal and -shm beside it, take the three away, and restore a backup"
    )]
    Damaged {
        /// What is wrong, in SQLite's words.
        detail: String,
    },
    /// The log of a server that was not stopped is gone, and with it what was not folded into the
    /// database yet.
    #[error(
        "the log {} is gone, although the server was not stopped properly: the last changes were \
         in it. Put it back, or restore a backup; to go on without those changes, remove {} too",
        log.display(), index.display()
    )]
    LogLost { log: PathBuf, index: PathBuf },
    /// Another program replaces the database, or uses it while it is to be replaced.
    #[error(
        "{} is in use by another program: a server, a command, or a restore that is under way",
        path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// A program of an earlier version uses the database, which would be of no use to it any more.
    #[error(
        "{} is of an earlier version, and a program of that version uses it: stop it first. The \
         database is brought up to date when nobody uses it",
        path.display()
    )]
    Older {
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

/// SQLite's number of an error (<https://www.sqlite.org/rescode.html>). The lowest byte is the
/// kind; what is above it only explains.
fn kind(error: &dyn DatabaseError) -> Option<i32> {
    let code = error.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(inner) => match kind(inner.as_ref()) {
                // Another connection is writing, in another process or within a shared cache.
                Some(5 | 6) => Self::Busy,
                Some(8) => Self::ReadOnly,
                Some(11 | 26) => Self::Damaged {
                    detail: inner.message().to_owned(),
                },
                Some(13) => Self::Full,
                Some(14) => Self::Inaccessible,
                _ => Self::Sql {
                    source: Arc::new(sqlx::Error::Database(inner)),
                },
            },
            other => Self::Sql {
                source: Arc::new(other),
            },
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => inner.into(),
            other => Self::Migrate {
                source: Arc::new(other),
            },
        }
    }
}
