//! Invitation codes, for servers where not everybody may make an account.

use sqlx::Row as _;

use super::accounts::create;
use super::turn::Turn;
use super::{NewAccount, Store, StoreError};
use crate::model::UserId;

/// A code that lets people make an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub code: String,
    /// What its maker wrote about it, for themself.
    pub note: String,
    /// How many accounts can still be made with it.
    pub uses_left: u32,
    /// The address of its maker; `None` once that account is gone.
    pub created_by: Option<String>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds; `None` for never.
    pub expires_at: Option<i64>,
}

/// A code to be.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub code: String,
    pub note: String,
    pub uses: u32,
    pub created_by: UserId,
    pub expires_at: Option<i64>,
}

/// What became of an account that somebody wanted to make with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// It is there, and the code has one use less.
    Created(UserId),
    /// The code is unknown, used up or expired.
    NoInvitation,
    /// Another account has the address. The code is as it was.
    AddressTaken,
}

impl Store {
    /// All codes that are not forgotten, the newest first; used up and expired ones too.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        let rows = sqlx::query(
            "SELECT i.code, i.note, i.uses_left, a.address, i.created_at, i.expires_at \
             FROM invitation i LEFT JOIN account a ON a.id = i.created_by \
             ORDER BY i.created_at DESC, i.code",
        )
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Invitation {
                    code: row.try_get("code")?,
                    note: row.try_get("note")?,
                    uses_left: row.try_get("uses_left")?,
                    created_by: row.try_get("address")?,
                    created_at: row.try_get("created_at")?,
                    expires_at: row.try_get("expires_at")?,
                })
            })
            .collect()
    }

    /// Creates an account if the code is good for one, and takes that use from it; both or
    /// nothing.
    pub async fn create_invited_account(
        &self,
        new: NewAccount,
        code: String,
    ) -> Result<Invited, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let good: Option<i64> = sqlx::query_scalar(
                        "SELECT 1 FROM invitation WHERE code = $1 AND uses_left > 0 \
                         AND (expires_at IS NULL OR expires_at > $2)",
                    )
                    .bind(&code)
                    .bind(turn.now)
                    .fetch_optional(turn.connection().await?)
                    .await?;
                    if good.is_none() {
                        return Ok(Invited::NoInvitation);
                    }
                    let Some(user) = create(turn, new).await? else {
                        return Ok(Invited::AddressTaken);
                    };
                    sqlx::query("UPDATE invitation SET uses_left = uses_left - 1 WHERE code = $1")
                        .bind(&code)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(Invited::Created(user))
                })
            })
            .await
    }
}

/// Keeps a code; answers whether it was new.
pub(super) async fn keep(turn: &mut Turn, new: NewInvitation) -> Result<bool, StoreError> {
    let kept = sqlx::query(
        "INSERT INTO invitation (code, note, uses_left, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (code) DO NOTHING",
    )
    .bind(new.code)
    .bind(new.note)
    .bind(new.uses)
    .bind(new.created_by.0)
    .bind(turn.now)
    .bind(new.expires_at)
    .execute(turn.connection().await?)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Forgets a code; answers whether there was one.
pub(super) async fn forget(turn: &mut Turn, code: String) -> Result<bool, StoreError> {
    let forgotten = sqlx::query("DELETE FROM invitation WHERE code = $1")
        .bind(code)
        .execute(turn.connection().await?)
        .await?;
    Ok(forgotten.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::super::AuditDeed;
    use super::super::testing::{Fixture, new_account};
    use super::*;

    fn deed() -> AuditDeed {
        AuditDeed {
            actor: "maker@example.com".to_owned(),
            peer: "192.0.2.1".to_owned(),
            action: "invite".to_owned(),
            subject: String::new(),
            detail: String::new(),
        }
    }

    #[tokio::test]
    async fn a_code_is_good_for_as_many_accounts_as_it_says_and_for_no_taken_address() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let maker = fixture.account("maker").await;
        let code = |code: &str, uses, expires_at| NewInvitation {
            code: code.to_owned(),
            note: "club".to_owned(),
            uses,
            created_by: maker,
            expires_at,
        };
        assert!(store.invite(code("one", 1, None), deed()).await.unwrap());
        assert!(!store.invite(code("one", 9, None), deed()).await.unwrap());
        assert!(store.invite(code("old", 1, Some(1)), deed()).await.unwrap());

        let ask = |name: &str, code: &str| {
            store.create_invited_account(new_account(name), code.to_owned())
        };
        for code in ["", "two", "old"] {
            let refused = ask("alice", code).await.unwrap();
            assert_eq!(refused, Invited::NoInvitation, "{code}");
        }
        assert_eq!(ask("maker", "one").await.unwrap(), Invited::AddressTaken);
        let created = ask("alice", "one").await.unwrap();
        assert!(matches!(created, Invited::Created(_)), "{created:?}");
        assert_eq!(ask("bob", "one").await.unwrap(), Invited::NoInvitation);

        let codes = store.invitations().await.unwrap();
        let one = codes.iter().find(|it| it.code == "one").unwrap();
        assert_eq!((one.uses_left, one.note.as_str()), (0, "club"));
        assert_eq!(one.created_by.as_deref(), Some("maker@example.com"));
        assert!(
            store
                .withdraw_invitation("one".to_owned(), deed())
                .await
                .unwrap()
        );
        assert!(
            !store
                .withdraw_invitation("one".to_owned(), deed())
                .await
                .unwrap()
        );
        assert_eq!(store.invitations().await.unwrap().len(), 1);
        // Two made and one withdrawn; what changed nothing is no deed.
        assert_eq!(store.deeds(None, 10).await.unwrap().len(), 3);
    }
}
