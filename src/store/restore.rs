//! A backup takes the place of the database.
//!
//! The backup is copied beside the database and checked and brought up to date there, so whatever
//! is wrong with it is found before anything changes. Then the old database is copied aside, and
//! one rename makes the new one the database. Killed at any point, there is the old database or the
//! new one under the name, never none and never a mixture, and the restore can be done again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::accounts::REVISION_EPOCH;
use super::backup::{BackupError, Contents, examine, private_options, sync_folder};
use super::in_use::{InUse, beside};
use super::turn::Turn;
use super::{Store, StoreError, pool, private};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What is in the database now.
    pub contents: Contents,
    /// The schema that the backup had.
    pub from_schema: i64,
    /// Where the database that was there before is now, if there was one.
    pub aside: Option<PathBuf>,
    /// Whether that one could not be read, so that it was kept as it lay there, with its log.
    pub was_damaged: bool,
}

/// The logs of a database in use.
const LOGS: [&str; 2] = ["-wal", "-shm"];

impl Store {
    /// Makes the backup the database. What was the database is kept beside it, under a name with
    /// `label` in it, which must not be in use yet.
    ///
    /// Clients remember a later state than the one they find, so everything they could compare
    /// is moved past it: they download anew. Tickets and browsers' sessions end, for they may have
    /// been ended after the backup was made.
    ///
    /// Fails with [`StoreError::InUse`] or [`StoreError::Busy`] while any program has the database
    /// open, and changes nothing where the backup is not sound or of a newer program.
    pub async fn restore(
        database: &Path,
        backup: &Path,
        label: &str,
        now: i64,
    ) -> Result<Restored, BackupError> {
        if !backup.is_file() {
            return Err(BackupError::Missing);
        }
        if fs::metadata(beside(backup, "-wal")).is_ok_and(|log| log.len() > 0) {
            return Err(BackupError::HasLog);
        }
        pool::create_folder(database)?;
        let _alone = InUse::alone(database)?;
        let copy = beside(database, ".restoring");
        let prepared = prepare(backup, &copy, now).await;
        let swapped = match prepared {
            Ok((from_schema, contents)) => {
                let swapped = swap(database, &copy, label).await;
                swapped.map(|(aside, was_damaged)| Restored {
                    contents,
                    from_schema,
                    aside,
                    was_damaged,
                })
            }
            Err(error) => Err(error),
        };
        if swapped.is_err() {
            // What is in the way of the next attempt is removed by it too.
            let _ = remove(&copy);
        }
        swapped
    }
}

/// Copies the backup, checks the copy and makes it ready to be the database.
async fn prepare(backup: &Path, copy: &Path, now: i64) -> Result<(i64, Contents), BackupError> {
    // Of an attempt that was killed.
    remove(copy)?;
    copy_private(backup, copy)?;
    let from_schema = examine(copy).await?.schema;
    let mut connection = private_options(copy).connect().await?;
    pool::migrate(&mut connection).await?;
    let mut turn = Turn::new(connection);
    turn.begin().await?;
    turn.now = now;
    forget_the_future(&mut turn).await?;
    turn.commit().await?;
    turn.close().await;
    let contents = examine(copy).await?;
    fs::File::open(copy)?.sync_all()?;
    Ok((from_schema, contents))
}

/// Moves whatever clients compare past all that they may have seen after the backup was made.
async fn forget_the_future(turn: &mut Turn) -> Result<(), StoreError> {
    let (now, stamp) = (turn.now, turn.tick());
    sqlx::query(
        "UPDATE account SET revision = MAX(revision + 1, $1), \
         lists_changed_at = MAX(lists_changed_at + 1, $2), \
         settings_changed_at = MAX(settings_changed_at + 1, $2), \
         name_changed_at = $3, removals_since = $3",
    )
    // No book changes more than once a second for long, so no client has seen this number.
    .bind(now / 1000 - REVISION_EPOCH)
    .bind(now)
    .bind(stamp.0)
    .execute(turn.connection().await?)
    .await?;
    sqlx::query("UPDATE circle SET horizon = $1, changed_at = $1")
        .bind(stamp.0)
        .execute(turn.connection().await?)
        .await?;
    for statement in [
        "DELETE FROM ticket",
        "DELETE FROM web_session",
        "DELETE FROM notice",
    ] {
        sqlx::query(statement)
            .execute(turn.connection().await?)
            .await?;
    }
    Ok(())
}

