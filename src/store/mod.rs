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
mod book;
mod book_cache;
mod card_groups;
mod card_rows;
mod cards;
mod circle_desk;
mod circle_rows;
mod circles;
mod contacts;
mod error;
mod groups;
mod invitations;
mod list_edits;
mod memberships;
mod notices;
mod offline_messages;
mod own_card;
mod pairs;
mod pool;
mod profiles;
mod readers;
mod removals;
mod rows;
mod settings;
mod sign_ins;
#[cfg(test)]
mod testing;
mod tickets;
mod turn;
mod web_sessions;
mod writer;

use std::path::Path;

pub use accounts::{Account, Credentials, LegacyChange, LegacySecret, NewAccount, PasswordRecord};
pub use activity::{Activity, Deed};
pub use address_book::{BookChange, BookRequest, BookStep};
pub use admin::{AccountFilter, Administered, Administration, FoundAccounts};
pub use audit::{AuditDeed, AuditEntry};
pub use book::{SignInMark, SignInState};
pub use circles::{CircleChange, CircleRequest};
pub use contacts::{AddToList, ListChange, Opposite, PhonesSeen};
pub use error::StoreError;
pub use groups::GroupChange;
pub use invitations::{Invitation, Invited, NewInvitation};
pub use list_edits::{ListEdit, ListEditKind};
pub use notices::{Notice, NoticeKind};
pub use offline_messages::{KeptMessage, NewOfflineMessage, OfflineLimits};
pub use profiles::{NewTile, Picture, PictureKind, Profile, TileInfo, TileSize};
pub use settings::{Setting, SettingChange};
pub use tickets::TicketOwner;
pub use web_sessions::{NewWebSession, WebSession};
pub use writer::{Published, WriteLoad};

use book_cache::BookCache;
use readers::Readers;
use sign_ins::SignIns;
use writer::Writer;

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
        }
    }
}

/// The database. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    sign_ins: SignIns,
    books: BookCache,
    limits: ListLimits,
}

impl Store {
    /// Opens the database at `path`, creates it and its folder where they are missing, and
    /// brings it up to date.
    ///
    /// Files that are created are readable by their owner only. Fails if the file cannot be
    /// created or is no database, if a newer program has changed it, or if another process holds
    /// it for longer than five seconds.
    pub async fn open(path: &Path, limits: ListLimits) -> Result<Self, StoreError> {
        pool::create(path)?;
        let options = pool::writer_options(path);
        let mut connection = pool::writer(&options).await?;
        pool::migrate(&mut connection).await?;
        let store = Self {
            readers: Readers::open(path).await?,
            writer: Writer::start(options, connection),
            sign_ins: SignIns::default(),
            books: BookCache::default(),
            limits,
        };
        store.prune_notices().await?;
        Ok(store)
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

    /// Whether the database answers: a read, and a write turn in which nothing is written.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1")
            .execute(&mut *self.readers.get().await?)
            .await?;
        self.writer.run(|_| Box::pin(async { Ok(()) })).await
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
            Err(StoreError::Migrate { .. })
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
