//! A value that can be replaced while others use it.
//!
//! Settings that are reloaded live in one of these: whoever needs them asks each time, gets the
//! value of that moment as a whole, and keeps it for as long as one thing takes. So nobody ever
//! sees half of a change, and no lock outlives a question.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// A shared value that is replaced as a whole; clones see the same one.
pub struct Live<T>(Arc<RwLock<Arc<T>>>);

impl<T> Live<T> {
    /// Begins with a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now.
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value. Whoever asked before keeps what they got.
    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Live<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_value_reaches_every_clone_and_nobody_who_asked_before() {
        let live = Live::new(1);
        let other = live.clone();
        let before = other.now();
        live.replace(2);
        assert_eq!((*before, *other.now()), (1, 2));
    }
}