/// Keeps the old database aside and puts the new one in its place.
async fn swap(
    database: &Path,
    copy: &Path,
    label: &str,
) -> Result<(Option<PathBuf>, bool), BackupError> {
    let mut kept = (None, false);
    if database.exists() {
        let aside = beside(database, &format!(".before-restore-{label}"));
        if aside.symlink_metadata().is_ok() {
            return Err(BackupError::Exists);
        }
        // Its log first: what has the name is whole then. And before SQLite opens the database, as
        // it may remove the log of one that it cannot read.
        let log = beside(&aside, "-wal");
        remove_file(&log)?;
        keep_aside(&beside(database, "-wal"), &log)?;
        let settled = settle(database).await;
        if matches!(settled, Ok(()) | Err(StoreError::Busy)) {
            remove_file(&log)?;
        }
        let was_damaged = match settled {
            Err(StoreError::Busy) => return Err(StoreError::Busy.into()),
            settled => settled.is_err(),
        };
        keep_aside(database, &aside)?;
        sync_folder(&aside)?;
        kept = (Some(aside), was_damaged);
    }
    // A log belongs to one database; the next one must not find it. After `settle` there is none,
    // and a damaged database is complete where it was put aside.
    for log in LOGS {
        remove_file(&beside(database, log))?;
    }
    fs::rename(copy, database)?;
    sync_folder(database)?;
    Ok(kept)
}

/// Brings the log of a database into it. Fails with [`StoreError::Busy`] if any program has it
/// open, one that does not know of [`InUse`] too.
async fn settle(database: &Path) -> Result<(), StoreError> {
    let connection = SqliteConnectOptions::new()
        .filename(database)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await?;
    connection.close().await?;
    Ok(())
}

/// Copies a file, if it is there, under a name that it gets only when it is whole.
fn keep_aside(from: &Path, to: &Path) -> io::Result<()> {
    if from.exists() {
        let part = beside(to, ".part");
        remove_file(&part)?;
        copy_private(from, &part)?;
        fs::File::open(&part)?.sync_all()?;
        fs::rename(&part, to)?;
    }
    Ok(())
}

/// Copies a file for the owner alone; there must be none of the name.
fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = private::create(to)?;
    io::copy(&mut fs::File::open(from)?, &mut target)?;
    Ok(())
}

