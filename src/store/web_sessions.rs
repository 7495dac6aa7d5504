//! Browsers that are signed in to the pages for people.
//!
//! A session is kept as the digest of its secret only, so whoever reads the database cannot use it.

use sqlx::Row as _;

use super::rows;
use super::{Store, StoreError};
use crate::model::{Address, Label, UserId};

/// The most browsers of one account; one more takes the place of the one seen least lately.
const MOST_OF_ONE_ACCOUNT: i64 = 20;

/// A signed-in browser, with what a page needs to know of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSession {
    pub digest: String,
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub is_admin: bool,
    /// What the browser calls itself.
    pub browser: String,
    /// Where it was when it signed in.
    pub peer: String,
    /// Epoch milliseconds, like the others.
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

/// A browser that signs in.
#[derive(Debug, Clone)]
pub struct NewWebSession {
    pub digest: String,
    pub user: UserId,
    pub browser: String,
    pub peer: String,
    /// Epoch milliseconds, like the other.
    pub created_at: i64,
    pub expires_at: i64,
}

macro_rules! session_query {
    ($rest:literal) => {
        concat!(
            "SELECT s.digest, s.user_id, a.address, a.name, a.is_admin, s.browser, s.peer, \
             s.created_at, s.seen_at, s.expires_at \
             FROM web_session s JOIN account a ON a.id = s.user_id AND a.disabled = 0 ",
            $rest
        )
    };
}

impl Store {
    /// Keeps a browser's session. Answers whether it was kept: an account that is gone or
    /// disabled gets none.
    pub async fn keep_web_session(&self, new: NewWebSession) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let kept = sqlx::query(
                        "INSERT INTO web_session \
                         (digest, user_id, browser, peer, created_at, seen_at, expires_at) \
                         SELECT $1, id, $3, $4, $5, $5, $6 FROM account \
                         WHERE id = $2 AND disabled = 0",
                    )
                    .bind(&new.digest)
                    .bind(new.user.0)
                    .bind(&new.browser)
                    .bind(&new.peer)
                    .bind(new.created_at)
                    .bind(new.expires_at)
                    .execute(turn.connection().await?)
                    .await?;
                    sqlx::query(
                        "DELETE FROM web_session WHERE digest IN ( \
                         SELECT digest FROM web_session WHERE user_id = $1 \
                         ORDER BY digest = $2 DESC, seen_at DESC LIMIT -1 OFFSET $3)",
                    )
                    .bind(new.user.0)
                    .bind(&new.digest)
                    .bind(MOST_OF_ONE_ACCOUNT)
                    .execute(turn.connection().await?)
                    .await?;
                    Ok(kept.rows_affected() > 0)
                })
            })
            .await
    }

    /// The session with this digest; `None` if it is unknown, ended or expired at `now`, or its
    /// account is disabled.
    pub async fn web_session(
        &self,
        digest: &str,
        now: i64,
    ) -> Result<Option<WebSession>, StoreError> {
        let row = sqlx::query(session_query!("WHERE s.digest = $1 AND s.expires_at > $2"))
            .bind(digest)
            .bind(now)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.as_ref().map(session).transpose()
    }

    /// The browsers that an account is signed in with, the one seen last first.
    pub async fn web_sessions_of(
        &self,
        user: UserId,
        now: i64,
    ) -> Result<Vec<WebSession>, StoreError> {
        let rows = sqlx::query(session_query!(
            "WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.seen_at DESC, s.digest"
        ))
        .bind(user.0)
        .bind(now)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter().map(session).collect()
    }

    /// Remembers when a browser was last seen, and how long it may stay.
    pub async fn touch_web_session(
        &self,
        digest: String,
        seen_at: i64,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE web_session SET seen_at = $2, expires_at = $3 WHERE digest = $1",
                    )
                    .bind(digest)
                    .bind(seen_at)
                    .bind(expires_at)
                    .execute(turn.connection().await?)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Ends one session of an account, or with `None` all of them but `except`. Answers how many.
    pub async fn end_web_sessions(
        &self,
        user: UserId,
        digest: Option<String>,
        except: Option<String>,
    ) -> Result<u64, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let ended = sqlx::query(
                        "DELETE FROM web_session WHERE user_id = $1 \
                         AND ($2 IS NULL OR digest = $2) AND ($3 IS NULL OR digest <> $3)",
                    )
                    .bind(user.0)
                    .bind(digest)
                    .bind(except)
                    .execute(turn.connection().await?)
                    .await?;
                    Ok(ended.rows_affected())
                })
            })
            .await
    }

    /// Forgets the sessions that have expired; answers how many. Those that seem to have been
    /// begun or seen later than now, or would last for more than `idle` from now, come from a
    /// clock that was ahead, and are put right.
    pub async fn prune_web_sessions(&self, now: i64, idle: i64) -> Result<u64, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE web_session SET created_at = min(created_at, $1), \
                         seen_at = min(seen_at, $1), expires_at = min(expires_at, $2) \
                         WHERE created_at > $1 OR seen_at > $1 OR expires_at > $2",
                    )
                    .bind(now)
                    .bind(now.saturating_add(idle))
                    .execute(turn.connection().await?)
                    .await?;
                    let pruned = sqlx::query("DELETE FROM web_session WHERE expires_at <= $1")
                        .bind(now)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(pruned.rows_affected())
                })
            })
            .await
    }
}

