//! Circles and places in them as rows: what reads and writes them.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row as _};

use super::rows::{self, unreadable};
use super::turn::Turn;
use super::{Store, StoreError};
use crate::model::{
    Circle, CircleBook, CircleId, CircleInviter, CircleMember, CircleMembership, CircleRole,
    CircleState, Guid, UserId,
};

/// The columns that [`member`] and [`circle`] read.
macro_rules! place_query {
    ($rest:literal) => {
        concat!(
            "SELECT m.*, c.name AS circle_name, c.owner_id, c.created_at AS circle_created_at, \
             c.changed_at, a.address, a.name, i.address AS inviter_address, \
             i.name AS inviter_name \
             FROM circle_member m JOIN circle c ON c.id = m.circle_id \
             JOIN account a ON a.id = m.user_id LEFT JOIN account i ON i.id = m.inviter_id ",
            $rest
        )
    };
}

impl Store {
    /// The circles that are or were in an account's book, from the oldest place to the newest;
    /// past ones as far as they are remembered, and none for an account that is gone. Invitations
    /// that it was never told of are left out.
    ///
    /// What is forgotten moves the stamp before which no differences of the book are given, as
    /// with everything else in it.
    pub async fn circles(&self, user: UserId) -> Result<Vec<CircleMembership>, StoreError> {
        let found = sqlx::query(place_query!(
            "WHERE m.user_id = $1 AND m.book_changed_at > 0 ORDER BY m.created_at, m.circle_id"
        ))
        .bind(user.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let membership = |row: &SqliteRow| -> Result<CircleMembership, StoreError> {
            Ok(CircleMembership {
                circle: circle(row)?,
                member: member(row)?,
            })
        };
        found.iter().map(membership).collect()
    }

    /// A circle with everybody in it; `None` if there is no such circle.
    pub async fn circle_book(&self, id: CircleId) -> Result<Option<CircleBook>, StoreError> {
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        let book = read_book(&mut snapshot, id).await?;
        snapshot.commit().await?;
        Ok(book)
    }
}

/// A circle with everybody in it.
pub(super) async fn read_book(
    connection: &mut SqliteConnection,
    id: CircleId,
) -> Result<Option<CircleBook>, StoreError> {
    let row = sqlx::query(
        "SELECT id AS circle_id, name AS circle_name, owner_id, \
         created_at AS circle_created_at, changed_at, horizon FROM circle WHERE id = $1",
    )
    .bind(number(id))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let members = sqlx::query(place_query!(
        "WHERE m.circle_id = $1 ORDER BY m.created_at, m.user_id"
    ))
    .bind(number(id))
    .fetch_all(connection)
    .await?;
    Ok(Some(CircleBook {
        circle: circle(&row)?,
        members: members.iter().map(member).collect::<Result<_, _>>()?,
        horizon: row.try_get("horizon")?,
    }))
}

/// The circle that is `contact` in somebody's book.
pub(super) async fn find_in_book(
    connection: &mut SqliteConnection,
    user: UserId,
    contact: Guid,
) -> Result<Option<CircleId>, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT circle_id FROM circle_member WHERE user_id = $1 AND book_guid = $2",
    )
    .bind(user.0)
    .bind(contact.to_string())
    .fetch_optional(connection)
    .await?;
    found.map(circle_id).transpose()
}

/// Writes a place, new or not.
pub(super) async fn save(
    turn: &mut Turn,
    id: CircleId,
    member: &CircleMember,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO circle_member (circle_id, user_id, role, state, told, blocked, book_guid, \
         circle_guid, inviter_id, message, created_at, state_at, book_changed_at, \
         circle_changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (circle_id, user_id) DO UPDATE SET role = $3, state = $4, told = $5, \
         blocked = $6, inviter_id = $9, message = $10, created_at = $11, state_at = $12, \
         book_changed_at = $13, circle_changed_at = $14",
    )
    .bind(number(id))
    .bind(member.user.0)
    .bind(stored_role(member.role))
    .bind(stored_state(member.state))
    .bind(member.is_told)
    .bind(member.is_blocked)
    .bind(member.book_contact.to_string())
    .bind(member.circle_contact.to_string())
    .bind(member.inviter.as_ref().map(|inviter| inviter.user.0))
    .bind(&*member.message)
    .bind(member.created_at)
    .bind(member.state_at)
    .bind(member.book_changed_at)
    .bind(member.circle_changed_at)
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

/// Moves a circle's change stamp forward; answers the new one. It is of the clock that the books
/// of all accounts share, so that it serves in those of the members as well. Their revisions
/// stay: those count what decides about presence and what the older clients download, and circles
/// are neither.
pub(super) async fn touch_circle(turn: &mut Turn, id: CircleId) -> Result<i64, StoreError> {
    let stamp = turn.tick().0;
    sqlx::query("UPDATE circle SET changed_at = $2 WHERE id = $1")
        .bind(number(id))
        .bind(stamp)
        .execute(turn.connection().await?)
        .await?;
    Ok(stamp)
}

/// How many past places are remembered, of one circle and of one person.
const REMEMBERED: i64 = 100;

/// Forgets the oldest past places of a circle and of a person beyond what is remembered, and the
/// circles that nobody is left in to remember.
pub(super) async fn forget_past(
    turn: &mut Turn,
    id: CircleId,
    user: UserId,
) -> Result<(), StoreError> {
    let too_many: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT circle_id, user_id, book_changed_at, circle_changed_at FROM ( \
         SELECT * FROM circle_member WHERE circle_id = $1 AND state IN (2, 4) \
         ORDER BY state_at DESC LIMIT -1 OFFSET $3) \
         UNION SELECT circle_id, user_id, book_changed_at, circle_changed_at FROM ( \
         SELECT * FROM circle_member WHERE user_id = $2 AND state IN (2, 4) \
         ORDER BY state_at DESC LIMIT -1 OFFSET $3)",
    )
    .bind(number(id))
    .bind(user.0)
    .bind(REMEMBERED)
    .fetch_all(turn.connection().await?)
    .await?;
    for (circle, user, in_book, in_circle) in too_many {
        sqlx::query("DELETE FROM circle_member WHERE circle_id = $1 AND user_id = $2")
            .bind(circle)
            .bind(user)
            .execute(turn.connection().await?)
            .await?;
        sqlx::query("UPDATE circle SET horizon = $2 WHERE id = $1 AND horizon < $2")
            .bind(circle)
            .bind(in_circle)
            .execute(turn.connection().await?)
            .await?;
        sqlx::query("UPDATE account SET removals_since = $2 WHERE id = $1 AND removals_since < $2")
            .bind(user)
            .bind(in_book)
            .execute(turn.connection().await?)
            .await?;
        sqlx::query(
            "DELETE FROM circle WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM circle_member WHERE circle_id = $1)",
        )
        .bind(circle)
        .execute(turn.connection().await?)
        .await?;
    }
    Ok(())
}

