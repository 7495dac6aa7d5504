//! Sign-in tickets and the server's own secrets.
//!
//! Tickets are kept as digests only, so whoever reads the database cannot sign in with it.

use sqlx::sqlite::SqliteConnection;

use super::rows;
use super::{Store, StoreError};
use crate::model::{Address, UserId};

/// Tickets of one account at a time: some hundred sign-ins of the clients that want most.
const PER_ACCOUNT: u32 = 4_000;

/// What a ticket says about who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketOwner {
    pub user: UserId,
    /// The owner's address.
    pub address: Address,
    /// Whether the owner may not sign in.
    pub disabled: bool,
    /// The number that it shares with the tickets that were issued together with it.
    pub grant: i64,
}

pub(super) const TICKET_OWNER: &str = "SELECT user_id, address, disabled, grant_id \
     FROM ticket JOIN account ON account.id = user_id WHERE digest = $1 AND expires_at > $2";

impl Store {
    /// Keeps tickets that are issued together, all or none: the digest of each, and until when.
    /// `grant` is the number that they share. Answers whether they were kept: an account that is gone or
    /// disabled gets none. One that has very many loses those that expire first.
    pub async fn keep_tickets(
        &self,
        tickets: Vec<([u8; 32], i64)>,
        user: UserId,
        grant: i64,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    make_room(turn.connection().await?, user, tickets.len()).await?;
                    let mut kept = 0;
                    for (digest, expires_at) in &tickets {
                        kept += sqlx::query(
                            "INSERT INTO ticket (digest, user_id, grant_id, expires_at) \
                             SELECT $1, id, $3, $4 FROM account WHERE id = $2 AND disabled = 0",
                        )
                        .bind(to_hex(digest))
                        .bind(user.0)
                        .bind(grant)
                        .bind(expires_at)
                        .execute(turn.connection().await?)
                        .await?
                        .rows_affected();
                    }
                    Ok(kept > 0)
                })
            })
            .await
    }

    /// Whose ticket this is; `None` if it is unknown, void or expired. There is a digest for
    /// each service that it may be for; the first that is known counts. The ticket stays valid.
    pub async fn ticket_owner(
        &self,
        digests: &[[u8; 32]],
        now: i64,
    ) -> Result<Option<TicketOwner>, StoreError> {
        for digest in digests {
            let row: Option<(i64, String, bool, i64)> = sqlx::query_as(TICKET_OWNER)
                .bind(to_hex(digest))
                .bind(now)
                .fetch_optional(&mut *self.readers.get().await?)
                .await?;
            if let Some((user, address, disabled, grant)) = row {
                return Ok(Some(TicketOwner {
                    user: UserId(user),
                    address: rows::address(&address, user)?,
                    disabled,
                    grant,
                }));
            }
        }
        Ok(None)
    }

    /// Forgets the tickets that have expired; answers how many. Those that would be good for more
    /// than `longest` from now come from a clock that was ahead; from now on they have that long.
    pub async fn prune_tickets(&self, now: i64, longest: i64) -> Result<u64, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    sqlx::query("UPDATE ticket SET expires_at = $1 WHERE expires_at > $1")
                        .bind(now.saturating_add(longest))
                        .execute(turn.connection().await?)
                        .await?;
                    let pruned = sqlx::query("DELETE FROM ticket WHERE expires_at <= $1")
                        .bind(now)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(pruned.rows_affected())
                })
            })
            .await
    }

    /// A random secret of this database, made when it is first asked for by this name.
    pub async fn server_secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let mut reader = self.readers.get().await?;
        if let Some(secret) = read_secret(&mut reader, name).await? {
            return Ok(secret);
        }
        drop(reader);
        let name = name.to_owned();
        let fresh = to_hex(&rand::random());
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    // Another process may have been first; then its secret is the one.
                    sqlx::query(
                        "INSERT INTO server_secret (name, value) VALUES ($1, $2) \
                         ON CONFLICT (name) DO NOTHING",
                    )
                    .bind(&name)
                    .bind(fresh)
                    .execute(turn.connection().await?)
                    .await?;
                    let secret = read_secret(turn.connection().await?, &name).await?;
                    secret.ok_or_else(|| rows::unreadable("server_secret", "name", 0))
                })
            })
            .await
    }
}

/// Forgets the tickets of an account that would be too many with so many new ones.
async fn make_room(
    connection: &mut SqliteConnection,
    user: UserId,
    new: usize,
) -> Result<(), sqlx::Error> {
    let left = PER_ACCOUNT.saturating_sub(u32::try_from(new).unwrap_or(PER_ACCOUNT));
    let held: u32 = sqlx::query_scalar("SELECT count(*) FROM ticket WHERE user_id = $1")
        .bind(user.0)
        .fetch_one(&mut *connection)
        .await?;
    if held <= left {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM ticket WHERE digest IN (SELECT digest FROM ticket WHERE user_id = $1 \
         ORDER BY expires_at LIMIT $2)",
    )
    .bind(user.0)
    .bind(held - left)
    .execute(connection)
    .await?;
    Ok(())
}

