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
mod book;
mod contacts;
mod error;
mod groups;
mod notices;
mod pool;
mod rows;
mod settings;
mod tickets;
mod writer;

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqlitePool;

pub use accounts::{Account, Credentials, LegacyChange, LegacySecret, NewAccount, PasswordRecord};
pub use book::SignInState;
pub use contacts::{AddToList, ListChange, PhonesSeen};
pub use error::StoreError;
pub use groups::GroupChange;
pub use notices::{Notice, NoticeKind};
pub use settings::{Setting, SettingChange};
pub use writer::{Published, WriteLoad};

use writer::Writer;

/// How many entries the lists that a client fills may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    pub forward: u32,
    pub allow: u32,
    pub block: u32,
}

impl Default for ListLimits {
    /// The sizes of a public server of today (`docs/protocol/02 §2`).
    fn default() -> Self {
        Self {
            forward: 1000,
            allow: 1500,
            block: 1200,
        }
    }
}

/// The database. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Store {
    readers: SqlitePool,
    writer: Writer,
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
        let mut connection = options.connect().await?;
        pool::migrate(&mut connection).await?;
        let store = Self {
            readers: pool::readers(path).await?,
            writer: Writer::start(options, connection),
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
        self.writer.close().await;
    }

    /// Whether the database answers: a read, and a write turn in which nothing is written.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        self.writer.run(|_| Box::pin(async { Ok(()) })).await
    }

    /// What the writer has done so far, for the metrics.
    pub fn write_load(&self) -> WriteLoad {
        self.writer.load()
    }
}
