//! The one task that writes, on a thread of its own.
//!
//! It takes what is queued, opens a transaction, runs each job under a savepoint of its own,
//! commits once, and only then answers, in order. So an acknowledged change is on disk, a job
//! that fails takes nothing along, and many changes share the price of one commit.
//!
//! Right after the commit and before its answer, each job's `published` closure runs, here in
//! this task: that gives everybody one order of changes. Those closures must be short and must
//! not wait for the store.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::turn::Turn;
use super::{StoreError, pool};
use crate::model::Refusal;

/// Jobs that may wait for their turn.
const QUEUE: usize = 1024;
/// Jobs that share one commit.
const BATCH: usize = 256;
/// How long a caller waits for a place in the queue. After that the store is overloaded, and
/// saying so is better than letting everybody wait ever longer.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// A future that may be sent, as jobs of every kind share one queue.
pub(super) type BoxFuture<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// A committed change together with what its `published` closure gave, or why it was refused.
pub type Published<T, R> = Result<Result<(T, R), Refusal>, StoreError>;

/// Why a job changes nothing.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// How much the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteLoad {
    /// Transactions, whatever became of them.
    pub batches: u64,
    /// Jobs in them. The quotient is the mean size of a batch.
    pub jobs: u64,
    /// Time from the begin to the end of the commit, summed up.
    pub time: Duration,
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    jobs: AtomicU64,
    micros: AtomicU64,
    /// Hears of every transaction.
    observer: OnceLock<Observer>,
}

/// Told the jobs of a transaction and the time it took.
pub(super) type Observer = Box<dyn Fn(usize, Duration) + Send + Sync>;

/// The handle to the writer task.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    closing: CancellationToken,
    task: TaskTracker,
    counters: Arc<Counters>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("waiting", &(QUEUE - self.queue.capacity()))
            .field("load", &self.load())
            .finish()
    }
}

impl Writer {
    /// Starts the task. It ends when it is told to, or when no handle is left.
    pub(super) fn start(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let writer = Self {
            queue,
            closing: CancellationToken::new(),
            task: TaskTracker::new(),
            counters: Arc::default(),
        };
        let state = Task {
            options,
            turn: Some(Turn::new(connection)),
            counters: Arc::clone(&writer.counters),
        };
        let running = writer
            .task
            .track_future(state.run(jobs, writer.closing.clone()));
        writer.task.close();
        let runtime = Handle::current();
        let started = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let _inside = runtime.enter();
                drive(running);
            });
        // Without the thread its queue is gone, and every change answers that the store is closed.
        drop(started);
        writer
    }

    /// Takes no more jobs, and waits until all that were taken are answered.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.task.wait().await;
    }

    pub(super) fn load(&self) -> WriteLoad {
        WriteLoad {
            batches: self.counters.batches.load(Ordering::Relaxed),
            jobs: self.counters.jobs.load(Ordering::Relaxed),
            time: Duration::from_micros(self.counters.micros.load(Ordering::Relaxed)),
        }
    }

    /// Has every transaction from now on told to `observer`; only the first one is taken.
    pub(super) fn observe(&self, observer: Observer) {
        drop(self.counters.observer.set(observer));
    }

    /// Runs a change that can be refused; `published` runs right after its commit.
    pub(super) async fn publish<W, P, T, R>(&self, work: W, published: P) -> Published<T, R>
    where
        W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Result<T, Stop>> + Send + 'static,
        P: FnOnce(&T) -> R + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        let finish = |outcome: T| {
            let result = published(&outcome);
            (outcome, result)
        };
        match self.submit(work, finish).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Runs a change that nobody who is signed in sees and that is never refused.
    pub(super) async fn run<W, T>(&self, work: W) -> Result<T, StoreError>
    where
        W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        self.submit(work, |outcome| outcome).await
    }

    /// Queues a job and waits for its answer. If the caller stops waiting, the job still runs.
    async fn submit<W, F, T, A, E>(&self, work: W, finish: F) -> Result<A, E>
    where
        W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        F: FnOnce(T) -> A + Send + 'static,
        T: Send + 'static,
        A: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Change {
            work,
            finish,
            answer,
            outcome: PhantomData,
        });
        match self.queue.send_timeout(job, QUEUE_WAIT).await {
            Ok(()) => answered
                .await
                .unwrap_or_else(|_| Err(StoreError::Interrupted.into())),
            Err(SendTimeoutError::Timeout(_)) => Err(StoreError::Busy.into()),
            Err(SendTimeoutError::Closed(_)) => Err(StoreError::Closed.into()),
        }
    }
}