fn session(row: &sqlx::sqlite::SqliteRow) -> Result<WebSession, StoreError> {
    let user: i64 = row.try_get("user_id")?;
    Ok(WebSession {
        digest: row.try_get("digest")?,
        user: UserId(user),
        address: rows::address(row.try_get("address")?, user)?,
        name: Label::from_stored(row.try_get("name")?),
        is_admin: row.try_get("is_admin")?,
        browser: row.try_get("browser")?,
        peer: row.try_get("peer")?,
        created_at: row.try_get("created_at")?,
        seen_at: row.try_get("seen_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::LegacyChange;
    use super::super::testing::{Fixture, record};
    use super::*;

    fn new(digest: &str, user: UserId) -> NewWebSession {
        NewWebSession {
            digest: digest.to_owned(),
            user,
            browser: "Browser".to_owned(),
            peer: "192.0.2.1".to_owned(),
            created_at: 0,
            expires_at: 100,
        }
    }

    async fn digests(fixture: &Fixture, user: UserId) -> Vec<String> {
        let sessions = fixture.store.web_sessions_of(user, 1).await.unwrap();
        sessions.into_iter().map(|session| session.digest).collect()
    }

    #[tokio::test]
    async fn a_session_is_there_until_it_expires_or_is_ended_by_its_owner() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        assert!(store.keep_web_session(new("a", alice)).await.unwrap());
        assert!(store.keep_web_session(new("b", alice)).await.unwrap());
        let found = store.web_session("a", 99).await.unwrap().unwrap();
        assert_eq!((found.user, found.is_admin), (alice, false));
        assert_eq!(store.web_session("a", 100).await.unwrap(), None);

        let not_his = store.end_web_sessions(bob, Some("a".to_owned()), None);
        assert_eq!(not_his.await.unwrap(), 0);
        let others = store.end_web_sessions(alice, None, Some("a".to_owned()));
        assert_eq!(others.await.unwrap(), 1);
        assert_eq!(digests(&fixture, alice).await, ["a"]);
        assert_eq!(store.prune_web_sessions(100, 1_000).await.unwrap(), 1);
        assert_eq!(store.web_session("a", 1).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_new_password_and_disabling_end_every_session() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        store.keep_web_session(new("a", alice)).await.unwrap();
        store.set_disabled(alice, true).await.unwrap();
        assert_eq!(store.web_session("a", 1).await.unwrap(), None);
        assert!(!store.keep_web_session(new("b", alice)).await.unwrap());
        store.set_disabled(alice, false).await.unwrap();
        assert_eq!(digests(&fixture, alice).await, [""; 0], "ended for good");

        store.keep_web_session(new("c", alice)).await.unwrap();
        let changed = store.set_password(alice, record("new"), LegacyChange::Remove);
        assert!(changed.await.unwrap());
        assert_eq!(digests(&fixture, alice).await, [""; 0]);
    }

    #[tokio::test]
    async fn one_account_has_a_bounded_number_of_sessions_and_the_newest_stays() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        for number in 0..25 {
            let digest = format!("{number:02}");
            assert!(store.keep_web_session(new(&digest, alice)).await.unwrap());
            let seen = store.touch_web_session(digest, number, 100);
            seen.await.unwrap();
        }
        let kept = digests(&fixture, alice).await;
        assert_eq!(kept.len(), 20);
        assert_eq!((kept[0].as_str(), kept[19].as_str()), ("24", "05"));
    }
}
