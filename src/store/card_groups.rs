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
use super::removals::{Entry, is_gone};
use super::turn::Turn;
use super::writer::Stop;
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
    let groups = read_groups(turn.connection().await?, owner).await?;
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
        self.change.group(created);
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
                self.change.group(change);
            }
            self.update_group(&edit).await?;
        }
        Ok(())
    }

    /// Changes of a group what only the later clients know.
    async fn update_group(&mut self, edit: &GroupEdit) -> Result<(), Stop> {
        let owner = self.owner();
        let connection = self.turn.connection().await?;
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
        let stamp = self.turn.tick();
        sqlx::query(
            "UPDATE contact_group SET is_favorite = $3, annotations = $4, changed_at = $5 \
             WHERE owner_id = $1 AND guid = $2",
        )
        .bind(owner.0)
        .bind(edit.guid.to_string())
        .bind(is_favorite)
        .bind(write_annotations(&annotations))
        .bind(stamp.0)
        .execute(self.turn.connection().await?)
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
            self.change.group(change);
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
                let stamp = self.turn.tick();
                sqlx::query(
                    "UPDATE card SET group_bits = $3, changed_at = $4 \
                     WHERE owner_id = $1 AND guid = $2",
                )
                .bind(owner.0)
                .bind(guid.to_string())
                .bind(change(group_bits))
                .bind(stamp.0)
                .execute(self.turn.connection().await?)
                .await?;
                self.change.changed = true;
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::BookRequest;
    use super::super::testing::{Fixture, done, label, messenger, refused, texts};
    use super::*;
    use crate::model::{CardField, CardGroup, CardPage, NewCard};

    async fn create(fixture: &Fixture, owner: UserId, name: &str) -> Guid {
        let new = NewGroup {
            name: name.to_owned(),
            ..NewGroup::default()
        };
        done(fixture.change(owner, BookRequest::CreateGroup(new)).await).guids[0]
    }

    fn edit(guid: Guid) -> GroupEdit {
        GroupEdit {
            guid,
            name: None,
            is_favorite: None,
            annotations: Vec::new(),
        }
    }

    fn group(page: &CardPage, guid: Guid) -> CardGroup {
        let mut groups = page.groups.iter();
        groups.find(|group| group.guid == guid).unwrap().clone()
    }

    #[tokio::test]
    async fn a_group_has_a_number_and_what_only_the_later_clients_know() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let new = NewGroup {
            name: "Любимые друзья".to_owned(),
            is_favorite: true,
            annotations: vec![("MSN.IM.Display".to_owned(), "1".to_owned())],
        };
        let change = done(fixture.change(alice, BookRequest::CreateGroup(new)).await);
        let guid = change.guids[0];
        assert_eq!(change.steps.len(), 1);
        let page = fixture.page(alice, None).await;
        let made = group(&page, guid);
        assert_eq!(made.name.to_text(), "Любимые друзья");
        assert!(made.is_favorite);
        assert_eq!(made.annotations.get("MSN.IM.Display"), Some("1"));
        let old = fixture.book(alice).await.groups;
        assert_eq!((old[0].guid, old[0].number.0), (guid, 1));

        let edits = vec![GroupEdit {
            name: Some("Friends".to_owned()),
            is_favorite: Some(false),
            annotations: vec![("MSN.IM.Display".to_owned(), String::new())],
            ..edit(guid)
        }];
        done(
            fixture
                .change(alice, BookRequest::UpdateGroups(edits.clone()))
                .await,
        );
        let news = fixture.page(alice, Some(page.stamp)).await;
        let renamed = group(&news, guid);
        assert_eq!(renamed.name, label("Friends"));
        assert!(!renamed.is_favorite && renamed.annotations.is_empty());
        let again = done(
            fixture
                .change(alice, BookRequest::UpdateGroups(edits))
                .await,
        );
        assert!(!again.changed);
    }

    #[tokio::test]
    async fn bad_groups_are_refused() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let friends = create(&fixture, alice, "Friends").await;
        let other = create(&fixture, alice, "Other").await;
        for (name, refusal) in [
            ("", Refusal::InvalidParameter),
            ("Friends", Refusal::GroupNameTaken),
            (&*"x".repeat(62), Refusal::GroupNameTooLong),
        ] {
            let new = NewGroup {
                name: name.to_owned(),
                ..NewGroup::default()
            };
            let answer = fixture.change(alice, BookRequest::CreateGroup(new)).await;
            assert_eq!(refused(answer), refusal);
            let rename = GroupEdit {
                name: Some(name.to_owned()),
                ..edit(other)
            };
            let answer = fixture
                .change(alice, BookRequest::UpdateGroups(vec![rename]))
                .await;
            assert_eq!(refused(answer), refusal);
        }
        let gone = Guid::random();
        for request in [
            BookRequest::UpdateGroups(vec![edit(friends), edit(gone)]),
            BookRequest::DeleteGroups(vec![friends, gone]),
            BookRequest::AddToGroup {
                group: gone,
                members: Vec::new(),
            },
            BookRequest::RemoveFromGroup {
                group: gone,
                members: Vec::new(),
            },
        ] {
            let answer = fixture.change(alice, request).await;
            assert_eq!(refused(answer), Refusal::UnknownGroup);
        }
        assert_eq!(fixture.page(alice, None).await.groups.len(), 2);
        for number in 3..=29 {
            create(&fixture, alice, &number.to_string()).await;
        }
        let new = NewGroup {
            name: "one too many".to_owned(),
            ..NewGroup::default()
        };
        let answer = fixture.change(alice, BookRequest::CreateGroup(new)).await;
        assert_eq!(refused(answer), Refusal::TooManyGroups);
    }

    #[tokio::test]
    async fn people_with_and_without_account_are_in_groups() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for name in ["bob", "carol"] {
            fixture.account(name).await;
        }
        let friends = create(&fixture, alice, "Friends").await;
        let bob = fixture.add_card(alice, "bob").await;
        let request = BookRequest::AddToGroup {
            group: friends,
            members: vec![
                GroupMember::Card(bob),
                GroupMember::New(messenger("carol")),
                // She is there by now.
                GroupMember::New(messenger("carol")),
                GroupMember::New(NewCard {
                    fields: texts(&[(CardField::FirstName, "Dave")]),
                    ..NewCard::default()
                }),
            ],
        };
        let change = done(fixture.change(alice, request.clone()).await);
        assert_eq!(change.guids.len(), 4);
        assert_eq!(change.guids[0], bob);
        assert_eq!(change.guids[1], change.guids[2]);
        let page = fixture.page(alice, None).await;
        assert!(page.cards.iter().all(|card| card.groups == [friends]));
        assert_eq!(page.cards.len(), 3);
        let repeated = BookRequest::AddToGroup {
            group: friends,
            members: vec![GroupMember::Card(bob), GroupMember::Card(change.guids[3])],
        };
        assert!(!done(fixture.change(alice, repeated).await).changed);

        let request = BookRequest::RemoveFromGroup {
            group: friends,
            members: vec![bob, change.guids[3]],
        };
        assert!(done(fixture.change(alice, request.clone()).await).changed);
        assert!(!done(fixture.change(alice, request).await).changed);
        let news = fixture.page(alice, Some(page.stamp)).await;
        assert_eq!(news.cards.len(), 2);
        assert!(news.cards.iter().all(|card| card.groups.is_empty()));

        let answer = fixture
            .change(
                alice,
                BookRequest::RemoveFromGroup {
                    group: friends,
                    members: vec![Guid::random()],
                },
            )
            .await;
        assert_eq!(refused(answer), Refusal::UnknownContact);
    }

    #[tokio::test]
    async fn a_removed_group_is_told_with_everybody_who_was_in_it() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        let friends = create(&fixture, alice, "Friends").await;
        let request = BookRequest::AddToGroup {
            group: friends,
            members: vec![
                GroupMember::New(messenger("bob")),
                GroupMember::New(NewCard {
                    address: Some("mail@example.net".to_owned()),
                    ..NewCard::default()
                }),
            ],
        };
        done(fixture.change(alice, request).await);
        let before = fixture.page(alice, None).await;
        let delete = || BookRequest::DeleteGroups(vec![friends]);
        assert!(done(fixture.change(alice, delete()).await).changed);
        let news = fixture.page(alice, Some(before.stamp)).await;
        assert_eq!(news.removed_groups.len(), 1);
        assert_eq!(news.removed_groups[0].guid, friends);
        assert_eq!(news.cards.len(), 2);
        assert!(news.cards.iter().all(|card| card.groups.is_empty()));
        assert!(!done(fixture.change(alice, delete()).await).changed);
        // The number's next group starts empty.
        create(&fixture, alice, "Others").await;
        let page = fixture.page(alice, None).await;
        assert!(page.cards.iter().all(|card| card.groups.is_empty()));
    }
}
