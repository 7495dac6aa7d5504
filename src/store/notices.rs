//! How a running server learns what another process, mostly the command line, did to accounts.
//!
//! A notice is written in the transaction of the change itself, so there is never one without
//! the other. Readers remember the last number they saw and ask for what came after it.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows;
use super::turn::Turn;
use super::{Store, StoreError};
use crate::model::{Address, CircleId, UserId};

/// A thing that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Grows from notice to notice, across restarts too.
    pub seq: i64,
    pub user: UserId,
    pub kind: NoticeKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// It may not sign in any more.
    Disabled,
    /// It is gone, and its number will not be given out again.
    Deleted { address: Address },
    /// Its contact book changed behind the server's back.
    BookChanged,
    /// Its password is a new one, and its tickets are void.
    PasswordChanged,
    /// Somebody is gone from a circle that it is in.
    CircleChanged { circle: CircleId },
}

// The kinds as the database has them.
const DISABLED: i64 = 1;
const DELETED: i64 = 2;
const BOOK_CHANGED: i64 = 3;
const PASSWORD_CHANGED: i64 = 4;
const CIRCLE_CHANGED: i64 = 5;

/// How long notices are kept. A server reads them within seconds.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How many notices one reading returns, so that deleting an account that everybody knows does
/// not end in one huge answer.
const READ_AT_ONCE: i64 = 1000;

impl Store {
    /// The number of the newest notice there ever was; 0 if there was none.
    ///
    /// A server asks for it before it reads anything else, and misses nothing from then on.
    pub async fn last_notice(&self) -> Result<i64, StoreError> {
        // Pruned notices count too, hence not the largest number in the table. Where the numbers
        // come from is a matter of the engine; this is SQLite's place.
        let seq: Option<i64> =
            sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'notice'")
                .fetch_optional(&mut *self.readers.get().await?)
                .await?;
        Ok(seq.unwrap_or(0))
    }

    /// The notices after number `seq`, oldest first, at most a thousand: ask again from the last
    /// one until there are none.
    pub async fn notices_after(&self, seq: i64) -> Result<Vec<Notice>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, user_id, kind, extra FROM notice WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(seq)
        .bind(READ_AT_ONCE)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter().map(notice).collect()
    }

    /// Forgets what every program has had the time to read.
    pub async fn prune_notices(&self) -> Result<(), StoreError> {
        self.writer
            .run(|turn| {
                Box::pin(async move {
                    sqlx::query("DELETE FROM notice WHERE created_at < $1")
                        .bind(turn.now - KEPT_MS)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

/// Writes a notice into the transaction of its cause.
pub(super) async fn post(
    turn: &mut Turn,
    user: UserId,
    kind: &NoticeKind,
) -> Result<(), StoreError> {
    let (number, extra) = match kind {
        NoticeKind::Disabled => (DISABLED, None),
        NoticeKind::Deleted { address } => (DELETED, Some(address.as_str().to_owned())),
        NoticeKind::BookChanged => (BOOK_CHANGED, None),
        NoticeKind::PasswordChanged => (PASSWORD_CHANGED, None),
        NoticeKind::CircleChanged { circle } => (CIRCLE_CHANGED, Some(circle.number().to_string())),
    };
    sqlx::query("INSERT INTO notice (user_id, kind, extra, created_at) VALUES ($1, $2, $3, $4)")
        .bind(user.0)
        .bind(number)
        .bind(extra)
        .bind(turn.now)
        .execute(turn.connection().await?)
        .await?;
    Ok(())
}

/// Writes, in one statement however many there are, that every book with `user` in it changed.
pub(super) async fn post_to_keepers(turn: &mut Turn, user: UserId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notice (user_id, kind, created_at) \
         SELECT owner_id, $2, $3 FROM contact WHERE contact_id = $1",
    )
    .bind(user.0)
    .bind(BOOK_CHANGED)
    .bind(turn.now)
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

fn notice(row: &SqliteRow) -> Result<Notice, StoreError> {
    let seq = row.try_get("seq")?;
    let extra: Option<&str> = row.try_get("extra")?;
    let unreadable = || rows::unreadable("notice", "extra", seq);
    let kind = match (row.try_get::<i64, _>("kind")?, extra) {
        (DISABLED, None) => NoticeKind::Disabled,
        (DELETED, Some(text)) => NoticeKind::Deleted {
            address: Address::parse(text).map_err(|_| unreadable())?,
        },
        (CIRCLE_CHANGED, Some(text)) => NoticeKind::CircleChanged {
            circle: (text.parse().ok())
                .and_then(CircleId::from_number)
                .ok_or_else(unreadable)?,
        },
        (BOOK_CHANGED, None) => NoticeKind::BookChanged,
        (PASSWORD_CHANGED, None) => NoticeKind::PasswordChanged,
        _ => return Err(rows::unreadable("notice", "kind", seq)),
    };
    Ok(Notice {
        seq,
        user: UserId(row.try_get("user_id")?),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[tokio::test]
    async fn another_process_hears_of_a_change_after_the_number_it_knows() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let server = fixture.second().await;
        let known = server.last_notice().await.unwrap();
        assert_eq!(known, 0);
        fixture.store.set_disabled(alice, true).await.unwrap();
        fixture.store.set_disabled(alice, true).await.unwrap();
        let notices = server.notices_after(known).await.unwrap();
        assert_eq!(notices.len(), 2);
        assert_eq!(server.last_notice().await.unwrap(), notices[1].seq);
        assert_eq!(
            server.notices_after(notices[0].seq).await.unwrap(),
            notices[1..]
        );
        assert!(
            server
                .notices_after(notices[1].seq)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn old_notices_go_when_the_database_is_opened_and_numbers_go_on() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for _ in 0..2 {
            fixture.store.set_disabled(alice, true).await.unwrap();
        }
        fixture
            .sql("UPDATE notice SET created_at = created_at - 86400001 WHERE seq = 2")
            .await;
        let again = fixture.second().await;
        let left = again.notices_after(0).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(again.last_notice().await.unwrap(), 2);
        again.set_disabled(alice, true).await.unwrap();
        assert_eq!(again.notices_after(2).await.unwrap()[0].seq, 3);
    }

    #[tokio::test]
    async fn an_unknown_kind_is_an_inconsistency() {
        let fixture = Fixture::new().await;
        fixture
            .sql("INSERT INTO notice (user_id, kind, created_at) VALUES (1, 9, 0)")
            .await;
        assert!(matches!(
            fixture.store.notices_after(0).await,
            Err(StoreError::Inconsistent {
                table: "notice",
                column: "kind",
                row: 1
            })
        ));
    }
}
