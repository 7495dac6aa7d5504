//! Changes of the groups in a contact book.
//!
//! The default group is only a name: it has no members of its own, newer clients do not see it,
//! and it cannot be removed. So a new group may have its name.

use super::book::{bump_lists, group_bit, read_groups};
use super::removals::{Entry, leave};
use super::turn::Turn;
use super::writer::{Published, Stop};
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
                .fetch_optional(turn.connection().await?)
                .await?;
        let (revision, default_name) = found.ok_or(Refusal::Unavailable)?;
        Ok(Self {
            revision: super::rows::revision(revision, owner.0)?,
            default_name: Label::from_stored(&default_name),
            groups: read_groups(turn.connection().await?, owner).await?,
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

pub(super) async fn create(
    turn: &mut Turn,
    owner: UserId,
    name: Label,
) -> Result<GroupChange, Stop> {
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
    let stamp = turn.tick();
    sqlx::query(
        "INSERT INTO contact_group (owner_id, number, guid, name, changed_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(owner.0)
    .bind(number.0)
    .bind(group.guid.to_string())
    .bind(group.name.as_str())
    .bind(stamp.0)
    .execute(turn.connection().await?)
    .await?;
    Ok(changed(turn, owner, group).await?)
}

pub(super) async fn rename(
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
        let stamp = turn.tick();
        sqlx::query(
            "UPDATE contact_group SET name = $2, changed_at = $4 \
             WHERE owner_id = $1 AND number = $3",
        )
        .bind(owner.0)
        .bind(group.name.as_str())
        .bind(group.number.0)
        .bind(stamp.0)
    };
    query.execute(turn.connection().await?).await?;
    Ok(changed(turn, owner, group).await?)
}

pub(super) async fn delete(
    turn: &mut Turn,
    owner: UserId,
    wanted: GroupRef,
) -> Result<GroupChange, Stop> {
    let before = Before::read(turn, owner).await?;
    let group = before.find(&wanted).ok_or(Refusal::UnknownGroup)?;
    if group.number == GroupNumber::DEFAULT {
        return Err(Refusal::DefaultGroupStays.into());
    }
    let stamp = turn.tick();
    // Cards show their groups, wherever those are kept, so these go first.
    for statement in [
        "UPDATE card SET group_bits = group_bits & ~$2, changed_at = $3 \
         WHERE owner_id = $1 AND ((group_bits & $2) <> 0 OR account_id IN \
         (SELECT contact_id FROM contact WHERE owner_id = $1 AND (group_bits & $2) <> 0))",
        "UPDATE contact SET group_bits = group_bits & ~$2 \
         WHERE owner_id = $1 AND (group_bits & $2) <> 0",
    ] {
        sqlx::query(statement)
            .bind(owner.0)
            .bind(group_bit(group.number))
            .bind(stamp.0)
            .execute(turn.connection().await?)
            .await?;
    }
    leave(turn, owner, Entry::Group(group.guid), None, stamp);
    sqlx::query("DELETE FROM contact_group WHERE owner_id = $1 AND number = $2")
        .bind(owner.0)
        .bind(group.number.0)
        .execute(turn.connection().await?)
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, by_address, done, label, refused};
    use super::*;
    use crate::model::List;

    fn number(number: u8) -> GroupRef {
        GroupRef::Number(GroupNumber(number))
    }

    async fn rename(
        fixture: &Fixture,
        owner: UserId,
        group: GroupRef,
        name: &str,
    ) -> Published<GroupChange, ()> {
        let store = &fixture.store;
        store.rename_group(owner, group, label(name), |_| ()).await
    }

    async fn delete(
        fixture: &Fixture,
        owner: UserId,
        group: GroupRef,
    ) -> Published<GroupChange, ()> {
        fixture.store.delete_group(owner, group, |_| ()).await
    }

    #[tokio::test]
    async fn groups_take_the_lowest_free_number_up_to_twenty_nine() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let before = fixture.book(alice).await;
        for expected in 1..=29 {
            let change = done(fixture.group(alice, &format!("group {expected}")).await);
            assert_eq!(change.group.number, GroupNumber(expected));
            assert_eq!(change.owner.revision, before.revision + u64::from(expected));
            assert_eq!(change.owner.change, StandingChange::Nothing);
        }
        let answer = fixture.group(alice, "one too many").await;
        assert_eq!(refused(answer), Refusal::TooManyGroups);
        done(delete(&fixture, alice, number(5)).await);
        let change = done(fixture.group(alice, "new").await);
        assert_eq!(change.group.number, GroupNumber(5));
        let after = fixture.book(alice).await;
        assert_eq!(after.groups.len(), 29);
        assert_eq!(after.groups[4], change.group);
        assert!(after.stamps.lists > before.stamps.lists);
    }

    #[tokio::test]
    async fn names_are_taken_in_any_spelling() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        done(fixture.group(alice, "Friends").await);
        done(fixture.group(alice, "Family").await);
        let before = fixture.book(alice).await;
        let spelled = || Label::from_wire(b"%46riends", Label::GROUP_MAX).unwrap();
        let create = fixture.store.create_group(alice, spelled(), |_| ()).await;
        assert_eq!(refused(create), Refusal::GroupNameTaken);
        for group in [number(2), number(0)] {
            let store = &fixture.store;
            let answer = store.rename_group(alice, group, spelled(), |_| ()).await;
            assert_eq!(refused(answer), Refusal::GroupNameTaken);
        }
        // Its own name again is no change.
        let store = &fixture.store;
        let change = done(
            store
                .rename_group(alice, number(1), spelled(), |_| ())
                .await,
        );
        assert!(!change.changed && change.owner.revision == before.revision);
        assert_eq!(fixture.book(alice).await, before);
        // Somebody else's names do not matter.
        let bob = fixture.account("bob").await;
        done(fixture.group(bob, "Friends").await);
    }

    #[tokio::test]
    async fn a_group_is_renamed_by_number_identity_or_name() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let created = done(fixture.group(alice, "Friends").await);
        for (group, name) in [
            (number(1), "A"),
            (GroupRef::Guid(created.group.guid), "B"),
            (GroupRef::Name(label("B")), "C"),
        ] {
            let before = fixture.book(alice).await;
            let change = done(rename(&fixture, alice, group, name).await);
            let expected = Group {
                name: label(name),
                ..created.group.clone()
            };
            assert_eq!(change.group, expected);
            assert_eq!(change.owner.revision, before.revision + 1);
            assert_eq!(fixture.book(alice).await.groups, [expected]);
        }
    }

    #[tokio::test]
    async fn the_default_group_can_be_renamed_and_not_deleted() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let before = fixture.book(alice).await;
        let change = done(rename(&fixture, alice, number(0), "Others").await);
        assert!(change.changed);
        assert_eq!(change.group.number, GroupNumber::DEFAULT);
        assert_eq!(change.group.guid, Guid::NIL);
        let after = fixture.book(alice).await;
        assert_eq!(after.default_group_name, label("Others"));
        assert_eq!(after.revision, before.revision + 1);
        assert!(after.groups.is_empty());
        let answer = delete(&fixture, alice, number(0)).await;
        assert_eq!(refused(answer), Refusal::DefaultGroupStays);
    }

    #[tokio::test]
    async fn unknown_groups_and_owners_are_refused() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let foreign = done(fixture.group(bob, "Friends").await).group.guid;
        for group in [
            number(1),
            number(30),
            number(255),
            GroupRef::Guid(foreign),
            GroupRef::Guid(Guid::NIL),
            GroupRef::Name(label("Friends")),
        ] {
            let answer = rename(&fixture, alice, group.clone(), "x").await;
            assert_eq!(refused(answer), Refusal::UnknownGroup);
            let answer = delete(&fixture, alice, group).await;
            assert_eq!(refused(answer), Refusal::UnknownGroup);
        }
        let nobody = UserId(99);
        let answer = fixture.group(nobody, "x").await;
        assert_eq!(refused(answer), Refusal::Unavailable);
        let answer = rename(&fixture, nobody, number(0), "x").await;
        assert_eq!(refused(answer), Refusal::Unavailable);
        let answer = delete(&fixture, nobody, number(1)).await;
        assert_eq!(refused(answer), Refusal::Unavailable);
    }

    #[tokio::test]
    async fn members_of_a_deleted_group_stay_on_the_list_and_in_other_groups() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        let carol = fixture.account("carol").await;
        for name in ["One", "Two"] {
            done(fixture.group(alice, name).await);
        }
        for (name, group) in [("bob", 1), ("bob", 2), ("carol", 1)] {
            let target = by_address(name);
            done(
                fixture
                    .add(alice, target, List::Forward, Some(number(group)))
                    .await,
            );
        }
        let before = fixture.book(alice).await;
        let change = done(delete(&fixture, alice, number(1)).await);
        assert_eq!(change.group, before.groups[0]);
        assert_eq!(change.owner.revision, before.revision + 1);
        let groups = |contact: Option<crate::model::Contact>| contact.unwrap().groups;
        assert_eq!(groups(fixture.row(alice, bob).await), [GroupNumber(2)]);
        assert!(groups(fixture.row(alice, carol).await).is_empty());
        // The number's next group starts empty.
        done(fixture.group(alice, "Three").await);
        assert_eq!(groups(fixture.row(alice, bob).await), [GroupNumber(2)]);
    }
}
