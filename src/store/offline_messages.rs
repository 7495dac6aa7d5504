//! Messages for people who were not signed in (`docs/protocol/13 §1`).
//!
//! Every question but that of a sender names the recipient, so nobody can name a message of
//! somebody else. How much may wait is decided in the transaction that adds to it.

use std::fmt;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows;
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{Store, StoreError};
use crate::model::{
    Address, Guid, ListSet, OfflineMessage, Refusal, Standing, UserId, WaitingMessage,
};

/// How many messages may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineLimits {
    /// For one account.
    pub per_recipient: u32,
    /// Of these, from one sender.
    pub per_sender: u32,
}

/// A message to be kept.
#[derive(Clone)]
pub struct NewOfflineMessage {
    pub id: Guid,
    pub sender: UserId,
    pub recipient: Address,
    pub sender_name: String,
    pub run: Guid,
    /// `None` for the next one of the run among those that wait.
    pub sequence: Option<u32>,
    pub text: String,
    /// Of the letter, in bytes.
    pub size: u32,
    /// Epoch milliseconds.
    pub received_at: i64,
}

impl fmt::Debug for NewOfflineMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOfflineMessage")
            .field("id", &self.id)
            .field("sender", &self.sender)
            .field("text", &"***")
            .finish_non_exhaustive()
    }
}

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    pub recipient: UserId,
    pub heading: WaitingMessage,
}

impl Store {
    /// Keeps a message for its recipient.
    ///
    /// Refused with [`Refusal::UnknownAccount`] if nobody who may sign in has the address, with
    /// [`Refusal::Unreachable`] if they do not let the sender see them, with
    /// [`Refusal::ListFull`] if too much waits already, and with [`Refusal::Unavailable`] if the
    /// sender is gone or disabled.
    pub async fn keep_offline_message<R: Send + 'static>(
        &self,
        new: NewOfflineMessage,
        limits: OfflineLimits,
        published: impl FnOnce(&KeptMessage) -> R + Send + 'static,
    ) -> Published<KeptMessage, R> {
        self.writer
            .publish(move |turn| Box::pin(keep(turn, new, limits)), published)
            .await
    }

    /// What waits for an account, in the order of arrival.
    pub async fn offline_messages(&self, user: UserId) -> Result<Vec<WaitingMessage>, StoreError> {
        let found = sqlx::query(
            "SELECT m.guid, m.sender_name, m.received_at, m.size, m.is_read, a.address \
             FROM offline_message m JOIN account a ON a.id = m.sender_id \
             WHERE m.recipient_id = $1 ORDER BY m.seq",
        )
        .bind(user.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        found.iter().map(|row| heading(row, user)).collect()
    }

    /// One message that waits for the account, which stays; `None` if there is none by this name.
    pub async fn offline_message(
        &self,
        user: UserId,
        id: Guid,
    ) -> Result<Option<OfflineMessage>, StoreError> {
        let found = sqlx::query(
            "SELECT m.guid, m.sender_name, m.received_at, m.size, m.is_read, m.run, m.sequence, \
             m.body, a.address FROM offline_message m JOIN account a ON a.id = m.sender_id \
             WHERE m.recipient_id = $1 AND m.guid = $2",
        )
        .bind(user.0)
        .bind(id.to_string())
        .fetch_optional(&mut *self.readers.get().await?)
        .await?;
        found
            .map(|row| {
                Ok(OfflineMessage {
                    heading: heading(&row, user)?,
                    run: rows::guid(row.try_get("run")?, "offline_message", user.0)?,
                    sequence: number(&row, "sequence", user)?,
                    text: row.try_get("body")?,
                })
            })
            .transpose()
    }

    /// Notes that the account has read a message. Answers whether there is one by this name.
    pub async fn mark_offline_message_read(
        &self,
        user: UserId,
        id: Guid,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let marked = sqlx::query(
                        "UPDATE offline_message SET is_read = 1 \
                         WHERE recipient_id = $1 AND guid = $2",
                    )
                    .bind(user.0)
                    .bind(id.to_string())
                    .execute(turn.connection().await?)
                    .await?;
                    Ok(marked.rows_affected() > 0)
                })
            })
            .await
    }

    /// Deletes messages that wait for the account, and answers how many there were by these
    /// names; others are passed over. `published` gets that number too.
    pub async fn delete_offline_messages<R: Send + 'static>(
        &self,
        user: UserId,
        ids: Vec<Guid>,
        published: impl FnOnce(&u64) -> R + Send + 'static,
    ) -> Published<u64, R> {
        self.writer
            .publish(
                move |turn| {
                    Box::pin(async move {
                        let mut deleted = 0;
                        for id in ids {
                            deleted += sqlx::query(
                                "DELETE FROM offline_message \
                                 WHERE recipient_id = $1 AND guid = $2",
                            )
                            .bind(user.0)
                            .bind(id.to_string())
                            .execute(turn.connection().await?)
                            .await?
                            .rows_affected();
                        }
                        Ok(deleted)
                    })
                },
                published,
            )
            .await
    }

    /// Forgets the messages that came before this time; answers how many.
    pub async fn prune_offline_messages(&self, before: i64) -> Result<u64, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let pruned = sqlx::query("DELETE FROM offline_message WHERE received_at < $1")
                        .bind(before)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(pruned.rows_affected())
                })
            })
            .await
    }
}

