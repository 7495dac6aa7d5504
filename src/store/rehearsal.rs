//! A copy of the database to try things out on.
//!
//! What a change would do is found out by doing it, and the database must not notice: neither the
//! change, nor that it was brought up to date for it, nor files beside it. So all of it happens to a
//! copy in a folder of its own. To refuse an older database would be simpler, and wrong for whoever
//! asks: people want to know what an import would do before they let a new program at their data.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use super::in_use::{InUse, beside};
use super::{BackupError, ListLimits, Store, backup, check, pool};

/// A store that nobody will miss. Its folder is removed when it is dropped.
#[derive(Debug)]
pub struct Rehearsal {
    store: Store,
    _folder: Folder,
}

impl Rehearsal {
    /// Copies the database at `path`, as it is at this moment and while anybody uses it, and opens
    /// the copy, which is brought up to date; an empty database where there is none. Takes the room
    /// of the database in the folder for temporary files.
    pub async fn of(path: &Path, limits: ListLimits) -> Result<Self, BackupError> {
        let folder = Folder::make()?;
        let copy = folder.0.join("rehearsal.db");
        if path.exists() {
            let _in_use = InUse::shared_if_known(path)?;
            check::has_its_log(path).await?;
            // Whoever only reads leaves an empty log behind where there was none. Whoever may
            // write takes it away again as the last one to close, but folds one into the database
            // that a server left which was not stopped.
            let options = if beside(path, "-wal").exists() {
                pool::reader_options(path)
            } else {
                pool::existing_writer_options(path)
            };
            backup::copy(&options, &copy).await?;
        }
        let store = Store::open(&copy, limits).await?;
        Ok(Self {
            store,
            _folder: folder,
        })
    }

    /// The copy.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Closes the copy and removes it.
    pub async fn end(self) {
        self.store.close().await;
    }
}

/// A folder for the owner alone, removed with all that is in it when dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let name = format!("chrysalis-{:016x}", rand::random::<u64>());
        let path = env::temp_dir().join(name);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // It fails if somebody has guessed the name.
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is for the system to clean up; nobody else may look into it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    /// All files beside the database with their bytes, apart from the index of the log, which
    /// every reader writes to.
    fn files(database: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(database.parent().unwrap()).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let is_index = path.to_str().unwrap().ends_with("-shm");
                let bytes = if is_index {
                    Vec::new()
                } else {
                    fs::read(&path).unwrap()
                };
                (path, bytes)
            })
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn a_database_does_not_notice_what_is_tried_out() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let path = fixture.path();
        for is_open in [true, false] {
            if !is_open {
                fixture.store.close().await;
            }
            let before = files(&path);
            let rehearsal = Rehearsal::of(&path, ListLimits::default()).await.unwrap();
            let copy = rehearsal._folder.0.clone();
            assert_eq!(rehearsal.store().accounts().await.unwrap().len(), 1);
            rehearsal.end().await;
            assert!(!copy.exists());
            assert_eq!(files(&path), before, "open: {is_open}");
        }
    }

    #[tokio::test]
    async fn where_there_is_no_database_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("chrysalis.db");
        let rehearsal = Rehearsal::of(&path, ListLimits::default()).await.unwrap();
        assert!(rehearsal.store().accounts().await.unwrap().is_empty());
        rehearsal.end().await;
        assert!(!folder.path().join("data").exists());
    }
}