/// Removes a database with what goes with it.
fn remove(database: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove_file(&beside(database, suffix))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::ListLimits;
    use super::super::testing::{Fixture, by_address, new_account};
    use super::*;
    use crate::model::List;

    /// Later than anything that these tests write.
    const LATER: i64 = 4_000_000_000_000;

    async fn back_up(fixture: &Fixture, name: &str) -> PathBuf {
        let to = fixture.path().with_file_name(name);
        Store::back_up(&fixture.path(), &to, false).await.unwrap();
        to
    }

    async fn restore(database: &Path, backup: &Path) -> Result<Restored, BackupError> {
        Store::restore(database, backup, "then", LATER).await
    }

    async fn names(path: &Path) -> Vec<String> {
        let store = Store::open(path, ListLimits::default()).await.unwrap();
        let accounts = store.accounts().await.unwrap();
        store.close().await;
        let names = accounts.iter().map(|it| it.address.as_str());
        names
            .map(|it| it.trim_end_matches("@example.com").to_owned())
            .collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_acknowledged_before_a_backup_is_in_it() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for number in 0..100 {
            fixture.account(&format!("user{number}")).await;
        }
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let changes = tokio::spawn({
            let (store, acknowledged) = (fixture.store.clone(), Arc::clone(&acknowledged));
            async move {
                for number in 0..100 {
                    let request = super::super::AddToList {
                        target: by_address(&format!("user{number}")),
                        list: List::Forward,
                        name: None,
                        group: None,
                        opposite: super::super::Opposite::Refused,
                    };
                    let added = store.add_to_list(alice, request, |_| ()).await;
                    added.unwrap().unwrap();
                    acknowledged.store(number + 1, Ordering::SeqCst);
                }
            }
        });
        let mut seen = 0;
        for round in 0.. {
            let is_last = changes.is_finished();
            let before = acknowledged.load(Ordering::SeqCst);
            let to = back_up(&fixture, &format!("{round}.db")).await;
            let copy = Store::open(&to, ListLimits::default()).await.unwrap();
            let contacts = copy.book(alice).await.unwrap().unwrap().contacts.len();
            copy.close().await;
            assert!(contacts >= before, "{contacts} of {before}");
            seen = contacts;
            if is_last {
                break;
            }
        }
        changes.await.unwrap();
        assert_eq!(seen, 100);
    }

    #[tokio::test]
    async fn a_backup_overwrites_only_when_told_to_and_says_what_it_has() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let to = back_up(&fixture, "backup.db").await;
        fixture.account("bob").await;
        let again = Store::back_up(&fixture.path(), &to, false).await;
        assert!(matches!(again, Err(BackupError::Exists)));
        assert_eq!(examine(&to).await.unwrap().counts[0], ("accounts", 1));
        // What a killed process left is no hindrance.
        fs::write(beside(&to, ".part"), "half a backup").unwrap();
        let contents = Store::back_up(&fixture.path(), &to, true).await.unwrap();
        assert_eq!(contents.counts[0], ("accounts", 2));
        assert_eq!(contents.bytes, to.metadata().unwrap().len());
        assert!(!beside(&to, ".part").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        // It never takes the place of what it is a copy of, by whatever name.
        let link = to.with_file_name("link.db");
        std::os::unix::fs::symlink(fixture.path(), &link).unwrap();
        for itself in [fixture.path(), link, beside(&fixture.path(), "-wal")] {
            let refused = Store::back_up(&fixture.path(), &itself, true).await;
            assert!(matches!(refused, Err(BackupError::Itself)), "{refused:?}");
        }
        // Numbers of accounts are not given out twice after it, either.
        fixture.store.close().await;
        let gone = to.with_file_name("nothing.db");
        let missing = Store::back_up(&gone, &beside(&to, "2"), false).await;
        assert!(matches!(missing, Err(BackupError::Missing)));
    }

    #[tokio::test]
    async fn a_restored_database_is_the_backup_and_the_old_one_is_kept() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        assert!(fixture.keep_ticket([7; 32], alice, LATER * 2).await);
        let backup = back_up(&fixture, "backup.db").await;
        fixture.account("bob").await;
        let before = fixture.book(alice).await;

        let busy = restore(&fixture.path(), &backup).await;
        assert!(matches!(
            busy,
            Err(BackupError::Store(StoreError::InUse { .. }))
        ));
        let path = fixture.path();
        let _folder = fixture.close_and_keep().await;
        let restored = restore(&path, &backup).await.unwrap();
        assert_eq!(restored.contents.counts[0], ("accounts", 1));
        assert!(!restored.was_damaged);
        assert_eq!(names(&path).await, ["alice"]);
        assert_eq!(names(&restored.aside.unwrap()).await, ["alice", "bob"]);

        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let after = store.book(alice).await.unwrap().unwrap();
        assert!(after.revision > before.revision + 1_000);
        assert!(after.stamps.lists > before.stamps.lists);
        // Whoever asks for what is new has to read everything.
        let since = crate::model::Stamp(LATER - 1);
        let delta = store.find_cards(alice, Some(since)).await.unwrap();
        assert!(matches!(
            delta,
            Err(crate::model::Refusal::FullSyncRequired)
        ));
        assert!(
            store
                .ticket_owner(&[[7; 32]], LATER)
                .await
                .unwrap()
                .is_none()
        );
        // The number of an account that the backup has not seen may come again, its own never.
        let next = store.create_account(new_account("carol")).await.unwrap();
        assert!(next.unwrap() > alice);
        store.close().await;
    }

    /// Root works beside a server that runs as somebody else.
    #[cfg(unix)]
    #[tokio::test]
    async fn whoever_restores_the_database_stays_its_owners() {
        use crate::store::private::tests::{give_away, is_of_one_owner};

        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let backup = back_up(&fixture, "backup.db").await;
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let path = folder.path().join("chrysalis.db");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        is_of_one_owner(folder.path());
        store.close().await;
        drop(store);
        restore(&path, &backup).await.unwrap();
        is_of_one_owner(folder.path());
        assert_eq!(names(&path).await, ["alice"]);
        is_of_one_owner(folder.path());
    }

    #[tokio::test]
    async fn what_is_no_sound_backup_changes_nothing() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let backup = back_up(&fixture, "backup.db").await;
        let path = fixture.path();
        let _folder = fixture.close_and_keep().await;
        let good = fs::read(&backup).unwrap();
        let broken = backup.with_file_name("broken.db");

        let mut torn = good.clone();
        // The pages behind the first ones, where the tables are.
        torn[8_192..20_000].fill(0x5a);
        fs::write(&broken, torn).unwrap();
        let damaged = restore(&path, &broken).await;
        assert!(
            matches!(damaged, Err(BackupError::Damaged { .. })),
            "{damaged:?}"
        );

        fs::write(&broken, "Dear reader, this is no database. ".repeat(100)).unwrap();
        assert!(matches!(
            restore(&path, &broken).await,
            Err(BackupError::Foreign)
        ));

        for (statement, expected) in [
            (
                "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 3",
                "migration 3",
            ),
            (
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'later', TRUE, x'00', 0)",
                "newer version",
            ),
            ("DROP TABLE _sqlx_migrations", "no database of Chrysalis"),
        ] {
            fs::write(&broken, &good).unwrap();
            let mut connection = private_options(&broken).connect().await.unwrap();
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
            let error = restore(&path, &broken).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }

        fs::write(beside(&backup, "-wal"), "what was written last").unwrap();
        assert!(matches!(
            restore(&path, &backup).await,
            Err(BackupError::HasLog)
        ));
        assert!(!beside(&path, ".restoring").exists());
        assert_eq!(names(&path).await, ["alice"]);
    }

    #[tokio::test]
    async fn a_damaged_database_is_replaced_and_kept_with_its_log() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let backup = back_up(&fixture, "backup.db").await;
        let path = fixture.path();
        let _folder = fixture.close_and_keep().await;
        fs::write(&path, "rubbish ".repeat(1_000)).unwrap();
        fs::write(beside(&path, "-wal"), "a log").unwrap();
        let restored = restore(&path, &backup).await.unwrap();
        assert!(restored.was_damaged);
        assert_eq!(names(&path).await, ["alice"]);
        let aside = restored.aside.unwrap();
        assert!(fs::read(&aside).unwrap().starts_with(b"rubbish "));
        assert_eq!(fs::read(beside(&aside, "-wal")).unwrap(), b"a log");
    }

    #[tokio::test]
    async fn a_restore_that_was_broken_off_is_simply_done_again() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        let backup = back_up(&fixture, "backup.db").await;
        fixture.account("bob").await;
        let path = fixture.path();
        let _folder = fixture.close_and_keep().await;
        // Killed while it copied, twice.
        fs::write(beside(&path, ".restoring"), "half").unwrap();
        fs::write(beside(&path, ".restoring-journal"), "half").unwrap();
        fs::write(beside(&path, ".before-restore-then.part"), "half").unwrap();
        assert_eq!(names(&path).await, ["alice", "bob"]);
        let restored = restore(&path, &backup).await.unwrap();
        assert_eq!(names(&path).await, ["alice"]);
        assert_eq!(names(&restored.aside.unwrap()).await, ["alice", "bob"]);
        // Where there is nothing yet, nothing is kept.
        let fresh = path.with_file_name("fresh").join("chrysalis.db");
        assert_eq!(restore(&fresh, &backup).await.unwrap().aside, None);
        assert_eq!(names(&fresh).await, ["alice"]);
    }
}
