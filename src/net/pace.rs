//! How fast frames may come: those of one connection, of one network, and of everybody.
//!
//! Beyond it nothing is refused, reading only waits, so a client that bursts is slowed and not cut
//! (`docs/protocol/25 §21`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many frames at once, and then so many a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    pub per_second: u32,
    pub burst: u32,
}

impl FrameRate {
    /// What so many of those it is for may do together.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self {
            per_second: self.per_second.saturating_mul(factor),
            burst: self.burst.saturating_mul(factor),
        }
    }

    /// Nanoseconds that one frame takes to run down.
    fn interval(self) -> u64 {
        (1_000_000_000 / u64::from(self.per_second.max(1))).max(1)
    }

    /// Nanoseconds that a whole burst takes.
    fn span(self) -> u64 {
        self.interval() * u64::from(self.burst.max(1))
    }
}

/// A token bucket for one connection.
#[derive(Debug, Clone)]
pub struct Pace {
    per_second: f64,
    burst: f64,
    tokens: f64,
    refilled: Instant,
}

impl Pace {
    /// A full bucket.
    pub fn new(rate: FrameRate, now: Instant) -> Self {
        Self {
            per_second: f64::from(rate.per_second.max(1)),
            burst: f64::from(rate.burst.max(1)),
            tokens: f64::from(rate.burst.max(1)),
            refilled: now,
        }
    }

    /// Whether there is a token for another frame, or how long to wait for one. Asking costs
    /// nothing: what has arrived may be no whole frame yet.
    pub fn admits(&mut self, now: Instant) -> Result<(), Duration> {
        let elapsed = now.saturating_duration_since(self.refilled);
        self.refilled = now;
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_second).min(self.burst);
        if self.tokens >= 1.0 {
            return Ok(());
        }
        Err(Duration::from_secs_f64(
            (1.0 - self.tokens) / self.per_second,
        ))
    }

    /// Takes the token of a frame that was admitted.
    pub fn charge(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }
}

/// A bucket that many connections take from. What it keeps is one time, so that nobody who takes from
/// it waits for another; those who ask in the same instant may get a frame too many, which the next
/// ones wait for.
#[derive(Debug)]
pub(super) struct SharedPace {
    since: Instant,
    /// When all that was taken will have run down, in nanoseconds.
    runs_down_at: AtomicU64,
}

impl Default for SharedPace {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            runs_down_at: AtomicU64::new(0),
        }
    }
}

impl SharedPace {
    /// Whether there is room for another frame, or how long to wait for it.
    pub(super) fn admits(&self, rate: FrameRate, now: Instant) -> Result<(), Duration> {
        let debt = self
            .runs_down_at
            .load(Ordering::Relaxed)
            .saturating_sub(self.time(now));
        match debt
            .saturating_add(rate.interval())
            .saturating_sub(rate.span())
        {
            0 => Ok(()),
            wait => Err(Duration::from_nanos(wait)),
        }
    }

    /// Takes what a frame that was admitted costs.
    pub(super) fn charge(&self, rate: FrameRate, now: Instant) {
        let now = self.time(now);
        let taken = |at: u64| Some(at.max(now).saturating_add(rate.interval()));
        let _ = self
            .runs_down_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
    }

    /// Whether nothing that was taken counts any more.
    pub(super) fn has_run_down(&self, now: Instant) -> bool {
        self.runs_down_at.load(Ordering::Relaxed) <= self.time(now)
    }

    /// Nanoseconds since the beginning; enough of them for centuries.
    fn time(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.since);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rate(per_second: u32, burst: u32) -> FrameRate {
        FrameRate { per_second, burst }
    }

    fn take(pace: &mut Pace, now: Instant) -> Result<(), Duration> {
        pace.admits(now)?;
        pace.charge();
        Ok(())
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(rate(10, 3), start);
        assert!((0..3).all(|_| take(&mut pace, start).is_ok()));
        let wait = take(&mut pace, start).unwrap_err();
        assert!(wait <= Duration::from_millis(100));
        assert!(take(&mut pace, start + Duration::from_millis(101)).is_ok());
        assert!(take(&mut pace, start + Duration::from_millis(102)).is_err());
    }

    #[test]
    fn only_frames_cost_anything() {
        let start = Instant::now();
        let mut pace = Pace::new(rate(1, 1), start);
        assert!((0..100).all(|_| pace.admits(start).is_ok()));
        pace.charge();
        assert!(pace.admits(start).is_err());
    }

    #[test]
    fn what_is_shared_is_taken_by_all_together() {
        let shared = SharedPace::default();
        let start = Instant::now();
        let rate = rate(10, 3);
        for _ in 0..3 {
            assert_eq!(shared.admits(rate, start), Ok(()));
            shared.charge(rate, start);
        }
        let wait = shared.admits(rate, start).unwrap_err();
        let expected = Duration::from_millis(100);
        assert!(wait > expected / 2 && wait <= expected, "{wait:?}");
        assert!(!shared.has_run_down(start));
        assert_eq!(shared.admits(rate, start + expected), Ok(()));
        shared.charge(rate, start + expected);
        assert!(shared.admits(rate, start + expected).is_err());
        // After a rest there is no more than a burst.
        let late = start + Duration::from_secs(100);
        assert!(shared.has_run_down(late));
        (0..3).for_each(|_| shared.charge(rate, late));
        assert!(shared.admits(rate, late).is_err());
    }

    #[test]
    fn the_fastest_rates_and_the_slowest_are_counted_without_overflow() {
        let start = Instant::now();
        for rate in [rate(u32::MAX, u32::MAX), rate(0, 0), rate(1, u32::MAX)] {
            let shared = SharedPace::default();
            assert_eq!(shared.admits(rate.times(u32::MAX), start), Ok(()));
            shared.runs_down_at.store(u64::MAX, Ordering::Relaxed);
            shared.charge(rate, start);
            assert!(shared.admits(rate, start).is_err());
        }
    }
}