/// One queued change, whatever its types.
trait Job: Send {
    /// Does the work, inside the open savepoint.
    fn run<'t>(self: Box<Self>, turn: &'t mut Turn) -> BoxFuture<'t, Ran>;
    /// Answers without having run, because the batch failed.
    fn fail(self: Box<Self>, error: StoreError);
}

/// Answers one job, once it is known whether its batch was committed.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What is left of a job that did its work.
struct Ran {
    /// Whether its changes go into the commit.
    keep: bool,
    settle: Settle,
}

struct Change<W, F, T, A, E> {
    work: W,
    finish: F,
    answer: oneshot::Sender<Result<A, E>>,
    outcome: PhantomData<fn() -> T>,
}

impl<W, F, T, A, E> Job for Change<W, F, T, A, E>
where
    W: for<'t> FnOnce(&'t mut Turn) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    F: FnOnce(T) -> A + Send + 'static,
    T: Send + 'static,
    A: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, turn: &'t mut Turn) -> BoxFuture<'t, Ran> {
        let Self {
            work,
            finish,
            answer,
            ..
        } = *self;
        Box::pin(async move {
            let outcome = match work(turn).await {
                Ok(outcome) => turn.flush().await.map(|()| outcome).map_err(E::from),
                Err(reason) => Err(reason),
            };
            let keep = outcome.is_ok();
            let settle = Box::new(move |committed: Result<(), StoreError>| {
                // What refused or failed by itself keeps its own reason, commit or not.
                let result = match (outcome, committed) {
                    (Err(reason), _) => Err(reason),
                    (Ok(_), Err(error)) => Err(error.into()),
                    (Ok(outcome), Ok(())) => Ok(finish(outcome)),
                };
                // The caller may be gone; the change stands all the same.
                drop(answer.send(result));
            });
            Ran { keep, settle }
        })
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.answer.send(Err(error.into())));
    }
}

