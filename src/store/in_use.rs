//! Who uses the database files: everybody who opens the store, or one who replaces them.
//!
//! SQLite's own locks order transactions; they cannot say that a program will go on using a file
//! whose name is about to be given to another one. So whoever opens the store holds a shared lock
//! on a small file beside the database for as long as it is open, and whoever replaces the database
//! needs that lock alone. The system takes it back from a process that is killed. The file stays:
//! without its name two processes could lock different ones.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{StoreError, private};

/// What the name of the small file has behind that of the database.
const LOCK: &str = "-lock";

/// A share of the use of a database, or all of it; given back when dropped.
#[derive(Debug)]
pub(super) struct InUse {
    /// Open for as long as the lock is held.
    _file: File,
}

impl InUse {
    /// Uses the database together with others. Fails while somebody replaces it.
    pub(super) fn shared(database: &Path) -> Result<Self, StoreError> {
        Self::lock(database, File::try_lock_shared)
    }

    /// The same without making the file: where there is none, nobody has ever opened the store.
    pub(super) fn shared_if_known(database: &Path) -> Result<Option<Self>, StoreError> {
        if !beside(database, LOCK).exists() {
            return Ok(None);
        }
        Self::shared(database).map(Some)
    }

    /// Has the database alone. Fails while anybody uses it.
    pub(super) fn alone(database: &Path) -> Result<Self, StoreError> {
        Self::lock(database, File::try_lock)
    }

    fn lock(
        database: &Path,
        lock: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, StoreError> {
        let path = beside(database, LOCK);
        let failed = |source: io::Error| StoreError::Create {
            path: path.clone(),
            source: Arc::new(source),
        };
        let file = open(&path).map_err(failed)?;
        match lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: database.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Opens the file, which is made by whoever comes first.
fn open(path: &Path) -> io::Result<File> {
    match private::create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        made => made,
    }
}

/// The name of a file that goes with the database: its own with something behind it.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_use_a_database_and_one_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("chrysalis.db");
        let first = InUse::shared(&database).unwrap();
        let second = InUse::shared(&database).unwrap();
        drop(first);
        assert!(matches!(
            InUse::alone(&database),
            Err(StoreError::InUse { .. })
        ));
        drop(second);
        let alone = InUse::alone(&database).unwrap();
        assert!(matches!(
            InUse::shared(&database),
            Err(StoreError::InUse { .. })
        ));
        drop(alone);
        InUse::shared(&database).unwrap();
    }
}