async fn read_secret(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<[u8; 32]>, StoreError> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT value FROM server_secret WHERE name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    let Some(text) = text else {
        return Ok(None);
    };
    from_hex(&text)
        .map(Some)
        .ok_or_else(|| rows::unreadable("server_secret", "value", 0))
}

fn to_hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes().chunks_exact(2);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[tokio::test]
    async fn a_ticket_is_valid_until_it_expires_however_often_it_is_shown() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        assert!(fixture.keep_ticket([7; 32], alice, 100).await);
        for (now, owner) in [(1, Some(alice)), (99, Some(alice)), (100, None)] {
            assert_eq!(fixture.ticket_owner([7; 32], now).await, owner);
        }
        assert_eq!(fixture.ticket_owner([8; 32], 1).await, None);
    }

    #[tokio::test]
    async fn who_may_not_sign_in_gets_no_ticket() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        store.set_disabled(alice, true).await.unwrap();
        assert!(!fixture.keep_ticket([7; 32], alice, 100).await);
        assert!(!fixture.keep_ticket([7; 32], UserId(99), 100).await);
        assert_eq!(fixture.ticket_owner([7; 32], 1).await, None);
    }

    #[tokio::test]
    async fn a_ticket_tells_its_owner_and_its_grant() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        let kept = store.keep_tickets(vec![([1; 32], 100), ([2; 32], 100)], alice, -5);
        assert!(kept.await.unwrap());
        let owner = TicketOwner {
            user: alice,
            address: super::super::testing::address("alice"),
            disabled: false,
            grant: -5,
        };
        // The first that is known counts, wherever it stands.
        let found = store.ticket_owner(&[[9; 32], [2; 32]], 1).await.unwrap();
        assert_eq!(found, Some(owner));
        assert_eq!(store.ticket_owner(&[], 1).await.unwrap(), None);
    }

    #[tokio::test]
    async fn expired_tickets_are_pruned() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        for expires in [10_u8, 20, 30] {
            let expires_at = i64::from(expires);
            fixture.keep_ticket([expires; 32], alice, expires_at).await;
        }
        assert_eq!(store.prune_tickets(20, 1_000).await.unwrap(), 2);
        assert_eq!(store.prune_tickets(20, 1_000).await.unwrap(), 0);
        assert_eq!(fixture.ticket_owner([30; 32], 20).await, Some(alice));
    }

    #[tokio::test]
    async fn an_account_keeps_its_newest_tickets_when_it_has_very_many() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let digest = |number: u32| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            digest
        };
        fixture.keep_ticket([9; 32], bob, 5).await;
        fixture.keep_ticket(digest(0), alice, 10).await;
        fixture.keep_ticket(digest(1), alice, 20).await;
        let many = (2..PER_ACCOUNT).map(|number| (digest(number), 100));
        let kept = store.keep_tickets(many.collect(), alice, 1);
        assert!(kept.await.unwrap());
        for number in [0, 1, 2, PER_ACCOUNT - 1] {
            let owner = fixture.ticket_owner(digest(number), 1).await;
            assert_eq!(owner, Some(alice), "{number}");
        }
        // The new one stays, although it expires before all others.
        assert!(fixture.keep_ticket(digest(PER_ACCOUNT), alice, 2).await);
        let owner = async |number| fixture.ticket_owner(digest(number), 1).await;
        assert_eq!(owner(0).await, None);
        assert_eq!(owner(1).await, Some(alice));
        assert_eq!(owner(PER_ACCOUNT).await, Some(alice));
        assert_eq!(fixture.ticket_owner([9; 32], 1).await, Some(bob));
    }

    #[tokio::test]
    async fn a_server_secret_is_made_once_for_all_processes() {
        let fixture = Fixture::new().await;
        let other = fixture.second().await;
        let (one, two) = tokio::join!(
            fixture.store.server_secret("cookie"),
            other.server_secret("cookie")
        );
        let secret = one.unwrap();
        assert_eq!(secret, two.unwrap());
        assert_eq!(secret, other.server_secret("cookie").await.unwrap());
        assert_ne!(secret, other.server_secret("another").await.unwrap());
        assert_ne!(secret, [0; 32]);
    }

    #[tokio::test]
    async fn a_damaged_secret_is_not_replaced() {
        let fixture = Fixture::new().await;
        fixture
            .sql("INSERT INTO server_secret VALUES ('cookie', 'zz')")
            .await;
        assert!(matches!(
            fixture.store.server_secret("cookie").await,
            Err(StoreError::Inconsistent {
                table: "server_secret",
                ..
            })
        ));
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (0x0f, 0xa0);
        let text = to_hex(&bytes);
        assert!(text.starts_with("0f00") && text.ends_with("00a0"));
        assert_eq!(from_hex(&text), Some(bytes));
        assert_eq!(from_hex(&text[2..]), None);
        assert_eq!(from_hex(&"é".repeat(32)), None);
    }
}
