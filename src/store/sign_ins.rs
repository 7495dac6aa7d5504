//! When accounts last signed in.
//!
//! It is for people who look at accounts, and no decision rests on it. So it does not go through
//! the queue of changes one by one: a commit for each sign-in would cost more than the rest of it,
//! and would make the reading connections forget what they have in memory. The times are collected
//! here and written down together; a crash may lose those of the last second.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Store, StoreError};
use crate::model::UserId;

/// Sign-ins that are not written down yet, one for an account.
#[derive(Debug, Clone, Default)]
pub(super) struct SignIns(Arc<Mutex<HashMap<UserId, i64>>>);

impl SignIns {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, i64>> {
        // A map of numbers is sound whatever its last user did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Remembers when the account last signed in, for [`Store::keep_sign_ins`] to write down.
    pub fn note_sign_in(&self, user: UserId, now: i64) {
        self.sign_ins.lock().insert(user, now);
    }

    /// Writes down the sign-ins since the last time. Those of accounts that are gone are passed
    /// over. If it fails, the next call tries again.
    pub async fn keep_sign_ins(&self) -> Result<(), StoreError> {
        let noted = mem::take(&mut *self.sign_ins.lock());
        if noted.is_empty() {
            return Ok(());
        }
        let times: HashMap<i64, i64> = noted.iter().map(|(user, at)| (user.0, *at)).collect();
        // A map of numbers can always be written.
        let times = serde_json::to_string(&times).unwrap_or_default();
        let kept = self
            .writer
            .run(move |turn| {
                Box::pin(async move {
                    turn.later(
                        "UPDATE account SET last_sign_in = noted.value FROM json_each(?) AS noted \
                         WHERE account.id = CAST(noted.key AS INTEGER)",
                    )
                    .bind(times);
                    Ok(())
                })
            })
            .await;
        if kept.is_err() {
            let mut waiting = self.sign_ins.lock();
            for (user, at) in noted {
                waiting.entry(user).or_insert(at);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, address};
    use super::*;

    async fn last(store: &Store, name: &str) -> Option<i64> {
        let account = store.account(&address(name)).await.unwrap();
        account.unwrap().last_sign_in
    }

    #[tokio::test]
    async fn the_last_sign_in_of_each_account_is_written_down() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        for (user, at) in [(alice, 1), (UserId(99), 2), (bob, 3), (alice, 4)] {
            store.note_sign_in(user, at);
        }
        let before = store.write_load().jobs;
        store.keep_sign_ins().await.unwrap();
        store.keep_sign_ins().await.unwrap();
        assert_eq!(store.write_load().jobs, before + 1);
        assert_eq!(last(store, "alice").await, Some(4));
        assert_eq!(last(store, "bob").await, Some(3));
    }

    #[tokio::test]
    async fn closing_writes_down_what_waits() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.store.note_sign_in(alice, 7);
        fixture.store.close().await;
        assert!(fixture.store.keep_sign_ins().await.is_ok());
        assert_eq!(last(&fixture.second().await, "alice").await, Some(7));
    }

    #[tokio::test]
    async fn what_could_not_be_written_waits_for_the_next_time() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.store.close().await;
        fixture.store.note_sign_in(alice, 7);
        for _ in 0..2 {
            let kept = fixture.store.keep_sign_ins().await;
            assert!(matches!(kept, Err(StoreError::Closed)));
        }
    }
}
