//! The open write transaction, as one job sees it.
//!
//! Each exchange with the database costs two switches between threads, because the connection has
//! a thread of its own; for small statements that is most of their price. So what a job writes is
//! collected as a script and goes over together with its next question, or at the end of the job.
//! Nobody can tell the difference: questions see what was written before them, and a statement
//! that fails fails its job.
//!
//! The savepoint of a job goes over the same way: it is set right before the first statement of
//! the job, so a job that is refused before it touches anything costs nothing at all.

use std::mem;

use sqlx::error::BoxDynError;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

use super::StoreError;
use crate::model::Stamp;

/// Opens the transaction and the first savepoint, and asks for the time: the database tells it,
/// so that all processes at one database go by one clock. The newest stamp comes along.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT job; \
     SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER), stamp \
     FROM book_clock WHERE only_row = 1";
/// Between a job that is kept and the next one.
const NEXT: &str = "RELEASE job; SAVEPOINT job;";
/// After a job that is not kept. The savepoint stays open for the next one.
const UNDO: &str = "ROLLBACK TO job;";
const COMMIT: &str = "COMMIT";

/// What a job works with.
#[derive(Debug)]
pub(super) struct Turn {
    connection: SqliteConnection,
    /// The time at which the batch began, in epoch milliseconds.
    pub(super) now: i64,
    stamps: Stamps,
    savepoint: Savepoint,
    script: Script,
    /// Everything that went over, for the tests of how it is carried out.
    #[cfg(test)]
    sent: std::collections::BTreeSet<String>,
}

/// The newest stamp that was given out, at several moments. It is written down once a batch.
#[derive(Debug, Clone, Copy, Default)]
struct Stamps {
    at_begin: i64,
    /// At the end of the last job that is kept.
    kept: i64,
    now: i64,
}

/// Where the open savepoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoint {
    /// Nothing happened since it was set.
    Fresh,
    /// The job in hand sent something since.
    Used,
    /// A job that is kept ended; the next one needs a savepoint of its own.
    Kept,
    /// A job that is not kept ended; what it did has to be undone.
    Spoiled,
}

/// Statements that have not gone over yet.
#[derive(Debug, Default)]
struct Script {
    text: String,
    arguments: SqliteArguments,
    /// The first value that could not be taken.
    fault: Option<BoxDynError>,
}

impl Script {
    fn push(&mut self, statement: &'static str) {
        self.text.push_str(statement);
        self.text.push(';');
    }

    fn bind<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) {
        if let Err(fault) = self.arguments.add(value) {
            self.fault.get_or_insert(fault);
        }
    }
}

/// A statement that goes over later.
#[derive(Debug)]
pub(super) struct Later<'t>(&'t mut Script);

impl Later<'_> {
    /// The value of the next `?`.
    pub(super) fn bind<'v>(self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        self.0.bind(value);
        self
    }
}

/// A question, asked together with everything that was to be written before it.
#[derive(Debug)]
pub(super) struct Question<'t>(&'t mut Turn);

impl Question<'_> {
    /// The value of the next `?`.
    pub(super) fn bind<'v>(self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        self.0.script.bind(value);
        self
    }

    /// The one row of an answer that cannot be empty.
    pub(super) async fn one(self) -> Result<SqliteRow, StoreError> {
        self.row()
            .await?
            .ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// The last row of the answer, if there is any. Questions ask for one.
    pub(super) async fn row(self) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.0.send().await?.pop())
    }
}

