//! Passwords that were made for others and are shown once.
//!
//! A form is answered with a way to another page, so that going back sends nothing again; the
//! password waits here for that page. Only the browser that had it made can see it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use crate::model::UserId;

/// How long a password waits.
const LONGEST_MS: i64 = 5 * 60 * 1_000;
/// How many wait; a browser has one at most.
const MOST: usize = 100;

/// What waits; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reveals(Arc<Mutex<HashMap<String, Waiting>>>);

#[derive(Debug)]
struct Waiting {
    user: UserId,
    /// Does not print.
    password: SecretString,
    since: i64,
}

impl Reveals {
    pub(super) fn put(&self, browser: &str, user: UserId, password: SecretString, now: i64) {
        let mut waiting = self.lock();
        if waiting.len() < MOST || waiting.contains_key(browser) {
            let entry = Waiting {
                user,
                password,
                since: now,
            };
            waiting.insert(browser.to_owned(), entry);
        }
    }

    pub(super) fn take(&self, browser: &str, user: UserId, now: i64) -> Option<SecretString> {
        let mut waiting = self.lock();
        let is_it = |it: &Waiting| it.user == user && !is_old(it, now);
        waiting.get(browser).filter(|it| is_it(it))?;
        waiting.remove(browser).map(|it| it.password)
    }

    pub(super) fn forget_old(&self, now: i64) {
        self.lock().retain(|_, it| !is_old(it, now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_old(waiting: &Waiting, now: i64) -> bool {
    now.saturating_sub(waiting.since) > LONGEST_MS
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_password_is_seen_once_by_one_browser_for_one_account_and_not_for_long() {
        let reveals = Reveals::default();
        let (bob, carol) = (UserId(1), UserId(2));
        reveals.put("a", bob, "secret".into(), 0);
        assert!(reveals.take("b", bob, 1).is_none());
        assert!(reveals.take("a", carol, 1).is_none());
        let seen = reveals.take("a", bob, 1).unwrap();
        assert_eq!(seen.expose_secret(), "secret");
        assert!(reveals.take("a", bob, 1).is_none());
        reveals.put("a", bob, "secret".into(), 0);
        assert!(reveals.take("a", bob, LONGEST_MS + 1).is_none());
        reveals.forget_old(LONGEST_MS + 1);
        assert!(reveals.take("a", bob, 1).is_none());
    }
}
