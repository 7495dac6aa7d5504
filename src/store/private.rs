//! Files that go with the database: for its owner alone, whoever makes them.
//!
//! Operators run a command beside the server as root, and the server runs as a user of its own. What
//! such a command makes would be out of the server's reach, and the next start would fail. So a new
//! file belongs to the owner of its folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file, for reading and writing; there must be none of the name.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // Only of a file that was made just now: under the name of one that was there before, somebody
    // else could have put a link to one that is none of their business.
    #[cfg(unix)]
    belong_to_folder(&file, path)?;
    Ok(file)
}

/// Only root can give a file away; whoever else works in the folder of another has got the right to
/// do so, and keeps what they make.
#[cfg(unix)]
fn belong_to_folder(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")))?;
    if file.metadata()?.uid() == folder.uid() {
        return Ok(());
    }
    match fchown(file, Some(folder.uid()), Some(folder.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    use super::*;

    /// Gives the folder to somebody else, where that is possible; everything in it then has to be
    /// theirs.
    pub(in crate::store) fn give_away(folder: &Path) {
        // Without root it stays one's own, and so does everything in it.
        let _ = chown(folder, Some(12_345), Some(12_346));
    }

    /// Everything in the folder belongs to its owner, and to nobody else.
    #[track_caller]
    pub(in crate::store) fn is_of_one_owner(folder: &Path) {
        let owner = folder.metadata().unwrap();
        let mut files = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.metadata().unwrap();
            let found = (file.uid(), file.gid(), file.permissions().mode() & 0o777);
            assert_eq!(
                found,
                (owner.uid(), owner.gid(), 0o600),
                "{}",
                path.display()
            );
            files += 1;
        }
        assert!(files > 0);
    }

    #[test]
    fn a_new_file_belongs_to_the_owner_of_its_folder_and_an_old_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old");
        fs::write(&old, "").unwrap();
        let before = old.metadata().unwrap().uid();
        give_away(folder.path());
        drop(create(&folder.path().join("new")).unwrap());
        assert!(create(&old).is_err());
        assert_eq!(old.metadata().unwrap().uid(), before);
        fs::remove_file(old).unwrap();
        is_of_one_owner(folder.path());
    }
}