/// The state of the task.
struct Task {
    options: SqliteConnectOptions,
    /// Missing after a failed batch, until the next one opens it again.
    turn: Option<Turn>,
    counters: Arc<Counters>,
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>, closing: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut most = BATCH;
        loop {
            // Both branches only wait, and neither loses anything when the other one is taken.
            let taken = tokio::select! {
                biased;
                () = closing.cancelled(), if !jobs.is_closed() => None,
                taken = jobs.recv_many(&mut batch, most) => Some(taken),
            };
            match taken {
                None => jobs.close(),
                Some(0) => break,
                Some(_) => {
                    // While somebody else holds the database, everybody who waits shares one
                    // wait; in batches the last would wait for all of them.
                    let is_held = matches!(self.settle(&mut batch).await, Err(StoreError::Busy));
                    most = if is_held { QUEUE } else { BATCH };
                }
            }
        }
        if let Some(mut turn) = self.turn {
            // Folds the log into the database. Where another process is reading, the log stays
            // for it, and nothing is lost by that.
            drop(turn.step("PRAGMA wal_checkpoint(TRUNCATE)").await);
            turn.close().await;
        }
    }

    /// Commits a batch, or what can be committed of it, and answers every job. Tells what became
    /// of the whole.
    async fn settle(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        let began = Instant::now();
        let size = batch.len();
        let mut waiting = batch.drain(..);
        let mut ran = Vec::with_capacity(size);
        let committed = self.commit(&mut waiting, &mut ran).await;
        self.count(size, began.elapsed());
        for settle in ran {
            let committed = committed.clone();
            // A panicking closure must not end the only writer. Its caller hears `Interrupted`,
            // and the panic hook has reported it.
            drop(catch_unwind(AssertUnwindSafe(|| settle(committed))));
        }
        if let Err(error) = &committed {
            for job in waiting {
                job.fail(error.clone());
            }
            // Closing rolls back whatever is open; the next batch starts on a sound connection.
            if let Some(turn) = self.turn.take() {
                turn.close().await;
            }
        }
        committed
    }

    /// Runs the jobs that wait, one transaction for all. Those that ran are in `ran`, in order.
    async fn commit(
        &mut self,
        waiting: &mut (impl Iterator<Item = Box<dyn Job>> + Send),
        ran: &mut Vec<Settle>,
    ) -> Result<(), StoreError> {
        let turn = match &mut self.turn {
            Some(turn) => turn,
            None => self
                .turn
                .insert(Turn::new(pool::writer(&self.options).await?)),
        };
        turn.begin().await?;
        for job in waiting {
            let outcome = caught(job.run(turn)).await;
            turn.end_job(outcome.as_ref().is_ok_and(|ran| ran.keep));
            ran.extend(outcome.map(|ran| ran.settle));
        }
        turn.commit().await
    }

    fn count(&self, jobs: usize, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.jobs.fetch_add(jobs as u64, Ordering::Relaxed);
        self.counters.micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(observer) = self.counters.observer.get() {
            observer(jobs, time);
        }
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread to its end.
fn drive<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
        // Each statement of a script answers on its own, and the first answer wakes. Whoever gives
        // them goes first where both share a processor; then the others are there as well, and not
        // every one of them costs a switch back and forth.
        thread::yield_now();
    }
}

