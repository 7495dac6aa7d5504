//! What administrators did, for other administrators to read.

use sqlx::Row as _;

use super::turn::Turn;
use super::{Store, StoreError};

/// How many deeds are remembered.
const KEPT: i64 = 10_000;

/// A deed of an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows from deed to deed.
    pub seq: i64,
    /// Epoch milliseconds.
    pub at: i64,
    pub deed: AuditDeed,
}

/// Who did what to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditDeed {
    /// The address of who did it.
    pub actor: String,
    /// Where they were.
    pub peer: String,
    /// What was done, as a fixed word.
    pub action: String,
    /// The account or thing it was done to.
    pub subject: String,
    /// What else is worth knowing; never a secret.
    pub detail: String,
}

impl Store {
    /// Writes a deed down, and forgets the oldest of too many.
    pub async fn note_deed(&self, deed: AuditDeed) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| Box::pin(note(turn, deed)))
            .await
    }

    /// The newest deeds before number `before`, or of all, the newest first, at most `count`.
    pub async fn deeds(
        &self,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, at, actor, peer, action, subject, detail FROM audit \
             WHERE $1 IS NULL OR seq < $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(before)
        .bind(count)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    seq: row.try_get("seq")?,
                    at: row.try_get("at")?,
                    deed: AuditDeed {
                        actor: row.try_get("actor")?,
                        peer: row.try_get("peer")?,
                        action: row.try_get("action")?,
                        subject: row.try_get("subject")?,
                        detail: row.try_get("detail")?,
                    },
                })
            })
            .collect()
    }
}

/// Writes a deed down within a transaction, and forgets the oldest of too many.
pub(super) async fn note(turn: &mut Turn, deed: AuditDeed) -> Result<(), StoreError> {
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO audit (at, actor, peer, action, subject, detail) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq",
    )
    .bind(turn.now)
    .bind(deed.actor)
    .bind(deed.peer)
    .bind(deed.action)
    .bind(deed.subject)
    .bind(deed.detail)
    .fetch_one(turn.connection().await?)
    .await?;
    sqlx::query("DELETE FROM audit WHERE seq <= $1")
        .bind(seq - KEPT)
        .execute(turn.connection().await?)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[tokio::test]
    async fn deeds_are_read_from_the_newest_on_in_pages() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        for subject in ["a", "b", "c"] {
            let deed = AuditDeed {
                actor: "root@example.com".to_owned(),
                peer: "192.0.2.1".to_owned(),
                action: "disable".to_owned(),
                subject: subject.to_owned(),
                detail: String::new(),
            };
            store.note_deed(deed).await.unwrap();
        }
        let subjects = |page: &[AuditEntry]| -> Vec<String> {
            page.iter().map(|it| it.deed.subject.clone()).collect()
        };
        let first = store.deeds(None, 2).await.unwrap();
        assert_eq!(subjects(&first), ["c", "b"]);
        let next = store.deeds(Some(first[1].seq), 2).await.unwrap();
        assert_eq!(subjects(&next), ["a"]);
    }
}
