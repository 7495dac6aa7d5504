//! How much happened lately, for people who run the server to look at.
//!
//! It is told totals now and then and keeps their growth, by the minute for an hour and by the hour
//! for two days, in memory only. Nobody who signs in or talks waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Minutes that are kept.
pub const MINUTES: usize = 60;
/// Hours that are kept.
pub const HOURS: usize = 48;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What is counted: since the start, or in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sessions that were signed in.
    pub sign_ins: u64,
    /// Chat messages that were handed on.
    pub messages: u64,
}

/// The counts of past spans, the oldest first; the last one is not over yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lately {
    pub minutes: Vec<Counts>,
    pub hours: Vec<Counts>,
}

/// The growth of totals; clones share it.
#[derive(Debug, Clone)]
pub struct History(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    total: Counts,
    minutes: Ring,
    hours: Ring,
}

/// Spans of one length up to now.
#[derive(Debug)]
struct Ring {
    length: usize,
    span_ms: i64,
    /// The number of the span that is last, counted from 1970.
    current: i64,
    spans: VecDeque<Counts>,
}

impl History {
    /// Starts with nothing, at this time in epoch milliseconds.
    pub fn new(now_ms: i64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            total: Counts::default(),
            minutes: Ring::new(MINUTES, MINUTE_MS, now_ms),
            hours: Ring::new(HOURS, HOUR_MS, now_ms),
        })))
    }

    /// Notes what the totals since the start are now. What they have grown by since the last time
    /// counts for the present minute and hour.
    pub fn note(&self, now_ms: i64, total: Counts) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = Counts {
            sign_ins: total.sign_ins.saturating_sub(inner.total.sign_ins),
            messages: total.messages.saturating_sub(inner.total.messages),
        };
        inner.total = total;
        inner.minutes.add(now_ms, grown);
        inner.hours.add(now_ms, grown);
    }

    /// What is known.
    pub fn lately(&self) -> Lately {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Lately {
            minutes: inner.minutes.spans.iter().copied().collect(),
            hours: inner.hours.spans.iter().copied().collect(),
        }
    }
}

impl Ring {
    fn new(length: usize, span_ms: i64, now_ms: i64) -> Self {
        Self {
            length,
            span_ms,
            current: now_ms.div_euclid(span_ms),
            spans: std::iter::repeat_n(Counts::default(), length).collect(),
        }
    }

    /// A clock that was set back adds to the last span it had come to.
    fn add(&mut self, now_ms: i64, grown: Counts) {
        let now = now_ms.div_euclid(self.span_ms);
        let passed = usize::try_from(now.saturating_sub(self.current)).unwrap_or(0);
        for _ in 0..passed.min(self.length) {
            self.spans.pop_front();
            self.spans.push_back(Counts::default());
        }
        self.current = self.current.max(now);
        if let Some(last) = self.spans.back_mut() {
            last.sign_ins += grown.sign_ins;
            last.messages += grown.messages;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(sign_ins: u64, messages: u64) -> Counts {
        Counts { sign_ins, messages }
    }

    #[test]
    fn growth_counts_for_the_minute_and_the_hour_it_is_noted_in() {
        let history = History::new(0);
        history.note(1_000, total(1, 5));
        history.note(59_000, total(3, 5));
        history.note(61_000, total(3, 7));
        history.note(HOUR_MS, total(4, 7));
        let lately = history.lately();
        assert_eq!((lately.minutes.len(), lately.hours.len()), (MINUTES, HOURS));
        assert_eq!(lately.minutes[0], total(0, 2), "minute 1 is the oldest now");
        assert_eq!(lately.minutes[MINUTES - 1], total(1, 0));
        assert_eq!(lately.hours[HOURS - 2], total(3, 7));
        assert_eq!(lately.hours[HOURS - 1], total(1, 0));
    }

    #[test]
    fn a_long_silence_and_a_clock_set_back_do_no_harm() {
        let history = History::new(0);
        history.note(0, total(1, 1));
        history.note(1_000 * HOUR_MS, total(2, 1));
        let lately = history.lately();
        let sum: u64 = lately.hours.iter().map(|it| it.sign_ins).sum();
        assert_eq!((sum, lately.hours[HOURS - 1].sign_ins), (1, 1));
        history.note(0, total(4, 1));
        assert_eq!(history.lately().minutes[MINUTES - 1].sign_ins, 3);
        history.note(i64::MAX, total(4, 1));
        assert_eq!(history.lately().minutes[MINUTES - 1].sign_ins, 0);
    }
}
