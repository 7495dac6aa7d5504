//! How fast one connection may send frames.
//!
//! A token bucket: beyond it nothing is refused, reading only waits, so a client that bursts is
//! slowed and not cut (`docs/protocol/25 §21`).

use std::time::{Duration, Instant};

/// A token bucket for one connection.
#[derive(Debug, Clone)]
pub struct Pace {
    per_second: f64,
    burst: f64,
    tokens: f64,
    refilled: Instant,
}

impl Pace {
    /// A full bucket of `burst` frames that refills with `per_second`.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            burst: f64::from(burst.max(1)),
            tokens: f64::from(burst.max(1)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pace: &mut Pace, now: Instant) -> Result<(), Duration> {
        pace.admits(now)?;
        pace.charge();
        Ok(())
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(10, 3, start);
        assert!((0..3).all(|_| take(&mut pace, start).is_ok()));
        let wait = take(&mut pace, start).unwrap_err();
        assert!(wait <= Duration::from_millis(100));
        assert!(take(&mut pace, start + Duration::from_millis(101)).is_ok());
        assert!(take(&mut pace, start + Duration::from_millis(102)).is_err());
    }

    #[test]
    fn only_frames_cost_anything() {
        let start = Instant::now();
        let mut pace = Pace::new(1, 1, start);
        assert!((0..100).all(|_| pace.admits(start).is_ok()));
        pace.charge();
        assert!(pace.admits(start).is_err());
    }
}
