//! Who is what to the owner: reading memberships, and changing them as the later clients do.
//!
//! For accounts a role is a view of the lists. People elsewhere have rows of their own, which the
//! server only keeps: nobody here is them.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::address_book::{Book, Reading, reading};
use super::card_rows::{read_annotations, write_annotations};
use super::pairs::{check_room, read_pair, write};
use super::removals::{self, Owner, leave_role, read_owner};
use super::rows;
use super::writer::Stop;
use super::{Store, StoreError};
use crate::model::address_book::INVITE_MESSAGE;
use crate::model::{
    Address, Annotations, ContactRef, Label, List, Member, MemberRef, MembershipId, Memberships,
    Refusal, Role, Stamp, UserId, Who,
};

// The kinds of people elsewhere as the database has them.
const EMAIL: i64 = 1;
const PHONE: i64 = 2;

/// Longest telephone number, in bytes.
const NUMBER_MAX: usize = 64;

impl Store {
    /// Who is what to the owner, or what about that is new since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn memberships(&self, owner: UserId, since: Option<Stamp>) -> Reading<Memberships> {
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        reading(read(&mut snapshot, owner, since).await)
    }
}

async fn read(
    snapshot: &mut SqliteConnection,
    owner: UserId,
    since: Option<Stamp>,
) -> Result<Memberships, Stop> {
    let Owner {
        address,
        created_at,
        stamp,
    } = read_owner(snapshot, owner, since).await?;
    let from = since.unwrap_or(Stamp(i64::MIN));
    let mut members = read_accounts(snapshot, owner, from).await?;
    members.extend(read_foreign(snapshot, owner, from).await?);
    let removed = match since {
        Some(since) => removals::read(snapshot, owner, since).await?.members,
        None => Vec::new(),
    };
    Ok(Memberships {
        owner,
        address,
        stamp,
        created_at,
        members,
        removed,
    })
}

pub(super) const MEMBERS: &str = "SELECT c.contact_id, c.list_bits, c.created_at, \
     c.changed_at, c.invitation, a.address, a.name, a.name_changed_at \
     FROM contact c JOIN account a ON a.id = c.contact_id \
     WHERE c.owner_id = $1 AND (c.changed_at > $2 OR a.name_changed_at > $2) \
     ORDER BY c.added_in";

