//! What accounts did that their contacts may read about.
//!
//! An entry is written in the transaction of the change that it tells of. Each account keeps a
//! few, so the table is bounded by the number of accounts.

use sqlx::Row;

use super::rows;
use super::turn::Turn;
use super::{Store, StoreError};
use crate::model::{Address, Label, UserId};

/// How many entries an account keeps.
const KEPT: i64 = 20;
/// How many entries a reader gets at most, whatever it asks for.
const MOST: u32 = 100;

/// Something that somebody's contacts may read about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Grows with time; unique in the database.
    pub id: i64,
    pub user: UserId,
    pub address: Address,
    /// Their name as it is today.
    pub name: Label,
    pub deed: Deed,
    /// Epoch milliseconds.
    pub at: i64,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Took this name, as a person reads it.
    Name(String),
    /// Set this personal message.
    Message(String),
    /// Showed a new picture.
    Picture,
}

impl Store {
    /// The newest entries of the people on the reader's forward list who let the reader see them,
    /// newest first; at most `count`, and never more than a hundred.
    ///
    /// The condition is [`crate::model::Standing::lets_see`] of each of them, as one statement:
    /// to read that many books would take longer than anybody waits.
    pub async fn recent_activity(
        &self,
        reader: UserId,
        count: u32,
    ) -> Result<Vec<Activity>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.id, v.user_id, a.address, a.name, v.kind, v.what, v.happened_at \
             FROM contact mine \
             JOIN account a ON a.id = mine.contact_id AND a.disabled = 0 \
             JOIN activity v ON v.user_id = a.id \
             LEFT JOIN contact theirs ON theirs.owner_id = a.id AND theirs.contact_id = $1 \
             WHERE mine.owner_id = $1 AND (mine.list_bits & 1) = 1 \
             AND (COALESCE(theirs.list_bits, 0) & 4) = 0 \
             AND ((COALESCE(theirs.list_bits, 0) & 2) = 2 OR a.privacy = 0) \
             ORDER BY v.happened_at DESC, v.id DESC LIMIT $2",
        )
        .bind(reader.0)
        .bind(i64::from(count.min(MOST)))
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let user: i64 = row.try_get("user_id")?;
                let id = row.try_get("id")?;
                let what: String = row.try_get("what")?;
                Ok(Activity {
                    id,
                    user: UserId(user),
                    address: rows::address(row.try_get("address")?, user)?,
                    name: rows::label(row, "name")?,
                    deed: match row.try_get::<i64, _>("kind")? {
                        1 => Deed::Name(what),
                        2 => Deed::Message(what),
                        3 => Deed::Picture,
                        _ => return Err(rows::unreadable("activity", "kind", id)),
                    },
                    at: row.try_get("happened_at")?,
                })
            })
            .collect()
    }
}

