//! Sign-in tickets and the server's own secrets.
//!
//! Tickets are kept as digests only, so whoever reads the database cannot sign in with it.

use sqlx::sqlite::SqliteConnection;

use super::rows;
use super::{Store, StoreError};
use crate::model::UserId;

impl Store {
    /// Keeps a ticket for the account until it expires. Answers whether it was kept: an account
    /// that is gone or disabled gets none.
    pub async fn keep_ticket(
        &self,
        digest: [u8; 32],
        user: UserId,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let kept = sqlx::query(
                        "INSERT INTO ticket (digest, user_id, expires_at) \
                         SELECT $1, id, $3 FROM account WHERE id = $2 AND disabled = 0",
                    )
                    .bind(to_hex(&digest))
                    .bind(user.0)
                    .bind(expires_at)
                    .execute(&mut turn.connection)
                    .await?;
                    Ok(kept.rows_affected() > 0)
                })
            })
            .await
    }

    /// Whose ticket this is; `None` if it is unknown, void or expired. The ticket stays valid.
    pub async fn ticket_owner(
        &self,
        digest: [u8; 32],
        now: i64,
    ) -> Result<Option<UserId>, StoreError> {
        let owner: Option<i64> =
            sqlx::query_scalar("SELECT user_id FROM ticket WHERE digest = $1 AND expires_at > $2")
                .bind(to_hex(&digest))
                .bind(now)
                .fetch_optional(&self.readers)
                .await?;
        Ok(owner.map(UserId))
    }

    /// Forgets the tickets that have expired; answers how many.
    pub async fn prune_tickets(&self, now: i64) -> Result<u64, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let pruned = sqlx::query("DELETE FROM ticket WHERE expires_at <= $1")
                        .bind(now)
                        .execute(&mut turn.connection)
                        .await?;
                    Ok(pruned.rows_affected())
                })
            })
            .await
    }

    /// A random secret of this database, made when it is first asked for by this name.
    pub async fn server_secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let mut reader = self.readers.acquire().await?;
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
                    .execute(&mut turn.connection)
                    .await?;
                    let secret = read_secret(&mut turn.connection, &name).await?;
                    secret.ok_or_else(|| rows::unreadable("server_secret", "name", 0))
                })
            })
            .await
    }
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