/// A circle's number as the database has it.
pub(super) fn number(id: CircleId) -> i64 {
    id.number().cast_signed()
}

pub(super) fn circle_id(stored: i64) -> Result<CircleId, StoreError> {
    u64::try_from(stored)
        .ok()
        .and_then(CircleId::from_number)
        .ok_or_else(|| unreadable("circle", "id", stored))
}

fn circle(row: &SqliteRow) -> Result<Circle, StoreError> {
    Ok(Circle {
        id: circle_id(row.try_get("circle_id")?)?,
        name: rows::label(row, "circle_name")?,
        owner: UserId(row.try_get("owner_id")?),
        created_at: row.try_get("circle_created_at")?,
        changed_at: row.try_get("changed_at")?,
    })
}

fn member(row: &SqliteRow) -> Result<CircleMember, StoreError> {
    let user: i64 = row.try_get("user_id")?;
    Ok(CircleMember {
        user: UserId(user),
        address: rows::address(row.try_get("address")?, user)?,
        name: rows::label(row, "name")?,
        role: role(row.try_get("role")?, user)?,
        state: state(row.try_get("state")?, user)?,
        is_told: row.try_get("told")?,
        is_blocked: row.try_get("blocked")?,
        book_contact: guid(row, "book_guid", user)?,
        circle_contact: guid(row, "circle_guid", user)?,
        inviter: inviter(row)?,
        message: row.try_get::<&str, _>("message")?.into(),
        created_at: row.try_get("created_at")?,
        state_at: row.try_get("state_at")?,
        book_changed_at: row.try_get("book_changed_at")?,
        circle_changed_at: row.try_get("circle_changed_at")?,
    })
}

fn inviter(row: &SqliteRow) -> Result<Option<CircleInviter>, StoreError> {
    let user: Option<i64> = row.try_get("inviter_id")?;
    let Some(user) = user else {
        return Ok(None);
    };
    Ok(Some(CircleInviter {
        user: UserId(user),
        address: rows::address(row.try_get("inviter_address")?, user)?,
        name: rows::label(row, "inviter_name")?,
    }))
}

fn guid(row: &SqliteRow, column: &'static str, user: i64) -> Result<Guid, StoreError> {
    let text: &str = row.try_get(column)?;
    Guid::parse(text).ok_or_else(|| unreadable("circle_member", column, user))
}

fn stored_role(role: CircleRole) -> i64 {
    match role {
        CircleRole::Admin => 1,
        CircleRole::AssistantAdmin => 2,
        CircleRole::Member => 3,
    }
}

fn role(stored: i64, user: i64) -> Result<CircleRole, StoreError> {
    match stored {
        1 => Ok(CircleRole::Admin),
        2 => Ok(CircleRole::AssistantAdmin),
        3 => Ok(CircleRole::Member),
        _ => Err(unreadable("circle_member", "role", user)),
    }
}

fn stored_state(state: CircleState) -> i64 {
    match state {
        CircleState::Named => 0,
        CircleState::WaitingResponse => 1,
        CircleState::Left => 2,
        CircleState::Accepted => 3,
        CircleState::Rejected => 4,
    }
}

fn state(stored: i64, user: i64) -> Result<CircleState, StoreError> {
    match stored {
        0 => Ok(CircleState::Named),
        1 => Ok(CircleState::WaitingResponse),
        2 => Ok(CircleState::Left),
        3 => Ok(CircleState::Accepted),
        4 => Ok(CircleState::Rejected),
        _ => Err(unreadable("circle_member", "state", user)),
    }
}