/// Writes down what somebody did, and forgets what is older than the newest few. To have no
/// message is nothing to read about.
pub(super) async fn note(turn: &mut Turn, user: UserId, deed: &Deed) -> Result<(), StoreError> {
    let (kind, what) = match deed {
        Deed::Name(name) => (1, &**name),
        Deed::Message(text) if text.is_empty() => return Ok(()),
        Deed::Message(text) => (2, &**text),
        Deed::Picture => (3, ""),
    };
    sqlx::query("INSERT INTO activity (user_id, kind, what, happened_at) VALUES ($1, $2, $3, $4)")
        .bind(user.0)
        .bind(kind)
        .bind(what)
        .bind(turn.now)
        .execute(turn.connection().await?)
        .await?;
    sqlx::query(
        "DELETE FROM activity WHERE user_id = $1 AND id <= \
         (SELECT id FROM activity WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(user.0)
    .bind(KEPT)
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, by_address, done, label};
    use super::super::{NewTile, PictureKind, Setting};
    use super::*;
    use crate::model::{List, Privacy};

    async fn deeds(fixture: &Fixture, reader: UserId) -> Vec<Deed> {
        let all = fixture.store.recent_activity(reader, 50).await.unwrap();
        all.into_iter().map(|activity| activity.deed).collect()
    }

    fn message(text: &str) -> Setting {
        Setting::Message(text.to_owned())
    }

    #[tokio::test]
    async fn changes_are_told_newest_first_and_only_once() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        done(
            fixture
                .add(bob, by_address("alice"), List::Forward, None)
                .await,
        );
        for _ in 0..2 {
            done(fixture.set(alice, Setting::Name(label("Alice A"))).await);
            done(fixture.set(alice, message("at <home>")).await);
        }
        done(fixture.set(alice, message("")).await);
        let tile = NewTile {
            name: None,
            kind: PictureKind::Png,
            data: vec![1],
            small: vec![2],
        };
        let number = fixture.store.add_tile(alice, tile).await.unwrap().unwrap();
        for _ in 0..2 {
            assert!(fixture.store.show_tile(alice, number).await.unwrap());
        }
        let name = Deed::Name("Alice A".to_owned());
        let text = Deed::Message("at <home>".to_owned());
        assert_eq!(deeds(&fixture, bob).await, [Deed::Picture, text, name]);
        let newest = fixture.store.recent_activity(bob, 1).await.unwrap();
        assert_eq!((newest.len(), newest[0].user), (1, alice));
        assert_eq!(newest[0].name, label("Alice A"));
        assert!(
            fixture
                .store
                .recent_activity(bob, 0)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(deeds(&fixture, alice).await.is_empty());
    }

    #[tokio::test]
    async fn an_account_keeps_the_newest_few_and_takes_them_along() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let carol = fixture.account("carol").await;
        for name in ["alice", "carol"] {
            done(
                fixture
                    .add(bob, by_address(name), List::Forward, None)
                    .await,
            );
        }
        done(fixture.set(carol, message("stays")).await);
        for number in 0..KEPT + 5 {
            done(fixture.set(alice, message(&number.to_string())).await);
        }
        let told = deeds(&fixture, bob).await;
        assert_eq!(told.len() as i64, KEPT + 1);
        assert_eq!(told[0], Deed::Message((KEPT + 4).to_string()));
        assert!(fixture.store.delete_account(alice).await.unwrap());
        assert_eq!(
            deeds(&fixture, bob).await,
            [Deed::Message("stays".to_owned())]
        );
    }

    #[tokio::test]
    async fn only_followed_people_who_let_the_reader_see_them_are_told_of() {
        for privacy in [Privacy::AllowOthers, Privacy::BlockOthers] {
            for list in [None, Some(List::Allow), Some(List::Block)] {
                for follows in [true, false] {
                    let fixture = Fixture::new().await;
                    let (alice, bob) =
                        (fixture.account("alice").await, fixture.account("bob").await);
                    if follows {
                        done(
                            fixture
                                .add(bob, by_address("alice"), List::Forward, None)
                                .await,
                        );
                    }
                    if let Some(list) = list {
                        done(fixture.add(alice, by_address("bob"), list, None).await);
                    }
                    done(fixture.set(alice, Setting::Privacy(privacy)).await);
                    done(fixture.set(alice, message("x")).await);
                    let standing = fixture.store.standing(alice).await.unwrap().unwrap();
                    let expected = follows && standing.lets_see(bob);
                    let is_told = !deeds(&fixture, bob).await.is_empty();
                    assert_eq!(is_told, expected, "{privacy:?} {list:?} {follows}");
                }
            }
        }
    }

    #[tokio::test]
    async fn nobody_reads_of_a_disabled_account() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        done(
            fixture
                .add(bob, by_address("alice"), List::Forward, None)
                .await,
        );
        done(fixture.set(alice, message("x")).await);
        fixture.store.set_disabled(alice, true).await.unwrap();
        assert!(deeds(&fixture, bob).await.is_empty());
    }
}
