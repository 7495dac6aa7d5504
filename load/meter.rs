//! Measuring: the clock, the counters, the processes, and the bar that shows how far it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::options::Common;
use crate::process::Process;
use crate::report::{Latency, Report, Usage};

/// How often progress is shown and workers are looked after.
const GLANCE: Duration = Duration::from_millis(200);
/// After this long without a single operation, or without one of some worker's, the run has failed.
const STALLED: Duration = Duration::from_secs(30);

/// Counts operations. Every worker has one of its own, so that they do not share a cache line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Padded>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, operations: u64) {
        self.0.0.fetch_add(operations, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }
}

/// The work that is under way: each task runs until it is told to stop or fails.
pub(crate) type Workers = JoinSet<anyhow::Result<()>>;

/// Latencies in nanoseconds, to three digits, up to a minute and a half.
fn histogram() -> Histogram<u64> {
    const LONGEST: u64 = 100_000_000_000;
    Histogram::new_with_max(LONGEST, 3).unwrap_or_else(|_| unreachable!("the bounds are sound"))
}

/// Latencies that many workers record.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Arc<Mutex<Histogram<u64>>>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(histogram())))
    }

    /// Records how long it has been since then.
    pub(crate) fn record(&self, start: Instant) {
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.with(|histogram| histogram.saturating_record(nanos));
    }

    /// Lets somebody at them. The lock is held for that long only.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Histogram<u64>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The processes that are watched, and what they had used before.
#[derive(Debug)]
pub(crate) struct Meter {
    server: Option<Process>,
    load: Option<Process>,
    server_before: u64,
    load_before: u64,
}

/// What was counted while the clock ran.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) elapsed: Duration,
    pub(crate) operations: u64,
    pub(crate) server: Option<Usage>,
    pub(crate) load: Option<Usage>,
}

impl Meter {
    /// Starts watching; fails if the process that was named is not there.
    pub(crate) fn new(common: &Common) -> anyhow::Result<Self> {
        let server = match common.pid {
            None => None,
            Some(pid) => Some(
                Process::watch(pid).ok_or_else(|| anyhow::anyhow!("there is no process {pid}"))?,
            ),
        };
        let load = Process::own();
        Ok(Self {
            server,
            load,
            server_before: server.map_or(0, Process::resident),
            load_before: load.map_or(0, Process::resident),
        })
    }

    /// What the server has resident now, and what it had before; 0 if its process is not known.
    pub(crate) fn resident(&self) -> (u64, u64) {
        let now = self.server.map_or(0, Process::resident);
        (now, self.server_before)
    }

    /// Lets the workers warm up and then counts what they do. Fails as soon as one of them ends, or
    /// if nothing happens for long though something is counted.
    pub(crate) async fn measure(
        &self,
        common: &Common,
        workers: &mut Workers,
        counters: &[Counter],
        latencies: &Latencies,
    ) -> anyhow::Result<Measured> {
        let bar = bar(common.warmup() + common.seconds());
        watch(common.warmup(), workers, counters, None, &bar).await?;
        latencies.with(Histogram::reset);
        let before: Vec<u64> = counters.iter().map(Counter::get).collect();
        let (server, load) = (
            self.server.map(Process::processor),
            self.load.map(Process::processor),
        );
        let start = Instant::now();
        // However slow it all is, nobody is left out: then the clock just runs for longer.
        watch(common.seconds(), workers, counters, Some(&before), &bar).await?;
        let elapsed = start.elapsed();
        bar.finish_and_clear();
        let done = counters.iter().zip(&before);
        let operations = done.map(|(counter, before)| counter.get() - before).sum();
        let used = |process: Option<Process>, since: Option<Duration>, resident| {
            let process = process?;
            let spent = process.processor().saturating_sub(since?);
            Some(usage(&process, spent, elapsed, operations, resident))
        };
        Ok(Measured {
            elapsed,
            operations,
            server: used(self.server, server, self.server_before),
            load: used(self.load, load, self.load_before),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more")]
fn usage(
    process: &Process,
    spent: Duration,
    elapsed: Duration,
    operations: u64,
    resident_before: u64,
) -> Usage {
    let seconds = spent.as_secs_f64();
    Usage {
        processor_seconds: seconds,
        processor_percent: seconds / elapsed.as_secs_f64() * 100.0,
        micros_per_operation: seconds * 1e6 / operations.max(1) as f64,
        resident_before,
        resident_after: process.resident(),
    }
}

impl Measured {
    /// Puts the report together.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
    pub(crate) fn report(
        self,
        pattern: &'static str,
        unit: &'static str,
        parameters: BTreeMap<&'static str, serde_json::Value>,
        latency: Option<&Latencies>,
    ) -> Report {
        let seconds = self.elapsed.as_secs_f64();
        Report {
            pattern,
            parameters,
            seconds,
            unit,
            operations: self.operations,
            per_second: self.operations as f64 / seconds,
            latency: latency.and_then(|latencies| latencies.with(|all| Latency::of(all))),
            server: self.server,
            load: self.load,
            more: BTreeMap::new(),
        }
    }
}

/// Waits for so long and until every counter has moved from where it was before, shows how far it is, and notices a worker that ends or all of them standing still.
async fn watch(
    time: Duration,
    workers: &mut Workers,
    counters: &[Counter],
    before: Option<&[u64]>,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let total = || counters.iter().map(Counter::get).sum::<u64>();
    let (mut last, mut moved) = (total(), Instant::now());
    let is_waiting = || {
        let mut both = counters.iter().zip(before.unwrap_or_default());
        both.any(|(counter, before)| counter.get() == *before)
    };
    while start.elapsed() < time || is_waiting() {
        let left = time.saturating_sub(start.elapsed());
        let pause = if left.is_zero() {
            GLANCE
        } else {
            GLANCE.min(left)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Some(ended) = workers.join_next() => {
                ended??;
                anyhow::bail!("a worker ended before its time");
            }
        }
        bar.inc(u64::try_from(pause.as_millis()).unwrap_or_default());
        anyhow::ensure!(
            start.elapsed() < time + STALLED,
            "a worker has got nothing done for {} seconds",
            STALLED.as_secs()
        );
        let now = total();
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        bar.set_message(format!("{now} done"));
        anyhow::ensure!(
            counters.is_empty() || moved.elapsed() < STALLED,
            "nothing has happened for {} seconds",
            STALLED.as_secs()
        );
    }
    Ok(())
}

/// A bar of time on standard error; nothing where that is no terminal.
fn bar(time: Duration) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    styled(bar, "{bar:40} {elapsed_precise} {msg}")
}

/// A bar of steps on standard error.
pub(crate) fn steps(count: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    styled(bar, "{bar:40} {pos}/{len} {msg}").with_message(what)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