async fn read_accounts(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<Member>, StoreError> {
    let found = sqlx::query(MEMBERS)
        .bind(owner.0)
        .bind(from.0)
        .fetch_all(connection)
        .await?;
    let mut members = Vec::with_capacity(found.len());
    for row in &found {
        let lists = rows::lists(row.try_get("list_bits")?, owner.0)?;
        for role in Role::ALL.into_iter().filter(|role| role.fits(lists)) {
            members.push(account_member(row, role)?);
        }
    }
    Ok(members)
}

fn account_member(row: &SqliteRow, role: Role) -> Result<Member, StoreError> {
    let id: i64 = row.try_get("contact_id")?;
    let invitation: Option<&str> = row.try_get("invitation")?;
    let mut annotations = Annotations::default();
    if let Some(text) = invitation.filter(|_| role == Role::Pending) {
        annotations
            .set(INVITE_MESSAGE, text)
            .map_err(|_| rows::unreadable("contact", "invitation", id))?;
    }
    let changed_at: i64 = row.try_get("changed_at")?;
    Ok(Member {
        id: MembershipId::Account(UserId(id), role),
        role,
        who: Who::Account(UserId(id), rows::address(row.try_get("address")?, id)?),
        name: Some(Label::from_stored(row.try_get("name")?)),
        annotations,
        joined_at: row.try_get("created_at")?,
        changed_at: Stamp(changed_at.max(row.try_get("name_changed_at")?)),
    })
}

async fn read_foreign(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<Member>, StoreError> {
    let found = sqlx::query(
        "SELECT id, kind, address, role, annotations, created_at, changed_at \
         FROM foreign_member WHERE owner_id = $1 AND changed_at > $2 ORDER BY id",
    )
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    found.iter().map(foreign_member).collect()
}

fn foreign_member(row: &SqliteRow) -> Result<Member, StoreError> {
    let id: i64 = row.try_get("id")?;
    let unreadable = |column| rows::unreadable("foreign_member", column, id);
    Ok(Member {
        id: MembershipId::Foreign(id),
        role: Role::numbered(row.try_get("role")?).ok_or_else(|| unreadable("role"))?,
        who: foreign_who(row.try_get("kind")?, row.try_get("address")?)
            .ok_or_else(|| unreadable("kind"))?,
        name: None,
        annotations: read_annotations(row.try_get("annotations")?, "foreign_member", id)?,
        joined_at: row.try_get("created_at")?,
        changed_at: Stamp(row.try_get("changed_at")?),
    })
}

fn foreign_who(kind: i64, address: &str) -> Option<Who> {
    match kind {
        EMAIL => Some(Who::Email(address.into())),
        PHONE => Some(Who::Phone(address.into())),
        _ => None,
    }
}

/// Somebody elsewhere, in the one spelling that is kept.
fn elsewhere(who: &MemberRef) -> Option<Result<(i64, String), Refusal>> {
    match who {
        MemberRef::Id(_) | MemberRef::Account(_) => None,
        MemberRef::Email(text) => Some(match Address::parse(text) {
            Ok(address) => Ok((EMAIL, address.as_str().to_owned())),
            Err(_) => Err(Refusal::MalformedAddress),
        }),
        MemberRef::Phone(text) => {
            let is_number = !text.is_empty()
                && text.len() <= NUMBER_MAX
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ');
            Some(match is_number {
                true => Ok((PHONE, text.clone())),
                false => Err(Refusal::MalformedAddress),
            })
        }
    }
}

impl Book<'_> {
    pub(super) async fn add_member(
        &mut self,
        role: Role,
        who: MemberRef,
        annotations: &[(String, String)],
    ) -> Result<(), Stop> {
        if role == Role::Pending {
            return Err(Refusal::InvalidParameter.into());
        }
        if let Some(elsewhere) = elsewhere(&who) {
            let (kind, address) = elsewhere?;
            return self.add_foreign(role, kind, &address, annotations).await;
        }
        let address = self.address_of(&who).await?;
        self.add_account(role, &address.ok_or(Refusal::UnknownAccount)?)
            .await
    }

    pub(super) async fn remove_member(&mut self, role: Role, who: MemberRef) -> Result<(), Stop> {
        match elsewhere(&who) {
            Some(Ok((kind, address))) => return self.remove_foreign(role, kind, &address).await,
            // Nobody of that name has a role.
            Some(Err(_)) => return Ok(()),
            None => {}
        }
        if let MemberRef::Id(MembershipId::Foreign(row)) = who {
            let found: Option<(i64, String)> = sqlx::query_as(
                "SELECT kind, address FROM foreign_member WHERE owner_id = $1 AND id = $2",
            )
            .bind(self.owner().0)
            .bind(row)
            .fetch_optional(self.turn.connection().await?)
            .await?;
            return match found {
                Some((kind, address)) => self.remove_foreign(role, kind, &address).await,
                None => Ok(()),
            };
        }
        match self.address_of(&who).await {
            Ok(Some(address)) => self.remove_account(role, &address).await,
            Ok(None) | Err(Stop::Refused(Refusal::MalformedAddress)) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// The address of the account that a request names.
    async fn address_of(&mut self, who: &MemberRef) -> Result<Option<Address>, Stop> {
        let user = match who {
            MemberRef::Account(text) => {
                let address = Address::parse(text).map_err(|_| Refusal::MalformedAddress)?;
                return Ok(Some(address));
            }
            MemberRef::Id(MembershipId::Account(user, _)) => *user,
            MemberRef::Id(MembershipId::Foreign(_)) | MemberRef::Email(_) | MemberRef::Phone(_) => {
                return Ok(None);
            }
        };
        // Numbers of accounts that the owner has nothing to do with tell nobody's address.
        let found: Option<String> = sqlx::query_scalar(
            "SELECT a.address FROM contact c JOIN account a ON a.id = c.contact_id \
             WHERE c.owner_id = $1 AND c.contact_id = $2",
        )
        .bind(self.owner().0)
        .bind(user.0)
        .fetch_optional(self.turn.connection().await?)
        .await?;
        let address = found.map(|text| rows::address(&text, user.0));
        Ok(address.transpose()?)
    }

    async fn add_account(&mut self, role: Role, address: &Address) -> Result<(), Stop> {
        let owner = self.owner();
        let target = ContactRef::Address(address.clone());
        let pair = read_pair(self.turn, owner, &target, Refusal::UnknownAccount).await?;
        if pair.target.id == owner {
            return Err(Refusal::InvalidParameter.into());
        }
        let (list, opposite) = match role {
            Role::Allow => (List::Allow, List::Block),
            Role::Block => (List::Block, List::Allow),
            Role::Reverse | Role::Pending => return self.settle(address).await,
        };
        let mut row = pair.row_or_new();
        if !row.lists.has(list) {
            check_room(self.turn, owner, list, self.limits).await?;
        }
        let lists = row.lists.with(list).without(opposite);
        row.lists = lists.without(List::Pending);
        let change = write(self.turn, pair, row, None).await?;
        self.change.list(change);
        Ok(())
    }

    async fn remove_account(&mut self, role: Role, address: &Address) -> Result<(), Stop> {
        let list = match role {
            Role::Allow => List::Allow,
            Role::Block => List::Block,
            Role::Reverse | Role::Pending => return self.settle(address).await,
        };
        self.take_off(list, address).await
    }

    /// Ends the waiting of somebody; who does not wait goes on not to.
    async fn settle(&mut self, address: &Address) -> Result<(), Stop> {
        self.take_off(List::Pending, address).await
    }

    async fn take_off(&mut self, list: List, address: &Address) -> Result<(), Stop> {
        let target = ContactRef::Address(address.clone());
        let pair = match read_pair(self.turn, self.owner(), &target, Refusal::NotOnList).await {
            Err(Stop::Refused(Refusal::NotOnList)) => return Ok(()),
            pair => pair?,
        };
        if let Some(mut row) = pair.row.clone() {
            row.lists = row.lists.without(list);
            let change = write(self.turn, pair, row, None).await?;
            self.change.list(change);
        }
        Ok(())
    }

    async fn add_foreign(
        &mut self,
        role: Role,
        kind: i64,
        address: &str,
        notes: &[(String, String)],
    ) -> Result<(), Stop> {
        let owner = self.owner();
        let before: Option<String> = sqlx::query_scalar(
            "SELECT annotations FROM foreign_member \
             WHERE owner_id = $1 AND role = $2 AND kind = $3 AND address = $4",
        )
        .bind(owner.0)
        .bind(role.number())
        .bind(kind)
        .bind(address)
        .fetch_optional(self.turn.connection().await?)
        .await?;
        if before.is_none() {
            self.check_foreign_room(role).await?;
        }
        let mut annotations = match &before {
            Some(text) => read_annotations(text, "foreign_member", owner.0)?,
            None => Annotations::default(),
        };
        for (name, value) in notes {
            annotations.set(name, value)?;
        }
        let text = write_annotations(&annotations);
        if before.as_ref() != Some(&text) {
            let stamp = self.turn.tick();
            sqlx::query(
                "INSERT INTO foreign_member (owner_id, kind, address, role, annotations, \
                 created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (owner_id, role, kind, address) DO UPDATE SET \
                 annotations = excluded.annotations, changed_at = excluded.changed_at",
            )
            .bind(owner.0)
            .bind(kind)
            .bind(address)
            .bind(role.number())
            .bind(text)
            .bind(self.turn.now)
            .bind(stamp.0)
            .execute(self.turn.connection().await?)
            .await?;
            self.change.changed = true;
        }
        match role {
            Role::Allow => self.remove_foreign(Role::Block, kind, address).await,
            Role::Block => self.remove_foreign(Role::Allow, kind, address).await,
            Role::Reverse | Role::Pending => Ok(()),
        }
    }

    /// Refuses if as many people elsewhere have the role as accounts may.
    async fn check_foreign_room(&mut self, role: Role) -> Result<(), Stop> {
        let limit = match role {
            Role::Block => self.limits.block,
            Role::Allow | Role::Reverse | Role::Pending => self.limits.allow,
        };
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM foreign_member WHERE owner_id = $1 AND role = $2",
        )
        .bind(self.owner().0)
        .bind(role.number())
        .fetch_one(self.turn.connection().await?)
        .await?;
        if count >= i64::from(limit) {
            return Err(Refusal::ListFull.into());
        }
        Ok(())
    }

    async fn remove_foreign(&mut self, role: Role, kind: i64, address: &str) -> Result<(), Stop> {
        let owner = self.owner();
        let gone: Option<i64> = sqlx::query_scalar(
            "DELETE FROM foreign_member \
             WHERE owner_id = $1 AND role = $2 AND kind = $3 AND address = $4 RETURNING id",
        )
        .bind(owner.0)
        .bind(role.number())
        .bind(kind)
        .bind(address)
        .fetch_optional(self.turn.connection().await?)
        .await?;
        if let (Some(row), Some(who)) = (gone, foreign_who(kind, address)) {
            let stamp = self.turn.tick();
            let id = MembershipId::Foreign(row);
            leave_role(self.turn, owner, id, role, &who, stamp);
            self.change.changed = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        Fixture, address, by_address, done, first_list, messenger, refused,
    };
    use super::super::{BookRequest, ListLimits};
    use super::*;

    fn account(name: &str) -> MemberRef {
        MemberRef::Account(address(name).as_str().to_owned())
    }

    fn add(role: Role, who: MemberRef) -> BookRequest {
        BookRequest::AddMember {
            role,
            who,
            annotations: Vec::new(),
        }
    }

    fn remove(role: Role, who: MemberRef) -> BookRequest {
        BookRequest::RemoveMember { role, who }
    }

    async fn roles(fixture: &Fixture, owner: UserId) -> Vec<Role> {
        let members = fixture.members(owner, None).await.members;
        members.into_iter().map(|member| member.role).collect()
    }

    #[tokio::test]
    async fn the_new_role_wins_over_the_old_one() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let start = fixture.members(alice, None).await;
        assert!(start.members.is_empty());
        done(
            fixture
                .change(alice, add(Role::Allow, account("bob")))
                .await,
        );
        let allowed = fixture.members(alice, None).await;
        assert_eq!(allowed.members.len(), 1);
        assert_eq!(
            allowed.members[0].id,
            MembershipId::Account(bob, Role::Allow)
        );
        let change = done(
            fixture
                .change(alice, add(Role::Block, account("bob")))
                .await,
        );
        assert_eq!(first_list(&change).contact.lists.bits(), 4);
        let news = fixture.members(alice, Some(allowed.stamp)).await;
        assert_eq!((news.members.len(), news.removed.len()), (1, 1));
        assert_eq!(news.members[0].role, Role::Block);
        assert_eq!(news.removed[0].role, Role::Allow);
        assert_eq!(news.removed[0].who, Who::Account(bob, address("bob")));
        // A client that never knew of the allowance hears that it is gone, which does no harm.
        let news = fixture.members(alice, Some(start.stamp)).await;
        assert_eq!(news.removed.len(), 1);
        let again = done(
            fixture
                .change(alice, add(Role::Block, account("bob")))
                .await,
        );
        assert!(!again.changed);
        let id = MemberRef::Id(MembershipId::Account(bob, Role::Block));
        assert!(done(fixture.change(alice, remove(Role::Block, id.clone())).await).changed);
        assert!(!done(fixture.change(alice, remove(Role::Block, id)).await).changed);
        assert!(roles(&fixture, alice).await.is_empty());
        assert_eq!(fixture.row(alice, bob).await, None);
    }

    #[tokio::test]
    async fn whoever_follows_waits_until_it_is_settled_by_either_way() {
        for way in 0..4 {
            let fixture = Fixture::new().await;
            let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
            done(
                fixture
                    .change(alice, BookRequest::AddCard(messenger("bob")))
                    .await,
            );
            assert_eq!(roles(&fixture, bob).await, [Role::Reverse, Role::Pending]);
            let before = fixture.members(bob, None).await.stamp;
            match way {
                0 => drop(done(
                    fixture
                        .change(bob, remove(Role::Pending, account("alice")))
                        .await,
                )),
                1 => drop(done(
                    fixture
                        .change(bob, add(Role::Reverse, account("alice")))
                        .await,
                )),
                2 => drop(done(
                    fixture
                        .remove(bob, by_address("alice"), List::Pending, None)
                        .await,
                )),
                _ => {
                    let store = &fixture.store;
                    done(store.settle_pending(bob, &address("alice"), |_| ()).await);
                }
            }
            assert_eq!(roles(&fixture, bob).await, [Role::Reverse]);
            assert_eq!(fixture.row(bob, alice).await.unwrap().lists.bits(), 8);
            let news = fixture.members(bob, Some(before)).await;
            assert_eq!(news.removed.len(), 1);
            assert_eq!(news.removed[0].role, Role::Pending);
            // Who follows whom is not Bob's to say.
            done(
                fixture
                    .change(bob, remove(Role::Reverse, account("alice")))
                    .await,
            );
            assert_eq!(roles(&fixture, bob).await, [Role::Reverse]);
            // Alice goes.
            done(
                fixture
                    .remove(alice, by_address("bob"), List::Forward, None)
                    .await,
            );
            assert!(roles(&fixture, bob).await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_stranger_is_not_made_a_follower() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        let change = done(
            fixture
                .change(alice, add(Role::Reverse, account("bob")))
                .await,
        );
        assert!(!change.changed);
        assert!(roles(&fixture, alice).await.is_empty());
    }

    #[tokio::test]
    async fn bad_members_are_refused() {
        let fixture = Fixture::with(ListLimits {
            block: 1,
            ..ListLimits::default()
        })
        .await;
        let alice = fixture.account("alice").await;
        let bob = fixture.account("bob").await;
        fixture.account("carol").await;
        let stranger = MemberRef::Id(MembershipId::Account(bob, Role::Allow));
        for (role, who, refusal) in [
            (Role::Pending, account("bob"), Refusal::InvalidParameter),
            (Role::Allow, account("alice"), Refusal::InvalidParameter),
            (Role::Allow, account("nobody"), Refusal::UnknownAccount),
            (Role::Allow, stranger.clone(), Refusal::UnknownAccount),
            (
                Role::Allow,
                MemberRef::Account("bob".to_owned()),
                Refusal::MalformedAddress,
            ),
            (
                Role::Allow,
                MemberRef::Email("bob".to_owned()),
                Refusal::MalformedAddress,
            ),
            (
                Role::Block,
                MemberRef::Phone("\u{1}".to_owned()),
                Refusal::MalformedAddress,
            ),
        ] {
            let answer = fixture.change(alice, add(role, who.clone())).await;
            assert_eq!(refused(answer), refusal, "{who:?}");
            // Taking away what nobody has is always fine.
            assert!(!done(fixture.change(alice, remove(role, who)).await).changed);
        }
        done(
            fixture
                .change(alice, add(Role::Block, account("bob")))
                .await,
        );
        let answer = fixture
            .change(alice, add(Role::Block, account("carol")))
            .await;
        assert_eq!(refused(answer), Refusal::ListFull);
        let foreign = |name: &str| MemberRef::Email(format!("{name}@example.net"));
        done(fixture.change(alice, add(Role::Block, foreign("x"))).await);
        let answer = fixture.change(alice, add(Role::Block, foreign("y"))).await;
        assert_eq!(refused(answer), Refusal::ListFull);
    }

    #[tokio::test]
    async fn people_elsewhere_have_roles_too() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let yahoo = || MemberRef::Email("Zoe@Yahoo.example".to_owned());
        let request = BookRequest::AddMember {
            role: Role::Allow,
            who: yahoo(),
            annotations: vec![("MSN.IM.BuddyType".to_owned(), "32:".to_owned())],
        };
        done(fixture.change(alice, request.clone()).await);
        assert!(!done(fixture.change(alice, request).await).changed);
        done(
            fixture
                .change(
                    alice,
                    add(Role::Allow, MemberRef::Phone("tel:+1555".to_owned())),
                )
                .await,
        );
        let before = fixture.members(alice, None).await;
        assert_eq!(before.members.len(), 2);
        let zoe = &before.members[0];
        assert_eq!(zoe.who, Who::Email("zoe@yahoo.example".into()));
        assert_eq!(zoe.annotations.get("MSN.IM.BuddyType"), Some("32:"));
        assert!(zoe.joined_at > 1_700_000_000_000);
        done(fixture.change(alice, add(Role::Block, yahoo())).await);
        let news = fixture.members(alice, Some(before.stamp)).await;
        assert_eq!((news.members.len(), news.removed.len()), (1, 1));
        assert_eq!(news.removed[0].id, zoe.id);
        assert_eq!(news.removed[0].role, Role::Allow);
        let id = MemberRef::Id(news.members[0].id);
        done(fixture.change(alice, remove(Role::Block, id)).await);
        assert_eq!(fixture.members(alice, None).await.members.len(), 1);
    }

    #[tokio::test]
    async fn a_deleted_account_leaves_a_trace_in_every_book_it_was_in() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let carol = fixture.account("carol").await;
        done(
            fixture
                .change(alice, BookRequest::AddCard(messenger("bob")))
                .await,
        );
        done(
            fixture
                .change(alice, add(Role::Block, account("bob")))
                .await,
        );
        done(
            fixture
                .change(bob, BookRequest::AddCard(messenger("carol")))
                .await,
        );
        let card = fixture.page(alice, None).await.cards.remove(0);
        let (seen, carols) = (
            fixture.members(alice, None).await,
            fixture.members(carol, None).await,
        );
        assert!(fixture.store.delete_account(bob).await.unwrap());
        let news = fixture.members(alice, Some(seen.stamp)).await;
        assert!(news.members.is_empty());
        assert_eq!(news.removed.len(), 1);
        assert_eq!(news.removed[0].who, Who::Account(bob, address("bob")));
        let page = fixture.page(alice, Some(seen.stamp)).await;
        assert_eq!(page.removed_cards[0].guid, card.guid);
        let news = fixture.members(carol, Some(carols.stamp)).await;
        let gone: Vec<_> = news.removed.into_iter().map(|member| member.role).collect();
        assert_eq!(gone.len(), 2);
        assert!(gone.contains(&Role::Reverse) && gone.contains(&Role::Pending));
    }
}