async fn keep(
    turn: &mut Turn,
    new: NewOfflineMessage,
    limits: OfflineLimits,
) -> Result<KeptMessage, Stop> {
    let sender: Option<String> =
        sqlx::query_scalar("SELECT address FROM account WHERE id = $1 AND disabled = 0")
            .bind(new.sender.0)
            .fetch_optional(turn.connection().await?)
            .await?;
    let sender = sender.ok_or(Refusal::Unavailable)?;
    let recipient = recipient(turn, &new).await?;
    find_room(turn, &new, recipient, limits).await?;
    let sequence = match new.sequence {
        Some(sequence) => i64::from(sequence),
        None => next_in_run(turn, &new, recipient).await?,
    };
    sqlx::query(
        "INSERT INTO offline_message (guid, recipient_id, sender_id, sender_name, run, sequence, \
         body, size, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id.to_string())
    .bind(recipient.0)
    .bind(new.sender.0)
    .bind(&new.sender_name)
    .bind(new.run.to_string())
    .bind(sequence)
    .bind(new.text)
    .bind(i64::from(new.size))
    .bind(new.received_at)
    .execute(turn.connection().await?)
    .await?;
    Ok(KeptMessage {
        recipient,
        heading: WaitingMessage {
            id: new.id,
            sender: rows::address(&sender, new.sender.0)?,
            sender_name: new.sender_name.into(),
            received_at: new.received_at,
            size: new.size,
            is_read: false,
        },
    })
}

/// Whom the message is for, if they take messages of the sender: those who may not see somebody
/// may not write to them either.
async fn recipient(turn: &mut Turn, new: &NewOfflineMessage) -> Result<UserId, Stop> {
    let found: Option<(i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT a.id, a.privacy, c.list_bits FROM account a \
         LEFT JOIN contact c ON c.owner_id = a.id AND c.contact_id = $2 \
         WHERE a.address = $1 AND a.disabled = 0",
    )
    .bind(new.recipient.as_str())
    .bind(new.sender.0)
    .fetch_optional(turn.connection().await?)
    .await?;
    let (id, privacy, bits) = found.ok_or(Refusal::UnknownAccount)?;
    let lists = bits.map(|bits| rows::lists(bits, id)).transpose()?;
    let lists = lists.unwrap_or(ListSet::EMPTY);
    let standing = Standing {
        revision: 0,
        privacy: rows::privacy(privacy, id)?,
        lists: [(new.sender, lists)].into(),
    };
    if !standing.lets_see(new.sender) {
        return Err(Refusal::Unreachable.into());
    }
    Ok(UserId(id))
}

/// Refuses if there is no room for one more.
async fn find_room(
    turn: &mut Turn,
    new: &NewOfflineMessage,
    recipient: UserId,
    limits: OfflineLimits,
) -> Result<(), Stop> {
    let (all, of_sender): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN sender_id = $2 THEN 1 ELSE 0 END), 0) \
         FROM offline_message WHERE recipient_id = $1",
    )
    .bind(recipient.0)
    .bind(new.sender.0)
    .fetch_one(turn.connection().await?)
    .await?;
    if all >= i64::from(limits.per_recipient) || of_sender >= i64::from(limits.per_sender) {
        return Err(Refusal::ListFull.into());
    }
    Ok(())
}

