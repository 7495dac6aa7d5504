//! Durable state: accounts, contact books, tickets.
//!
//! One method is one domain need and one transaction. Model types go in and come out, and no SQL
//! leaves this module. Two processes may use one database at the same time, the server and the
//! command line, so every decision is made inside the write transaction from what the database
//! says, never from memory.
//!
//! **Publishing.** A method that changes what signed-in people see takes a closure, `published`.
//! The writer task calls it right after the commit, in the order of the commits and before the
//! caller hears of it: the database first, the live state second, the answer third, in one order
//! for everybody. So it must be short, must not block, and must not wait for the store. It does
//! not run for a change that was refused or failed. What it returns comes back with the outcome.
//!
//! A change by another process reaches a running server as a [`Notice`], written in the same
//! transaction. Whoever reads a book anew because of one must take it even where its revision
//! equals the one already known: an edit of this process may have come in between and carried
//! the newer number.

mod accounts;
mod activity;
mod address_book;
mod admin;
mod audit;
mod backup;
mod book;
mod book_cache;
mod card_groups;
mod card_rows;
mod cards;
mod check;
mod circle_desk;
mod circle_rows;
mod circles;
mod contacts;
mod error;
mod groups;
mod in_use;
mod inspection;
mod invitations;
mod list_edits;
mod memberships;
mod notices;
mod offline_messages;
mod own_card;
mod pairs;
pub mod people;
mod pool;
mod private;
mod profiles;
mod readers;
mod rehearsal;
mod removals;
mod restore;
mod rows;
mod settings;
mod sign_ins;
#[cfg(test)]
mod testing;
mod tickets;
mod turn;
mod upgrade;
mod web_sessions;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use accounts::{
    Account, Credentials, ImportedHash, LegacyChange, LegacySecret, NewAccount, PasswordRecord,
};
pub use activity::{Activity, Deed};
pub use address_book::{BookChange, BookRequest, BookStep};
pub use admin::{AccountFilter, Administered, Administration, FoundAccounts};
pub use audit::{AuditDeed, AuditEntry};
pub use backup::{BackupError, Contents};
pub use book::{SignInMark, SignInState};
pub use circles::{CircleChange, CircleRequest};
pub use contacts::{AddToList, ListChange, Opposite, PhonesSeen};
pub use error::StoreError;
pub use groups::GroupChange;
pub use inspection::{Inspection, Writable, inspect};
pub use invitations::{Invitation, Invited, NewInvitation};
pub use list_edits::{ListEdit, ListEditKind};
pub use notices::{Notice, NoticeKind};
pub use offline_messages::{KeptMessage, NewOfflineMessage, OfflineLimits};
pub use profiles::{NewTile, Picture, PictureKind, Profile, TileInfo, TileSize};
pub use rehearsal::Rehearsal;
pub use restore::Restored;
pub use settings::{Setting, SettingChange};
pub use tickets::TicketOwner;
pub use web_sessions::{NewWebSession, WebSession};
pub use writer::{Published, WriteLoad};

use book_cache::BookCache;
use in_use::InUse;
use readers::Readers;
use sign_ins::SignIns;
use writer::Writer;

use crate::live::Live;

/// How much a client may fill: entries of its lists, circles, and people in those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    pub forward: u32,
    pub allow: u32,
    pub block: u32,
    /// Circles that one account is in.
    pub circles: u32,
    /// People in one circle, those who are invited included.
    pub circle_members: u32,
    /// Bytes of a circle's name in its encoded spelling.
    pub circle_name: usize,
    /// Everything in the address book, the forward list included.
    pub cards: u32,
    /// Bytes written on the cards of an address book.
    pub card_bytes: u64,
    /// Bytes of the pictures of an account.
    pub picture_bytes: u64,
}

impl Default for ListLimits {
    /// The sizes of a public server of today (`docs/protocol/02 §2`).
    fn default() -> Self {
        Self {
            forward: 1000,
            allow: 1500,
            block: 1200,
            circles: 50,
            circle_members: 50,
            circle_name: 180,
            cards: 2000,
            card_bytes: 4 * 1024 * 1024,
            picture_bytes: 8 * 1024 * 1024,
        }
    }
}

/// The database. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    limits: Live<ListLimits>,
    sign_ins: SignIns,
    books: BookCache,
    /// Keeps everybody from replacing the file under us.
    _in_use: Arc<InUse>,
}

impl Store {
    /// Opens the database at `path`, creates it and its folder where they are missing, and
    /// brings it up to date.
    ///
    /// Files that are created are readable by their owner only. Fails if the file cannot be
    /// created or written or is no database, if the log beside it was taken away, if a newer
    /// program has changed it, if an older one still uses it, if another process replaces it, or if
    /// one holds it for longer than five seconds.
    pub async fn open(path: &Path, limits: ListLimits) -> Result<Self, StoreError> {
        pool::create_folder(path)?;
        upgrade::upgrade(path).await?;
        let in_use = InUse::shared(path)?;
        check::has_its_log(path).await?;
        pool::create(path)?;
        let options = pool::writer_options(path);
        let mut connection = pool::writer(&options).await?;
        pool::migrate(&mut connection).await?;
        let store = Self {
            readers: Readers::open(path).await?,
            writer: Writer::start(options, connection),
            limits: Live::new(limits),
            sign_ins: SignIns::default(),
            books: BookCache::default(),
            _in_use: Arc::new(in_use),
        };
        store.prune_notices().await?;
        Ok(store)
    }

