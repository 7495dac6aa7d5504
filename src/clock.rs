//! The current time, real or set by a test.
//!
//! The only place that asks the system for the date. Deadlines and rates run on tokio's own
//! clock instead; this one is for times that are stored, compared across restarts or shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time. Copies of a clock that a test made move together.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The time of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at this many milliseconds after 1970 until it is advanced.
    pub fn set_to(epoch_ms: i64) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(epoch_ms))))
    }

    /// Milliseconds since 1970. A machine whose date lies before that gets 0.
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, milliseconds),
            Source::Set(now) => now.load(Ordering::Relaxed),
        }
    }

    /// Whole seconds since 1970.
    pub fn now_secs(&self) -> i64 {
        self.now_ms().div_euclid(1_000)
    }

    /// Moves a clock that was set. The system's clock is not ours to move and stays as it is.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Source::System => {}
            Source::Set(now) => {
                now.fetch_add(milliseconds(by), Ordering::Relaxed);
            }
        }
    }
}

/// Notices that the date of the machine was moved: it and the time that passed part company.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    passed: Instant,
    date_ms: i64,
}

impl Watch {
    /// A clock that is kept right wanders less than this.
    const TOLERANCE_MS: u64 = 60_000;

    /// Begins to watch a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            date_ms: clock.now_ms(),
            passed: Instant::now(),
            clock,
        }
    }

    /// Whether the date was moved since this was asked last, or since the beginning.
    pub fn has_jumped(&mut self) -> bool {
        let (passed, date_ms) = (Instant::now(), self.clock.now_ms());
        let expected = self
            .date_ms
            .saturating_add(milliseconds(passed.duration_since(self.passed)));
        (self.passed, self.date_ms) = (passed, date_ms);
        date_ms.abs_diff(expected) > Self::TOLERANCE_MS
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_moves_only_when_told_and_for_all_its_copies() {
        let clock = Clock::set_to(1_100_000_000_999);
        let copy = clock.clone();
        assert_eq!(copy.now_secs(), 1_100_000_000);
        clock.advance(Duration::from_millis(1));
        assert_eq!(copy.now_ms(), 1_100_000_001_000);
    }

    #[test]
    fn a_date_that_was_moved_is_noticed_once_in_either_direction() {
        let clock = Clock::set_to(1_100_000_000_000);
        let mut watch = Watch::new(clock.clone());
        assert!(!watch.has_jumped());
        clock.advance(Duration::from_secs(3_600));
        assert!(watch.has_jumped());
        assert!(!watch.has_jumped());
        if let Source::Set(now) = &clock.0 {
            now.store(1_000, Ordering::Relaxed);
        }
        assert!(watch.has_jumped());
        assert!(!watch.has_jumped());
    }

    #[test]
    fn the_system_clock_knows_this_century() {
        assert!(Clock::system().now_secs() > 1_700_000_000);
    }
}
