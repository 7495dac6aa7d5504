//! Stopping in two steps, and the only place that starts tasks.
//!
//! *Soft* means: take nothing new, finish what is in hand. *Hard* means: end now. Every task of
//! the server is started through [`Shutdown::spawn`], so the end of the process can wait for all
//! of them and a panic in one of them is noticed.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A handle on the life of the server; clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown {
    hard: CancellationToken,
    /// A child of `hard`, so that a hard end is a soft one too.
    soft: CancellationToken,
    /// The same as a number, for those who ask at every turn: a token locks what all share.
    stage: Arc<AtomicU8>,
    /// When the soft stop began, and over which time good-byes are spread.
    spread: Arc<OnceLock<(Instant, Duration)>>,
    tasks: TaskTracker,
    panics: Arc<AtomicU64>,
}

/// How far the end of the server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Running,
    /// Take nothing new, finish what is in hand.
    Soft,
    /// End now.
    Hard,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A server that runs.
    pub fn new() -> Self {
        let hard = CancellationToken::new();
        Self {
            soft: hard.child_token(),
            hard,
            stage: Arc::new(AtomicU8::new(Stage::Running as u8)),
            spread: Arc::default(),
            tasks: TaskTracker::new(),
            panics: Arc::default(),
        }
    }

    /// How far the end has come. Costs nothing to ask; to be woken takes the tokens.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Running,
            1 => Stage::Soft,
            _ => Stage::Hard,
        }
    }

    /// Cancelled when the server takes nothing new any more.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when every task has to end at once.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Starts a task that [`Shutdown::wait`] waits for.
    ///
    /// A panic ends only that task: it is logged with the task's name, counted, and told by the
    /// returned handle. Dropping the handle leaves the task running.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let watch = PanicWatch {
            name,
            panics: Arc::clone(&self.panics),
        };
        self.tasks.spawn(async move {
            let _watch = watch;
            future.await
        })
    }

    /// How many tasks have panicked.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Begins the soft stop. Calling it again changes nothing.
    pub fn begin(&self) {
        self.begin_spread(Duration::ZERO);
    }

    /// The same, where good-byes may take this long: a crowd that is sent away in one instant
    /// comes back in one instant.
    pub fn begin_spread(&self, spread: Duration) {
        // Whoever began first has said how.
        let _ = self.spread.set((Instant::now(), spread));
        self.stage.fetch_max(Stage::Soft as u8, Ordering::Release);
        self.soft.cancel();
    }

    /// Waits until it is somebody's turn to be told good-bye: when the soft stop begins, or as far
    /// behind it as their share of the time over which good-byes are spread. Cancel-safe.
    pub async fn farewell(&self, share: f32) {
        self.soft.cancelled().await;
        sleep_until(self.turn(share)).await;
    }

    /// When a turn is that has this share; now where there is none to wait for.
    pub fn turn(&self, share: f32) -> Instant {
        let spread = self.spread.get().copied();
        spread.map_or_else(Instant::now, |(began, spread)| {
            began + spread.mul_f32(share.clamp(0.0, 1.0))
        })
    }

    /// Orders every task to end now, for example at the second signal.
    pub fn abort(&self) {
        self.stage.store(Stage::Hard as u8, Ordering::Release);
        self.hard.cancel();
    }

    /// Waits until all tasks have ended and answers whether they did so within `grace`.
    ///
    /// It does not begin the stop and does not abort: after `false` the caller does that, and may
    /// wait once more.
    pub async fn wait(&self, grace: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

/// Lives in a task and notices when it is dropped by a panic.
struct PanicWatch {
    name: &'static str,
    panics: Arc<AtomicU64>,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(task = self.name, "task panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_soft_stop_ends_obedient_tasks_in_time() {
        let shutdown = Shutdown::new();
        let soft = shutdown.soft().clone();
        let task = shutdown.spawn("obedient", async move { soft.cancelled().await });
        shutdown.begin();
        shutdown.begin();
        assert!(shutdown.wait(Duration::from_secs(5)).await);
        assert!(task.await.is_ok());
        assert!(!shutdown.hard().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn what_outlives_the_grace_ends_with_the_hard_token() {
        let shutdown = Shutdown::new();
        let hard = shutdown.hard().clone();
        drop(shutdown.spawn("stubborn", async move { hard.cancelled().await }));
        shutdown.begin();
        assert!(!shutdown.wait(Duration::from_secs(5)).await);
        shutdown.abort();
        assert!(shutdown.wait(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_hard_end_is_a_soft_one_too() {
        let shutdown = Shutdown::new();
        shutdown.abort();
        assert!(shutdown.soft().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn good_byes_are_spread_over_the_time_there_is() {
        let shutdown = Shutdown::new();
        shutdown.begin_spread(Duration::from_secs(4));
        assert!(shutdown.soft().is_cancelled());
        let start = Instant::now();
        for (share, secs) in [(0.0, 0_u8), (0.25, 1), (1.0, 4)] {
            shutdown.farewell(share).await;
            let told = start.elapsed();
            assert_eq!(told.as_millis() / 10, u128::from(secs) * 100);
        }
        // An end at once waits for nobody's turn.
        let ended = Shutdown::new();
        ended.abort();
        ended.farewell(1.0).await;
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_only_its_task() {
        let shutdown = Shutdown::new();
        let broken = shutdown.spawn("broken", async { panic!("on purpose") });
        let sound = shutdown.spawn("sound", async { 7 });
        assert!(broken.await.is_err_and(|error| error.is_panic()));
        assert_eq!(sound.await.unwrap(), 7);
        assert_eq!(shutdown.panics(), 1);
        assert!(shutdown.wait(Duration::from_secs(5)).await);
    }
}