async fn next_in_run(
    turn: &mut Turn,
    new: &NewOfflineMessage,
    recipient: UserId,
) -> Result<i64, Stop> {
    Ok(sqlx::query_scalar(
        "SELECT COALESCE(MAX(sequence), 0) + 1 FROM offline_message \
         WHERE sender_id = $1 AND recipient_id = $2 AND run = $3",
    )
    .bind(new.sender.0)
    .bind(recipient.0)
    .bind(new.run.to_string())
    .fetch_one(turn.connection().await?)
    .await?)
}

fn heading(row: &SqliteRow, recipient: UserId) -> Result<WaitingMessage, StoreError> {
    Ok(WaitingMessage {
        id: rows::guid(row.try_get("guid")?, "offline_message", recipient.0)?,
        sender: rows::address(row.try_get("address")?, recipient.0)?,
        sender_name: row.try_get::<&str, _>("sender_name")?.into(),
        received_at: row.try_get("received_at")?,
        size: number(row, "size", recipient)?,
        is_read: row.try_get("is_read")?,
    })
}

fn number(row: &SqliteRow, column: &'static str, recipient: UserId) -> Result<u32, StoreError> {
    u32::try_from(row.try_get::<i64, _>(column)?)
        .map_err(|_| rows::unreadable("offline_message", column, recipient.0))
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::super::testing::{Fixture, address, by_address, done, refused};
    use super::*;
    use crate::model::{List, Privacy};

    const LIMITS: OfflineLimits = OfflineLimits {
        per_recipient: 3,
        per_sender: 2,
    };

    fn message(sender: UserId, recipient: &str, text: &str) -> NewOfflineMessage {
        NewOfflineMessage {
            id: Guid::random(),
            sender,
            recipient: address(recipient),
            sender_name: "Alice".to_owned(),
            run: Guid::NIL,
            sequence: None,
            text: text.to_owned(),
            size: 900,
            received_at: 1_000,
        }
    }

    impl Fixture {
        async fn leave(&self, new: NewOfflineMessage) -> Published<KeptMessage, ()> {
            self.store.keep_offline_message(new, LIMITS, |_| ()).await
        }

        async fn waiting(&self, user: UserId) -> Vec<WaitingMessage> {
            self.store.offline_messages(user).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_message_waits_until_its_recipient_deletes_it_and_survives_a_restart() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let kept = done(fixture.leave(message(alice, "bob", "Hello")).await);
        assert_eq!(kept.recipient, bob);
        let again = fixture.second().await;
        assert_eq!(
            again.offline_messages(bob).await.unwrap(),
            vec![kept.heading.clone()]
        );
        let whole = again.offline_message(bob, kept.heading.id).await.unwrap();
        let whole = whole.unwrap();
        assert_eq!(
            (whole.text.as_str(), whole.sequence, whole.run),
            ("Hello", 1, Guid::NIL)
        );
        assert_eq!(whole.heading.sender, address("alice"));
        let ids = vec![kept.heading.id, Guid::random(), kept.heading.id];
        let seen = again.delete_offline_messages(bob, ids, |count| *count);
        assert_eq!(seen.await.unwrap().unwrap(), (1, 1));
        assert!(fixture.waiting(bob).await.is_empty());
    }

    #[tokio::test]
    async fn nobody_reaches_the_messages_of_another() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let id = done(fixture.leave(message(alice, "bob", "x")).await)
            .heading
            .id;
        let store = &fixture.store;
        assert_eq!(store.offline_message(alice, id).await.unwrap(), None);
        assert!(!store.mark_offline_message_read(alice, id).await.unwrap());
        let deleted = store.delete_offline_messages(alice, vec![id], |_| ());
        assert_eq!(done(deleted.await), 0);
        assert!(fixture.waiting(alice).await.is_empty());
        assert_eq!(fixture.waiting(bob).await.len(), 1);
        assert!(!fixture.waiting(bob).await[0].is_read);
        assert!(store.mark_offline_message_read(bob, id).await.unwrap());
        assert!(fixture.waiting(bob).await[0].is_read);
    }

    #[tokio::test]
    async fn a_run_is_counted_for_whoever_does_not_count() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let mut seen = Vec::new();
        for sequence in [Some(7), None] {
            let new = NewOfflineMessage {
                sequence,
                ..message(alice, "bob", "x")
            };
            let id = done(fixture.leave(new).await).heading.id;
            let whole = fixture.store.offline_message(bob, id).await.unwrap();
            seen.push(whole.unwrap().sequence);
        }
        assert_eq!(seen, [7, 8]);
    }

    #[tokio::test]
    async fn only_so_much_waits_for_one_account_and_of_one_sender() {
        let fixture = Fixture::new().await;
        let (alice, carol) = (
            fixture.account("alice").await,
            fixture.account("carol").await,
        );
        let bob = fixture.account("bob").await;
        for _ in 0..2 {
            done(fixture.leave(message(alice, "bob", "x")).await);
        }
        let full = fixture.leave(message(alice, "bob", "x")).await;
        assert_eq!(refused(full), Refusal::ListFull);
        done(fixture.leave(message(carol, "bob", "x")).await);
        let full = fixture.leave(message(carol, "bob", "x")).await;
        assert_eq!(refused(full), Refusal::ListFull);
        assert_eq!(fixture.waiting(bob).await.len(), 3);
        done(fixture.leave(message(carol, "alice", "x")).await);
    }

    #[tokio::test]
    async fn who_may_not_see_the_recipient_may_not_write() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let refusal =
            async |recipient: &str| refused(fixture.leave(message(alice, recipient, "x")).await);
        done(
            fixture
                .add(bob, by_address("alice"), List::Block, None)
                .await,
        );
        assert_eq!(refusal("bob").await, Refusal::Unreachable);
        done(
            fixture
                .remove(bob, by_address("alice"), List::Block, None)
                .await,
        );
        done(
            fixture
                .set(bob, Setting::Privacy(Privacy::BlockOthers))
                .await,
        );
        assert_eq!(refusal("bob").await, Refusal::Unreachable);
        done(
            fixture
                .add(bob, by_address("alice"), List::Allow, None)
                .await,
        );
        done(fixture.leave(message(alice, "bob", "x")).await);
        fixture.store.set_disabled(bob, true).await.unwrap();
        assert_eq!(refusal("bob").await, Refusal::UnknownAccount);
        assert_eq!(refusal("nobody").await, Refusal::UnknownAccount);
        fixture.store.set_disabled(bob, false).await.unwrap();
        fixture.store.set_disabled(alice, true).await.unwrap();
        assert_eq!(refusal("bob").await, Refusal::Unavailable);
    }

    #[tokio::test]
    async fn messages_go_with_either_account() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let carol = fixture.account("carol").await;
        done(fixture.leave(message(alice, "bob", "x")).await);
        done(fixture.leave(message(carol, "bob", "x")).await);
        done(fixture.leave(message(bob, "alice", "x")).await);
        assert!(fixture.store.delete_account(alice).await.unwrap());
        assert_eq!(fixture.waiting(bob).await.len(), 1);
        assert!(fixture.store.delete_account(bob).await.unwrap());
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM offline_message")
            .fetch_one(&mut *fixture.store.readers.get().await.unwrap())
            .await
            .unwrap();
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn old_messages_are_pruned() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        for received_at in [10, 20] {
            let new = NewOfflineMessage {
                received_at,
                ..message(alice, "bob", "x")
            };
            done(fixture.leave(new).await);
        }
        assert_eq!(fixture.store.prune_offline_messages(20).await.unwrap(), 1);
        assert_eq!(fixture.waiting(bob).await[0].received_at, 20);
    }

    #[tokio::test]
    async fn nothing_is_published_for_a_message_that_was_refused() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let kept =
            fixture
                .store
                .keep_offline_message(message(alice, "nobody", "x"), LIMITS, |_| -> () {
                    panic!("published")
                });
        assert!(kept.await.unwrap().is_err());
    }
}
