//! Changes of the groups in a contact book.
//!
//! The default group is only a name: it has no members of its own, newer clients do not see it,
//! and it cannot be removed. So a new group may have its name.

use super::book::{bump_lists, group_bit, read_groups};
use super::writer::{Published, Stop, Turn};
use super::{Store, StoreError};
use crate::model::{
    Group, GroupNumber, GroupRef, Guid, Label, Refusal, StandingChange, StandingEdit, UserId,
};

/// A change of one group, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    /// Whether anything changed. If not, `owner` has the revision as it is.
    pub changed: bool,
    /// The group after the change; as it last was if it was deleted. The default group has the
    /// identity [`Guid::NIL`].
    pub group: Group,
    pub owner: StandingEdit,
}

impl Store {
    /// Creates a group with the lowest free number.
    ///
    /// Refused: `GroupNameTaken`; `TooManyGroups`; `Unavailable` if the owner is gone.
    pub async fn create_group<R: Send + 'static>(
        &self,
        owner: UserId,
        name: Label,
        published: impl FnOnce(&GroupChange) -> R + Send + 'static,
    ) -> Published<GroupChange, R> {
        self.writer
            .publish(move |turn| Box::pin(create(turn, owner, name)), published)
            .await
    }

    /// Renames a group; number 0 is the default group. Its own name again changes nothing.
    ///
    /// Refused: `UnknownGroup`; `GroupNameTaken`; `Unavailable` if the owner is gone.
    pub async fn rename_group<R: Send + 'static>(
        &self,
        owner: UserId,
        group: GroupRef,
        name: Label,
        published: impl FnOnce(&GroupChange) -> R + Send + 'static,
    ) -> Published<GroupChange, R> {
        self.writer
            .publish(
                move |turn| Box::pin(rename(turn, owner, group, name)),
                published,
            )
            .await
    }

    /// Deletes a group. Its members stay on the forward list.
    ///
    /// Refused: `DefaultGroupStays`; `UnknownGroup`; `Unavailable` if the owner is gone.
    pub async fn delete_group<R: Send + 'static>(
        &self,
        owner: UserId,
        group: GroupRef,
        published: impl FnOnce(&GroupChange) -> R + Send + 'static,
    ) -> Published<GroupChange, R> {
        self.writer
            .publish(move |turn| Box::pin(delete(turn, owner, group)), published)
            .await
    }
}

/// The group that a request names.
pub(super) fn find<'g>(groups: &'g [Group], wanted: &GroupRef) -> Option<&'g Group> {
    groups.iter().find(|group| match wanted {
        GroupRef::Number(number) => group.number == *number,
        GroupRef::Guid(guid) => group.guid == *guid,
        GroupRef::Name(name) => group.name == *name,
    })
}

/// The owner's book before a change of its groups.
struct Before {
    revision: u64,
    default_name: Label,
    groups: Vec<Group>,
}

impl Before {
    async fn read(turn: &mut Turn, owner: UserId) -> Result<Self, Stop> {
        let found: Option<(i64, String)> =
            sqlx::query_as("SELECT revision, default_group_name FROM account WHERE id = $1")
                .bind(owner.0)
                .fetch_optional(&mut turn.connection)
                .await?;
        let (revision, default_name) = found.ok_or(Refusal::Unavailable)?;
        Ok(Self {
            revision: super::rows::revision(revision, owner.0)?,
            default_name: Label::from_stored(&default_name),
            groups: read_groups(&mut turn.connection, owner).await?,
        })
    }

    /// A group by reference, the default group included.
    fn find(&self, wanted: &GroupRef) -> Option<Group> {
        if *wanted == GroupRef::Number(GroupNumber::DEFAULT) {
            return Some(Group {
                number: GroupNumber::DEFAULT,
                guid: Guid::NIL,
                name: self.default_name.clone(),
            });
        }
        find(&self.groups, wanted).cloned()
    }

    /// Whether a group other than `number` has the name.
    fn is_taken(&self, name: &Label, number: Option<GroupNumber>) -> bool {
        let mut others = self.groups.iter();
        others.any(|group| Some(group.number) != number && group.name == *name)
    }
}

async fn create(turn: &mut Turn, owner: UserId, name: Label) -> Result<GroupChange, Stop> {
    let before = Before::read(turn, owner).await?;
    if before.is_taken(&name, None) {
        return Err(Refusal::GroupNameTaken.into());
    }
    // Numbers must stay dense: clients use them as an index (`docs/protocol/02 §2`).
    let number = (1..=GroupNumber::MAX.0)
        .map(GroupNumber)
        .find(|&number| before.groups.iter().all(|group| group.number != number))
        .ok_or(Refusal::TooManyGroups)?;
    let group = Group {
        number,
        guid: Guid::random(),
        name,
    };
    sqlx::query("INSERT INTO contact_group (owner_id, number, guid, name) VALUES ($1, $2, $3, $4)")
        .bind(owner.0)
        .bind(number.0)
        .bind(group.guid.to_string())
        .bind(group.name.as_str())
        .execute(&mut turn.connection)
        .await?;
    Ok(changed(turn, owner, group).await?)
}

async fn rename(
    turn: &mut Turn,
    owner: UserId,
    wanted: GroupRef,
    name: Label,
) -> Result<GroupChange, Stop> {
    let before = Before::read(turn, owner).await?;
    let mut group = before.find(&wanted).ok_or(Refusal::UnknownGroup)?;
    if group.name == name {
        return Ok(GroupChange {
            changed: false,
            group,
            owner: StandingEdit {
                owner,
                revision: before.revision,
                change: StandingChange::Nothing,
            },
        });
    }
    if before.is_taken(&name, Some(group.number)) {
        return Err(Refusal::GroupNameTaken.into());
    }
    group.name = name;
    let query = if group.number == GroupNumber::DEFAULT {
        sqlx::query("UPDATE account SET default_group_name = $2 WHERE id = $1")
            .bind(owner.0)
            .bind(group.name.as_str())
    } else {
        sqlx::query("UPDATE contact_group SET name = $2 WHERE owner_id = $1 AND number = $3")
            .bind(owner.0)
            .bind(group.name.as_str())
            .bind(group.number.0)
    };
    query.execute(&mut turn.connection).await?;
    Ok(changed(turn, owner, group).await?)
}

async fn delete(turn: &mut Turn, owner: UserId, wanted: GroupRef) -> Result<GroupChange, Stop> {
    let before = Before::read(turn, owner).await?;
    let group = before.find(&wanted).ok_or(Refusal::UnknownGroup)?;
    if group.number == GroupNumber::DEFAULT {
        return Err(Refusal::DefaultGroupStays.into());
    }
    sqlx::query(
        "UPDATE contact SET group_bits = group_bits & ~$2 \
         WHERE owner_id = $1 AND (group_bits & $2) <> 0",
    )
    .bind(owner.0)
    .bind(group_bit(group.number))
    .execute(&mut turn.connection)
    .await?;
    sqlx::query("DELETE FROM contact_group WHERE owner_id = $1 AND number = $2")
        .bind(owner.0)
        .bind(group.number.0)
        .execute(&mut turn.connection)
        .await?;
    Ok(changed(turn, owner, group).await?)
}

async fn changed(turn: &mut Turn, owner: UserId, group: Group) -> Result<GroupChange, StoreError> {
    Ok(GroupChange {
        changed: true,
        group,
        owner: StandingEdit {
            owner,
            revision: bump_lists(turn, owner).await?,
            change: StandingChange::Nothing,
        },
    })
}