impl Turn {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            now: 0,
            stamps: Stamps::default(),
            savepoint: Savepoint::Fresh,
            script: Script::default(),
            #[cfg(test)]
            sent: std::collections::BTreeSet::new(),
        }
    }

    /// The connection, for statements that go over on their own, after those that wait.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.send().await?;
        Ok(&mut self.connection)
    }

    /// A statement without an answer, which goes over with the next one that has one. Its
    /// parameters are nameless, each `?` the next value.
    pub(super) fn later(&mut self, statement: &'static str) -> Later<'_> {
        self.script.push(statement);
        Later(&mut self.script)
    }

    /// A question; as for [`Turn::later`], each `?` is the next value.
    pub(super) fn ask(&mut self, question: &'static str) -> Question<'_> {
        self.script.push(question);
        Question(self)
    }

    /// The next stamp: now, but after all that were given out. Nobody else gives any out while
    /// the transaction is open.
    pub(super) fn tick(&mut self) -> Stamp {
        self.stamps.now = self.now.max(self.stamps.now.saturating_add(1));
        Stamp(self.stamps.now)
    }

    /// Begins a batch.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        let (now, stamp) = sqlx::query_as(BEGIN)
            .fetch_one(&mut self.connection)
            .await?;
        self.now = now;
        self.stamps = Stamps {
            at_begin: stamp,
            kept: stamp,
            now: stamp,
        };
        self.savepoint = Savepoint::Fresh;
        Ok(())
    }

    /// Sends what a job that is to be kept has not sent yet.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        if !self.script.text.is_empty() || self.script.fault.is_some() {
            self.send().await?;
        }
        Ok(())
    }

    /// Ends a job. One that is not kept leaves nothing behind, and what it has not sent needs no
    /// undoing.
    pub(super) fn end_job(&mut self, keep: bool) {
        self.script = Script::default();
        match keep {
            true => self.stamps.kept = self.stamps.now,
            false => self.stamps.now = self.stamps.kept,
        }
        if self.savepoint == Savepoint::Used {
            self.savepoint = match keep {
                true => Savepoint::Kept,
                false => Savepoint::Spoiled,
            };
        }
    }

    /// Commits the batch.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        if self.savepoint == Savepoint::Spoiled {
            self.step(UNDO).await?;
        }
        if self.stamps.kept != self.stamps.at_begin {
            sqlx::query("UPDATE book_clock SET stamp = $1 WHERE only_row = 1")
                .bind(self.stamps.kept)
                .execute(&mut self.connection)
                .await?;
        }
        self.step(COMMIT).await
    }

    /// Sends the script, behind the savepoint of the job if it has none yet, and takes all rows
    /// that come back.
    async fn send(&mut self) -> Result<Vec<SqliteRow>, StoreError> {
        let Script {
            text,
            arguments,
            fault,
        } = mem::take(&mut self.script);
        if let Some(fault) = fault {
            return Err(sqlx::Error::Encode(fault).into());
        }
        let before = match self.savepoint {
            Savepoint::Fresh | Savepoint::Used => "",
            Savepoint::Kept => NEXT,
            Savepoint::Spoiled => UNDO,
        };
        self.savepoint = Savepoint::Used;
        let text = [before, &text].concat();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(test)]
        self.sent.insert(text.clone());
        // Every piece of it is a constant of this program.
        let script: Query<'_, Sqlite, _> = sqlx::query_with(AssertSqlSafe(text), arguments);
        Ok(script.fetch_all(&mut self.connection).await?)
    }

    /// Runs what steers the transaction, or stands outside of any.
    pub(super) async fn step(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Closes the connection, which rolls back whatever is open.
    pub(super) async fn close(self) {
        use sqlx::Connection;
        drop(self.connection.close().await);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Fixture, address, by_address, done, label};
    use super::super::{ListEdit, ListEditKind, Setting, Store};
    use super::super::{accounts, address_book, book, memberships, tickets};
    use super::*;
    use crate::model::{ContactRef, List, ListSet, Phone};

    /// What a job does, piece by piece.
    #[derive(Debug, Clone, Copy)]
    enum Piece {
        Later(u8),
        Alone(u8),
        Ask,
        Refuse,
        Break,
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![
            4 => (0..6u8).prop_map(Piece::Later),
            2 => (0..6u8).prop_map(Piece::Alone),
            2 => Just(Piece::Ask),
            1 => Just(Piece::Refuse),
            1 => Just(Piece::Break),
        ]
    }

    const INSERT: &str = "INSERT INTO server_secret (name, value) VALUES (?, '')";
    const COUNT: &str = "SELECT COUNT(*) FROM server_secret WHERE name NOT GLOB '* *'";

    /// Does the job; answers the counts that its questions gave.
    async fn work(turn: &mut Turn, pieces: Vec<Piece>) -> Result<Vec<i64>, StoreError> {
        use sqlx::Row;
        let mut counts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Later(name) => drop(turn.later(INSERT).bind(format!("k{name}"))),
                Piece::Alone(name) => {
                    let alone = sqlx::query(INSERT).bind(format!("k{name}"));
                    alone.execute(turn.connection().await?).await?;
                }
                Piece::Ask => counts.push(turn.ask(COUNT).one().await?.try_get(0)?),
                Piece::Refuse => return Err(StoreError::Busy),
                Piece::Break => drop(turn.later("INSERT INTO server_secret VALUES (NULL, NULL)")),
            }
        }
        Ok(counts)
    }

    /// What the job would do on its own: the names afterwards, and what it counts.
    fn expected(before: &[u8], pieces: &[Piece]) -> Option<(Vec<u8>, Vec<i64>)> {
        let (mut names, mut counts) = (before.to_vec(), Vec::new());
        for piece in pieces {
            match *piece {
                Piece::Later(name) | Piece::Alone(name) if names.contains(&name) => return None,
                Piece::Later(name) | Piece::Alone(name) => names.push(name),
                Piece::Ask => counts.push(i64::try_from(names.len()).unwrap()),
                Piece::Refuse | Piece::Break => return None,
            }
        }
        Some((names, counts))
    }

    async fn batch(jobs: Vec<Vec<Piece>>) {
        let fixture = Fixture::new().await;
        fixture.sql("DELETE FROM server_secret").await;
        let writer = &fixture.store.writer;
        // All of them are queued before the first one runs.
        let queued = jobs.iter().map(|pieces| {
            let pieces = pieces.clone();
            writer.run(move |turn| Box::pin(work(turn, pieces)))
        });
        let answers = futures(queued.collect()).await;
        let mut names = Vec::new();
        for (job, answer) in jobs.iter().zip(answers) {
            match expected(&names, job) {
                Some((after, counts)) => {
                    assert_eq!(answer.unwrap(), counts, "{job:?}");
                    names = after;
                }
                None => assert!(answer.is_err(), "{job:?}"),
            }
        }
        let mut names: Vec<String> = names.iter().map(|name| format!("k{name}")).collect();
        names.sort();
        let kept: Vec<String> = sqlx::query_scalar("SELECT name FROM server_secret ORDER BY name")
            .fetch_all(&mut *fixture.store.readers.get().await.unwrap())
            .await
            .unwrap();
        assert_eq!(kept, names);
    }

    /// Waits for all of them, which start in their order.
    async fn futures<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
        let mut all: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
        std::future::poll_fn(|context| {
            for (one, done) in all.iter_mut().filter(|(_, done)| done.is_none()) {
                if let std::task::Poll::Ready(answer) = one.as_mut().poll(context) {
                    *done = Some(answer);
                }
            }
            match all.iter().all(|(_, done)| done.is_some()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
        all.into_iter().filter_map(|(_, done)| done).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// However a job is sent over, it does what it would do alone, or nothing.
        #[test]
        fn a_batch_is_its_jobs_one_after_the_other(
            jobs in prop::collection::vec(prop::collection::vec(piece(), 0..5), 1..12),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(batch(jobs));
        }
    }

    /// How the database would carry out a statement.
    async fn plan(store: &Store, statement: &str) -> Vec<String> {
        use sqlx::Row;
        let explained = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explained)
            .fetch_all(&mut *store.readers.get().await.unwrap())
            .await;
        let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
        rows.iter().map(|row| row.get("detail")).collect()
    }

    #[tokio::test]
    async fn no_statement_of_a_sign_in_or_a_change_reads_a_whole_table() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let phone = Setting::Phone(Phone::Home, Some(label("5")));
        done(fixture.set(alice, phone).await);
        for list in [List::Block, List::Allow, List::Forward] {
            for owner in [alice, bob] {
                let other = by_address(if owner == alice { "bob" } else { "alice" });
                done(fixture.add(owner, other.clone(), list, None).await);
                if list == List::Block {
                    done(fixture.remove(owner, other, list, None).await);
                }
            }
        }
        let bobs = fixture.row(alice, bob).await.unwrap().guid;
        let rename =
            fixture
                .store
                .rename_contact(alice, ContactRef::Guid(bobs), label("B"), |_| ());
        done(rename.await);
        let edits = vec![ListEdit {
            target: address("bob"),
            lists: ListSet::from_bits(3),
        }];
        for kind in [ListEditKind::Remove, ListEditKind::Merge, ListEditKind::Add] {
            let edited = fixture.store.edit_lists(alice, kind, edits.clone(), |_| ());
            done(edited.await);
        }
        done(
            fixture
                .remove(alice, by_address("bob"), List::Forward, None)
                .await,
        );
        fixture.store.note_sign_in(alice, 1);
        fixture.store.keep_sign_ins().await.unwrap();

        let sent = fixture.store.writer.run(|turn| {
            let sent = turn.sent.clone();
            Box::pin(async move { Ok(sent) })
        });
        let sent = sent.await.unwrap();
        let steers = |text: &str| {
            ["RELEASE", "SAVEPOINT", "ROLLBACK"]
                .iter()
                .any(|word| text.starts_with(word))
        };
        let sent = sent.iter().flat_map(|script| script.split(';'));
        let mut statements: Vec<&str> = sent
            .map(str::trim)
            .filter(|text| !text.is_empty() && !steers(text))
            .collect();
        statements.sort_unstable();
        statements.dedup();
        assert!(statements.len() > 12, "{statements:?}");
        statements.extend([
            accounts::CREDENTIALS,
            tickets::TICKET_OWNER,
            book::SIGN_IN_STATE,
            book::STANDING,
            book::BOOK,
            address_book::CARDS,
            memberships::MEMBERS,
        ]);
        for statement in statements {
            let plan = plan(&fixture.store, statement).await;
            let scans =
                |step: &&String| step.starts_with("SCAN") && !step.contains("VIRTUAL TABLE");
            assert_eq!(plan.iter().find(scans), None, "{statement}\n{plan:#?}");
        }
        // So that the words that are looked for are those that the database says.
        let whole = plan(&fixture.store, "SELECT name FROM account").await;
        assert!(whole[0].starts_with("SCAN"), "{whole:?}");
    }
}