/// Turns a panic while polling into an error, so that a fault in one job ends only that job.
async fn caught<T>(mut job: BoxFuture<'_, T>) -> Result<T, Box<dyn Any + Send>> {
    poll_fn(
        move |context| match catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;
    use std::sync::Mutex;

    use sqlx::{ConnectOptions, Connection};

    use super::*;
    use crate::store::pool::writer_options;
    use crate::store::testing::{Fixture, new_account};

    /// Runs a statement on its own.
    async fn step(turn: &mut Turn, statement: &'static str) -> Result<(), StoreError> {
        let connection = turn.connection().await?;
        sqlx::query(statement).execute(connection).await?;
        Ok(())
    }

    /// Holds the writer inside a job, so that what is queued meanwhile becomes one batch.
    /// Dropping the sender lets it go on.
    async fn hold(writer: &Writer) -> oneshot::Sender<()> {
        let (go_on, wait) = oneshot::channel::<()>();
        let (entered, is_inside) = oneshot::channel();
        let writer = writer.clone();
        tokio::spawn(async move {
            let held = writer.run(|_| {
                Box::pin(async move {
                    entered.send(()).ok();
                    drop(wait.await);
                    Ok(())
                })
            });
            held.await
        });
        is_inside.await.unwrap();
        go_on
    }

    /// Runs a statement as a job, which is queued when this first returns to its caller.
    fn statement(
        writer: &Writer,
        statement: &'static str,
    ) -> tokio::task::JoinHandle<Result<(), StoreError>> {
        let writer = writer.clone();
        tokio::spawn(async move {
            writer
                .run(move |turn| Box::pin(async move { step(turn, statement).await }))
                .await
        })
    }

    async fn queued(writer: &Writer, jobs: usize) {
        while QUEUE - writer.queue.capacity() < jobs {
            tokio::task::yield_now().await;
        }
    }

    async fn secrets(fixture: &Fixture) -> Vec<String> {
        sqlx::query_scalar("SELECT name FROM server_secret ORDER BY name")
            .fetch_all(&mut *fixture.store.readers.get().await.unwrap())
            .await
            .unwrap()
    }

    const A: &str = "INSERT INTO server_secret VALUES ('a', '')";
    const B: &str = "INSERT INTO server_secret VALUES ('b', '')";
    const C: &str = "INSERT INTO server_secret VALUES ('c', '')";

    #[tokio::test]
    async fn a_failing_job_leaves_its_neighbours_committed() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        for broken in [A, "INSERT INTO server_secret VALUES (NULL, NULL)", "SYNTAX"] {
            fixture.sql("DELETE FROM server_secret").await;
            let before = writer.load();
            let go_on = hold(writer).await;
            let jobs = [A, broken, B, broken, C].map(|text| statement(writer, text));
            queued(writer, 5).await;
            drop(go_on);
            let mut answers = Vec::new();
            for job in jobs {
                answers.push(job.await.unwrap().is_ok());
            }
            assert_eq!(answers, [true, false, true, false, true], "{broken}");
            assert_eq!(secrets(&fixture).await, ["a", "b", "c"], "{broken}");
            assert_eq!(writer.load().batches, before.batches + 2);
        }
    }

    #[tokio::test]
    async fn a_batch_whose_last_job_fails_commits_the_rest() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let go_on = hold(writer).await;
        let jobs = [A, A].map(|text| statement(writer, text));
        queued(writer, 2).await;
        drop(go_on);
        let [first, second] = jobs;
        assert!(first.await.unwrap().is_ok());
        assert!(second.await.unwrap().is_err());
        assert_eq!(secrets(&fixture).await, ["a"]);
    }

    #[tokio::test]
    async fn a_failed_commit_fails_its_whole_batch_and_nothing_after_it() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let go_on = hold(writer).await;
        // Checked only at the commit, which therefore fails.
        let orphan = "PRAGMA defer_foreign_keys = ON; \
             INSERT INTO ticket (digest, user_id, expires_at) VALUES ('x', 99, 0)";
        let jobs = [A, orphan, B].map(|text| statement(writer, text));
        queued(writer, 3).await;
        drop(go_on);
        for job in jobs {
            assert!(matches!(job.await.unwrap(), Err(StoreError::Sql { .. })));
        }
        assert!(secrets(&fixture).await.is_empty());
        statement(writer, C).await.unwrap().unwrap();
        assert_eq!(secrets(&fixture).await, ["c"]);
    }

    #[tokio::test]
    async fn a_batch_that_the_database_rolled_back_is_answered_whole() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let go_on = hold(writer).await;
        let jobs = [A, "ROLLBACK", B].map(|text| statement(writer, text));
        queued(writer, 3).await;
        drop(go_on);
        for job in jobs {
            assert!(job.await.unwrap().is_err());
        }
        assert!(secrets(&fixture).await.is_empty());
        statement(writer, C).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_job() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let broken: Result<(), _> = writer
            .run(|turn| {
                Box::pin(async move {
                    step(turn, A).await?;
                    resume_unwind(Box::new("a fault in a job"))
                })
            })
            .await;
        assert!(matches!(broken, Err(StoreError::Interrupted)));
        let published = writer
            .publish(
                |turn| Box::pin(async move { Ok(step(turn, B).await?) }),
                |()| -> () { resume_unwind(Box::new("a fault in a closure")) },
            )
            .await;
        assert!(matches!(published, Err(StoreError::Interrupted)));
        assert_eq!(secrets(&fixture).await, ["b"]);
        statement(writer, C).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_job_whose_caller_went_away_still_runs_and_is_published() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let go_on = hold(writer).await;
        let (seen, was_seen) = oneshot::channel();
        let caller = tokio::spawn({
            let writer = writer.clone();
            async move {
                writer
                    .publish(
                        |turn| Box::pin(async move { Ok(step(turn, A).await?) }),
                        move |()| seen.send(()).ok(),
                    )
                    .await
            }
        });
        queued(writer, 1).await;
        caller.abort();
        drop(go_on);
        was_seen.await.unwrap();
        assert_eq!(secrets(&fixture).await, ["a"]);
    }

    #[tokio::test]
    async fn publishing_follows_the_commits_in_order_and_precedes_the_answers() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let order = Arc::new(Mutex::new(Vec::new()));
        let go_on = hold(writer).await;
        let mut callers = Vec::new();
        for number in 0..300 {
            let (writer, order) = (writer.clone(), Arc::clone(&order));
            let reader = fixture.store.readers.clone();
            callers.push(tokio::spawn(async move {
                let heard = Arc::clone(&order);
                let answer = writer
                    .publish(
                        move |turn| {
                            Box::pin(async move {
                                if number % 7 == 0 {
                                    return Err(Refusal::AlreadyThere.into());
                                }
                                sqlx::query("INSERT INTO server_secret VALUES ($1, '')")
                                    .bind(format!("{number:03}"))
                                    .execute(turn.connection().await?)
                                    .await?;
                                Ok(number)
                            })
                        },
                        move |&number| {
                            heard.lock().unwrap().push(number);
                            number
                        },
                    )
                    .await
                    .unwrap();
                match answer {
                    Ok((committed, published)) => {
                        assert_eq!((committed, published), (number, number));
                        assert!(order.lock().unwrap().contains(&number));
                        let stored: i64 = sqlx::query_scalar(
                            "SELECT COUNT(*) FROM server_secret WHERE name = $1",
                        )
                        .bind(format!("{number:03}"))
                        .fetch_one(&mut *reader.get().await.unwrap())
                        .await
                        .unwrap();
                        assert_eq!(stored, 1);
                    }
                    Err(refusal) => {
                        assert_eq!(refusal, Refusal::AlreadyThere);
                        assert!(!order.lock().unwrap().contains(&number));
                    }
                }
            }));
            queued(&fixture.store.writer, callers.len()).await;
        }
        drop(go_on);
        for caller in callers {
            caller.await.unwrap();
        }
        let expected: Vec<i32> = (0..300).filter(|number| number % 7 != 0).collect();
        assert_eq!(*order.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn closing_finishes_what_is_queued() {
        let fixture = Fixture::new().await;
        let writer = &fixture.store.writer;
        let go_on = hold(writer).await;
        let jobs = [A, B, C].map(|text| statement(writer, text));
        queued(writer, 3).await;
        let closing = tokio::spawn({
            let writer = writer.clone();
            async move { writer.close().await }
        });
        while !writer.closing.is_cancelled() {
            tokio::task::yield_now().await;
        }
        drop(go_on);
        closing.await.unwrap();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert_eq!(secrets(&fixture).await, ["a", "b", "c"]);
        assert!(matches!(
            statement(writer, A).await.unwrap(),
            Err(StoreError::Closed)
        ));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_processes_write_at_once_without_loss() {
        let fixture = Fixture::new().await;
        let other = fixture.second().await;
        let mut writing = Vec::new();
        for number in 0..100 {
            for store in [&fixture.store, &other] {
                let store = store.clone();
                // Both want the same address: one of them gets it.
                let account = new_account(&format!("user{number}"));
                writing.push(tokio::spawn(async move {
                    store.create_account(account).await.unwrap().is_some()
                }));
            }
        }
        let mut created = 0;
        for outcome in writing {
            created += usize::from(outcome.await.unwrap());
        }
        assert_eq!(created, 100);
        assert_eq!(fixture.store.accounts().await.unwrap().len(), 100);
    }

    #[tokio::test]
    async fn a_database_that_somebody_else_holds_is_busy() {
        let fixture = Fixture::new().await;
        let options = writer_options(&fixture.path()).busy_timeout(Duration::from_millis(1));
        let writer = &Writer::start(options.clone(), options.connect().await.unwrap());
        let mut other = options.connect().await.unwrap();
        let holding = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        assert!(matches!(
            statement(writer, A).await.unwrap(),
            Err(StoreError::Busy)
        ));
        holding.rollback().await.unwrap();
        statement(writer, A).await.unwrap().unwrap();
    }
}