    /// Holds for what is added from now on; what is there already stays.
    pub fn change_limits(&self, limits: ListLimits) {
        self.limits.replace(limits);
    }

    /// Reads a database through before anything is written to it, and fails if it is damaged. One
    /// that is not there is not; one that cannot be opened is left to [`Store::open`].
    pub async fn check(path: &Path) -> Result<(), StoreError> {
        check::is_sound(path).await
    }

    /// Takes no more operations, finishes those that are queued, and closes the database.
    ///
    /// Afterwards every method of every handle fails with [`StoreError::Closed`]. A store that is
    /// dropped without this loses nothing either: its writer finishes what is queued.
    pub async fn close(&self) {
        self.readers.close().await;
        // They are only for people to look at, so nothing waits for a second attempt.
        drop(self.keep_sign_ins().await);
        self.writer.close().await;
    }

    /// Whether the database does its work: a read, and a write that changes nothing. It goes to
    /// the disk all the same, as otherwise a full one would not be noticed.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1")
            .execute(&mut *self.readers.get().await?)
            .await?;
        self.writer
            .run(|turn| {
                Box::pin(async {
                    // A number of which nobody makes use. A row that stays as it is would not be
                    // written at all.
                    sqlx::query("PRAGMA user_version = 0")
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Has `observer` told of every transaction, with its number of jobs and the time from its
    /// begin to the end of its commit. It is called by the writer and has to be short. Only the
    /// first one is taken.
    pub fn observe_writes(&self, observer: impl Fn(usize, Duration) + Send + Sync + 'static) {
        self.writer.observe(Box::new(observer));
    }

    /// The bytes that the database uses. What was freed is used again before its file grows, so it
    /// does not count.
    pub async fn size(&self) -> Result<u64, StoreError> {
        let mut reader = self.readers.get().await?;
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
            .fetch_one(&mut *reader)
            .await?;
        let free: i64 = sqlx::query_scalar("PRAGMA freelist_count")
            .fetch_one(&mut *reader)
            .await?;
        let page: i64 = sqlx::query_scalar("PRAGMA page_size")
            .fetch_one(&mut *reader)
            .await?;
        Ok(pages
            .saturating_sub(free)
            .saturating_mul(page)
            .unsigned_abs())
    }

    /// What the writer has done so far, for the metrics.
    pub fn write_load(&self) -> WriteLoad {
        self.writer.load()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Fixture, address, new_account};
    use super::*;

    #[tokio::test]
    async fn a_database_is_created_with_its_folder_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/chrysalis.db");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        store.ping().await.unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&path.with_file_name("chrysalis.db-wal")), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[tokio::test]
    async fn opening_again_keeps_everything() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.store.close().await;
        let again = fixture.second().await;
        let account = again.account(&address("alice")).await.unwrap().unwrap();
        assert_eq!(account.id, alice);
    }

    #[tokio::test]
    async fn a_store_that_is_dropped_without_closing_opens_again() {
        let fixture = Fixture::new().await;
        let other = fixture.second().await;
        let created = other.create_account(new_account("alice")).await.unwrap();
        drop(other);
        let again = fixture.second().await;
        let account = again.account(&address("alice")).await.unwrap();
        assert_eq!(account.map(|account| account.id), created);
    }

    #[tokio::test]
    async fn a_closed_store_says_so_and_leaves_no_log_behind() {
        let fixture = Fixture::new().await;
        fixture.account("alice").await;
        fixture.store.close().await;
        fixture.store.close().await;
        assert!(matches!(
            fixture.store.create_account(new_account("bob")).await,
            Err(StoreError::Closed)
        ));
        assert!(matches!(
            fixture.store.accounts().await,
            Err(StoreError::Closed)
        ));
        assert!(matches!(
            fixture.store.ping().await,
            Err(StoreError::Closed)
        ));
        assert!(!fixture.path().with_file_name("chrysalis.db-wal").exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn processes_that_start_at_once_on_an_empty_file_all_open_it() {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("chrysalis.db");
            let opening: Vec<_> = (0..6)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { Store::open(&path, ListLimits::default()).await })
                })
                .collect();
            for opened in opening {
                opened.await.unwrap().unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_left_alone() {
        let fixture = Fixture::new().await;
        fixture
            .sql(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'later', TRUE, x'00', 0)",
            )
            .await;
        fixture.store.close().await;
        assert!(matches!(
            Store::open(&fixture.path(), ListLimits::default()).await,
            Err(StoreError::Newer { found: 9999, .. })
        ));
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        std::fs::write(&path, "Dear reader, this is no database. ".repeat(100)).unwrap();
        assert!(Store::open(&path, ListLimits::default()).await.is_err());
        let below = path.join("chrysalis.db");
        assert!(matches!(
            Store::open(&below, ListLimits::default()).await,
            Err(StoreError::Create { .. })
        ));
    }

    #[tokio::test]
    async fn the_load_counts_batches_and_jobs() {
        let fixture = Fixture::new().await;
        let before = fixture.store.write_load();
        fixture.store.ping().await.unwrap();
        let after = fixture.store.write_load();
        assert_eq!(
            (after.batches, after.jobs),
            (before.batches + 1, before.jobs + 1)
        );
        assert!(after.time > before.time);
    }
}
