//! Changes of groups and of who is in them, as the later clients make them.
//!
//! The groups are those of the older clients too, numbers included; what comes on top is that
//! somebody who is not on the forward list can be in one.

use super::address_book::{Book, read_card_groups};
use super::book::{group_bit, read_groups};
use super::card_rows::write_annotations;
use super::cards::{self, CardRow};
use super::groups;
use super::pairs::write;
use super::removals::{Entry, is_gone, tick};
use super::writer::{Stop, Turn};
use crate::model::{
    Annotations, GroupEdit, GroupMember, GroupRef, Guid, Label, NewGroup, Refusal, Stamp, UserId,
};

/// The membership bits of these groups.
pub(super) async fn find_bits(
    turn: &mut Turn,
    owner: UserId,
    wanted: &[Guid],
) -> Result<i64, Stop> {
    if wanted.is_empty() {
        return Ok(0);
    }
    let groups = read_groups(&mut turn.connection, owner).await?;
    let mut bits = 0;
    for guid in wanted {
        let group = groups::find(&groups, &GroupRef::Guid(*guid)).ok_or(Refusal::UnknownGroup)?;
        bits |= group_bit(group.number);
    }
    Ok(bits)
}

/// A name that somebody typed for a group.
fn group_name(text: &str) -> Result<Label, Refusal> {
    if text.is_empty() {
        return Err(Refusal::InvalidParameter);
    }
    Label::from_typed(text, Label::GROUP_MAX).map_err(|_| Refusal::GroupNameTooLong)
}

impl Book<'_> {
    pub(super) async fn create_group(&mut self, new: NewGroup) -> Result<(), Stop> {
        let owner = self.owner();
        let created = groups::create(self.turn, owner, group_name(&new.name)?).await?;
        let guid = created.group.guid;
        self.change.group(&created);
        self.change.guids.push(guid);
        let edit = GroupEdit {
            guid,
            name: None,
            is_favorite: Some(new.is_favorite),
            annotations: new.annotations,
        };
        self.update_groups(vec![edit]).await
    }

    pub(super) async fn update_groups(&mut self, edits: Vec<GroupEdit>) -> Result<(), Stop> {
        let owner = self.owner();
        for edit in edits {
            if let Some(name) = &edit.name {
                let wanted = GroupRef::Guid(edit.guid);
                let change = groups::rename(self.turn, owner, wanted, group_name(name)?).await?;
                self.change.group(&change);
            }
            self.update_group(&edit).await?;
        }
        Ok(())
    }

    /// Changes of a group what only the later clients know.
    async fn update_group(&mut self, edit: &GroupEdit) -> Result<(), Stop> {
        let owner = self.owner();
        let connection = &mut self.turn.connection;
        let all = read_card_groups(connection, owner, Stamp(i64::MIN)).await?;
        let mut groups = all.into_iter().map(|(_, group)| group);
        let before = groups
            .find(|group| group.guid == edit.guid)
            .ok_or(Refusal::UnknownGroup)?;
        let mut annotations: Annotations = before.annotations.clone();
        for (name, value) in &edit.annotations {
            annotations.set(name, value)?;
        }
        let is_favorite = edit.is_favorite.unwrap_or(before.is_favorite);
        if is_favorite == before.is_favorite && annotations == before.annotations {
            return Ok(());
        }
        self.change.changed = true;
        let stamp = tick(self.turn).await?;
        sqlx::query(
            "UPDATE contact_group SET is_favorite = $3, annotations = $4, changed_at = $5 \
             WHERE owner_id = $1 AND guid = $2",
        )
        .bind(owner.0)
        .bind(edit.guid.to_string())
        .bind(is_favorite)
        .bind(write_annotations(&annotations))
        .bind(stamp.0)
        .execute(&mut self.turn.connection)
        .await?;
        Ok(())
    }

    pub(super) async fn delete_groups(&mut self, wanted: Vec<Guid>) -> Result<(), Stop> {
        let owner = self.owner();
        for guid in wanted {
            if is_gone(self.turn, owner, Entry::Group(guid)).await? {
                continue;
            }
            let change = groups::delete(self.turn, owner, GroupRef::Guid(guid)).await?;
            self.change.group(&change);
        }
        Ok(())
    }

    pub(super) async fn add_to_group(
        &mut self,
        group: Guid,
        members: Vec<GroupMember>,
    ) -> Result<(), Stop> {
        let bit = find_bits(self.turn, self.owner(), &[group]).await?;
        for member in members {
            let guid = match member {
                GroupMember::Card(guid) => guid,
                GroupMember::New(new) => match self.add_card(new).await {
                    Err(Stop::Refused(Refusal::CardExists(guid))) => guid,
                    added => added?,
                },
            };
            self.regroup(guid, |bits| bits | bit).await?;
            self.change.guids.push(guid);
        }
        Ok(())
    }

    pub(super) async fn remove_from_group(
        &mut self,
        group: Guid,
        members: Vec<Guid>,
    ) -> Result<(), Stop> {
        let bit = find_bits(self.turn, self.owner(), &[group]).await?;
        for guid in members {
            self.regroup(guid, |bits| bits & !bit).await?;
        }
        Ok(())
    }

    /// Changes the groups that somebody is in, wherever theirs are kept.
    async fn regroup(
        &mut self,
        guid: Guid,
        change: impl Fn(i64) -> i64 + Send,
    ) -> Result<(), Stop> {
        let owner = self.owner();
        let card = cards::find(self.turn, owner, guid).await?;
        match card.ok_or(Refusal::UnknownContact)? {
            CardRow {
                messenger: true, ..
            } => {
                let (pair, mut row) = self.contact(guid).await?;
                row.group_bits = change(row.group_bits);
                let change = write(self.turn, pair, row, None).await?;
                self.change.list(change);
            }
            CardRow { group_bits, .. } if change(group_bits) != group_bits => {
                let stamp = tick(self.turn).await?;
                sqlx::query(
                    "UPDATE card SET group_bits = $3, changed_at = $4 \
                     WHERE owner_id = $1 AND guid = $2",
                )
                .bind(owner.0)
                .bind(guid.to_string())
                .bind(change(group_bits))
                .bind(stamp.0)
                .execute(&mut self.turn.connection)
                .await?;
                self.change.changed = true;
            }
            _ => {}
        }
        Ok(())
    }
}
